"""Which releases a collection publishes: the choice, and what the choice is based on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ingest import storage
from ingest.errors import InstanceError
from instance.account import Account
from instance.console import Step, say
from instance.exits import EXIT_DATA
from instance.settings import CHECKOUT, CTA_VARIABLE, HESS_VARIABLE, NONE_WORD, SAMPLE_WORD, Settings, is_url

COLLECTIONS = ("hess_dr", "ctao")
"""All collections; each has a directory of this name in ``inputs``, and a schema in the database."""

SHARED = CHECKOUT.parent / "shared" / "data" / "hess-dl3-dr1"
"""Where the H.E.S.S. release may lie beside the checkout."""

SHARED_CTA = CHECKOUT.parent / "shared" / "data" / "cta-1dc"
"""Where files of CTA's first data challenge may lie beside the checkout."""

CTA_INDEX = "index/gps/hdu-index.fits*"
"""What a directory of the data challenge must hold: the survey of the Galactic plane."""


@dataclass(frozen=True)
class Choice:
    """One release that a collection takes.

    Attributes
    ----------
    name
        Name of the release, which is that of its directory below the collection.
    directory
        The root of the release's files.
    config
        Name of the release configuration beside the collection's RD.
    why
        Where the data come from, for the user.
    url
        The object store that the directory stands for; None if it is one.
    """

    name: str
    directory: Path
    config: str
    why: str
    url: str | None = None


@dataclass(frozen=True)
class Makers:
    """How releases come about that are not there; each puts one into the directory it is given.

    Attributes
    ----------
    fetch
        Downloads the H.E.S.S. release.
    sample
        Simulates a sample in the form of that release.
    ctao_sample
        Simulates the CTAO-like release.
    """

    fetch: Callable[[Path], None]
    sample: Callable[[Path], None]
    ctao_sample: Callable[[Path], None]


def downloaded(home: Path) -> Path:
    """Give the place of a downloaded release."""
    return home / "releases" / "hess-dl3-dr1"


def sample(home: Path) -> Path:
    """Give the place of the built-in sample of the ``hess_dr`` collection."""
    return home / "releases" / "sample"


def ctao_sample(home: Path) -> Path:
    """Give the place of the simulated release of the ``ctao`` collection."""
    return home / "releases" / "ctao-sample"


def choices(
    collection: str, settings: Settings, home: Path, account: Account, makers: Makers, *, first_time: bool
) -> list[Choice]:
    """Choose the releases of a collection.

    ``hess_dr`` has one, in this order: the directory that the user names, the one beside the
    checkout, a download, the built-in sample. ``ctao`` has the simulated CTAO-like release, and CTA's
    first data challenge if the user names it or it lies beside the checkout.

    Parameters
    ----------
    collection
        One of `COLLECTIONS`.
    settings, home, account
        The instance.
    makers
        For releases that are not there.
    first_time
        Nothing was published here before: a download may be tried.

    Raises
    ------
    InstanceError
        The directory that the user names holds no release, or cannot be read.
    """
    if collection == "ctao":
        return _ctao(settings, home, account, makers)
    return [_hess(settings, home, account, makers, first_time=first_time)]


def _hess(settings: Settings, home: Path, account: Account, makers: Makers, *, first_time: bool) -> Choice:
    named = settings.hess_dl3_dr1
    if named == SAMPLE_WORD:
        return _sample(home, makers)
    if named is not None and is_url(named):
        return _stored(home, "hess_dr", Choice("hess-dl3-dr1", Path(), "release.toml", HESS_VARIABLE, named))
    if named is not None:
        return _readable(_checked(Path(named), f"{HESS_VARIABLE} names it"), home, account)
    if SHARED.is_dir():
        return _readable(_checked(SHARED, "it lies beside the checkout"), home, account)
    target = downloaded(home)
    if not target.is_dir() and first_time and settings.download:
        _try_download(target, makers.fetch)
    if target.is_dir():
        return _checked(target, "downloaded from its public record")
    return _sample(home, makers)


def _sample(home: Path, makers: Makers) -> Choice:
    makers.sample(sample(home))
    why = "built-in SIMULATED sample; 'make fetch-data' downloads the real release"
    return Choice("sample", sample(home), "sample.toml", why)


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
    return Choice("hess-dl3-dr1", directory, "release.toml", f"H.E.S.S. DL3 DR1 in {directory}: {why}")


