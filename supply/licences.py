"""Which licences all that is installed has: ``make licences`` writes ``docs/licences.md``.

Packages of the index are read from the metadata of the environments, Debian's from the machine-readable
copyright files that Debian policy asks for, and those of npm from its lock file.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from ingest.errors import InstanceError
from instance import packages, settings
from supply import npm
from supply.ending import end_with
from supply.environments import CHECKOUT, environment, read_lock

PAGE = CHECKOUT / "docs" / "licences.md"
BEGIN, END = "<!-- begin of what make licences wrote -->", "<!-- end of what make licences wrote -->"

SECTIONS = {
    "instance": "From the package index",
    "explorer": "The explorer, from the package index",
    "jobs": "The explorer's analysis jobs, from the package index",
}
"""Environments that an operator's machine has, and the heading of each table."""

PAGES = "The explorer's pages, from npm"

ALLOWED = (
    "0BSD",
    "Apache-2.0",
    "BSD",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "LGPL-2.1-or-later",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "MPL-2.0",
    "PSF-2.0",
    "Zlib",
)
"""Licences under which a package of the index may be installed; each allows it with MIT and with GPL."""

_READ = """
import json, sys
from importlib import metadata
found = {}
for name in sys.argv[1:]:
    try:
        package = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        continue
    words = [line.rpartition(" :: ")[2] for line in package.get_all("Classifier") or []
             if line.startswith("License ::")]
    found[name] = [package["Version"], package["License-Expression"] or package["License"] or "", words]
print(json.dumps(found))
"""

_MIT = "Permission is hereby granted, free of charge, to any person obtaining a copy"
"""What the text of that licence begins with; some packages name no licence but that."""

_NAMES = {
    r"apache( software)?( license)?,?( version)? ?2(\.0)?": "Apache-2.0",
    r"(the )?mit( license)?": "MIT",
    r"bsd[ -]3[ -]clause.*|new bsd.*|3-clause bsd.*": "BSD-3-Clause",
    r"bsd[ -]2[ -]clause.*|simplified bsd.*": "BSD-2-Clause",
    r"bsd( license)?": "BSD",
    r"isc( license.*)?": "ISC",
    r"psf.*|python software foundation license": "PSF-2.0",
    r"apache software license": "Apache-2.0",
}


def spdx(text: str, classifiers: list[str]) -> str:
    """Give the SPDX expression of what a package says about its licence.

    Parameters
    ----------
    text
        Its field License-Expression or License, which may be a whole licence.
    classifiers
        Ends of its classifiers of licences.
    """
    if _MIT in " ".join(text.split()):
        return "MIT"
    for said in (text, *classifiers):
        if re.fullmatch(r"[A-Za-z0-9.+-]+( (AND|OR) [A-Za-z0-9.+-]+)+", said):
            return said
        for form, name in _NAMES.items():
            if re.fullmatch(form, said.strip(), re.IGNORECASE):
                return name
        if said in ALLOWED:
            return said
    return text.strip().splitlines()[0][:60] if text.strip() else "unknown"


def is_allowed(expression: str) -> bool:
    """Tell whether all parts that hold at once are allowed, and one of those to choose from."""
    return all(
        any(name.strip("() ") in ALLOWED for name in part.split(" OR ")) for part in expression.split(" AND ")
    )


def installed(name: str, python: Path) -> list[tuple[str, str, str]]:
    """Give name, version and licence of each locked package that an environment has."""
    names = sorted({entry.name for entry in read_lock(environment(name).lock)})
    done = subprocess.run([python, "-c", _READ, *names], capture_output=True, text=True, check=True)
    found: dict[str, tuple[str, str, list[str]]] = json.loads(done.stdout)
    return [(name, version, spdx(text, words)) for name, (version, text, words) in sorted(found.items())]


def debian() -> list[tuple[str, str, str]]:
    """Give name, version and the licences in the copyright file of each Debian package that is asked for."""
    postgresql = packages.postgresql_version()
    extensions = (f"postgresql-{postgresql}-{part}" for part in ("pgsphere", "q3c"))
    names = [*packages.BASE_PACKAGES, packages.STORE, *extensions]
    found = []
    for name in names:
        path = Path("/usr/share/doc", name, "copyright")
        text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        words = sorted({match.strip() for match in re.findall(r"^License: *(\S.*)$", text, re.MULTILINE)})
        found.append((name, packages.installed_version(name) or "", ", ".join(words) or f"see {path}"))
    return found


def page(index: dict[str, list[tuple[str, str, str]]], system: list[tuple[str, str, str]]) -> str:
    """Write the tables: those of the environments, by their names, and Debian's."""

    def table(rows: list[tuple[str, str, str]]) -> str:
        return "".join(
            f"| {' | '.join(row)} |\n" for row in [("package", "version", "licence"), ("---",) * 3, *rows]
        )

    parts = [f"## {SECTIONS[name]}\n\n{table(rows)}" for name, rows in index.items()]
    parts.append(f"## {PAGES}\n\n{npm.tables(npm.read())}")
    parts.append(f"## From Debian (the packages asked for by name)\n\n{table(system)}")
    return "\n".join([BEGIN, "", *parts, END])


def environments_here() -> dict[str, Path]:
    """Give the Python of each environment; those of the explorer are made if they are not there.

    Raises
    ------
    InstanceError
        The instance's environment is not there, or another one cannot be made.
    """
    home = settings.home_of(settings.load())
    python = packages.venv_python(home)
    if not python.exists():
        raise InstanceError("There is no environment to read licences from.", "'make serve' makes it.")
    others = (name for name in SECTIONS if name != "instance")
    return {"instance": python} | {name: packages.ensure_venv(home / name, name) for name in others}


def main() -> int:
    """Write the page; gives the exit code."""
    index = {name: installed(name, python) for name, python in environments_here().items()}
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(before + page(index, debian()) + rest.partition(END)[2], encoding="utf-8")
    bad = [
        f"{name} {version}: licence {licence!r} is not among {', '.join(ALLOWED)}"
        for rows in index.values()
        for name, version, licence in rows
        if not is_allowed(licence)
    ]
    bad += npm.complaints(npm.read())
    for line in bad:
        print(line, file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    end_with(main)
