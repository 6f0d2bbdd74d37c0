"""Which part of a long answer a request is for, if any: Range and conditions after RFC 9110."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime

OK, PARTIAL, NOT_MODIFIED, UNSATISFIABLE = 200, 206, 304, 416


@dataclass(frozen=True)
class Conditions:
    """The headers of a request that matter here; None for those that are not there."""

    range: str | None = None
    if_range: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None


@dataclass(frozen=True)
class Answer:
    """How to answer.

    Attributes
    ----------
    status
        HTTP status.
    start, stop
        The bytes to send: the first one, and the one after the last.
    headers
        Further headers.
    """

    status: int
    start: int
    stop: int
    headers: tuple[tuple[str, str], ...]


def answer(conditions: Conditions, size: int, etag: str, modified: float) -> Answer:
    """Decide how to answer a GET or HEAD.

    Parameters
    ----------
    conditions
        What the client wants.
    size
        Of the whole, in bytes.
    etag
        Its strong validator, without quotes.
    modified
        When it changed last, seconds since 1970.
    """
    tag, date = f'"{etag}"', formatdate(int(modified), usegmt=True)
    always = (("ETag", tag), ("Last-Modified", date), ("Accept-Ranges", "bytes"))
    if _not_modified(conditions, tag, modified):
        return Answer(NOT_MODIFIED, 0, 0, always)
    wanted = None
    if conditions.range is not None and conditions.if_range in (None, tag, date):
        wanted = _range(conditions.range, size)
    if wanted is None:
        return Answer(OK, 0, size, (*always, ("Content-Length", str(size))))
    start, stop = wanted
    if start >= stop:
        return Answer(UNSATISFIABLE, 0, 0, (*always, ("Content-Range", f"bytes */{size}")))
    part = (("Content-Range", f"bytes {start}-{stop - 1}/{size}"), ("Content-Length", str(stop - start)))
    return Answer(PARTIAL, start, stop, (*always, *part))


def _not_modified(conditions: Conditions, tag: str, modified: float) -> bool:
    if conditions.if_none_match is not None:
        tags = [found.strip().removeprefix("W/") for found in conditions.if_none_match.split(",")]
        return tag in tags or tags == ["*"]
    if conditions.if_modified_since is not None:
        try:
            return int(modified) <= parsedate_to_datetime(conditions.if_modified_since).timestamp()
        except (ValueError, OverflowError):
            return False
    return False


def _range(text: str, size: int) -> tuple[int, int] | None:
    """Give the bytes of a single range, none of them if it lies outside; None to send everything."""
    match = re.fullmatch(r"\s*bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*", text, re.IGNORECASE)
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return max(size - int(last), 0), size
    if last and int(last) < int(first):
        return None
    stop = min(int(last) + 1, size) if last else size
    return int(first), stop
