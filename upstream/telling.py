"""What clients are told of errors: whose fault it was, and nothing of what is inside.

Errors of DaCHS and of our own are about what the client sent, and their messages are for it. Those of the
database are cut down to the sentence that says what is wrong. Anything else that is raised is a defect, of
which clients get a number that stands in the log, too, unless it was raised where DaCHS reads parameters
without expecting the worst; those places are listed here.
"""

from __future__ import annotations

import errno
import re
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from gavo import base
from gavo.base import sqlsupport
from gavo.utils import excs
from psycopg2.pool import PoolError
from twisted.web.error import UnsupportedMethod

from serving import logs
from upstream.descriptors import UnreadableError

READERS = frozenset(
    {
        ("gavo/svcs/common.py", "_fillDbOptions"),  # a direction of sorting that there is not
        ("gavo/svcs/common.py", "_fillOutput"),  # a number that is no text
        ("gavo/web/common.py", "doQuery"),  # a parameter of a JSON query that is not there
        ("gavo/web/ifpages.py", "doQuery"),
        ("gavo/formal/form.py", "locateForm"),  # a form that there is not
        ("gavo/protocols/tap.py", "mangleUploads"),  # an upload that is no text
        ("gavo/protocols/dali.py", "mangleUploads"),
        ("gavo/svcs/inputdef.py", "computeCoreArgValue"),  # a value that is no text
    }
)
"""Modules and functions of DaCHS whose exceptions are about parameters, whatever their class is."""

RAISERS = frozenset({("gavo/web/syncrender.py", "render")})  # a request that is no text
"""Others, of which that holds for what they raise themselves, and not for what they call."""

ABOUT_VALUES: tuple[type[Exception], ...] = (ValueError, ArithmeticError)
"""What Python raises where a value has no meaning; of parameters, if there are any."""

BAD_VALUE = "A parameter has a value that this service cannot use."
DEFECT = "The service has failed; its operators find the reason in their log under the request's number."
AWAY = "The database does not answer; please come again in half a minute."
UNREADABLE = "What describes these data cannot be read for the moment; please come again in half a minute."
FULL = "The service has no room to work in; please come again later."
RETRY_AFTER = 30

GONE = ("08", "57P", "53")
"""Classes of SQLSTATE: no connection, the server ends, or has no resources."""

QUOTED = re.compile(r"\n?(LINE \d+:|CONTEXT:|HINT:|DETAIL:|QUERY:).*", re.DOTALL)
"""Where PostgreSQL begins to quote what it was asked."""

PATH = re.compile(r"(?<![\w:/.])/(?:[\w.+-]+/)+[\w.+-]*(?!\w*=)")
PLACES = ("/usr/", "/var/", "/etc/", "/proc/", "/home/", "/root/", "/opt/", "/srv/", "/tmp/", "/lib/")  # noqa: S108


@dataclass(frozen=True)
class Told:
    """What a client gets to know.

    Attributes
    ----------
    status
        HTTP status.
    message
        For people.
    hint
        How to do better, if DaCHS knows.
    defect
        Whether it is the service's own fault.
    """

    status: int
    message: str
    hint: str | None = None
    defect: bool = False


def clean(text: str) -> str:
    """Take the database's quotations and this machine's paths out of a message."""
    text = QUOTED.sub("", text)

    def shortened(match: re.Match[str]) -> str:
        path = match.group()
        inside = path.startswith((*PLACES, str(base.getConfig("rootDir")), str(base.getConfig("inputsDir"))))
        return path.rstrip("/").rpartition("/")[2] if inside else path

    return PATH.sub(shortened, text).strip()


