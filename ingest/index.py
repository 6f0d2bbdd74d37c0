"""GADF index tables: which HDUs belong to an observation, and what is known of it without its files."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest import storage
from ingest.errors import GADFError, KeywordError, UnreadableFileError
from ingest.fits_files import convert, guarded, has, is_table, opened, quiet, unit_of
from ingest.hdus import header_of
from ingest.records import RESPONSES, Deviation

_STRUCTURE = (
    "XTENSION",
    "SIMPLE",
    "BITPIX",
    "PCOUNT",
    "GCOUNT",
    "EXTEND",
    "THEAP",
    "EXTNAME",
    "EXTVER",
    "EXTLEVEL",
)
_STRUCTURE_PREFIXES = (
    "NAXIS",
    "TFIELDS",
    "TTYPE",
    "TFORM",
    "TUNIT",
    "TDIM",
    "TNULL",
    "TSCAL",
    "TZERO",
    "TDISP",
)
_OF_THE_TABLE = (
    "HDUCLASS",
    "HDUDOC",
    "HDUVERS",
    "HDUCLAS1",
    "HDUCLAS2",
    "DATE",
    "CREATOR",
    "CHECKSUM",
    "DATASUM",
)
_BLOCK_ROWS, _MOST_BLOCKS = 1024, 512  # some MB of cells
_KINDS = ("events", "gti", *RESPONSES)
# What the columns of an observation index have as units in GADF.
_UNITS = (
    dict.fromkeys(
        ("RA_PNT", "DEC_PNT", "RA_OBJ", "DEC_OBJ", "ALT_PNT", "AZ_PNT", "ZEN_PNT", "GEOLON", "GEOLAT"), "deg"
    )
    | dict.fromkeys(("ONTIME", "LIVETIME"), "s")
    | dict.fromkeys(("SAFE_ENERGY_LO", "SAFE_ENERGY_HI"), "TeV")
    | {"ALTITUDE": "m"}
)


@dataclass(frozen=True)
class IndexedHDU:
    """One row of an HDU index: kind, file, and the name of the HDU ('' if it is not said)."""

    kind: str
    path: Path
    hdu_name: str


@dataclass(frozen=True)
class Source:
    """What one observation is read from; nothing of it is open.

    Attributes
    ----------
    name
        File name, or OBS_ID, for messages.
    paths
        The files it needs, that with its events first; the observation index if there are no others.
    index_path
        The index it comes from, None for a self-contained file.
    hdus
        Its rows of the HDU index.
    row
        Its row of the observation index, filled up from that table's header; missing values left out.
    problem
        Why it cannot be read, None if nothing is known yet.
    notes
        What is odd about its rows.
    """

    name: str
    paths: tuple[Path, ...]
    index_path: Path | None = None
    hdus: tuple[IndexedHDU, ...] = field(default=(), repr=False)
    row: Mapping[str, Any] = field(default_factory=dict, repr=False)
    problem: GADFError | None = field(default=None, repr=False)
    notes: tuple[Deviation, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class _Table:
    """An index table: columns by name (upper case), rows in the order of their OBS_ID.

    Cells are taken from the columns block by block, because one by one takes far longer.
    """

    path: Path
    header: Mapping[str, Any]
    columns: Mapping[str, NDArray[Any]]
    nulls: Mapping[str, int]
    factors: Mapping[str, float]
    ids: NDArray[Any]
    defaults: Mapping[str, Any]
    _blocks: dict[tuple[str, int], list[Any]] = field(default_factory=dict, repr=False)

    def rows(self, wanted: Any) -> range:
        """Give the numbers of the rows of one OBS_ID."""
        first, last = (int(np.searchsorted(self.ids, wanted, side)) for side in ("left", "right"))
        return range(first, last)

    def cell(self, row: int, name: str) -> Any:
        """Give a value as text or number; None if it is missing, blank, NULL, NaN, or no scalar."""
        block, at = divmod(row, _BLOCK_ROWS)
        found = self._blocks.get((name, block))
        if found is None:
            if len(self._blocks) >= _MOST_BLOCKS:
                self._blocks.clear()
            found = self._blocks[name, block] = self._values(name, block * _BLOCK_ROWS)
        return found[at]

    def _values(self, name: str, start: int) -> list[Any]:
        column = self.columns.get(name)
        if column is None or column.ndim != 1:
            return [None] * _BLOCK_ROWS
        null, factor = self.nulls.get(name), self.factors.get(name, 1.0)
        return [_value(value, null, factor) for value in column[start : start + _BLOCK_ROWS].tolist()]


def _value(value: Any, null: int | None, factor: float) -> Any:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value.strip(" \0\t\n") or None
    if isinstance(value, np.ndarray):  # of variable length
        value = value.item()
    if (null is not None and value == null) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value * factor if factor != 1.0 else value


def indexed_sources(directory: Path, index: str) -> Iterator[Source]:
    """Give one source per OBS_ID of the index tables, in the order of OBS_ID.

    Parameters
    ----------
    directory
        The release; no file outside of it is read.
    index
        The directory below it that holds ``hdu-index.fits`` and ``obs-index.fits``, gzipped or not.

    Raises
    ------
    GADFError
        Neither index is there, or one is damaged or has no OBS_ID.
    """
    place = Path(os.path.normpath(directory / index))
    with quiet(), guarded(place):
        hdu_table, obs_table = (_load(place, name) for name in ("hdu-index", "obs-index"))
        if hdu_table is None and obs_table is None:
            raise UnreadableFileError(place, "no hdu-index.fits or obs-index.fits in this directory")
        hdu_ids, obs_ids = _alike(hdu_table, obs_table)
        hdu_table = None if hdu_table is None else _with_ids(hdu_table, hdu_ids)
        obs_table = None if obs_table is None else _with_ids(obs_table, obs_ids)
        everything = [np.unique(ids) for ids in (hdu_ids, obs_ids) if ids is not None]
        united = everything[0] if len(everything) == 1 else np.union1d(*everything)
    for wanted in united:
        yield _source(directory, place, wanted, hdu_table, obs_table)


def _load(place: Path, name: str) -> _Table | None:
    found = [place / f"{name}{ending}" for ending in (".fits.gz", ".fits")]
    path = next((path for path in found if storage.exists(path)), None)
    if path is None:
        return None
    with opened(path) as hdus:
        table_hdu = next((hdu for hdu in hdus if is_table(hdu) and has(hdu, "OBS_ID")), None)
        if table_hdu is None:
            raise KeywordError(path, "no table with this column", keyword="OBS_ID")
        header = header_of(table_hdu, path, [])
        names = [str(column.name).strip().upper() for column in table_hdu.columns]
        described = {name: table_hdu.columns[names.index(name)] for name in names}
        columns = {name: np.asarray(table_hdu.data.field(names.index(name))) for name in names}
        nulls = {
            name: int(column.null * (column.bscale or 1) + (column.bzero or 0))
            for name, column in described.items()
            if isinstance(column.null, int)
        }
        factors = {
            name: factor
            for name in columns
            if (factor := _factor(name, unit_of(table_hdu, name), header)) != 1
        }
    return _Table(path, header, columns, nulls, factors, np.empty(0), _defaults(header))


def _factor(name: str, unit: str | None, header: Mapping[str, Any]) -> float:
    """Give what a column is multiplied with to be in GADF's unit."""
    wanted = _UNITS.get(name)
    if name in ("TSTART", "TSTOP"):
        wanted = "d" if str(header.get("TIMEUNIT", "s")).strip().lower().startswith("d") else "s"
    if wanted is None or unit is None:
        return 1.0
    converted = convert(np.ones(1), unit, wanted)
    return 1.0 if converted is None else float(converted[0])


