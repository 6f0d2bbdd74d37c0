"""Known weaknesses of the locked packages: ``make audit`` (no network), ``make audit-update`` (asks).

The snapshot ``requirements/advisories.json`` holds what the package index said on one day about each locked
version: it hands on the advisories of the Python Packaging Advisory Database and OSV. What it said nothing
about counts as *not checked*, never as free of weaknesses. An exception, with its reason and the day on which
it ends, goes into ``requirements/exceptions.toml``.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supply.environments import ENVIRONMENTS, REQUIREMENTS, read_lock

SNAPSHOT = REQUIREMENTS / "advisories.json"
EXCEPTIONS = REQUIREMENTS / "exceptions.toml"
SOURCE = "the package index's page <name>/<version>/json"
AGE_LIMIT = 90
"""Days after which a snapshot is told to be old."""

NOT_LOCKED_FOR_USE = ("minimum",)
"""Environments with old versions on purpose; they run the unit tests only, on files of our own."""


@dataclass(frozen=True)
class Finding:
    """What is known about one locked version; an empty ``advisory`` means it was not checked."""

    package: str
    version: str
    advisory: str
    text: str


def locked() -> list[tuple[str, str]]:
    """Give name and version of all locked packages that are used."""
    used = [known for known in ENVIRONMENTS if known.name not in NOT_LOCKED_FOR_USE]
    return sorted({(entry.name, entry.version) for known in used for entry in read_lock(known.lock)})


def index_pages() -> str:
    """Give the address below which the package index that pip is set up for has its JSON pages.

    Raises
    ------
    ValueError
        pip does not say which index it uses.
    """
    # The help of its commands has what is configured as default, wherever that was configured.
    command = [sys.executable, "-m", "pip", "download", "--help"]
    told = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, "COLUMNS": "500"}
    )
    known = re.search(r"--index-url .*\(default\s+(\S+?)/?\)", told.stdout)
    if known is None:
        raise ValueError("pip does not say which package index it uses")
    return f"{known[1].removesuffix('/simple')}/pypi"


def ask(name: str, version: str, index: str) -> dict[str, Any]:
    """Ask the package index about one version.

    Returns
    -------
    dict
        ``version`` and ``vulnerabilities``; or ``unchecked`` with the reason.
    """
    # Some mirrors have the newest version's page only; it says which version that is.
    for url in (f"{index}/{name}/{version}/json", f"{index}/{name}/json"):
        try:
            with urllib.request.urlopen(url, timeout=30) as reply:  # noqa: S310 - https, fixed above
                page = json.load(reply)
        except urllib.error.HTTPError:
            continue
        except (OSError, ValueError) as error:
            return {"version": version, "unchecked": f"the package index does not answer ({error})"}
        if page.get("info", {}).get("version") != version:
            continue
        if not isinstance(page.get("vulnerabilities"), list):
            return {"version": version, "unchecked": "the package index says nothing about weaknesses"}
        kept = ("id", "aliases", "fixed_in", "summary", "link", "withdrawn")
        found = [{key: item.get(key) for key in kept} for item in page["vulnerabilities"]]
        return {"version": version, "vulnerabilities": found}
    return {"version": version, "unchecked": "the package index has no page for this version"}


def update(snapshot: Path = SNAPSHOT, index: str | None = None) -> None:
    """Ask about all locked versions, and write down the answers; by default, pip's index is asked."""
    index = index or index_pages()
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    answers = [{"name": name, **ask(name, version, index)} for name, version in locked()]
    content = {"date": today, "source": SOURCE, "packages": answers}
    snapshot.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def compare(snapshot: dict[str, Any], packages: list[tuple[str, str]]) -> list[Finding]:
    """Give the advisories of locked versions, and the versions that were not checked."""
    known = {(item["name"], item["version"]): item for item in snapshot.get("packages", [])}
    found = []
    for name, version in packages:
        item = known.get((name, version), {"unchecked": "not in the snapshot"})
        if "vulnerabilities" not in item:
            found.append(Finding(name, version, "", str(item.get("unchecked", "no answer"))))
            continue
        for advisory in item["vulnerabilities"]:
            if not advisory.get("withdrawn"):
                fixed = ", ".join(advisory.get("fixed_in") or []) or "no version"
                found.append(
                    Finding(name, version, advisory["id"], f"fixed in {fixed}; {advisory.get('link')}")
                )
    return found


def excepted(path: Path = EXCEPTIONS, today: datetime.date | None = None) -> dict[tuple[str, str], str]:
    """Give reasons by package and advisory, for exceptions that have not ended.

    Raises
    ------
    ValueError
        An exception has no reason or no end.
    """
    today = today or datetime.datetime.now(datetime.UTC).date()
    reasons = {}
    for item in tomllib.loads(path.read_text(encoding="utf-8")).get("exception", []):
        if not item.get("reason") or not isinstance(item.get("ends"), datetime.date):
            raise ValueError(
                f"{path}: exception {item}: expected package, advisory, reason, and a date 'ends'"
            )
        if item["ends"] >= today:
            reasons[item["package"], item["advisory"]] = item["reason"]
    return reasons


def report(snapshot: Path = SNAPSHOT, exceptions: Path = EXCEPTIONS) -> int:
    """Print what is known; gives 1 if there is an advisory without an exception, 2 if nothing was checked."""
    if not snapshot.exists():
        print("NOT CHECKED: there is no snapshot of advisories; 'make audit-update' makes one.")
        return 2
    content = json.loads(snapshot.read_text(encoding="utf-8"))
    packages, reasons = locked(), excepted(exceptions)
    found = compare(content, packages)
    unchecked = [item for item in found if not item.advisory]
    age = (datetime.datetime.now(datetime.UTC).date() - datetime.date.fromisoformat(content["date"])).days
    bad = [item for item in found if item.advisory and (item.package, item.advisory) not in reasons]
    for item in found:
        word = "NOT CHECKED" if not item.advisory else "KNOWN WEAKNESS" if item in bad else "excepted"
        print(f"{word}: {item.package} {item.version} {item.advisory} ({item.text})")
    old = f", OLDER THAN {AGE_LIMIT} DAYS: 'make audit-update'" if age > AGE_LIMIT else ""
    print(
        f"{len(packages) - len(unchecked)} of {len(packages)} locked versions checked, {len(bad)} advisories;"
        f" snapshot of {content['date']} from {content['source']} ({age} days old{old})"
    )
    return 1 if bad else 2 if len(unchecked) == len(packages) else 0


def main() -> int:
    """Compare, after an update if that is asked for; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true", help="ask the package index first")
    if parser.parse_args().update:
        update()
    return report()


if __name__ == "__main__":
    sys.exit(main())
