"""How long provenance documents are: they are written when asked for, but their links announce it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from gavo import base

from datalink.provenance import prov_json, prov_votable
from ingest.provenance import Facts

REMEMBERED = 20_000
"""Observations whose sizes a server remembers: some megabytes."""


def of(rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Give the sizes of the provenance documents among some links.

    Parameters
    ----------
    rows
        Rows of ``datalinks``.

    Returns
    -------
    dict
        access_path to number of bytes.
    """
    stems: dict[str, set[str]] = {}
    for row in rows:
        if row["semantics"] == "#documentation":
            collection = row["access_path"].split("/")[1]
            stems.setdefault(collection, set()).add(row["access_path"].rpartition(".")[0])
    found: dict[str, int] = {}
    for collection, wanted in stems.items():
        with base.getTableConn() as connection:
            facts = connection.query(
                f"SELECT path_stem, facts FROM {collection}.provenance"  # noqa: S608 - a plain name
                " WHERE path_stem = ANY(%(stems)s)",
                {"stems": sorted(wanted)},
            )
            for stem, text in facts:
                found[f"{stem}.json"], found[f"{stem}.xml"] = _sizes(text)
    return found


@lru_cache(maxsize=REMEMBERED)
def _sizes(text: str) -> tuple[int, int]:
    facts = Facts.from_text(text)
    return len(prov_json(facts)), len(prov_votable(facts))