def _ids(column: NDArray[Any]) -> NDArray[Any]:
    """Give OBS_ID as whole numbers if they all are, as text else."""
    if column.dtype.kind in "iu":
        return column.astype(np.int64)
    if column.dtype.kind == "f":
        column = np.array([str(int(value)) if float(value).is_integer() else "" for value in column])
    if column.dtype.kind == "S":
        column = np.char.decode(column, "utf-8", "replace")
    text = np.char.strip(column.astype(str))
    if text.size and np.all(np.char.isdecimal(text)) and int(np.char.str_len(text).max()) < 19:
        numbers = text.astype(np.int64)
        # 007 is another name than 7.
        if np.array_equal(numbers.astype(str), text):
            return np.asarray(numbers)
    return np.asarray(text)


def _alike(*tables: _Table | None) -> list[NDArray[Any] | None]:
    """Give the OBS_IDs of both tables as the same type."""
    found = [None if table is None else _ids(table.columns["OBS_ID"]) for table in tables]
    if len({ids.dtype.kind for ids in found if ids is not None}) > 1:
        return [None if ids is None else ids.astype(str) for ids in found]
    return found


def _with_ids(table: _Table, ids: NDArray[Any] | None) -> _Table:
    assert ids is not None
    order = np.argsort(ids, kind="stable")
    columns = {name: column[order] for name, column in table.columns.items()}
    return replace(table, ids=ids[order], columns=columns, _blocks={})


