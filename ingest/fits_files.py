"""Open FITS files and read table columns, whatever their spelling, units and number formats.

What astropy would warn about is either an error of ours or a deviation, so its warnings are silent here.
"""

from __future__ import annotations

import gzip
import io
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.units import Quantity, Unit, UnitConversionError

from ingest.arrays import FloatArray
from ingest.errors import CherenkovVOError, KeywordError, UnreadableFileError

ENERGY_SPELLINGS = {unit.upper(): unit for unit in ("eV", "keV", "MeV", "GeV", "TeV", "PeV", "J", "erg")}
"""Energy units that occur in capitals or small letters only; FITS units are case sensitive."""


def unpack(path: Path) -> bytes:
    """Give the bytes of a FITS file, unpacked if it is gzipped.

    Raises
    ------
    UnreadableFileError
        The file cannot be read, or its gzip stream is damaged or cut.
    """
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UnreadableFileError(path, f"damaged gzip stream ({error})") from error
    except (OSError, ValueError) as error:
        raise UnreadableFileError(path, f"cannot be read ({_reason(error)})") from error
    if content[:6] != b"SIMPLE":
        raise UnreadableFileError(path, f"starts with {content[:6]!r}, expected a FITS file (b'SIMPLE')")
    return content


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the warnings of astropy, numpy and ERFA silent."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


@contextmanager
def opened(path: Path) -> Iterator[fits.HDUList]:
    """Open a complete FITS file.

    Raises
    ------
    UnreadableFileError
        The file is not FITS, cut or damaged; also for everything unforeseen that happens to the block.
    """
    content = unpack(path)
    # Compressed images would come out as other HDUs than those that lie in the file.
    options = {
        "lazy_load_hdus": False,
        "memmap": False,
        "disable_image_compression": True,
        "character_as_bytes": True,
    }
    with quiet(), guarded(path), fits.open(io.BytesIO(content), **options) as hdus:
        _check_complete(path, hdus, content)
        yield hdus


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turn whatever astropy and numpy raise on damaged files into our error.

    Raises
    ------
    UnreadableFileError
        Something else than one of our own errors was raised in the block.
    """
    try:
        yield
    except CherenkovVOError:
        raise
    except Exception as error:  # astropy has no common root for what damaged files make it raise
        raise UnreadableFileError(path, f"damaged FITS structure ({error})") from error


def _check_complete(path: Path, hdus: fits.HDUList, content: bytes) -> None:
    last = hdus[-1].fileinfo()
    end = last["datLoc"] + last["datSpan"]
    if end > len(content):
        raise UnreadableFileError(path, f"cut off after {len(content)} of {end} bytes", hdu=hdus[-1].name)
    # astropy stops silently at a header without an end.
    if content[end:].strip(b"\0 "):
        raise UnreadableFileError(path, f"{len(content) - end} bytes behind the last HDU are no HDU")


def is_table(hdu: Any) -> bool:
    """Tell whether an HDU holds a table."""
    return isinstance(hdu, fits.BinTableHDU | fits.TableHDU)


def column_index(hdu: Any, name: str) -> int | None:
    """Give the number of a column, by its exact name first, in any case else; None if it is not there."""
    names = [str(found).strip() for found in hdu.columns.names]
    if name in names:
        return names.index(name)
    upper = [found.upper() for found in names]
    return upper.index(name) if name in upper else None


def has(hdu: Any, *names: str) -> bool:
    """Tell whether a table has all these columns (names in upper case)."""
    return all(column_index(hdu, name) is not None for name in names)


def raw_column(hdu: Any, name: str) -> FloatArray | None:
    """Give a column as floats, NULL integers as NaN; None if it is not there or not numeric.

    Returns
    -------
    numpy.ndarray or None
        Shape (n,) for scalar columns, (n, ...) for others.
    """
    index = column_index(hdu, name)
    if index is None:
        return None
    try:
        values = np.array(hdu.data.field(index), dtype=float)
    except (TypeError, ValueError):
        return None
    description = hdu.columns[index]
    null, scale, zero = (_number(description, part) for part in ("null", "bscale", "bzero"))
    if null is not None:
        values[values == null * (1.0 if scale is None else scale) + (zero or 0.0)] = np.nan
    return values


def _number(description: Any, part: str) -> float | None:
    try:
        return float(getattr(description, part))
    except (TypeError, ValueError):
        return None


def unit_of(hdu: Any, name: str) -> str | None:
    """Give the unit of a column as it is written; None if it has none."""
    index = column_index(hdu, name)
    written = None if index is None else hdu.columns[index].unit
    return str(written).strip() or None if written else None


def parse_unit(written: str) -> Unit | None:
    """Read a unit, energies in any case; None if it is no unit."""
    try:
        return Unit(written)
    except (ValueError, TypeError):
        spelled = ENERGY_SPELLINGS.get(written.upper())
        return Unit(spelled) if spelled else None


def convert(values: FloatArray, written: str | None, wanted: str) -> FloatArray | None:
    """Convert values; without a unit they are taken to be as wanted; None if that is impossible."""
    if written is None or written == wanted:
        return values
    unit = parse_unit(written)
    if unit is None:
        return None
    try:
        return np.asarray(Quantity(values, unit).to_value(wanted), dtype=float)
    except (UnitConversionError, TypeError):
        return None


def column(path: Path, hdu: Any, name: str, wanted: str) -> FloatArray:
    """Give a scalar column as floats in a unit, shape (n,).

    Raises
    ------
    KeywordError
        There is no such column of numbers, or its unit cannot be converted.
    """
    if column_index(hdu, name) is None:
        raise KeywordError(path, f"no such column among {hdu.columns.names}", hdu=hdu.name, keyword=name)
    values = raw_column(hdu, name)
    if values is None or values.ndim != 1:
        raise KeywordError(path, "expected a column of numbers", hdu=hdu.name, keyword=name)
    written = unit_of(hdu, name)
    converted = convert(values, written, wanted)
    if converted is None:
        problem = f"unit {written!r}, expected one like {wanted!r}"
        raise KeywordError(path, problem, hdu=hdu.name, keyword=name)
    return converted
