"""Who asks: login by OpenID Connect, and the user of a request."""

from __future__ import annotations

import json
import logging
import secrets
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from redis.exceptions import LockError

from portal.server.context import Context, Here
from portal.server.errors import DownError, LoginNeededError, PortalError
from portal.server.models.account import User
from portal.server.paths import safe_next
from portal.server.provider import Granted, Provider
from portal.server.rights import rights_of
from portal.server.sessions import Session, key_of
from portal.server.store import users
from portal.server.tokens import LoginFailedError

if TYPE_CHECKING:
    import httpx
    from redis.asyncio import Redis

    from portal.server.metrics import Metrics
    from portal.server.settings import Settings

log = logging.getLogger("portal.identity")

LOGIN_SECONDS = 600
# Without an answer of the provider, rights rest this long until it is asked again.
RETRY_SECONDS = 30
# A request waits this long for another one that asks.
WAIT_SECONDS = 15
# No answer is believed longer than this.
BELIEVED_SECONDS = 3600
_GROUPS, _GROUP_LENGTH = 500, 200


def groups_of(settings: Settings, claims: dict[str, Any]) -> tuple[str, ...]:
    """Read a user's groups from what the provider says.

    Parameters
    ----------
    settings
        Which claim has them.
    claims
        What the provider says.

    Returns
    -------
    tuple[str, ...]
        Sorted, each once. A single word counts as one group.
    """
    told = claims.get(settings.oidc_groups_claim, [])
    told = [told] if isinstance(told, str) else told
    if not isinstance(told, list):
        return ()
    names = {name for name in told if isinstance(name, str) and 0 < len(name) <= _GROUP_LENGTH}
    return tuple(sorted(names)[:_GROUPS])


