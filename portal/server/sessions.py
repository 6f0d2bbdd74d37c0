"""Sessions: kept in Redis, known to the browser by a word of chance only."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from starlette.responses import Response

    from portal.server.settings import Settings

COOKIE = "explorer_session"
# Sessions of people who did not log in hold nothing but a word.
ANONYMOUS_IDLE = 2 * 3600
_WORD = 32
# The time of use is written once a minute: not every request has to write.
_TOUCH = 60


@dataclass(frozen=True)
class Session:
    """What is known of a browser.

    Parameters
    ----------
    key
        Name of the session here: a hash of what the browser has.
    csrf
        The word that changes have to carry.
    made
        When it began, in seconds of the epoch.
    user
        Who is logged in.
    name
        The user's name.
    email
        The user's address, if the provider told.
    since
        When the user came first, in seconds of the epoch.
    groups
        The user's groups, as the provider told last.
    refresh_token
        Encrypted.
    fresh_until
        Until when what the provider told is believed, in seconds of the epoch; None for the whole session.
    """

    key: str
    csrf: str
    made: float
    user: UUID | None = None
    name: str = ""
    email: str | None = None
    since: float = 0
    groups: tuple[str, ...] = field(default=())
    refresh_token: str | None = None
    fresh_until: float | None = None


def key_of(word: str) -> str:
    """Name the session of a browser's word. Who reads Redis cannot take sessions over with it."""
    return hashlib.sha256(word.encode()).hexdigest()


class Sessions:
    """The store of sessions.

    Parameters
    ----------
    redis
        Where they are.
    settings
        How long they last, and how the cookie is.
    """

    def __init__(self, redis: Redis[bytes], settings: Settings) -> None:
        self._redis = redis
        self._settings = settings
        # Without a secret (for developers only) tokens are readable until the next start.
        secret = settings.secret_key.get_secret_value() or secrets.token_urlsafe(_WORD)
        derived = HKDF(hashes.SHA256(), 32, salt=None, info=b"portal tokens").derive(secret.encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(derived))

    async def find(self, word: str | None) -> Session | None:
        """Find a browser's session.

        Parameters
        ----------
        word
            What its cookie says.

        Returns
        -------
        Session | None
            None if there is none, or if it is over.
        """
        if not word or len(word) > 200:
            return None
        return await self.load(key_of(word))

    async def load(self, key: str) -> Session | None:
        """Read a session by its name here.

        Parameters
        ----------
        key
            Its name.

        Returns
        -------
        Session | None
            None if it is over.
        """
        name = f"portal:session:{key}"
        text, left = await self._redis.pipeline(transaction=False).get(name).ttl(name).execute()
        if text is None:
            return None
        stored = json.loads(text)
        stored["groups"] = tuple(stored["groups"])
        stored["user"] = UUID(stored["user"]) if stored["user"] else None
        session = Session(key=key, **stored)
        if left < self._lasts(session) - _TOUCH:
            await self._redis.expire(name, max(1, self._lasts(session)))
        return session

    def _lasts(self, session: Session) -> int:
        idle = (
            self._settings.session_idle if session.user else min(ANONYMOUS_IDLE, self._settings.session_idle)
        )
        return min(idle, int(session.made + self._settings.session_seconds - time.time()))

    async def save(self, session: Session, *, is_new: bool = False) -> bool:
        """Write a session.

        Parameters
        ----------
        session
            The session.
        is_new
            Whether there may be none of its name yet. A session that ended meanwhile does not come back.

        Returns
        -------
        bool
            Whether it was written.
        """
        lasts = self._lasts(session)
        if lasts <= 0:
            return False
        stored = asdict(session)
        del stored["key"]
        stored["user"] = str(session.user) if session.user else None
        name = f"portal:session:{session.key}"
        return bool(await self._redis.set(name, json.dumps(stored), ex=lasts, xx=not is_new))

    async def start(self) -> tuple[str, Session]:
        """Begin a session in which nobody is logged in.

        Returns
        -------
        tuple[str, Session]
            The word for the cookie, and the session.
        """
        word = secrets.token_urlsafe(_WORD)
        session = Session(key_of(word), secrets.token_urlsafe(_WORD), time.time())
        await self.save(session, is_new=True)
        return word, session

    async def log_in(self, old: Session | None, session: Session) -> str:
        """Begin the session of a login, and end the one before: whoever knew its cookie knows nothing.

        Parameters
        ----------
        old
            The session before.
        session
            What the new one holds; its key and words are made here.

        Returns
        -------
        str
            The word for the cookie.
        """
        word = secrets.token_urlsafe(_WORD)
        fresh = replace(session, key=key_of(word), csrf=secrets.token_urlsafe(_WORD), made=time.time())
        await self.save(fresh, is_new=True)
        if old is not None:
            await self.end(old)
        return word

    async def end(self, session: Session) -> None:
        """End a session.

        Parameters
        ----------
        session
            The session.
        """
        await self._redis.delete(f"portal:session:{session.key}")

    def encrypt(self, token: str | None) -> str | None:
        """Encrypt a token of the provider."""
        return None if token is None else self._fernet.encrypt(token.encode()).decode()

    def decrypt(self, token: str | None) -> str | None:
        """Decrypt a token; None if there is none, or if the secret is another by now."""
        if token is None:
            return None
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except InvalidToken:
            return None

    def put_cookie(self, response: Response, word: str) -> None:
        """Give a browser its word.

        Parameters
        ----------
        response
            The answer that takes it there.
        word
            The word.
        """
        response.set_cookie(
            COOKIE,
            word,
            max_age=self._settings.session_seconds,
            path=self._settings.root_path or "/",
            secure=self._settings.is_secure,
            httponly=True,
            samesite="lax",
        )

    def drop_cookie(self, response: Response) -> None:
        """Take a browser's word away.

        Parameters
        ----------
        response
            The answer that does it.
        """
        response.delete_cookie(
            COOKIE,
            path=self._settings.root_path or "/",
            secure=self._settings.is_secure,
            httponly=True,
            samesite="lax",
        )
