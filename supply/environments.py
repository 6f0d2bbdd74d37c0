"""The Python environments of this project, and the lock file of each.

Only the standard library is used here: this is read before anything is installed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
REQUIREMENTS = CHECKOUT / "requirements"
DEBIAN = REQUIREMENTS / "debian.txt"

DEBIAN_ONLY = frozenset(
    {
        "astropy-iers-data",
        "certifi",
        "charset-normalizer",
        "contourpy",
        "cycler",
        "fonttools",
        "kiwisolver",
        "pillow",
        "pyerfa",
        "pyparsing",
    }
)
"""What only Debian's own packages need of each other; no lock file has to agree with their versions."""


@dataclass(frozen=True)
class Environment:
    """One environment.

    Parameters
    ----------
    name
        What it is called.
    source
        What it is made from: ``pyproject.toml``, or a list of requirements.
    lock
        Its lock file.
    extras
        Extras of ``pyproject.toml`` that are in it.
    group
        Group of ``pyproject.toml`` that it consists of, in place of the project's own requirements.
    own
        Packages that come from the package index though Debian has them: too old there for what is in it.
    needless
        Packages that only Debian's packages need, in this environment.
    on_debian
        Whether it stands on Debian's Python packages.
    like
        The environment whose versions it has to have.
    lowest
        Whether it has the oldest versions that ``pyproject.toml`` allows.
    """

    name: str
    source: Path
    lock: Path
    extras: tuple[str, ...] = ()
    group: str = ""
    own: frozenset[str] = frozenset()
    needless: frozenset[str] = frozenset()
    on_debian: bool = True
    like: str = ""
    lowest: bool = False

    def from_debian(self) -> frozenset[str]:
        """Give the packages that the lock file must not have."""
        return (debian_packages() | DEBIAN_ONLY | self.needless) - self.own if self.on_debian else frozenset()


_PROJECT = CHECKOUT / "pyproject.toml"
_JUDGES = CHECKOUT / "tests" / "judges"
_MOTO = frozenset({"certifi", "requests", "packaging", "pyyaml"})
"""moto, and the requests that it needs, want newer ones than Debian 12 has."""

ENVIRONMENTS = (
    Environment("instance", _PROJECT, REQUIREMENTS / "instance.txt", needless=frozenset({"six"})),
    Environment(
        "dask", _PROJECT, REQUIREMENTS / "dask.txt", ("dask",), needless=frozenset({"six"}), like="instance"
    ),
    Environment(
        "fuzz", _PROJECT, REQUIREMENTS / "fuzz.txt", ("fuzz",), needless=frozenset({"six"}), like="instance"
    ),
    Environment("test", _PROJECT, REQUIREMENTS / "test.txt", ("test",), own=_MOTO, like="instance"),
    Environment("minimum", _PROJECT, REQUIREMENTS / "minimum.txt", ("test",), own=_MOTO, lowest=True),
    Environment("judges", _JUDGES / "requirements.in", _JUDGES / "requirements.txt", on_debian=False),
    *(
        Environment(name, _PROJECT, REQUIREMENTS / f"{name}.txt", group=name, on_debian=False, like=like)
        for name, like in (
            ("explorer", ""),
            ("explorer-test", "explorer"),
            ("jobs", ""),
            ("jobs-test", "jobs"),
        )
    ),
    Environment("tools", REQUIREMENTS / "tools.in", REQUIREMENTS / "tools.txt", on_debian=False),
)


def environment(name: str) -> Environment:
    """Give an environment by its name."""
    return next(known for known in ENVIRONMENTS if known.name == name)


@dataclass(frozen=True)
class Locked:
    """One entry of a lock file.

    Parameters
    ----------
    name
        Normalised name of the package.
    version
        Its version.
    marker
        Environments for which the entry is meant; empty for all.
    hashes
        SHA-256 of each file of this version.
    """

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]


def normal(name: str) -> str:
    """Normalise the name of a package as the package index does."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(path: Path) -> list[Locked]:
    """Read a lock file, or a list in which each version is fixed.

    Raises
    ------
    ValueError
        A line has another form.
    """
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    found = []
    for line in text.splitlines():
        content = line.partition(" #")[0].strip()
        if not content or content.startswith("#"):
            continue
        requirement, *hashes = re.split(r"\s+--hash=sha256:", content)
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==([^\s;]+)(?:\s*;\s*(.+))?", requirement.strip())
        if match is None or not all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in hashes):
            raise ValueError(f"{path}: {requirement!r}: expected a fixed version and SHA-256 hashes")
        found.append(Locked(normal(match[1]), match[2], match[3] or "", tuple(hashes)))
    return found


def debian_packages() -> frozenset[str]:
    """Give the Python packages that Debian provides."""
    return frozenset(entry.name for entry in read_lock(DEBIAN))
