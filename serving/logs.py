"""Logs of all that is ours: one JSON object a line, in one form, without what is personal.

Each line has ``time`` (UTC, ISO 8601, milliseconds), ``level``, ``component``, ``request_id`` (empty outside
of requests), ``message``, and an object ``fields``. The proxy does the same (``instance/access_log.py``).

DaCHS puts queries, parameters and URIs into its messages, and exceptions repeat them. Unless the operator
wants them, a message is kept only if it is one of those that say nothing of a request; of warnings and errors
beside these the line says where in the code they come from, what kind of exception there was, and the frames
that it went through.

Only the standard library is used here, until DaCHS is there anyway.
"""

from __future__ import annotations

import datetime
import json
import logging
import logging.handlers
import os
import re
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

VARIABLE = "CHERENKOV_VO_LOG"
"""Environment variable with a JSON object: ``directory``, ``component``, and ``queries``, see `Choice`."""

SUFFIX = ".jsonl"

NUMBER = "cherenkov_vo_request_id"
"""Key of a request's number in twisted's context, which threads inherit."""

DACHS_LOGGERS = ("dcErrors", "dcInfos")
"""Names of the loggers that DaCHS's events end in (gavo/user/logui.py)."""

HARMLESS = re.compile(
    r"Preloading [\w/]+|Preloading published RDs finished\.|Broken RD preloaded: [\w/]+\."
    r"|Web server (up|running).*|Database [\w.]+ modified|Reloading .*|Loaded RD [\w/]+"
    r"|Starting factory <[\w. ]+ object at 0x[0-9a-f]+>|\w+ (\(TLS\) )?starting on [\w./'\"-]+"
    r"|Main loop terminated\."
    r"|Received SIG\w+, shutting down\.|Log opened\.|Cleaning up [\w /]+|reactor class: [\w.]+\."
    r"|Somewhere near [\w./-]+, \(\d+, \d+\): +Column \w+ may be null but has no explicit null value\."
    r"|Stopping factory <[\w. ]+ object at 0x[0-9a-f]+>|\(\w+ Port [\w./'\"-]+ Closed\)"
)
"""Messages without anything of a request, in full."""

FRAMES = 12
"""Frames of a traceback that are kept, from where it happened upwards."""

_PASSED_OVER = (
    "/gavo/base/events.py",
    "/gavo/user/logui.py",
    "/logging/__init__.py",
    "/logging/handlers.py",
    "/serving/logs.py",
)


