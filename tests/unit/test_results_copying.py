from __future__ import annotations

import struct

import numpy as np
import pytest

from results import copying
from results.copying import Chunk, CopyFormatError


def row(*values):
    parts = [struct.pack("!h", len(values))]
    for value in values:
        parts.append(struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value)
    return b"".join(parts)


class Connection:
    """Sends rows as psycopg2 does: the header with the first one, the trailer alone."""

    def __init__(self, rows):
        self.rows = rows
        self.cancelled = False

    def cursor(self):
        return self

    def close(self):
        pass

    def cancel(self):
        self.cancelled = True

    def copy_expert(self, _query, file):
        header = struct.pack("!11sii", copying.SIGNATURE, 0, 0)
        messages = [*self.rows, b"\xff\xff"]
        messages[0] = header + messages[0]
        for message in messages:
            file.write(message)


def test_values_and_nulls():
    chunk = Chunk([row(struct.pack("!d", 0.5), b"ab", None), row(None, b"", struct.pack("!h", -3))], 3)
    np.testing.assert_array_equal(chunk.numbers(0, ">f8"), [0.5, 0.0])
    assert chunk.binary(1).to_pylist() == [b"ab", b""]
    assert chunk.binary(2).to_pylist() == [None, struct.pack("!h", -3)]
    assert chunk.nulls(2).tolist() == [True, False]


def test_wrong_number_of_columns():
    with pytest.raises(CopyFormatError):
        Chunk([row(b"a", b"b")], 1)


def test_wrong_width():
    with pytest.raises(CopyFormatError):
        Chunk([row(b"abc")], 1).numbers(0, ">f8")


def test_no_rows():
    assert copying.copy(Connection([]), "SELECT 1", 1, lambda chunk: None) == 0


def test_first_row_may_end_with_null():
    seen = []
    assert copying.copy(Connection([row(None)]), "SELECT 1", 1, lambda chunk: seen.append(chunk.rows)) == 1
    assert seen == [1]


def test_rows_come_in_chunks(monkeypatch):
    monkeypatch.setattr(copying, "CHUNK_BYTES", 30)
    seen = []
    rows = [row(b"0123456789")] * 7
    assert copying.copy(Connection(rows), "SELECT 1", 1, lambda chunk: seen.append(chunk.rows)) == 7
    assert seen == [2, 2, 2, 1]


def test_failure_ends_the_query(monkeypatch):
    monkeypatch.setattr(copying, "CHUNK_BYTES", 1)
    connection = Connection([row(b"a")] * 3)

    def fail(chunk):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        copying.copy(connection, "SELECT 1", 1, fail)
    assert connection.cancelled
