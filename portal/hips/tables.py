"""VOTables that services answer, as rows."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from astropy.io import votable

Row = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """An answer.

    Attributes
    ----------
    rows
        Values by the columns' names in lower case; None for NULL.
    status, message
        What the service says of it (DALI 1.1, section 4.4).
    """

    rows: list[Row]
    status: str = ""
    message: str = ""


def read(file: BinaryIO) -> Answer:
    """Read a VOTable.

    Parameters
    ----------
    file
        It, from its beginning.

    Returns
    -------
    Answer
        Its results.

    Raises
    ------
    ValueError
        It is none.
    """
    with warnings.catch_warnings():
        # Many services write VOTables that are not quite right; what matters is looked at here.
        warnings.simplefilter("ignore")
        try:
            document = votable.parse(file, verify="ignore")
        except Exception as error:
            # Its parser lets many kinds of errors through.
            raise ValueError(f"no VOTable ({' '.join(str(error).split())[:200]})") from error
        infos = [(info.name, info.value, info.content) for part in document.resources for info in part.infos]
        told = [(value, text) for name, value, text in infos if name == "QUERY_STATUS"]
        status, message = told[0] if told else ("", "")
        tables = [table for part in document.resources if part.type == "results" for table in part.tables]
        rows = _rows(tables[0].array) if tables else []
    return Answer(rows, str(status or "").upper(), " ".join((message or "").split()))


def _rows(array: np.ma.MaskedArray[Any, Any]) -> list[Row]:
    names = array.dtype.names or ()
    return [{name.lower(): _value(one[name]) for name in names} for one in array]


def _value(value: Any) -> Any:
    if value is None or np.ma.is_masked(value):
        return None
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
