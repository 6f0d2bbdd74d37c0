"""Writing a FITS table of any length in pieces."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from ingest.constants import FITS_BLOCK
from simulate.run_file import Cards, label

GZIP_LEVEL = 4
"""Tables of observations repeat themselves: higher levels gain little and take twice as long."""


@dataclass(frozen=True)
class TableColumn:
    """A column of a table.

    Attributes
    ----------
    name
        TTYPE.
    form
        TFORM: ``K``, ``D`` or ``<width>A``.
    unit
        TUNIT, empty for none.
    comment
        What it is; the comment of the keyword of the same name in the files of the runs.
    """

    name: str
    form: str
    unit: str = ""
    comment: str = ""

    @property
    def dtype(self) -> str:
        """The numpy type as FITS stores it."""
        return {"K": ">i8", "D": ">f8"}.get(self.form) or f"S{self.form[:-1]}"


def row_type(columns: Iterable[TableColumn]) -> np.dtype[Any]:
    """Give the numpy type of the rows."""
    return np.dtype([(column.name, column.dtype) for column in columns])


def write_table(
    path: Path,
    *,
    name: str,
    columns: tuple[TableColumn, ...],
    cards: Cards,
    length: int,
    pieces: Iterable[NDArray[Any]],
    seed: int,
    origin: str,
) -> None:
    """Write a compressed FITS file with one table, the same bytes every time.

    Parameters
    ----------
    path
        The file.
    name, columns, cards
        EXTNAME, columns and keywords.
    length
        Number of rows.
    pieces
        The rows, with the names of `row_type`; `length` of them in total.
    seed, origin
        For the label of simulated data.

    Raises
    ------
    ValueError
        The pieces have another number of rows.
    """
    table = _table_header(name, columns, cards, length)
    primary = fits.PrimaryHDU().header
    for header in (primary, table):
        label(header, seed, origin)
    written, rows = 0, row_type(columns)
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=raw, mtime=0) as file,
    ):
        file.write(primary.tostring().encode("ascii"))
        file.write(table.tostring().encode("ascii"))
        for piece in pieces:
            # Joining or picking rows can turn numbers into the machine's own byte order.
            file.write(np.asarray(piece, rows).tobytes())
            written += len(piece)
        file.write(bytes(-(written * rows.itemsize) % FITS_BLOCK))
    if written != length:
        raise ValueError(f"{path.name}: {written} rows written, expected {length}")


def _table_header(name: str, columns: tuple[TableColumn, ...], cards: Cards, length: int) -> fits.Header:
    """Make the header of a table whose rows are not there yet."""
    empty = [fits.Column(c.name, c.form, unit=c.unit or None) for c in columns]
    header = fits.BinTableHDU.from_columns(empty, nrows=0, name=name).header
    for keyword, value, comment in cards:
        header[keyword] = (value, comment)
    header["NAXIS2"] = length
    return header