def _ctao(settings: Settings, home: Path, account: Account, makers: Makers) -> list[Choice]:
    # Before the simulation, because nobody wants to wait to hear that a directory is not there.
    challenge = _cta_1dc(settings)
    makers.ctao_sample(ctao_sample(home))
    found = [Choice("simulated", ctao_sample(home), "release.toml", "SIMULATED CTAO-like release")]
    if challenge is not None:
        stored = challenge.url is not None
        found.append(_stored(home, "ctao", challenge) if stored else _readable(challenge, home, account))
    return found


def _cta_1dc(settings: Settings) -> Choice | None:
    """Find CTA's first data challenge; None if there is none, or nobody wants it."""
    named = settings.cta_1dc
    if named == NONE_WORD or (named is None and not SHARED_CTA.is_dir()):
        return None
    if named is not None and is_url(named):
        return Choice("cta-1dc", Path(), "cta-1dc.toml", CTA_VARIABLE, named)
    directory = SHARED_CTA if named is None else Path(named)
    why = "it lies beside the checkout" if named is None else f"{CTA_VARIABLE} names it"
    if not any(directory.glob(CTA_INDEX)):
        raise InstanceError(
            f"{directory} is not CTA's first data challenge: it has no {CTA_INDEX} ({why}).",
            f"Point {CTA_VARIABLE} to the directory that holds 'index', or set it to '{NONE_WORD}'.",
            exit_code=EXIT_DATA,
        )
    return Choice("cta-1dc", directory, "cta-1dc.toml", f"CTA-1DC (simulated) in {directory}: {why}")


def _stored(home: Path, collection: str, found: Choice) -> Choice:
    """Let the place of a release's files stand for its object store."""
    directory = home / "dachs" / "inputs" / collection / "releases" / found.name / storage.BOUND
    directory.parent.mkdir(parents=True, exist_ok=True)
    if directory.is_symlink():
        directory.unlink()
    storage.bind(directory, str(found.url))
    return replace(found, directory=directory, why=f"{found.name} in {found.url}: {found.why} names it")


def _readable(found: Choice, home: Path, account: Account) -> Choice:
    """Give the release where the services' user can read it; root copies what is closed to others."""
    if account.can_read_all(found.directory):
        return found
    if os.geteuid() != 0:
        raise InstanceError(
            f"The files in {found.directory} cannot be read by the user {account.name}.",
            "Make them and the directories above them readable, or copy them elsewhere.",
            exit_code=EXIT_DATA,
        )
    copy = home / "releases" / "copy" / found.name
    if copy_changed_files(found.directory, copy):
        say(f"  {found.directory} is closed to the user {account.name}: serving a copy in {copy}")
    return replace(found, directory=copy)


NO_FILE = "no-file"
"""Where links in a copy lead that stand for what cannot be copied."""


def copy_changed_files(source: Path, target: Path) -> int:
    """Make a directory hold the same files as another one, all the way down.

    Links are followed; names that begin with a dot are left out. What has a FITS file's name, but is no
    file, is a link to nowhere in the copy: the import tells of it.

    Parameters
    ----------
    source, target
        The directories; the second is made if need be, and belongs to us alone.

    Returns
    -------
    int
        The number of files copied: those whose size or time of change is another.
    """
    wanted = dict(_files(source, Path(), ()))
    target.mkdir(parents=True, exist_ok=True)
    directories = {parent for name in wanted for parent in name.parents}
    for path in sorted(target.rglob("*"), reverse=True):  # what lies in a directory before the directory
        name = path.relative_to(target)
        if path.is_dir() and not path.is_symlink():
            if name not in directories:
                path.rmdir()
        elif name not in wanted:
            path.unlink()
    copied = 0
    for name, path in wanted.items():
        there = target / name
        if not path.is_file():
            there.parent.mkdir(parents=True, exist_ok=True)
            there.unlink(missing_ok=True)
            there.symlink_to(NO_FILE)
            continue
        status = path.stat()
        if there.is_file():
            known = there.stat()
            if (known.st_size, known.st_mtime_ns) == (status.st_size, status.st_mtime_ns):
                continue
        there.parent.mkdir(parents=True, exist_ok=True)
        partial = there.with_name(f"{there.name}.partial")
        shutil.copy2(path, partial)
        partial.chmod(0o644)
        partial.replace(there)
        copied += 1
    return copied


def _files(directory: Path, name: Path, above: tuple[Path, ...]) -> Iterator[tuple[Path, Path]]:
    """Yield name below the release and path of each file; ``above`` is where we came from."""
    here = directory.resolve()
    if here in above:  # a link that leads back
        return
    for path in sorted(directory.iterdir()):
        if path.name.startswith("."):
            continue
        inside = list(_files(path, name / path.name, (*above, here))) if path.is_dir() else []
        yield from inside
        if path.is_file() or (not inside and storage.has_fits_name(path)):
            yield name / path.name, path
