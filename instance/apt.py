"""The machine's apt sources: which archives it gets Debian itself from.

:func:`debian_archives` reads them, in both of apt's formats, and :meth:`Archive.stanza` writes the
entry for another suite of such an archive. Only the standard library is used here: this is read
before anything is installed.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NEWER_SUITES = ("testing", "unstable")
"""Where to look, in this order, for what the machine's own release has too old."""

_MAIN_SUITES = frozenset({"oldstable", "stable", "testing", "unstable", "sid"})
# What an entry says about how to reach and trust its archive, whichever the suite.
_KEPT_FIELDS = ("Signed-By", "Trusted", "Check-Valid-Until", "By-Hash")
# All that apt takes for no.
_NO = frozenset({"no", "false", "without", "off", "disable", "0"})


@dataclass(frozen=True)
class Archive:
    """One Debian archive of the machine's apt sources.

    Parameters
    ----------
    uri
        Where it is.
    fields
        What else its entry says about reaching and trusting it (``Signed-By`` ...).
    """

    uri: str
    fields: tuple[tuple[str, str], ...] = ()

    def stanza(self, suite: str, *more: tuple[str, str]) -> str:
        """Write a sources entry, in the deb822 format, for a suite of this archive.

        Parameters
        ----------
        suite
            The suite; it need not be one that the machine uses.
        more
            Further fields, name and value.

        Returns
        -------
        str
            The contents of a ``.sources`` file.
        """
        fixed = (("Types", "deb"), ("URIs", self.uri), ("Suites", suite), ("Components", "main"))
        return "".join(f"{name}: {value}\n" for name, value in (*fixed, *more, *self.fields))


def debian_archives(release: str, etc_apt: Path = Path("/etc/apt")) -> list[Archive]:
    """Find the archives that the machine gets Debian itself from.

    Parameters
    ----------
    release
        The code name of the installed release (see :func:`codename`), or an empty string.
    etc_apt
        The directory of apt's configuration.

    Returns
    -------
    list of Archive
        Each once, the likeliest first. Left out are security and other side archives, entries
        that are disabled or for source packages only, media, and whatever has no component
        ``main`` in one of Debian's own suites.
    """
    found: list[tuple[tuple[bool, bool, int], Archive]] = []
    for entry in _entries(etc_apt):
        suites = set(entry.get("suites", "").split())
        binary = "deb" in entry.get("types", "").split() and "main" in entry.get("components", "").split()
        if not binary or entry.get("enabled", "").lower() in _NO or not suites & {*_MAIN_SUITES, release}:
            continue
        fields = tuple((name, entry[name.lower()]) for name in _KEPT_FIELDS if name.lower() in entry)
        for uri in entry.get("uris", "").split():
            if not uri.startswith("cdrom:"):
                # Others publish under Debian's suite names too, but Debian's own mirrors end in
                # /debian, and rarely have much before it.
                place = uri.rstrip("/")
                rank = (not place.endswith("/debian"), release not in suites, place.count("/"))
                found.append((rank, Archive(uri, fields)))
    first: dict[str, Archive] = {}
    for _, archive in sorted(found, key=lambda ranked: ranked[0]):
        first.setdefault(archive.uri.rstrip("/"), archive)
    return list(first.values())


def codename(os_release: Path = Path("/etc/os-release")) -> str:
    """Give the code name of the machine's Debian release, or an empty string if it has none."""
    with contextlib.suppress(OSError):
        for line in os_release.read_text(encoding="utf-8").splitlines():
            if line.startswith("VERSION_CODENAME="):
                return line.partition("=")[2].strip().strip("\"'")
    return ""


# An entry is a mapping from field, in small letters, to value; the options of the one-line format
# bear the names of the fields they stand for.


def _entries(etc_apt: Path) -> Iterator[dict[str, str]]:
    for path in [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*"))]:
        if path.is_file() and path.suffix in (".list", ".sources"):
            text = path.read_text(encoding="utf-8", errors="replace")
            yield from _one_line(text) if path.suffix == ".list" else _deb822(text)


def _one_line(text: str) -> Iterator[dict[str, str]]:
    """Read the old format: ``deb [option=value ...] uri suite component ...``."""
    for line in text.splitlines():
        words = re.fullmatch(
            r"deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s+(\S.*)", line.partition("#")[0].strip()
        )
        if words is None:
            continue
        options, uri, suite, components = words.groups()
        entry = {}
        for option in (options or "").split():
            name, _, value = option.partition("=")
            entry[name.lower()] = value
        yield entry | {"types": "deb", "uris": uri, "suites": suite, "components": components}


def _deb822(text: str) -> Iterator[dict[str, str]]:
    """Read the new format: stanzas of ``Name: value``; a value may go on in indented lines."""
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n[ \t]*\n", kept):
        entry: dict[str, str] = {}
        name = ""
        for line in stanza.splitlines():
            if line[:1] in (" ", "\t") and name:
                entry[name] += "\n" + line
            elif ":" in line:
                word, _, value = line.partition(":")
                name = word.strip().lower()
                entry[name] = value.strip()
        if entry:
            yield entry
