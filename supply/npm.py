"""The packages of the explorer's pages: what npm's own lock file says of them.

``package-lock.json`` has each version with its hash, and the licence that the package names. npm installs
nothing else (``npm ci``), and runs no scripts of packages.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from supply.environments import CHECKOUT

PROJECT = CHECKOUT / "portal" / "web"
LOCK = PROJECT / "package-lock.json"
LOCK_VERSION = 3

IN_PAGES = ("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT")
"""Licences of what browsers get with the pages."""

EXCEPTIONS = {"aladin-lite": ("GPL-3",)}
"""Packages in the pages that may have another licence; docs/licences.md says what follows from it."""

OF_TOOLS = (*IN_PAGES, "BlueOak-1.0.0", "CC0-1.0", "MPL-2.0", "Python-2.0")
"""Licences of what builds and tests the pages, and is not in them."""


@dataclass(frozen=True)
class Package:
    """One locked package.

    Parameters
    ----------
    name, version
        Which it is.
    integrity
        Its hash, as npm writes it; empty if there is none.
    licence
        What it says of its licence; empty if it says nothing.
    source
        Where it comes from; empty for the registry that npm is configured for.
    tool
        Whether it is only needed to build or test the pages.
    """

    name: str
    version: str
    integrity: str
    licence: str
    source: str
    tool: bool


def read(lock: Path = LOCK) -> list[Package]:
    """Give the packages of a lock file.

    Raises
    ------
    ValueError
        It has another form.
    """
    content = json.loads(lock.read_text(encoding="utf-8"))
    if content.get("lockfileVersion") != LOCK_VERSION:
        raise ValueError(f"{lock}: expected a lock file of version {LOCK_VERSION}")
    found = [
        Package(
            name=place.rpartition("node_modules/")[2],
            version=str(entry.get("version", "")),
            integrity=str(entry.get("integrity", "")),
            licence=str(entry.get("license", "")),
            source=str(entry.get("resolved", "")),
            tool=bool(entry.get("dev") or entry.get("devOptional")),
        )
        for place, entry in content["packages"].items()
        if place
    ]
    return sorted(set(found), key=lambda package: (package.name, package.version))


def complaints(packages: list[Package]) -> list[str]:
    """Give what is not fixed, comes from elsewhere, or has a licence that nobody looked at."""
    found = []
    for package in packages:
        who = f"{package.name} {package.version or '(no version)'}"
        if not re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", package.integrity):
            found.append(f"{who}: expected a SHA-512 hash, not {package.integrity!r}")
        if package.source:
            found.append(f"{who}: comes from {package.source}, not from the registry that npm is set up for")
        if not is_allowed(package):
            found.append(f"{who}: licence {package.licence!r} is not among those allowed")
    return found


def is_allowed(package: Package) -> bool:
    """Tell whether a package may be used where it is used."""
    known = OF_TOOLS if package.tool else (*IN_PAGES, *EXCEPTIONS.get(package.name, ()))
    return all(
        any(name.strip("() ") in known for name in part.split(" OR "))
        for part in package.licence.split(" AND ")
    )


def wanted(project: Path = PROJECT) -> dict[str, str]:
    """Give the versions that the project's own ``package.json`` asks for.

    Raises
    ------
    ValueError
        One of them is a range.
    """
    content = json.loads((project / "package.json").read_text(encoding="utf-8"))
    found = {**content.get("dependencies", {}), **content.get("devDependencies", {})}
    if ranges := [
        name for name, version in found.items() if not re.fullmatch(r"\d+\.\d+\.\d+[\w.+-]*", version)
    ]:
        raise ValueError(f"{project / 'package.json'}: expected fixed versions of {', '.join(ranges)}")
    return found


def tables(packages: list[Package]) -> str:
    """Write what is in the pages one by one, and the tools by their licences."""
    lines = ["| package | version | licence |", "| --- | --- | --- |"]
    lines += [f"| {one.name} | {one.version} | {one.licence} |" for one in packages if not one.tool]
    lines += ["", "What builds and tests the pages, and is not in them:", ""]
    lines += ["| licence | packages |", "| --- | --- |"]
    tools: dict[str, list[str]] = {}
    for package in packages:
        if package.tool:
            tools.setdefault(package.licence, []).append(f"{package.name} {package.version}")
    lines += [f"| {licence} | {', '.join(names)} |" for licence, names in sorted(tools.items())]
    return "\n".join(lines) + "\n"