class Identity:
    """Logins and what comes of them.

    Parameters
    ----------
    settings
        The provider, and rights.
    http
        What asks the provider.
    redis
        Where logins under way are.
    metrics
        Where logins are counted.
    """

    def __init__(
        self, settings: Settings, http: httpx.AsyncClient, redis: Redis[bytes], metrics: Metrics
    ) -> None:
        self.settings = settings
        self.provider = Provider(settings, http, metrics)
        self._redis = redis
        self._metrics = metrics

    async def begin(self, session: Session, wanted: str) -> str:
        """Begin a login.

        Parameters
        ----------
        session
            The browser's session; only it can end the login.
        wanted
            The page to go to afterwards.

        Returns
        -------
        str
            The provider's address to go to.
        """
        state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(3))
        address = await self.provider.address(state, nonce, verifier)
        kept = {
            "nonce": nonce,
            "verifier": verifier,
            "next": safe_next(self.settings, wanted),
            "session": session.key,
        }
        await self._redis.set(f"portal:login:{key_of(state)}", json.dumps(kept), ex=LOGIN_SECONDS)
        return address

    async def finish(
        self, context: Context, session: Session | None, query: dict[str, str]
    ) -> tuple[str, str]:
        """Finish a login with the provider's answer.

        Parameters
        ----------
        context
            What the server has.
        session
            The browser's session.
        query
            Parameters of the answer.

        Returns
        -------
        tuple[str, str]
            The word for the cookie, and the page to go to.

        Raises
        ------
        LoginFailedError
            If the answer is none to a question of this browser, or the provider logs nobody in.
        """
        try:
            made = await self._finish(context, session, query)
        except LoginFailedError:
            self._metrics.logins.labels("refused").inc()
            raise
        except DownError:
            self._metrics.logins.labels("unavailable").inc()
            raise
        self._metrics.logins.labels("ok").inc()
        return made

    async def _finish(
        self, context: Context, session: Session | None, query: dict[str, str]
    ) -> tuple[str, str]:
        # Each state is good for one answer.
        text = await self._redis.getdel(f"portal:login:{key_of(query.get('state', ''))}")
        kept = json.loads(text) if text else None
        if kept is None or session is None or not secrets.compare_digest(kept["session"], session.key):
            raise LoginFailedError(
                "This login was not begun in this browser, or too long ago. Please log in again.",
                code="login_state",
            )
        try:
            return await self._redeemed(context, session, query, kept), kept["next"]
        except PortalError as error:
            error.back = kept["next"]
            raise

    async def _redeemed(
        self, context: Context, session: Session, query: dict[str, str], kept: dict[str, str]
    ) -> str:
        await self.provider.check_sender(query.get("iss"))
        if "error" in query:
            if query["error"] == "access_denied":
                raise LoginFailedError("The login was cancelled.", code="login_cancelled")
            raise LoginFailedError(
                f"The login provider refused: {query['error'][:100]}. Please log in again."
            )
        if not query.get("code"):
            raise LoginFailedError("The login provider sent no code. Please log in again.")
        granted = await self.provider.redeem(query["code"], kept["verifier"], kept["nonce"])
        user = await users.remember(context, self.settings.oidc_issuer or "", granted.claims)
        fresh = Session(
            key="",
            csrf="",
            made=0,
            user=user.id,
            name=user.name,
            email=user.email,
            since=user.made.timestamp(),
        )
        word = await context.browsers.log_in(session, self._updated(context, fresh, granted))
        self._metrics.sessions.labels("user").inc()
        return word

    def _updated(self, context: Context, session: Session, granted: Granted) -> Session:
        seconds = min(granted.seconds or BELIEVED_SECONDS, BELIEVED_SECONDS)
        return replace(
            session,
            groups=groups_of(self.settings, granted.claims),
            refresh_token=context.browsers.encrypt(granted.refresh_token),
            fresh_until=time.time() + seconds if granted.refresh_token else None,
        )

    async def freshened(self, context: Context, session: Session) -> Session | None:
        """Ask the provider again about a user, if its last answer is too old to be believed.

        Parameters
        ----------
        context
            What the server has.
        session
            The user's session.

        Returns
        -------
        Session | None
            None if the provider no longer stands by the login. While the provider does not answer, the
            user stays, without rights.
        """
        if session.fresh_until is None or time.time() < session.fresh_until:
            return session
        try:
            # One request at a time: providers take a refresh token that comes twice for stolen.
            async with self._redis.lock(
                f"portal:refresh:{session.key}", timeout=60, blocking_timeout=WAIT_SECONDS
            ):
                return await self._asked_again(context, session.key)
        except LockError:
            return replace(session, groups=())

    async def _asked_again(self, context: Context, key: str) -> Session | None:
        session = await context.browsers.load(key)
        if session is None or session.fresh_until is None or time.time() < session.fresh_until:
            return session
        token = context.browsers.decrypt(session.refresh_token)
        subject = await users.subject(context, session.user) if session.user else None
        try:
            if token is None or subject is None:
                raise LoginFailedError("The login is over. Please log in again.")
            granted = await self.provider.refresh(token, subject)
        except LoginFailedError as error:
            log.info("a login ended: %s", error.message)
            await context.browsers.end(session)
            return None
        except DownError:
            session = replace(session, groups=(), fresh_until=time.time() + RETRY_SECONDS)
        else:
            session = self._updated(context, session, granted)
        return session if await context.browsers.save(session) else None

    async def leave(self, context: Context, session: Session) -> str | None:
        """End a login, here and at the provider.

        Parameters
        ----------
        context
            What the server has.
        session
            The user's session.

        Returns
        -------
        str | None
            The provider's address at which the browser logs out there; None if it has none, or is down.
        """
        await context.browsers.end(session)
        if session.user is None or self.settings.oidc_issuer is None:
            return None
        token = context.browsers.decrypt(session.refresh_token)
        try:
            if token is not None:
                await self.provider.revoke(token)
            return await self.provider.end_address()
        except DownError as error:
            log.warning("logged out here only: %s", error.message)
            return None


async def current_user(request: Request, here: Here) -> User | None:
    """Give the user who asks.

    Parameters
    ----------
    request
        The request.
    here
        What the server has.

    Returns
    -------
    User | None
        None if nobody is logged in.
    """
    session: Session | None = getattr(request.state, "session", None)
    if session is None or session.user is None:
        return None
    session = await here.identity.freshened(here, session)
    if session is None or session.user is None:
        return None
    return User(
        id=session.user,
        name=session.name,
        email=session.email,
        groups=list(session.groups),
        rights=rights_of(here.settings, session.groups),
        since=datetime.fromtimestamp(session.since, UTC),
    )


CurrentUser = Annotated[User | None, Depends(current_user)]


async def required_user(user: CurrentUser) -> User:
    """Give the user who asks.

    Parameters
    ----------
    user
        The user, if there is one.

    Returns
    -------
    User
        The user.

    Raises
    ------
    LoginNeededError
        If nobody is logged in.
    """
    if user is None:
        raise LoginNeededError("Please log in: this belongs to a user.")
    return user


RequiredUser = Annotated[User, Depends(required_user)]
