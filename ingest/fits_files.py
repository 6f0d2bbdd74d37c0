"""Open FITS files and read table columns, whatever their spelling, units and number formats.

The functions take HDUs of `ingest.plain`, which are read fast, and astropy's, which know everything. What
astropy would warn about is either an error of ours or a deviation, so its warnings are silent here.
"""

from __future__ import annotations

import functools
import gzip
import io
import math
import re
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.units import Quantity, Unit, UnitBase, UnitConversionError
from numpy.typing import NDArray

from ingest import plain, storage
from ingest.arrays import FloatArray
from ingest.cards import NotPlainError
from ingest.constants import FITS_CARD, MOST_IN_MEMORY
from ingest.errors import CherenkovVOError, KeywordError, UnreadableFileError
from ingest.unpacking import MAGIC, TooLargeError, gunzip

ENERGY_SPELLINGS = {unit.upper(): unit for unit in ("eV", "keV", "MeV", "GeV", "TeV", "PeV", "J", "erg")}
"""Energy units that occur in capitals or small letters only; FITS units are case sensitive."""

_LONGEST_REASON = 300
_COUNTS = re.compile(rb"(?:HIERARCH +)?(BITPIX|NAXIS|TFIELDS|PCOUNT|GCOUNT)(\d{0,3}) *=", re.IGNORECASE)
_WHOLE = re.compile(rb"[+-]?\d+")
_BITS = (8, 16, 32, 64, -32, -64)
"""FITS 4.0, section 4.4.1.1."""
_MOST = {b"NAXIS": 999, b"TFIELDS": 999}
"""FITS 4.0, sections 4.4.1.1 and 7.3.1."""

SMALL_FILE = 4 * 1024 * 1024
"""Bytes up to which a file is read in one go: less than what a few more requests would cost."""


def unpack(path: Path) -> bytes:
    """Give the bytes of a FITS file, unpacked if it is gzipped.

    Raises
    ------
    UnreadableFileError
        The file cannot be read, its gzip stream is damaged or cut, or unpacks to too much.
    """
    return bytes(_unpacked(path))


def _unpacked(path: Path) -> bytes | bytearray:
    packed = storage.read(path)
    content: bytes | bytearray = packed
    if packed[:2] == MAGIC:
        try:
            content = gunzip(packed, MOST_IN_MEMORY)
        except TooLargeError as error:
            problem = (
                f"unpacks to more than {MOST_IN_MEMORY} bytes; a file of that size is read unpacked only"
            )
            raise UnreadableFileError(path, problem) from error
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise UnreadableFileError(path, f"damaged gzip stream ({error})") from error
    _check_start(path, content)
    return content


def _check_start(path: Path, content: bytes | bytearray) -> None:
    if content[:6] != b"SIMPLE":
        raise UnreadableFileError(
            path, f"starts with {bytes(content[:6])!r}, expected a FITS file (b'SIMPLE')"
        )


def source_of(path: Path) -> tuple[plain.Source, int]:
    """Give the bytes of a file for `ingest.plain`, and its size as it lies there.

    Small and gzipped files are read as a whole, of others only the ranges that are asked for.

    Raises
    ------
    UnreadableFileError
        As `unpack`.
    """
    size = storage.status(path).size
    if size > SMALL_FILE:
        first = storage.read_range(path, 0, plain.WINDOW)
        if first[:2] != MAGIC:
            _check_start(path, first)
            return plain.Ranges(path, size, first), size
        check_size(path, size)
    return plain.Whole(_unpacked(path)), size


def check_size(path: Path, size: int) -> None:
    """Refuse a file that is too large to be read as a whole.

    Raises
    ------
    UnreadableFileError
        It is.
    """
    if size > MOST_IN_MEMORY:
        problem = (
            f"has {size} bytes, expected at most {MOST_IN_MEMORY} where a file has to be read as a whole"
        )
        raise UnreadableFileError(path, problem)


