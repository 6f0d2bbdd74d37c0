"""Words and numbers for people: what links lead to, sizes, times, energies."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from ingest.constants import EV_PER_TEV

MJD_ZERO = datetime.datetime(1858, 11, 17)
"""Day 0 of MJD; without a time zone, since times are in TT."""

KINDS = {
    "event-list": "Events with good time intervals",
    "event-bundle": "Events, good time intervals and responses",
    "aeff": "Effective area",
    "edisp": "Energy dispersion",
    "psf": "Point spread function",
    "bkgrate": "Background rate",
    "rad-max": "Size of the point-like cut",
}
"""content_qualifier to what a file is; the draft vocabulary has ``hea-`` before some."""

PICTURES = {
    "#counts-map": "Counts map",
    "#energy-spectrum": "Counts over energy",
    "#event-rate": "Event rate over time",
}
"""local_semantics of the pictures of event lists; a response's one picture shows what the response is."""

FORMATS = {
    "application/x-fits-gadf": "FITS",
    "application/x-tar": "tar",
    "application/x-votable+xml": "VOTable",
    "application/json": "JSON",
    "image/png": "PNG",
}
PROVENANCE = {"application/json": "W3C PROV-JSON", "application/x-votable+xml": "IVOA PROV-VOTable"}
TAR = "The same with index tables, terms of use and provenance"

LONG_S = 120.0
"""Longer times are given in minutes."""


def size_text(size: int) -> str:
    """Write a number of bytes with a unit, powers of 1000, to three digits."""
    if size < 1000:
        return f"{size} bytes"
    value = float(size)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5 or unit == "TB":
            break
    return f"{value:.{0 if value >= 99.95 else 1}f} {unit}"


def moment(mjd: float) -> datetime.datetime:
    """Give the date of an MJD, to the second; the time scale stays what it is."""
    at = MJD_ZERO + datetime.timedelta(days=mjd)
    return (at + datetime.timedelta(microseconds=500_000)).replace(microsecond=0)


def times_text(start: float | None, stop: float | None) -> str | None:
    """Write an interval of MJD in TT; the day of its end only if it is another one."""
    if start is None or stop is None:
        return None
    begin, end = moment(start), moment(stop)
    last = f"{end:%H:%M:%S}" if begin.date() == end.date() else f"{end:%Y-%m-%d %H:%M:%S}"
    return f"{begin:%Y-%m-%d %H:%M:%S} to {last} (TT)"


def energies_text(low: float | None, high: float | None) -> str | None:
    """Write a range of energies, given in eV, in TeV."""
    if low is None or high is None:
        return None
    return f"{low / EV_PER_TEV:.3g} to {high / EV_PER_TEV:.3g} TeV"


def duration_text(seconds: float | None) -> str | None:
    """Write a time in s, longer ones in minutes."""
    if seconds is None:
        return None
    return f"{seconds / 60:.1f} min" if seconds >= LONG_S else f"{seconds:.0f} s"


def position_text(row: Mapping[str, Any]) -> str | None:
    """Write the pointing and the field of view of an ObsCore row."""
    if row["s_ra"] is None or row["s_dec"] is None:
        return None
    at = f"{row['s_ra']:.4f}° {row['s_dec']:+.4f}° (ICRS)"
    return at if row["s_fov"] is None else f"{at}, field of view {row['s_fov']:.1f}° across"


def kind_of(qualifier: str | None) -> str | None:
    """Give what a file is, in words, from its content_qualifier in either vocabulary."""
    return KINDS.get((qualifier or "").removeprefix("hea-"))


def thumbnail_of(picture: str) -> str:
    """Give the path of a picture in small."""
    return f"{picture.removesuffix('.png')}-small.png"


def link_text(row: Mapping[str, Any]) -> str:
    """Say what a link leads to without what the title says already; the row's own words if unknown."""
    if row["semantics"] == "#documentation" and row["content_type"] in PROVENANCE:
        return PROVENANCE[row["content_type"]]
    if row["semantics"].startswith("#preview"):
        local = row["local_semantics"] or ""
        known = PICTURES.get(local) or kind_of(local.removeprefix("#"))
    elif row["local_semantics"] == "#tar":
        known = TAR
    else:
        known = kind_of(row["content_qualifier"])
    return known or row["description"] or row["semantics"]
