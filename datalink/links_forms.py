"""Texts with marks ``@@name@@`` in place of values."""

from __future__ import annotations

import re
from collections.abc import Mapping


class Form:
    """A text with marks, cut at them once so that it can be filled often.

    Parameters
    ----------
    text
        Names in its marks are of small letters and hyphens.

    Attributes
    ----------
    names
        Those of the marks in their order.
    """

    def __init__(self, text: str) -> None:
        parts = re.split("@@([a-z-]+)@@", text)
        self.names = parts[1::2]
        self._format = "%s".join(part.replace("%", "%%") for part in parts[::2])

    def filled(self, values: Mapping[str, str]) -> str:
        """Put values in; they are written as they are, marks in them, too.

        Raises
        ------
        KeyError
            A value is missing.
        """
        return self._format % tuple([values[name] for name in self.names])


def up_to(text: str, end: str) -> tuple[str, str]:
    """Split a text after the first occurrence of something.

    Raises
    ------
    ValueError
        It does not occur.
    """
    before, found, after = text.partition(end)
    if not found:
        raise ValueError(f"no {end} in a document of DaCHS")
    return before + found, after


def between(text: str, start: str, end: str) -> tuple[str, str, str]:
    """Split a text after one thing and before the next one.

    Returns
    -------
    tuple
        What comes up to and with ``start``, what is between them, and ``end`` with the rest.

    Raises
    ------
    ValueError
        One of them does not occur.
    """
    first, rest = up_to(text, start)
    inside, found, last = rest.partition(end)
    if not found:
        raise ValueError(f"no {end} in a document of DaCHS")
    return first, inside, found + last