class _Silence:
    """Filters of warnings are those of all threads: the first to come silences, the last restores."""

    def __init__(self) -> None:
        self._lock, self._within, self._restore = threading.Lock(), 0, ExitStack()

    def enter(self) -> None:
        with self._lock:
            if not self._within:
                self._restore.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore")
            self._within += 1

    def leave(self) -> None:
        with self._lock:
            self._within -= 1
            if not self._within:
                self._restore.close()


_silence = _Silence()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the warnings of astropy, numpy and ERFA silent; several threads may ask for it at once."""
    _silence.enter()
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        _silence.leave()


@contextmanager
def opened(path: Path) -> Iterator[fits.HDUList]:
    """Open a complete FITS file with astropy.

    Raises
    ------
    UnreadableFileError
        The file is not FITS, cut, damaged or too large; also for everything unforeseen that happens to the
        block.
    """
    check_size(path, storage.status(path).size)
    content = unpack(path)
    check_counts(path, content)
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
def guarded(path: Path, hdu: str | None = None) -> Iterator[None]:
    """Turn whatever astropy and numpy raise on damaged files into our error.

    Raises
    ------
    UnreadableFileError
        Something else than one of our own errors was raised in the block.
    """
    try:
        yield
    except (CherenkovVOError, NotPlainError):
        raise
    except Exception as error:  # astropy has no common root for what damaged files make it raise
        said = " ".join(str(error).split()) or type(error).__name__
        problem = f"damaged FITS structure ({said[:_LONGEST_REASON]})"
        raise UnreadableFileError(path, problem, hdu=hdu) from error


def explained(error: UnreadableFileError, reason: NotPlainError) -> UnreadableFileError:
    """Give astropy's complaint about a file, with what the plain reader has stumbled on if that says more."""
    path, problem, keyword = error.path, error.problem, reason.keyword
    if error.keyword is not None:
        same = error.keyword == keyword and error.hdu is None
        return UnreadableFileError(path, problem, hdu=reason.hdu, keyword=keyword) if same else error
    if error.hdu is not None and error.hdu != reason.hdu:
        if keyword is None:
            return error
        # What follows an HDU whose length is wrong is not at fault itself.
        return UnreadableFileError(path, f"{problem}; HDU {reason.hdu}, {keyword}: {reason}", hdu=error.hdu)
    if keyword is None:
        return UnreadableFileError(path, problem, hdu=reason.hdu)
    return UnreadableFileError(path, f"{reason} ({problem})", hdu=reason.hdu, keyword=keyword)


def _check_complete(path: Path, hdus: fits.HDUList, content: bytes) -> None:
    last = hdus[-1].fileinfo()
    end = last["datLoc"] + last["datSpan"]
    header = hdus[-1].header
    said = [f"{key} = {header[key]!r}" for key in ("BITPIX", "NAXIS1", "NAXIS2", "PCOUNT") if key in header]
    declared = f"its header says {', '.join(said)}"
    if end > len(content):
        problem = f"cut off after {len(content)} of {end} bytes, {declared}"
        raise UnreadableFileError(path, problem, hdu=hdus[-1].name)
    # astropy stops silently at a header without an end.
    if content[end:].strip(b"\0 "):
        problem = f"{len(content) - end} bytes behind it, the last HDU, are no HDU; {declared}"
        raise UnreadableFileError(path, problem, hdu=hdus[-1].name)


