"""Recognise the HDUs of GADF files: by HDUCLAS keywords, by EXTNAME, by their columns, in this order."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from astropy.io import fits

from ingest.checksums import with_checksum_cards
from ingest.errors import printable
from ingest.fits_files import has, is_table
from ingest.plain import PlainHDU
from ingest.records import HDU, RESPONSES, Deviation

_BY_HDUCLAS1 = {"EVENTS": "events", "GTI": "gti"}
_NOT_OURS = ("INDEX", "POINTING")
_BY_HDUCLAS2 = {
    "EFF_AREA": "aeff",
    "EDISP": "edisp",
    "RPSF": "psf",
    "PSF": "psf",
    "BKG": "bkg",
    "RAD_MAX": "rad_max",
}
_BY_EXTNAME = {
    "EVENTS": "events",
    "GTI": "gti",
    "AEFF": "aeff",
    "EFFECTIVE AREA": "aeff",
    "EDISP": "edisp",
    "ENERGY DISPERSION": "edisp",
    "PSF": "psf",
    "POINT SPREAD FUNCTION": "psf",
    "BKG": "bkg",
    "BACKGROUND": "bkg",
    "RAD_MAX": "rad_max",
    "RADMAX": "rad_max",
}
# EVENTS_2, AEFF_ID3, EFFECTIVE AREA 2: a name and a number.
_NUMBERED = re.compile(r"(.*?)([ _-]?(?:ID)?[ _-]?\d+)")
# The columns that give an HDU's form away; the first that are all there decide.
_BY_COLUMNS = (
    (("TIME", "ENERGY", "RA", "DEC"), "events", "events"),
    (("START", "STOP"), "gti", "gti"),
    (("EFFAREA",), "aeff", "aeff_2d"),
    (("MATRIX", "MIGRA_LO"), "edisp", "edisp_2d"),
    (("RPSF",), "psf", "psf_table"),
    (("SCALE", "SIGMA_1"), "psf", "psf_3gauss"),
    (("GAMMA", "SIGMA"), "psf", "psf_king"),
    (("ENERGY", "PSF"), "psf", "psf_gtpsf"),
    (("BKG", "DETX_LO"), "bkg", "bkg_3d"),
    (("BGD", "DETX_LO"), "bkg", "bkg_3d"),
    (("BKG", "THETA_LO"), "bkg", "bkg_2d"),
    (("BGD", "THETA_LO"), "bkg", "bkg_2d"),
    (("RAD_MAX",), "rad_max", "rad_max_2d"),
)
# HDUCLAS4 of GADF 0.2 and 0.3.
_FORMS = {
    "AEFF_2D": "aeff_2d",
    "EDISP_2D": "edisp_2d",
    "PSF_TABLE": "psf_table",
    "PSF_3GAUSS": "psf_3gauss",
    "PSF_KING": "psf_king",
    "GTPSF": "psf_gtpsf",
    "PSF_GTPSF": "psf_gtpsf",
    "BKG_2D": "bkg_2d",
    "BKG_3D": "bkg_3d",
    "RAD_MAX_2D": "rad_max_2d",
}
_ENCLOSURES = {"FULL-ENCLOSURE": "full-enclosure", "POINT-LIKE": "point-like"}


def header_of(hdu: Any, path: Path, notes: list[Deviation]) -> dict[str, Any]:
    """Give the keywords of a header: the first of each name, without commentary, blanks and NULL.

    Cards that are no FITS are noted and left out.
    """
    if isinstance(hdu, PlainHDU):
        notes += [_no_card(path, hdu.name, keyword, image) for keyword, image in hdu.header.bad]
        return hdu.header.values
    values: dict[str, Any] = {}
    for card in hdu.header.cards:
        keyword = card.keyword
        if keyword in ("COMMENT", "HISTORY", "", "END"):
            continue
        try:
            value = card.value
        except (fits.VerifyError, ValueError, TypeError):
            notes.append(_no_card(path, hdu.name, keyword, str(card.image)))
            continue
        if not isinstance(value, fits.card.Undefined):
            values.setdefault(keyword, value)
    return values


def _no_card(path: Path, name: str, keyword: str, image: str) -> Deviation:
    return Deviation(path, name, keyword, repr(image.strip()[:40]), "not a FITS card, left out")


def recognise(
    hdu: Any, header: Mapping[str, Any], path: Path, notes: list[Deviation]
) -> tuple[str, str | None]:
    """Tell kind and form of an HDU (see `ingest.records.HDU`); what is not by HDUCLAS is noted."""
    by_columns = _by_columns(hdu)
    classed = _by_class(header)
    if classed == "other":
        return "other", None
    if classed is None:
        kind, how = _by_name(hdu, by_columns)
        if kind == "other":
            return "other", None
        value = str(header.get("HDUCLAS1", "")).strip()
        assumed = f"taken as {kind} by its {how}"
        notes.append(Deviation(path, hdu.name, "HDUCLAS1", repr(value) if value else None, assumed))
        return kind, by_columns[1] if by_columns and by_columns[0] == kind else _plain(kind)
    return classed, _form(hdu.name, header, classed, by_columns, path=path, notes=notes)


def _by_class(header: Mapping[str, Any]) -> str | None:
    first = str(header.get("HDUCLAS1", "")).strip().upper()
    if not first:
        return None
    if first == "RESPONSE":
        return _BY_HDUCLAS2.get(str(header.get("HDUCLAS2", "")).strip().upper())
    return "other" if first in _NOT_OURS else _BY_HDUCLAS1.get(first)


def _by_name(hdu: Any, by_columns: tuple[str, str] | None) -> tuple[str, str]:
    if not is_table(hdu):
        return "other", ""
    name = hdu.name.strip().upper()
    numbered = _NUMBERED.fullmatch(name)
    for candidate in (name, numbered[1].strip() if numbered else name):
        if candidate in _BY_EXTNAME:
            return _BY_EXTNAME[candidate], "EXTNAME"
    # Columns as common as START and STOP prove nothing in a table of another class.
    said = hdu.header.values if isinstance(hdu, PlainHDU) else hdu.header
    unclassed = str(said.get("HDUCLAS1", "")).strip().upper() in ("", "RESPONSE")
    return (by_columns[0], "columns") if by_columns and unclassed else ("other", "")


def _by_columns(hdu: Any) -> tuple[str, str] | None:
    if not is_table(hdu):
        return None
    if isinstance(hdu, PlainHDU) and hdu.layout is not None:
        return _by_names(frozenset(hdu.layout.upper))
    return next(((kind, form) for names, kind, form in _BY_COLUMNS if has(hdu, *names)), None)


@functools.lru_cache(maxsize=256)
def _by_names(found: frozenset[str]) -> tuple[str, str] | None:
    return next(((kind, form) for names, kind, form in _BY_COLUMNS if found.issuperset(names)), None)


def _plain(kind: str) -> str | None:
    return kind if kind in ("events", "gti") else None


def _form(
    name: str,
    header: Mapping[str, Any],
    kind: str,
    by_columns: tuple[str, str] | None,
    *,
    path: Path,
    notes: list[Deviation],
) -> str | None:
    """Give the form that the columns have, whatever HDUCLAS4 says: it is the columns that are read."""
    if kind not in RESPONSES:
        return kind
    written = str(header.get("HDUCLAS4", "")).strip()
    said = _FORMS.get(written.upper())
    form = by_columns[1] if by_columns and by_columns[0] == kind else said
    if form != said or form is None:
        assumed = f"taken as {form} by its columns" if form else "form unknown"
        notes.append(Deviation(path, name, "HDUCLAS4", repr(written) if written else None, assumed))
    return form


def enclosure(hdu: HDU, notes: list[Deviation]) -> str | None:
    """Tell the enclosure of a response from HDUCLAS3: None where it is not said."""
    written = str(hdu.header.get("HDUCLAS3", "")).strip()
    found = _ENCLOSURES.get(written.upper().replace("_", "-").replace(" ", "-"))
    if written and found is None:
        expected = "expected FULL-ENCLOSURE or POINT-LIKE, left NULL"
        notes.append(Deviation(hdu.path, hdu.name, "HDUCLAS3", repr(written), expected))
    return found


def number_suffix(name: str) -> str | None:
    """Give what numbers an HDU, ``2`` of ``EVENTS_2`` or ``AEFF_ID2``; None if it has no number."""
    numbered = _NUMBERED.fullmatch(name.strip().upper())
    return re.sub(r"\D", "", numbered[2]) if numbered else None


def locate(opened: Iterable[Any], path: Path, notes: list[Deviation]) -> Iterator[tuple[HDU, Any]]:
    """Give all HDUs of a file, of `ingest.plain` or opened with astropy, each with that HDU."""
    for hdu in opened:
        header = header_of(hdu, path, notes)
        kind, form = recognise(hdu, header, path, notes)
        if isinstance(hdu, PlainHDU):
            yield HDU(path, hdu.name, kind, form, hdu.offset, hdu.size, header, hdu.checked_size), hdu
            continue
        info = hdu.fileinfo()
        size = info["datLoc"] + info["datSpan"] - info["hdrLoc"]
        info["file"].seek(info["hdrLoc"])
        written = info["file"].read(info["datLoc"] - info["hdrLoc"])
        checked = len(with_checksum_cards(written)) + info["datSpan"]
        yield (
            HDU(path, printable(hdu.name), kind, form, int(info["hdrLoc"]), int(size), header, int(checked)),
            hdu,
        )
