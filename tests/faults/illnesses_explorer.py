"""Faults of the explorer: looked for in an instance that is served without it, as if it were to be there."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.illness import Case, Look, illness, with_dpkg, with_settings


@illness("explorer-package-missing")
def _(case: Case) -> Iterator[Look]:
    with_dpkg(case, "redis-server", "")
    yield with_settings(case, explorer=True)


@illness("explorer-unbuilt")
def _(case: Case) -> Iterator[Look]:
    yield with_settings(case, explorer=True)


@illness("explorer-database-missing")
def _(case: Case) -> Iterator[Look]:
    yield with_settings(case, explorer=True)


@illness("explorer-store-dead")
def _(case: Case) -> Iterator[Look]:
    yield with_settings(case, explorer=True)


@illness("explorer-dead")
def _(case: Case) -> Iterator[Look]:
    yield with_settings(case, explorer=True)
