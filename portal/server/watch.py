"""The outermost layer: names and times requests, and answers whatever nothing else answered."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.requests import Request

from portal.server import errors
from portal.server.metrics import METHODS
from portal.server.security import headers_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from portal.server.context import Context
    from portal.server.settings import Settings

log = logging.getLogger("portal.requests")


class Watch:
    """Gives each request a name, and each answer the headers of all.

    Parameters
    ----------
    app
        What comes behind.
    settings
        What the headers depend on.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.headers = headers_of(settings)
        self.root_path = settings.root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["root_path"] = self.root_path
        given = MutableHeaders(scope=scope).get("x-request-id", "")
        name = given if re.fullmatch(r"[A-Za-z0-9_-]{8,64}", given) else secrets.token_hex(16)
        scope.setdefault("state", {})["request_id"] = name
        status, began = 0, time.perf_counter()

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for key, value in self.headers.items():
                    headers.setdefault(key, value)
                headers["X-Request-ID"] = name
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        context: Context = scope["app"].state.context
        context.metrics.in_progress.inc()
        try:
            await self.app(scope, receive, sent)
        except Exception as error:
            if status:
                # Too late for words: the connection breaks, so that nobody takes the answer for whole.
                raise
            await self._answer(error, scope, receive, sent)
        finally:
            context.metrics.in_progress.dec()
            self._count(context, scope, status, time.perf_counter() - began)

    async def _answer(self, error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
        problem = errors.translated(error)
        if problem is None:
            log.exception("request %s failed", scope["state"]["request_id"])
            problem = errors.PortalError(
                "The explorer made a mistake. The operator finds it in the logs by the request's name.",
                code="mistake",
            )
        await errors.respond(Request(scope), problem)(scope, receive, send)

    @staticmethod
    def _count(context: Context, scope: Scope, status: int, seconds: float) -> None:
        route = scope.get("route")
        operation = getattr(route, "name", None) or "other"
        method = scope["method"] if scope["method"] in METHODS else "other"
        context.metrics.requests.labels(operation, method, str(status or "cut")).inc()
        context.metrics.latency.labels(operation).observe(seconds)
        # The route, not the path: links that share something are secrets.
        path = getattr(route, "path", "-")
        log.info("%s %s %s %s %.3f", scope["state"]["request_id"], method, path, status, seconds)
