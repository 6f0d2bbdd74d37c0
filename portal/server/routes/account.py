"""Login, logout, and who is logged in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from portal.server.context import Context, Here
from portal.server.errors import NotFoundError
from portal.server.identity import CurrentUser
from portal.server.models.account import LoggedOut, Me
from portal.server.sessions import Session

router = APIRouter(tags=["account"])


async def _session(request: Request, here: Context) -> tuple[str | None, Session]:
    session: Session | None = getattr(request.state, "session", None)
    if session is not None:
        return None, session
    # Who keeps no cookie could fill the store else.
    await here.limiter.check("session", None, request.state.address)
    here.metrics.sessions.labels("anonymous").inc()
    return await here.browsers.start()


@router.get("/api/me")
async def get_me(request: Request, response: Response, here: Here, user: CurrentUser) -> Me:
    """Say who asks, and give the word that changes have to carry."""
    session: Session | None = getattr(request.state, "session", None)
    if session is not None and session.user is not None and user is None:
        # The provider ended the login.
        request.state.session = None
    word, session = await _session(request, here)
    if word is not None:
        here.browsers.put_cookie(response, word)
    return Me(user=user, csrf=session.csrf)


@router.get("/auth/login")
async def log_in(
    request: Request, here: Here, next: Annotated[str, Query(max_length=8000)] = "/"
) -> Response:
    """Send the browser to the login provider; ``next`` is the page to come back to."""
    if here.settings.oidc_issuer is None:
        raise NotFoundError("There is no login here: the operator set no provider.", code="login_off")
    word, session = await _session(request, here)
    answer = RedirectResponse(await here.identity.begin(session, next), 302)
    if word is not None:
        here.browsers.put_cookie(answer, word)
    return answer


@router.get("/auth/callback")
async def log_in_callback(request: Request, here: Here) -> Response:
    """Take the provider's answer, and go to the page that was wanted."""
    session: Session | None = getattr(request.state, "session", None)
    word, wanted = await here.identity.finish(here, session, dict(request.query_params))
    answer = RedirectResponse(wanted, 303)
    here.browsers.put_cookie(answer, word)
    return answer


@router.post("/auth/logout")
async def log_out(request: Request, response: Response, here: Here) -> LoggedOut:
    """End the login here; the answer says where the browser ends it at the provider."""
    session: Session = request.state.session
    here.browsers.drop_cookie(response)
    return LoggedOut(redirect=await here.identity.leave(here, session))
