"""What can go wrong, as problems in words for people."""

from __future__ import annotations

import html
import logging
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import asyncpg
import redis.exceptions
import sqlalchemy.exc
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from portal.server.models.base import Problem
from portal.server.paths import below_root, safe_next

log = logging.getLogger("portal")

_LOGIN = ("/auth/login", "/auth/callback")
"""Requests of browsers that are on their way to the provider or back."""


class PortalError(Exception):
    """Something that people are told.

    Parameters
    ----------
    message
        What happened and what to do, in one or two sentences.
    code
        A stable word for programs; None for the class's own.
    status
        The answer's status; None for the class's own.
    detail
        Figures that belong to it.
    retry_after
        Seconds after which to try again.
    """

    code = "error"
    status = 500

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        detail: dict[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.status = status or type(self).status
        self.detail = detail
        self.retry_after = retry_after
        self.back: str | None = None
        """Path of the page that people were on, if the browser has left it."""


class BadRequestError(PortalError):
    """The request makes no sense."""

    code = "bad_request"
    status = 400


class LoginNeededError(PortalError):
    """Nobody is logged in."""

    code = "login_needed"
    status = 401


class ForbiddenError(PortalError):
    """The request is refused, whoever asks."""

    code = "forbidden"
    status = 403


class NotFoundError(PortalError):
    """There is no such thing, or it is someone else's."""

    code = "not_found"
    status = 404


class ConflictError(PortalError):
    """What there is does not allow it."""

    code = "conflict"
    status = 409


class TooManyError(PortalError):
    """Too many requests in too short a time."""

    code = "too_many_requests"
    status = 429


class UpstreamError(PortalError):
    """A service that was asked gave nothing that could be used."""

    code = "service_failed"
    status = 502


class DownError(PortalError):
    """A part that is needed does not answer."""

    code = "down"
    status = 503


class DatabaseDownError(DownError):
    """The database of accounts does not answer."""

    code = "database_down"

    def __init__(self) -> None:
        super().__init__(
            "The database of accounts does not answer. Nothing is lost; try again in a moment.", retry_after=5
        )


class SessionsDownError(DownError):
    """Redis does not answer."""

    code = "sessions_down"

    def __init__(self) -> None:
        super().__init__(
            "The store of sessions does not answer. Nothing is lost; try again in a moment.", retry_after=5
        )


def translated(error: Exception) -> PortalError | None:
    """Give the problem that an error of a library stands for.

    Parameters
    ----------
    error
        What was raised.

    Returns
    -------
    PortalError | None
        None if it is a mistake of ours.
    """
    if isinstance(error, PortalError):
        return error
    if isinstance(error, HTTPException):
        return _of_http(error)
    if isinstance(error, redis.exceptions.RedisError):
        # While it loads, or has no memory, Redis answers with errors.
        is_busy = isinstance(error, redis.exceptions.ResponseError) and str(error).startswith(
            ("LOADING", "OOM")
        )
        is_down = isinstance(error, (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError))
        return SessionsDownError() if is_busy or is_down else None
    if isinstance(error, sqlalchemy.exc.DBAPIError) and _is_data(error):
        return BadRequestError("A text that was sent holds a zero byte, or a number is too large.")
    is_down = isinstance(
        error, (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError, sqlalchemy.exc.TimeoutError)
    ) or (isinstance(error, sqlalchemy.exc.DBAPIError) and error.connection_invalidated)
    return DatabaseDownError() if is_down else None


def _is_data(error: sqlalchemy.exc.DBAPIError) -> bool:
    cause = error.orig.__cause__ if error.orig is not None else None
    return isinstance(cause, asyncpg.DataError)


@dataclass(frozen=True)
class Ways:
    """Where people can go who are shown a problem in place of a page.

    Parameters
    ----------
    back
        Path of the page that they come from, or of the first one.
    again
        Path with which what failed is tried again; None if it would fail again.
    """

    back: str
    again: str | None


def answer(error: PortalError, request_id: str | None, ways: Ways | None = None) -> Response:
    """Make the answer that tells a problem.

    Parameters
    ----------
    error
        The problem.
    request_id
        What the logs call the request.
    ways
        Where to go from a page of its own, if a browser shows the answer itself; None for programs.

    Returns
    -------
    Response
        JSON, or a small page.
    """
    headers = {"Cache-Control": "no-store"}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after + 0.5)))
    problem = Problem(code=error.code, message=error.message, detail=error.detail, request_id=request_id)
    if ways is None:
        return JSONResponse(problem.model_dump(mode="json"), error.status, headers)
    text = html.escape(error.message)
    links = {"Try again": ways.again, "Back to the explorer": ways.back}
    listed = "".join(
        f'<p><a href="{html.escape(path)}">{name}</a></p>' for name, path in links.items() if path is not None
    )
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>That did not work</title>'
        '<meta name="viewport" content="width=device-width"></head>'
        f"<body><main><h1>That did not work</h1><p>{text}</p>{listed}"
        f"<p><small>Request {html.escape(request_id or '-')}</small></p></main></body></html>"
    )
    return HTMLResponse(page, error.status, headers)


