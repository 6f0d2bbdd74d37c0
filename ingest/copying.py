"""Rows as PostgreSQL's COPY takes them, and the files that hold them until a table is filled."""

from __future__ import annotations

import datetime
import math
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ingest.errors import ConfigError, shown
from ingest.mapping import Row

# https://www.postgresql.org/docs/15/sql-copy.html, "Text Format"
NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_RADIANS = math.pi / 180.0
COPY_BUFFER = 1 << 20


# One value that PostgreSQL does not take would end the import of all files: it is refused here instead.


def _text(value: Any) -> str:
    text = str(value)
    if "\0" in text:
        raise ValueError("a NUL in a text")
    return text.translate(_ESCAPES)


def _whole(bits: int) -> Callable[[Any], str]:
    def write(value: Any) -> str:
        number = int(value)
        if not -(1 << bits - 1) <= number < 1 << bits - 1:
            raise ValueError(f"no integer of {bits} bits")
        return str(number)

    return write


def _single(value: Any) -> str:
    number = float(value)
    try:
        rounded = struct.unpack(">f", struct.pack(">f", number))[0]
    except OverflowError:
        raise ValueError("no number of single precision") from None
    return float.__repr__(number if rounded else 0.0)


def _double(value: Any) -> str:
    return float.__repr__(float(value))


def _boolean(value: Any) -> str:
    return "t" if value else "f"


def _moment(value: datetime.date) -> str:
    return value.isoformat()  # a date alone is midnight to a column with a time


def _polygon(value: Sequence[float]) -> str | None:
    """Write ``ra1, dec1, ra2, ...`` in degrees as pg_sphere has it, in radians."""
    if not len(value):
        return None
    if len(value) < 6 or len(value) % 2:
        raise ValueError(f"{len(value)} numbers for a polygon, expected an even number of at least 6")
    radians = [float(number) * _RADIANS for number in value]
    corners = zip(radians[::2], radians[1::2], strict=True)
    return "{" + ",".join(f"({ra!r},{dec!r})" for ra, dec in corners) + "}"


_WRITERS: Mapping[str, Callable[[Any], str | None]] = {
    "text": _text,
    "smallint": _whole(16),
    "integer": _whole(32),
    "bigint": _whole(64),
    "real": _single,
    "double precision": _double,
    "boolean": _boolean,
    "date": _moment,
    "timestamp": _moment,
    "spoly": _polygon,
}


@dataclass(frozen=True)
class Layout:
    """A table, as far as its rows are concerned.

    Attributes
    ----------
    name
        Its qualified name.
    columns
        Names and SQL types, in the order of the rows.
    constants
        Values that are the same in all rows.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    constants: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for column, kind in self.columns:
            if kind not in _WRITERS:
                raise ConfigError(f"{self.name}.{column}: cannot write columns of type {kind}")

    def line(self, row: Row) -> bytes:
        """Write one row.

        Raises
        ------
        KeyError
            It lacks a column.
        ValueError
            A value does not fit its column.
        """
        cells = []
        for column, kind in self.columns:
            value = self.constants[column] if column in self.constants else row[column]
            try:
                written = None if value is None else _WRITERS[kind](value)
            except (ValueError, TypeError, OverflowError) as error:
                raise ValueError(f"{column} = {shown(value)}: {error}") from error
            cells.append(NULL if written is None else written)
        return ("\t".join(cells) + "\n").encode()

    @property
    def statement(self) -> str:
        """The COPY that takes such lines."""
        names = ", ".join(name for name, _ in self.columns)
        return f"COPY {self.name} ({names}) FROM STDIN WITH (ENCODING 'UTF8')"

    def fill(self, file: IO[bytes], connection: Any) -> None:
        """Append the lines of a file to the table, in the connection's transaction."""
        with connection.cursor() as cursor:
            cursor.copy_expert(self.statement, file, COPY_BUFFER)


class Spool:
    """Lines for several tables, on disk; the files vanish with the process, however it ends.

    Parameters
    ----------
    roles
        A file is made for each.
    directory
        Where.
    """

    def __init__(self, roles: Iterable[str], directory: Path | None = None) -> None:
        self._files: dict[str, IO[bytes]] = {role: tempfile.TemporaryFile(dir=directory) for role in roles}  # noqa: SIM115

    def write(self, role: str, lines: bytes) -> None:
        """Append lines."""
        self._files[role].write(lines)

    def fill(self, role: str, layout: Layout, connection: Any) -> None:
        """Append all lines of a role to its table, in the connection's transaction."""
        file = self._files[role]
        file.seek(0)
        layout.fill(file, connection)

    def append(self, other: Spool) -> None:
        """Append all lines of another one."""
        for role, file in other._files.items():
            file.seek(0)
            shutil.copyfileobj(file, self._files[role], COPY_BUFFER)

    def close(self) -> None:
        """Give the room back."""
        for file in self._files.values():
            file.close()