def _source(
    directory: Path, place: Path, wanted: Any, hdu_table: _Table | None, obs_table: _Table | None
) -> Source:
    name = str(wanted)
    notes: list[Deviation] = []
    row: dict[str, Any] = {}
    index_path = place / "obs-index.fits" if hdu_table is None else hdu_table.path
    if obs_table is not None:
        index_path = obs_table.path
        row = dict(obs_table.defaults)
        rows = obs_table.rows(wanted)
        if len(rows):
            row |= _cells(obs_table, rows[0])
        if len(rows) != 1:
            found = f"{len(rows)} rows of OBS_ID {name}"
            notes.append(
                Deviation(obs_table.path, None, None, found, "the first used" if len(rows) else "none used")
            )
    row["OBS_ID"] = name
    hdus: list[IndexedHDU] = []
    problem = None
    try:
        with guarded(index_path):
            hdus += [] if hdu_table is None else _indexed_hdus(directory, place, hdu_table, wanted)
    except GADFError as error:
        problem = error
    ordered = [hdu.path for hdu in hdus if hdu.kind == "events"] + [hdu.path for hdu in hdus]
    paths = tuple(dict.fromkeys(ordered)) or (index_path,)
    return Source(name, paths, index_path, tuple(hdus), row, problem, tuple(notes))


def _defaults(header: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value
        for key, value in header.items()
        if key not in _STRUCTURE and key not in _OF_THE_TABLE and not key.startswith(_STRUCTURE_PREFIXES)
    }


def _cells(table: _Table, row: int) -> dict[str, Any]:
    found = {name: table.cell(row, name) for name in table.columns}
    return {name: value for name, value in found.items() if value is not None}


def _indexed_hdus(directory: Path, place: Path, table: _Table, wanted: Any) -> list[IndexedHDU]:
    """Give the rows of one observation.

    Raises
    ------
    GADFError
        A row has no file name, or names a file outside of the release.
    """
    found = []
    for row in table.rows(wanted):
        kind = _kind(table.cell(row, "HDU_TYPE"), table.cell(row, "HDU_CLASS"))
        if kind is None:
            continue
        file_name = table.cell(row, "FILE_NAME")
        if not isinstance(file_name, str):
            raise KeywordError(
                table.path, f"missing for OBS_ID {wanted}, HDU_TYPE {kind}", keyword="FILE_NAME"
            )
        said = Path(str(table.cell(row, "FILE_DIR") or ""), file_name)
        path = _resolve(directory, place, table.header.get("BASE_DIR"), said)
        if path is None:
            problem = f"{str(said)!r} of OBS_ID {wanted} is outside of the release"
            raise KeywordError(table.path, problem, keyword="FILE_DIR")
        found.append(IndexedHDU(kind, path, str(table.cell(row, "HDU_NAME") or "")))
    return found


def _resolve(directory: Path, place: Path, base: Any, said: Path) -> Path | None:
    """Give the path of a file of the release, None if it would be outside; links are not followed."""
    if isinstance(base, str) and base.strip():
        # Often the place on another machine; GADF: below BASE_DIR the place of the index is irrelevant.
        path = _inside(directory, place / base.strip() / said)
        if path is not None and storage.exists(path):
            return path
    return _inside(directory, place / said)


@functools.lru_cache(maxsize=4096)
def _inside(directory: Path, path: Path) -> Path | None:
    # Path.resolve follows links.
    root, text = f"{os.path.abspath(directory)}/", os.path.abspath(path)  # noqa: PTH100
    if not text.startswith(root):
        return None
    return Path(os.path.normpath(directory), text[len(root) :])


@functools.lru_cache(maxsize=256)
def _kind(hdu_type: Any, hdu_class: Any) -> str | None:
    for said in (str(hdu_type or ""), str(hdu_class or "")):
        kind = said.strip().lower()
        found = next((known for known in _KINDS if kind == known or kind.startswith(f"{known}_")), None)
        if found is not None:
            return found
    return None