def respond(request: Request, error: PortalError) -> Response:
    """Make the answer to a request that went wrong.

    Parameters
    ----------
    request
        The request.
    error
        The problem.

    Returns
    -------
    Response
        A page where a browser is on its way through the login or a download, JSON elsewhere.
    """
    path = below_root(request.scope)
    navigated = request.headers.get("sec-fetch-mode") == "navigate" or path in _LOGIN
    wants_page = navigated and "text/html" in request.headers.get("accept", "")
    ways = _ways(request, error, path) if wants_page else None
    return answer(error, getattr(request.state, "request_id", None), ways)


def _ways(request: Request, error: PortalError, path: str) -> Ways:
    root = request.scope.get("root_path", "")
    if path in _LOGIN:
        back = error.back
        if back is None:
            settings = request.app.state.context.settings
            back = safe_next(settings, request.query_params.get("next", "/"))
        again = f"{root}/auth/login?{urlencode({'next': back})}"
        return Ways(back, None if error.status == NotFoundError.status else again)
    may_work = request.method == "GET" and (error.status >= 500 or error.status == TooManyError.status)
    again = f"{root}{path}" + (f"?{request.url.query}" if request.url.query else "")
    return Ways(f"{root}/", again if may_work else None)


async def _told(request: Request, error: Exception) -> Response:
    problem = translated(error)
    if problem is None:
        raise error
    if problem.status >= 500:
        log.warning("%s: %s", problem.code, problem.message, exc_info=error.__cause__)
    return respond(request, problem)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # What was sent is not repeated: it may be long, or secret.
    faults = [
        {"where": [str(part) for part in fault["loc"]], "what": str(fault["msg"])}
        for fault in error.errors()[:20]
    ]
    first = faults[0]
    where = ".".join(first["where"][1:]) or first["where"][0]
    problem = PortalError(
        f"The request is not as it has to be: {where}: {first['what']}.",
        code="invalid",
        status=422,
        detail={"faults": faults},
    )
    return respond(request, problem)


def _of_http(error: HTTPException) -> PortalError:
    codes = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
    messages = {404: "There is nothing at this address.", 405: "This address does not take such a request."}
    return PortalError(
        messages.get(error.status_code, f"{error.detail}."),
        code=codes.get(error.status_code, "refused"),
        status=error.status_code,
    )


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    made = respond(request, _of_http(error))
    made.headers.update({k: v for k, v in (error.headers or {}).items() if k.lower() == "allow"})
    return made


def install(app: FastAPI) -> None:
    """Let an application tell its errors as problems.

    Parameters
    ----------
    app
        The application.
    """
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(PortalError, _told)
    app.add_exception_handler(redis.exceptions.RedisError, _told)
    app.add_exception_handler(sqlalchemy.exc.SQLAlchemyError, _told)