def now() -> str:
    """Give the time as it stands in all lines."""
    moment = datetime.datetime.now(datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def line(
    level: str, component: str, message: str, request_id: str = "", fields: Mapping[str, Any] | None = None
) -> str:
    """Write one line."""
    content = {
        "time": now(),
        "level": level,
        "component": component,
        "request_id": request_id,
        "message": message,
        "fields": dict(fields or {}),
    }
    return json.dumps(content, ensure_ascii=False, default=str) + "\n"


def append(path: Path, text: str) -> None:
    """Add a line to a file that others may write to, too, or put aside."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        os.write(descriptor, text.encode("utf-8", "replace"))
    finally:
        os.close(descriptor)


def frames(trace: TracebackType | None) -> list[str]:
    """Name the frames of a traceback, the innermost first, without what they worked on."""
    found = [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]
    return found[::-1][:FRAMES]


def _short(filename: str) -> str:
    parts = Path(filename).parts
    return "/".join(parts[-2:])


def origin() -> str:
    """Name the place in the code from which a message comes."""
    frame: Any = sys._getframe(1)
    while frame is not None and (
        frame.f_code.co_filename.endswith(_PASSED_OVER) or frame.f_code.co_filename.startswith("<")
    ):
        frame = frame.f_back
    if frame is None:
        return "unknown"
    return f"{_short(frame.f_code.co_filename)}:{frame.f_lineno} {frame.f_code.co_name}"


def current_request() -> Any:
    """Give the request under way, as DaCHS finds it: a variable of that name up the stack; or None."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        found = frame.f_locals.get("request")
        if hasattr(found, "requestHeaders"):
            return found
        frame = frame.f_back
    return None


def number_here() -> str:
    """Give the number of the request for which this thread works; empty without one."""
    context = sys.modules.get("twisted.python.context")
    return str(context.get(NUMBER, "")) if context is not None else ""


def request_id(request: Any) -> str:
    """Give the number that the proxy gave a request; empty without one."""
    given = request.requestHeaders.getRawHeaders("x-request-id") if request is not None else None
    return str(given[0]) if given else ""


class Formatter(logging.Formatter):
    """Makes lines of log records.

    Parameters
    ----------
    component
        Who writes.
    queries
        Whether messages may hold what clients asked for.
    """

    def __init__(self, component: str, *, queries: bool) -> None:
        super().__init__()
        self.component, self.queries = component, queries

    def tells(self, record: logging.LogRecord) -> bool:
        """Say whether enough can be told of a record to be worth a line."""
        kept = self.queries or getattr(record, "ours", False) or record.levelno >= logging.WARNING
        return kept or HARMLESS.fullmatch(record.getMessage()) is not None

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as one line."""
        fields: dict[str, Any] = always | dict(getattr(record, "fields", {}))
        text = record.getMessage()
        number = getattr(record, "request_id", "") or number_here() or request_id(current_request())
        if getattr(record, "ours", False) or self.queries or HARMLESS.fullmatch(text):
            message = text
        else:
            message = "a message of DaCHS, which may be about what a client asked for"
            fields["origin"] = origin()
        ours_alone = getattr(record, "ours", False)
        kind, _, trace = record.exc_info or ((None, None, None) if ours_alone else sys.exc_info())
        if kind is not None:
            fields["exception"] = kind.__name__
            fields["frames"] = frames(trace)
        return line(record.levelname.lower(), self.component, message, number, fields).rstrip("\n")


class _Handler(logging.handlers.WatchedFileHandler):
    """Appends to a file; goes on in a new one when that has been put aside."""

    def __init__(self, path: Path, formatter: Formatter) -> None:
        super().__init__(path, encoding="utf-8", errors="replace")
        self.setFormatter(formatter)
        self.addFilter(formatter.tells)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Do without the line, on a full disk; the library prints it, with all that is in it."""


always: dict[str, Any] = {}
"""Fields of all lines of this process."""

ours = logging.getLogger("cherenkov_vo.serving")
"""For messages of our own; pass ``extra=about(...)``."""


def about(request: Any = None, **fields: Any) -> dict[str, Any]:
    """Give what belongs to a message of our own, which holds nothing personal."""
    return {"ours": True, "request_id": request_id(request), "fields": fields}


def variable(directory: Path, component: str, *, queries: bool) -> dict[str, str]:
    """Give the environment that has a process log."""
    choice = {"directory": str(directory), "component": component, "queries": queries}
    return {VARIABLE: json.dumps(choice)}


def install(environ: Mapping[str, str] = os.environ, component: str = "") -> bool:
    """Have DaCHS's events, and our own, in our log instead of DaCHS's; says whether that was asked for.

    Parameters
    ----------
    environ
        With `VARIABLE`, or without if nobody asks for it.
    component
        Who writes, if not whom `environ` names.
    """
    if VARIABLE not in environ:
        return False
    choice = json.loads(environ[VARIABLE])
    component = component or choice["component"]
    path = Path(choice["directory"]) / f"{component}{SUFFIX}"
    formatter = Formatter(component, queries=choice["queries"])
    for name in (*DACHS_LOGGERS, ours.name):
        logger = logging.getLogger(name)
        if any(isinstance(known, _Handler) for known in logger.handlers):
            continue
        for known in logger.handlers[:]:
            logger.removeHandler(known)
            known.close()
        logger.addHandler(_Handler(path, formatter))
        logger.propagate = False
        logger.setLevel(logging.INFO)
    return True


def install_in_server() -> None:
    """Have twisted's messages in our log, too, and no line for each request: the proxy writes those."""
    from gavo.web import root  # noqa: PLC0415 - DaCHS is imported when its settings are known
    from twisted.python import log  # noqa: PLC0415 - see above

    if not install():
        return
    _keep_from_printing()
    for known in log.theLogPublisher.observers:
        log.removeObserver(known)
    log.addObserver(_of_twisted)
    root.site.log = lambda request: None


def _keep_from_printing() -> None:
    """Have DaCHS print nothing: it would be what we log, with all that clients asked for."""
    from gavo import base  # noqa: PLC0415 - DaCHS is imported when its settings are known
    from gavo.user import plainui  # noqa: PLC0415 - see above

    for event, callbacks in base.ui.callbacks.items():
        for callback in callbacks[:]:
            if isinstance(getattr(callback, "__self__", None), plainui.StingyPlainUI):
                base.ui.unsubscribe(event, callback)


def _of_twisted(event: dict[str, Any]) -> None:
    from twisted.python import log  # noqa: PLC0415 - see above

    text = log.textFromEventDict(event) or ""
    failure = event.get("failure")
    kept = HARMLESS.fullmatch(text) is not None
    choice = json.loads(os.environ[VARIABLE])
    if not (kept or choice["queries"] or failure is not None or event.get("isError")):
        return
    fields: dict[str, Any] = {}
    if failure is not None:
        fields = {"exception": failure.type.__name__, "frames": frames_of_failure(failure)}
    ours.log(
        logging.ERROR if event.get("isError") else logging.INFO,
        "%s",
        text if kept or choice["queries"] else "a message of twisted, which may be about a request",
        extra={"ours": True, "fields": fields | {"system": str(event.get("system", "-")).split(",")[0]}},
    )


def frames_of_failure(failure: Any) -> list[str]:
    """Name the frames of twisted's record of an exception, the innermost first."""
    return [f"{_short(filename)}:{number} {name}" for name, filename, number, *_ in failure.frames][::-1][
        :FRAMES
    ]
