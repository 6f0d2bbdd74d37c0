"""The copy of the project that an instance runs.

The services run as a user who may not be able to read the checkout, and should not change under
an import when somebody edits it; so code, RDs and release configurations are copied.
"""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from ingest import storage
from instance.releases import Choice
from instance.settings import CHECKOUT
from instance.state import fingerprint

PACKAGES = ("datalink", "ingest", "monitoring", "portal/jobs", "rd", "results", "serving", "upstream")
SERVING_ONLY = ("monitoring", "portal/jobs", "results", "serving", "upstream")
"""Packages that have nothing to do with what is in the tables."""

SCHEMA_FILES = (
    "columns.csv",
    "userconfig.rd",
    "times.rd",
    "hea.rd",
    "links.rd",
    "unions.rd",
    "unions.py",
    "functions.rd",
    "functions.py",
    "functions.sql",
    "responses.rd",
)
"""Files in rd/ that shape site-wide tables: when they change, the database is made anew."""


class Deployment:
    """Code and configuration of an instance.

    Parameters
    ----------
    home
        The instance's directory.
    source
        The checkout.
    """

    def __init__(self, home: Path, source: Path = CHECKOUT) -> None:
        self.app = home / "app"
        self.inputs = home / "dachs" / "inputs"
        self.source = source

    def update(self) -> None:
        """Copy what changed in the checkout, and remove what is gone there."""
        for package in PACKAGES:
            mirror(self.source / package, self.app / package)
        self.inputs.mkdir(parents=True, exist_ok=True)
        _link(self.inputs / "rd", self.app / "rd")

    def collection(self, name: str, choices: Iterable[Choice]) -> Path:
        """Lay out a collection below the DaCHS inputs: its RD, and its releases with their files.

        Parameters
        ----------
        name
            The collection.
        choices
            Its releases; what was laid out of others is removed.

        Returns
        -------
        Path
            The collection's directory below the inputs.
        """
        source, target = self.source / "inputs" / name, self.inputs / name
        (target / "releases").mkdir(parents=True, exist_ok=True)
        copy_changed(source / "q.rd", target / "q.rd")
        wanted = {choice.name: choice for choice in choices}
        for choice in wanted.values():
            place = target / "releases" / choice.name
            place.mkdir(exist_ok=True)
            copy_changed(source / choice.config, place / "release.toml")
            if choice.url is None:
                (place / f"{storage.BOUND}.url").unlink(missing_ok=True)
                _link(place / storage.BOUND, choice.directory)
        for stale in (target / "releases").iterdir():
            if stale.name not in wanted:
                shutil.rmtree(stale)
        return target

    def code_files(self) -> list[Path]:
        """Give the files whose change means that rows may come out differently."""
        return self._files_of(package for package in PACKAGES if package not in SERVING_ONLY)

    def served_files(self) -> list[Path]:
        """Give the files whose change means that the web server has to be started again."""
        return self._files_of(PACKAGES)

    def _files_of(self, packages: Iterable[str]) -> list[Path]:
        return sorted(
            path for package in packages for path in (self.app / package).rglob("*") if path.is_file()
        )

    def structure_files(self) -> list[Path]:
        """Give the files whose change means that tables may come out differently."""
        return sorted(path for path in (self.app / "rd").rglob("*") if path.is_file())

    def schema_fingerprint(self) -> str:
        """Give a digest of all that shapes the site-wide tables."""
        return fingerprint(*(self.app / "rd" / name for name in SCHEMA_FILES))


def project_files(directory: Path) -> Iterator[Path]:
    """Give files and packages of one package of the project, without what Python or editors leave there."""
    for path in sorted(directory.iterdir()):
        if path.name.startswith((".", "__pycache__")) or path.suffix in (".pyc", ".partial"):
            continue
        yield path


def mirror(source: Path, target: Path) -> None:
    """Make a directory hold the same files as another one, and the packages in it as well."""
    target.mkdir(parents=True, exist_ok=True)
    wanted = {path.name: path for path in project_files(source)}
    for path in target.iterdir():
        if path.is_dir() and not path.is_symlink():
            if path.name not in wanted or not wanted[path.name].is_dir():
                shutil.rmtree(path)
        elif path.name not in wanted or wanted[path.name].is_dir():
            path.unlink()
    for name, path in wanted.items():
        if path.is_dir():
            mirror(path, target / name)
        else:
            copy_changed(path, target / name)


def copy_changed(source: Path, target: Path) -> None:
    """Copy a file if the target differs; its time stays when it does not."""
    if not target.exists() or not filecmp.cmp(source, target, shallow=False):
        partial = target.with_name(target.name + ".partial")
        shutil.copyfile(source, partial)
        partial.chmod(0o644)
        partial.replace(target)


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    if link.is_symlink() or link.exists():
        link.unlink()
    link.symlink_to(target)
