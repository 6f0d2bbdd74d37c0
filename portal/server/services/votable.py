"""VOTables that services answer: rows with NULLs, and what is told beside them."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from astropy.io import votable
from astropy.io.votable.tree import Resource, TableElement, VOTableFile

from portal.server.models.config import ColumnInfo
from portal.server.models.results import Cell
from portal.server.services import xml
from portal.server.services.errors import AnswerError

DATALINK = "ivo://ivoa.net/std/datalink"

_TRIES = 4
"""How often a document is read. Python before 3.11.5 fails at times where several threads parse expressions
at once, as NumPy does for the types of columns: "AST constructor recursion depth mismatch"."""


@dataclass(frozen=True)
class Descriptor:
    """A service descriptor of a result (DataLink 1.1, section 4)."""

    id: str
    name: str
    standard: str
    url: str
    parameter: str = "ID"
    column: str | None = None
    fixed: tuple[tuple[str, str], ...] = ()

    @property
    def is_datalink(self) -> bool:
        """Whether it describes a service of links."""
        return self.standard.lower().startswith(DATALINK)


@dataclass
class Answer:
    """A table that a service answered."""

    columns: list[ColumnInfo]
    arraysizes: list[str | None]
    xtypes: list[str | None]
    table: TableElement | None
    overflow: bool
    infos: dict[str, str]
    scales: dict[str, str]
    descriptors: list[Descriptor] = field(default_factory=list)
    document: VOTableFile | None = None

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return [column.name for column in self.columns]

    def __len__(self) -> int:
        return 0 if self.table is None else len(self.table.array)

    def cut(self, rows: int) -> None:
        """Drop all rows but the first ones.

        Parameters
        ----------
        rows
            How many stay.
        """
        if self.table is not None:
            self.table.array = self.table.array[:rows]

    def column(self, index: int) -> list[Cell]:
        """Give the values of a column.

        Parameters
        ----------
        index
            Its place.

        Returns
        -------
        list
            Plain values; None for NULL, NaN and empty strings.
        """
        if self.table is None:
            return []
        array = self.table.array
        return _plain(array[array.dtype.names[index]])

    def rows(self) -> list[list[Cell]]:
        """Give all rows.

        Returns
        -------
        list of lists
            Plain values, as in `column`.
        """
        return [list(row) for row in zip(*(self.column(i) for i in range(len(self.columns))), strict=True)]

    def records(self) -> Iterator[dict[str, Cell]]:
        """Go through the rows.

        Yields
        ------
        dict
            Values by the columns' names in lower case.
        """
        names = [name.lower() for name in self.names]
        for row in self.rows():
            yield dict(zip(names, row, strict=True))


def read(content: bytes) -> Answer:
    """Read a VOTable. This computes: call it in a thread.

    Parameters
    ----------
    content
        The document, in any serialisation.

    Returns
    -------
    Answer
        Its first table, and what is told beside it.

    Raises
    ------
    AnswerError
        If it cannot be read.
    """
    if b"<!ENTITY" in content[:10_000]:
        raise AnswerError("The service sent a VOTable with entities of its own, which are not read.")
    try:
        document = _parsed(content)
    except Exception as error:  # astropy's reader raises whatever a broken document makes of it
        raise AnswerError(f"The service's answer is no VOTable that can be read: {_brief(error)}") from error
    return _answer(document)


def _parsed(content: bytes, tries: int = _TRIES) -> VOTableFile:
    try:
        return votable.parse(io.BytesIO(content), verify="ignore", invalid="mask")
    except SystemError:
        if tries == 1:
            raise
        return _parsed(content, tries - 1)


def complaint(content: bytes) -> str | None:
    """Give what an error document says.

    Parameters
    ----------
    content
        Any answer.

    Returns
    -------
    str or None
        The text of QUERY_STATUS; None if it is no error document.
    """
    try:
        root = xml.read(content)
    except AnswerError:
        return None
    for info in root.iter("INFO"):
        if info.get("name") == "QUERY_STATUS" and (info.get("value") or "").upper() == "ERROR":
            return xml.text(info) or "The service gives no reason."
    return None


def _answer(document: VOTableFile) -> Answer:
    resources = list(_resources(document.resources))
    infos: dict[str, str] = {}
    statuses = []
    for holder in (document, *resources):
        for info in holder.infos:
            if info.name.upper() == "QUERY_STATUS":
                statuses.append(str(info.value).upper())
            infos.setdefault(info.name, str(info.value))
    if "ERROR" in statuses:
        raise AnswerError("The service's answer broke off with an error after its first rows.")
    table = next((t for r in resources if r.type == "results" for t in r.tables), None)
    if table is None:
        table = next((t for r in resources for t in r.tables), None)
    systems = {s.ID: s.timescale for h in (document, *resources) for s in h.time_systems}
    fields = [] if table is None else table.fields
    return Answer(
        columns=[_info(f) for f in fields],
        arraysizes=[f.arraysize for f in fields],
        xtypes=[f.xtype for f in fields],
        table=table,
        overflow="OVERFLOW" in statuses,
        infos=infos,
        scales={f.name.lower(): systems[f.ref].upper() for f in fields if f.ref in systems},
        descriptors=[d for r in resources if (d := _descriptor(r, fields)) is not None],
        document=document,
    )


def _resources(resources: list[Resource]) -> Iterator[Resource]:
    for resource in resources:
        yield resource
        yield from _resources(resource.resources)


def _info(column: Any) -> ColumnInfo:
    return ColumnInfo(
        name=column.name,
        datatype=column.datatype,
        unit=None if column.unit is None else unit_text(column.unit),
        ucd=column.ucd or None,
        utype=column.utype or None,
        description=" ".join(str(column.description).split()) if column.description else None,
        principal=True,
    )


def unit_text(unit: Any) -> str | None:
    """Write a unit as VOUnit has it.

    Parameters
    ----------
    unit
        astropy's unit, recognised or not.

    Returns
    -------
    str or None
        None for none.
    """
    try:
        return str(unit.to_string("vounit")) or None
    except (ValueError, AttributeError):
        return str(unit) or None


def _descriptor(resource: Resource, fields: list[Any]) -> Descriptor | None:
    if (resource.utype or "").lower() != "adhoc:service":
        return None
    params = {p.name.lower(): str(p.value) for p in resource.params}
    url = params.get("accessurl")
    if not url:
        return None
    names = {f.ID: f.name for f in fields}
    parameter, column, fixed = "ID", None, []
    for group in resource.groups:
        if (group.name or "").lower() != "inputparams":
            continue
        for entry in group.entries:
            ref, name = getattr(entry, "ref", None), getattr(entry, "name", None)
            if name and ref in names:
                parameter, column = name, names[ref]
            elif name and (value := _fixed(getattr(entry, "value", None))):
                fixed.append((str(name), value))
    words = " ".join(str(resource.description or resource.name or resource.ID or "").split())
    standard = params.get("standardid", "")
    return Descriptor(resource.ID or "", words, standard, url, parameter, column, tuple(fixed))


def _fixed(value: Any) -> str:
    """Give a parameter's value as text; empty if people have to give it."""
    if value is None or np.ndim(value) > 0 or np.ma.is_masked(value):
        return ""
    return str(value)


def _plain(values: Any) -> list[Cell]:
    if values.ndim > 1 or values.dtype == object:
        masks = np.ma.getmaskarray(values)
        return [
            None if np.all(mask) else _object(value)
            for value, mask in zip(np.ma.getdata(values), masks, strict=True)
        ]
    data = np.ma.getdata(values)
    if data.dtype == np.float32:
        # The shortest decimal number that is this one, not its binary neighbour.
        data = data.astype(str).astype(float)
    missing = np.ma.getmaskarray(values).copy()
    if data.dtype.kind == "f":
        missing |= ~np.isfinite(data)
    if data.dtype.kind in "SU":
        missing |= data == data.dtype.type()
    plain = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in data.tolist()]
    for index in np.flatnonzero(missing):
        plain[index] = None
    return plain


def _object(value: Any) -> Cell:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value or None
    items = np.ma.ravel(value)
    cells = [_item(item) for item in items.tolist()]
    return cells or None


def _item(value: Any) -> float | int | str | None:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (int, str)) else str(value)


def _brief(error: Exception) -> str:
    words = " ".join(str(error).split())
    return words[:200] or type(error).__name__