def check_counts(path: Path, content: bytes | bytearray) -> None:
    """Refuse counts which no file can have, but over which astropy loses itself.

    All cards of a file lie at multiples of 80 bytes (FITS 4.0, section 3.3.1), so that they are found even
    where headers are damaged.

    Raises
    ------
    UnreadableFileError
        One is no whole number, negative, or much too large.
    """
    for found in _COUNTS.finditer(content):
        if found.start() % FITS_CARD:
            continue
        name, keyword = found[1].upper(), (found[1] + found[2]).decode("ascii").upper()
        value = bytes(content[found.end() : found.start() + FITS_CARD]).partition(b"/")[0].strip()
        most = 2**63 if found[2] else _MOST.get(name, 2**63)
        if not _WHOLE.fullmatch(value):
            # astropy multiplies a text, which is a longer one, and goes backwards by a lone sign.
            problem = f"{value.decode('latin-1')!r}, expected a whole number"
        elif name == b"BITPIX":
            problem = "" if int(value) in _BITS else f"{int(value)}, expected 8, 16, 32, 64, -32 or -64"
        else:
            expected = "a number from 0" + (f" to {most}" if most < 2**63 else "")
            problem = "" if 0 <= int(value) <= most else f"{int(value)}, expected {expected}"
        if problem:
            raise UnreadableFileError(path, problem, keyword=keyword)


def is_table(hdu: Any) -> bool:
    """Tell whether an HDU holds a table."""
    if isinstance(hdu, plain.PlainHDU):
        return hdu.layout is not None
    return isinstance(hdu, fits.BinTableHDU | fits.TableHDU)


def rows_of(hdu: Any) -> int:
    """Give the number of rows of a table."""
    return hdu.rows if isinstance(hdu, plain.PlainHDU) else len(hdu.data)


def column_index(hdu: Any, name: str) -> int | None:
    """Give the number of a column, by its exact name first, in any case else; None if it is not there."""
    if isinstance(hdu, plain.PlainHDU):
        return hdu.index(name)
    names = [str(found).strip() for found in hdu.columns.names]
    if name in names:
        return names.index(name)
    upper = [found.upper() for found in names]
    return upper.index(name) if name in upper else None


def has(hdu: Any, *names: str) -> bool:
    """Tell whether a table has all these columns (names in upper case)."""
    if isinstance(hdu, plain.PlainHDU):
        return hdu.layout is not None and all([name in hdu.layout.upper for name in names])
    return all(column_index(hdu, name) is not None for name in names)


def raw_column(hdu: Any, name: str) -> FloatArray | None:
    """Give a column as floats, NULL integers as NaN; None if it is not there or not numeric.

    Returns
    -------
    numpy.ndarray or None
        Shape (n,) for scalar columns, (n, ...) for others.
    """
    if isinstance(hdu, plain.PlainHDU):
        column = hdu.column(name)
        return None if column is None else hdu.values(column)
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


def raw_cells(hdu: Any, name: str) -> NDArray[Any] | None:
    """Give a column as `raw_column`, but for pieces of it: perhaps not yet of floats, and not copied."""
    if isinstance(hdu, plain.PlainHDU):
        column = hdu.column(name)
        if column is not None and column.null is None and column.scale is None and column.zero is None:
            return hdu.stored(column)
    return raw_column(hdu, name)


def unit_of(hdu: Any, name: str) -> str | None:
    """Give the unit of a column as it is written; None if it has none."""
    if isinstance(hdu, plain.PlainHDU):
        column = hdu.column(name)
        return None if column is None else column.unit
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
    factor = _factor(written, wanted)
    if factor is None:
        return None
    if math.isnan(factor):
        return np.asarray(Quantity(values, parse_unit(written)).to_value(wanted), dtype=float)
    return np.asarray(values, dtype=float) * factor if factor != 1.0 else np.asarray(values, dtype=float)


@functools.lru_cache(maxsize=1024)
def _factor(written: str, wanted: str) -> float | None:
    """Give the factor between two units; None if there is none, NaN if it takes more than a factor."""
    with quiet():
        unit = parse_unit(written)
    if unit is None:
        return None
    try:
        factor = float(Quantity(1.0, unit).to_value(wanted))
    except (UnitConversionError, TypeError):
        return None
    return factor if isinstance(unit, UnitBase) else math.nan


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
