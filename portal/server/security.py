"""What every request has to pass, and what every answer carries."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse

from portal.server import bodies
from portal.server.errors import ForbiddenError, TooManyError
from portal.server.limits import kind_of
from portal.server.paths import below_root, client_of
from portal.server.sessions import COOKIE, Session

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from portal.server.context import Context
    from portal.server.settings import Settings

SAFE = {"GET", "HEAD", "OPTIONS"}
# Probes come by whatever name the machine has.
_FOR_OPERATORS = {"/health", "/ready"}
_HUB = ("http://localhost:21012", "http://127.0.0.1:21012")


def headers_of(settings: Settings) -> dict[str, str]:
    """Make the headers of all answers.

    Parameters
    ----------
    settings
        Which other hosts pages may talk to.

    Returns
    -------
    dict[str, str]
        Names and values.
    """
    surveys = settings.survey_hosts if settings.remote_surveys else []
    hub = _HUB if settings.samp else ()
    policy = {
        "default-src": ["'none'"],
        "script-src": ["'self'", "'wasm-unsafe-eval'"],
        # Plotly and Aladin set styles of elements.
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:", "blob:", *surveys],
        "font-src": ["'self'", "data:"],
        "connect-src": ["'self'", *surveys, *hub],
        "worker-src": ["'self'", "blob:"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
    made = {
        "Content-Security-Policy": "; ".join(f"{name} {' '.join(words)}" for name, words in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        # Links that share something must not get to other sites.
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
    if settings.is_secure:
        made["Strict-Transport-Security"] = "max-age=31536000"
    return made


def check_host(settings: Settings, host: str | None) -> None:
    """Check the name by which a request calls this server.

    Parameters
    ----------
    settings
        Its names.
    host
        The header Host.

    Raises
    ------
    ForbiddenError
        If it is none of them.
    """
    name = (urlsplit(f"//{host or ''}").hostname or "").lower()
    public = (urlsplit(settings.public_url).hostname or "").lower()
    if name not in {public, *(known.lower() for known in settings.hosts)}:
        raise ForbiddenError("This server does not go by that name.", code="host", status=421)


def check_origin(settings: Settings, headers: MutableHeaders) -> None:
    """Check that a change comes from a page of the explorer, as far as the browser tells.

    Parameters
    ----------
    settings
        The explorer's origin.
    headers
        The request's headers.

    Raises
    ------
    ForbiddenError
        If it comes from elsewhere.
    """
    origin = headers.get("origin")
    site = headers.get("sec-fetch-site")
    is_foreign = origin is not None and origin.lower() != settings.origin
    if is_foreign or site not in {None, "same-origin", "none"}:
        raise ForbiddenError("The request comes from a page of another site.", code="origin")


def check_word(session: Session | None, headers: MutableHeaders) -> None:
    """Check that a change carries its session's word.

    Parameters
    ----------
    session
        The session.
    headers
        The request's headers.

    Raises
    ------
    ForbiddenError
        If it does not.
    """
    word = headers.get("x-csrf-token", "")
    if session is None or not secrets.compare_digest(word.encode(), session.csrf.encode()):
        raise ForbiddenError(
            "The request does not carry the word of its session (X-CSRF-Token, from /api/me). "
            "Load the page again.",
            code="csrf",
        )


class Guard:
    """Lets through what passes all checks, with its session.

    Parameters
    ----------
    app
        What comes behind.
    settings
        The bounds.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.proxies = settings.proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request, and hand it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path, method = below_root(scope), scope["method"]
        if not path:
            # Addresses in pages are relative to the root with its slash.
            await RedirectResponse(self.settings.root_path + "/", 308)(scope, receive, send)
            return
        if path not in _FOR_OPERATORS:
            headers = MutableHeaders(scope=scope)
            check_host(self.settings, headers.get("host"))
            receive = bodies.bounded(receive, headers, self.settings.body_bytes)
            if method not in SAFE:
                check_origin(self.settings, headers)
                if headers.get("content-type", "").partition(";")[0].strip().lower() == bodies.FORM:
                    receive = await bodies.form_as_json(scope, receive, headers)
            if kind := kind_of(method, path):
                await self._with_session(scope, kind, method, headers)
        await self.app(scope, receive, send)

    async def _with_session(self, scope: Scope, kind: str, method: str, headers: MutableHeaders) -> None:
        context: Context = scope["app"].state.context
        session = await context.browsers.find(Request(scope).cookies.get(COOKIE))
        address = client_of(scope, self.proxies)
        try:
            await context.limiter.check(kind, session.key if session else None, address)
        except TooManyError:
            context.metrics.limited.labels(kind).inc()
            raise
        if method not in SAFE:
            check_word(session, headers)
        state = scope.setdefault("state", {})
        state["session"], state["address"] = session, address
