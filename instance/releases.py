"""Which data a collection publishes: the choice, and what the choice is based on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ingest.errors import InstanceError
from instance.account import Account
from instance.console import Step, say
from instance.exits import EXIT_DATA
from instance.settings import CHECKOUT, HESS_VARIABLE, Settings

SHARED = CHECKOUT.parent / "shared" / "data" / "hess-dl3-dr1"
"""Where a release may lie beside the checkout."""


SAMPLE_WORD = "sample"
"""What to give in place of a directory to have the built-in sample."""


@dataclass(frozen=True)
class Choice:
    """The data that a collection takes.

    Attributes
    ----------
    directory
        The release's directory; its event files lie below ``data``.
    config
        Name of the release configuration beside the collection's RD.
    why
        Where the data come from, for the user.
    """

    directory: Path
    config: str
    why: str


def downloaded(home: Path) -> Path:
    """Give the place of a downloaded release."""
    return home / "releases" / "hess-dl3-dr1"


def sample(home: Path) -> Path:
    """Give the place of the built-in sample."""
    return home / "releases" / "sample"


def choose(
    settings: Settings,
    home: Path,
    account: Account,
    *,
    first_time: bool,
    fetch: Callable[[Path], None],
    simulate: Callable[[Path], None],
) -> Choice:
    """Choose the data of the ``hess_dr`` collection.

    In this order: the directory that the user names, the one beside the checkout, a download, the
    built-in sample.

    Parameters
    ----------
    settings, home, account
        The instance.
    first_time
        Nothing was published here before: a download may be tried.
    fetch, simulate
        Put the release, or the sample, into the directory they are given.

    Raises
    ------
    InstanceError
        The directory that the user names holds no release, or cannot be read.
    """
    if settings.hess_dl3_dr1 == SAMPLE_WORD:
        return _sample(home, simulate)
    if settings.hess_dl3_dr1 is not None:
        return _readable(_checked(Path(settings.hess_dl3_dr1), f"{HESS_VARIABLE} names it"), home, account)
    if SHARED.is_dir():
        return _readable(_checked(SHARED, "it lies beside the checkout"), home, account)
    target = downloaded(home)
    if not target.is_dir() and first_time and settings.download:
        _try_download(target, fetch)
    if target.is_dir():
        return _checked(target, "downloaded from its public record")
    return _sample(home, simulate)


def _sample(home: Path, simulate: Callable[[Path], None]) -> Choice:
    simulate(sample(home))
    return Choice(
        sample(home), "sample.toml", "built-in SIMULATED sample; 'make fetch-data' downloads the real release"
    )


def _try_download(target: Path, fetch: Callable[[Path], None]) -> None:
    try:
        with Step("Downloading the H.E.S.S. DL3 DR1 release"):
            fetch(target)
    except InstanceError as error:
        say(f"  not downloaded: {error.problem}")


def _checked(directory: Path, why: str) -> Choice:
    if not any(directory.glob("data/*.fits.gz")):
        raise InstanceError(
            f"{directory} is not the H.E.S.S. release: it has no files data/*.fits.gz ({why}).",
            f"Point {HESS_VARIABLE} to the directory that holds 'data', or unset it.",
            exit_code=EXIT_DATA,
        )
    return Choice(directory, "release.toml", f"H.E.S.S. DL3 DR1 in {directory}: {why}")


def _readable(found: Choice, home: Path, account: Account) -> Choice:
    """Give the release where the services' user can read it; root copies what is closed to others."""
    if account.can_read(next(found.directory.glob("data/*.fits.gz"))):
        return found
    if os.geteuid() != 0:
        raise InstanceError(
            f"The files in {found.directory} cannot be read by the user {account.name}.",
            "Make them and the directories above them readable, or copy them elsewhere.",
            exit_code=EXIT_DATA,
        )
    copy = home / "releases" / "copy"
    if _copy_changed(found.directory / "data", copy / "data"):
        say(f"  {found.directory} is closed to the user {account.name}: serving a copy in {copy}")
    return replace(found, directory=copy)


def _copy_changed(source: Path, target: Path) -> int:
    """Make a directory hold the same files as another one; give the number of files copied."""
    target.mkdir(parents=True, exist_ok=True)
    wanted = {path.name: path for path in source.iterdir() if path.is_file()}
    for path in target.iterdir():
        if path.name not in wanted:
            path.unlink()
    copied = 0
    for name, path in wanted.items():
        status, there = path.stat(), target / name
        if there.exists():
            known = there.stat()
            if (known.st_size, known.st_mtime_ns) == (status.st_size, status.st_mtime_ns):
                continue
        partial = target / f"{name}.partial"
        shutil.copy2(path, partial)
        partial.chmod(0o644)
        partial.replace(there)
        copied += 1
    return copied
