"""Identifiers out of what clients send: query parameters, lists, VOTables."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from astropy.io import votable

from ingest.errors import CherenkovVOError

MOST_IDENTIFIERS = 10_000
"""In one request: the plan of a bundle takes up to a millisecond and some 20 kB for each run."""

LONGEST_IDENTIFIER = 1000

MOST_BYTES = 16_000_000
"""Of a list or a VOTable that is sent in; some 5,000 rows with all columns have that."""

COLUMN = "obs_publisher_did"
"""The column of a VOTable that is read, in any case of its letters."""

# A length up to some number is as good as any; not all versions of astropy know the former.
_BOUNDED = re.compile(rb"(\barraysize\s*=\s*[\"'])[0-9]+\*")


class UnusableRequestError(CherenkovVOError):
    """A request cannot be understood, or asks for too much.

    Parameters
    ----------
    problem
        One sentence.
    too_large
        Whether it is its size.
    """

    def __init__(self, problem: str, *, too_large: bool = False) -> None:
        self.too_large = too_large
        super().__init__(problem)


def normalised(identifiers: Iterable[str]) -> tuple[str, ...]:
    """Give identifiers each once and in order: another order asks for the same.

    Raises
    ------
    UnusableRequestError
        There are none, or too many.
    """
    found = sorted({identifier.strip() for identifier in identifiers} - {""})
    if not found:
        raise UnusableRequestError(
            "ID is missing: give identifiers of data sets (obs_publisher_did, or obs_id)"
        )
    if len(found) > MOST_IDENTIFIERS:
        raise UnusableRequestError(
            f"{len(found)} identifiers, expected {MOST_IDENTIFIERS} at most", too_large=True
        )
    return tuple(found)


def of_text(content: bytes) -> list[str]:
    """Read a list with one identifier per line; blank lines and those that start with # do not count.

    Raises
    ------
    UnusableRequestError
        It is too large, or no text in UTF-8.
    """
    _check_size(content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnusableRequestError("The list of identifiers is no text in UTF-8") from error
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def of_votable(content: bytes) -> list[str]:
    """Read the column `COLUMN` of all tables of a VOTable, such as the result of a TAP query.

    Raises
    ------
    UnusableRequestError
        It is too large, no VOTable, has no such column, or refers to something outside of it.
    """
    _check_size(content)
    _check_closed(content)
    try:
        with warnings.catch_warnings():
            # The VOTable standard is broken in many ways that do no harm here.
            warnings.simplefilter("ignore")
            document = votable.parse(io.BytesIO(_BOUNDED.sub(rb"\1*", content)), verify="ignore")
            tables = [table.to_table(use_names_over_ids=True) for table in document.iter_tables()]
    except Exception as error:  # astropy's parser raises all kinds of exceptions on broken documents
        raise UnusableRequestError("The VOTable cannot be read") from error
    columns = [table[name] for table in tables for name in table.colnames if name.lower() == COLUMN]
    if not columns:
        raise UnusableRequestError(f"The VOTable has no column {COLUMN}")
    values = (value for column in columns for value in column if value is not np.ma.masked)
    return [text for text in map(_text, values) if text]


def is_votable(content: bytes) -> bool:
    """Tell whether something that was sent in is XML, and so no list: no identifier starts with ``<``."""
    return content[:100].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")


def _check_size(content: bytes) -> None:
    if len(content) > MOST_BYTES:
        raise UnusableRequestError(
            f"{len(content)} bytes were sent, expected {MOST_BYTES} at most", too_large=True
        )


def _check_closed(content: bytes) -> None:
    """Refuse documents that make a parser fetch or expand something.

    DTDs can do that, and so can data in a STREAM elsewhere, which astropy would open.
    """
    if b"\0" in content or re.search(rb"<!\s*(DOCTYPE|ENTITY)", content, re.IGNORECASE):
        raise UnusableRequestError("The VOTable has a DTD or is not in UTF-8, expected a plain one")
    if re.search(rb"<(?:[\w.-]+:)?STREAM\b[^>]*\bhref\b", content, re.IGNORECASE):
        raise UnusableRequestError("The VOTable has its data elsewhere, expected them in the document")
    declared = re.match(rb"\s*<\?xml[^>]*\bencoding\s*=\s*[\"']([^\"']+)", content)
    if declared and declared[1].lower() not in (b"utf-8", b"us-ascii", b"ascii", b"iso-8859-1"):
        raise UnusableRequestError("The VOTable is not in UTF-8")


def _text(value: Any) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.strip()
