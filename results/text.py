"""Rows of VOTable's TABLEDATA serialisation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from gavo.votable import V, coding, enc_tabledata

from results import arrays
from results.columns import Column, Kind
from results.copying import Chunk
from results.source import Source

ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))
"""As DaCHS escapes; PostgreSQL's strings hold no NUL, which it would escape, too."""

_BEFORE, _BETWEEN, _BEHIND = "<TR><TD>", "</TD><TD>", "</TD></TR>"


def single_encoder(field: Any) -> Callable[[Any], str]:
    """Make DaCHS's encoder of one field's values alone."""
    encode = coding.buildEncoder(V.TABLE()[field], enc_tabledata)
    return lambda value: str(encode((value,))[len(_BEFORE) : -len(_BEHIND)])


class RowEncoder:
    """Turns chunks of rows into TR elements.

    Parameters
    ----------
    source
        The result.
    fields
        Its FIELD elements.
    """

    def __init__(self, source: Source, fields: Iterable[Any]) -> None:
        self.source = source
        self.encoders = [single_encoder(field) for field in fields]
        self._writers: dict[Kind, Callable[[Column, Chunk], pa.Array]] = {
            Kind.INTEGER: arrays.written_integers,
            Kind.FLOAT: _floats,
            Kind.BOOLEAN: lambda column, chunk: arrays.written_booleans(column, chunk, "1", "0"),
            **dict.fromkeys(arrays.TEXTUAL, _strings),
            Kind.POLYGON: lambda column, chunk: arrays.written_lists(arrays.lists(column, chunk), " "),
            Kind.OTHER: self._others,
        }

    def encode(self, chunk: Chunk) -> bytes:
        """Encode some rows."""
        written = [self._column(column, chunk) for column in self.source.columns]
        rows = pc.binary_join_element_wise(*written, _BETWEEN)
        return arrays.payload(pc.binary_join_element_wise(_BEFORE, rows, _BEHIND, ""))

    def _column(self, column: Column, chunk: Chunk) -> pa.Array:
        found = self._writers[column.kind](column, chunk)
        # For an integer without a null value, asking for it is DaCHS's error.
        return found.fill_null(self.encoders[column.index](None)) if found.null_count else found

    def _others(self, column: Column, chunk: Chunk) -> pa.Array:
        encode = self.encoders[column.index]
        return arrays.text_array(encode(value) for value in self.source.python(column, chunk))


def _floats(column: Column, chunk: Chunk) -> pa.Array:
    found, undefined = arrays.written_floats(column, chunk)
    return pc.if_else(pa.array(undefined), "NaN", found) if undefined.any() else found


def _strings(column: Column, chunk: Chunk) -> pa.Array:
    found = arrays.ascii_strings(column, chunk)
    held = arrays.payload(found)
    for character, entity in ESCAPES:
        if character.encode("ascii") in held:
            found = pc.replace_substring(found, character, entity)
    return found