def told_of(error: BaseException, *, parameters: bool = True, places: Sequence[tuple[str, str]] = ()) -> Told:
    """Decide what a client is told of an error.

    Parameters
    ----------
    error
        What was raised.
    parameters
        Whether the client sent any.
    places
        Files and functions that it went through, if its own traceback is gone: twisted takes it away.
    """
    hint = clean(str(hint)) if (hint := getattr(error, "hint", None)) else None
    status: int
    if database_away(error):
        hint = None  # it is for the operator
        status, message = HTTPStatus.SERVICE_UNAVAILABLE, AWAY
    elif any(isinstance(cause, UnreadableError) for cause in _causes(error)):
        hint = None
        status, message = HTTPStatus.SERVICE_UNAVAILABLE, UNREADABLE
    elif disk_full(error):
        status, message = HTTPStatus.SERVICE_UNAVAILABLE, FULL
    elif _state_of(error) is not None:
        status, message = HTTPStatus.BAD_REQUEST, _database_message(error)
    elif isinstance(error, UnsupportedMethod) or _has_no_method(error, places):
        status, message = HTTPStatus.METHOD_NOT_ALLOWED, "This resource cannot be asked in this way."
    elif isinstance(error, base.ExecutiveAction | excs.Error):
        usual = HTTPStatus.NOT_FOUND if isinstance(error, base.NotFoundError) else HTTPStatus.BAD_REQUEST
        status, message = int(getattr(error, "httpCode", usual)), clean(str(error))
    elif parameters and (isinstance(error, ABOUT_VALUES) or _from_reader(error, places)):
        status, message = HTTPStatus.BAD_REQUEST, BAD_VALUE
    else:
        return Told(HTTPStatus.INTERNAL_SERVER_ERROR, DEFECT, defect=True)
    return Told(status, message, hint)


def _state_of(error: BaseException) -> str | None:
    """Give the SQLSTATE of an error of the database; None for another one, and for misuse of its library."""
    if not isinstance(error, base.DBError):
        return None
    if state := getattr(error, "pgcode", None):
        return str(state)
    # The connection ended before the server could say anything.
    lost = (sqlsupport.OperationalError, sqlsupport.InterfaceError, PoolError)
    return "08000" if isinstance(error, lost) else None


def database_away(error: BaseException) -> bool:
    """Tell whether an error, or what it comes of, means that there is no database to ask."""
    return any((_state_of(cause) or "").startswith(GONE) for cause in _causes(error))


def disk_full(error: BaseException) -> bool:
    """Tell whether an error, or what it comes of, means that a disk is full."""
    return any(
        isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT) for cause in _causes(error)
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Give an error and what it comes of: DaCHS wraps failing connections, for example."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _database_message(error: Any) -> str:
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    return f"The database refused this: {clean(str(primary or error))}"


def _has_no_method(error: BaseException, places: Sequence[tuple[str, str]]) -> bool:
    """Tell whether a resource of DaCHS does not know GET, with which twisted answers HEAD."""
    through = [name for file, name in _through(error, places) if file.endswith("twisted/web/resource.py")]
    return isinstance(error, AttributeError) and "render_HEAD" in through


def _from_reader(error: BaseException, places: Sequence[tuple[str, str]]) -> bool:
    through = _through(error, places)
    return _is_among(through, READERS) or _is_among(through[-1:], RAISERS)


def _is_among(through: Iterable[tuple[str, str]], known: Iterable[tuple[str, str]]) -> bool:
    return any(file.endswith(module) and name == own for file, name in through for module, own in known)


def _through(error: BaseException, places: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Give the files and functions that an error went through, the innermost last."""
    own = [(frame.filename, frame.name) for frame in traceback.extract_tb(error.__traceback__)]
    return [*own, *places]


def note(error: BaseException, told: Told, failure: Any = None) -> None:
    """Write a defect into the log, with the places in the code that it went through.

    Parameters
    ----------
    error, told
        What was raised, and what a client is told of it.
    failure
        twisted's, which has the traceback then.
    """
    if told.defect:
        fields = {"through": logs.frames_of_failure(failure)} if failure is not None else {}
        logs.ours.error("a defect was answered", exc_info=error, extra=logs.about(**fields))
