"""The OpenID provider: what it says of itself, and how codes become claims about a user."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlsplit

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from portal.server import tokens
from portal.server.errors import DownError
from portal.server.settings import LOOPBACK
from portal.server.tokens import LoginFailedError

if TYPE_CHECKING:
    from portal.server.metrics import Metrics
    from portal.server.settings import Settings

SECONDS = 10.0
# How long the provider's description and keys are believed.
DESCRIBED_SECONDS = 3600
# Whoever is sent there to log in has to find it there: a browser's own words for that are of no help.
SEEN_SECONDS = 2
# A provider that did not answer is left alone this long.
REST_SECONDS = 3


class ProviderDownError(DownError):
    """The provider cannot be used at the moment."""

    code = "login_unavailable"


def _down() -> ProviderDownError:
    return ProviderDownError(
        "The login provider does not answer. What needs no login goes on; try again later.", retry_after=30
    )


@dataclass(frozen=True)
class Granted:
    """What the provider grants.

    Parameters
    ----------
    claims
        What it says of the user.
    refresh_token
        What asks again, if it gave one.
    seconds
        How long it stands by this; None if it does not say.
    """

    claims: dict[str, Any]
    refresh_token: str | None
    seconds: float | None


class Provider:
    """A client of the provider.

    Parameters
    ----------
    settings
        Who it is, and who we are.
    http
        What asks it.
    metrics
        Where its latency is counted.
    """

    def __init__(self, settings: Settings, http: httpx.AsyncClient, metrics: Metrics) -> None:
        self._settings = settings
        self._http = http
        self._metrics = metrics
        self._lock = asyncio.Lock()
        self._description: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._read_at = self._failed_at = float("-inf")

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends browsers back to."""
        return f"{self._settings.public_url}/auth/callback"

    async def describe(self, believed: float = DESCRIBED_SECONDS) -> dict[str, Any]:
        """Give what the provider says of itself.

        Parameters
        ----------
        believed
            Seconds for which what it said before is believed.

        Returns
        -------
        dict[str, Any]
            Its metadata.

        Raises
        ------
        ProviderDownError
            If it does not answer, or is not the one that was set.
        """
        async with self._lock:
            now = time.monotonic()
            if now - self._read_at > believed:
                if now - self._failed_at < REST_SECONDS:
                    # Those who waited for the lock need not wait for the same failure, one after the other.
                    raise _down()
                try:
                    await self._read()
                except DownError:
                    self._failed_at = time.monotonic()
                    raise
            return self._description

    async def _read(self) -> None:
        issuer = self._settings.oidc_issuer
        if issuer is None:
            raise ProviderDownError("There is no login here.", code="login_off", status=404)
        found = await self._json("GET", issuer.rstrip("/") + "/.well-known/openid-configuration")
        if found.get("issuer") != issuer:
            raise ProviderDownError(
                "The login provider says that it is another one. Please tell the operator."
            )
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            url = urlsplit(str(found.get(name)))
            is_safe = url.scheme == "https" or self._settings.development or url.hostname in LOOPBACK
            if url.scheme not in {"http", "https"} or not is_safe:
                raise ProviderDownError(f"The login provider has no safe {name}. Please tell the operator.")
        await self._read_keys(found["jwks_uri"])
        self._description = found
        self._read_at = time.monotonic()

    async def _read_keys(self, url: str) -> None:
        try:
            self._keys = KeySet.import_key_set(await self._json("GET", url))  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise ProviderDownError("The login provider's keys cannot be read.") from error

    async def _json(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        try:
            with self._metrics.asking("identity", "provider"):
                answer = await self._http.request(
                    method, url, timeout=SECONDS, follow_redirects=False, **more
                )
            found = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise _down() from error
        if answer.status_code >= 500 or not isinstance(found, dict):
            raise ProviderDownError(
                "The login provider has a fault of its own; try again later.", retry_after=30
            )
        if answer.status_code >= 400:
            word = str(found.get("error", f"status {answer.status_code}"))[:100]
            raise LoginFailedError(f"The login provider refused: {word}. Please log in again.")
        return found

    async def address(self, state: str, nonce: str, verifier: str) -> str:
        """Make the address that a browser is sent to to log in.

        Parameters
        ----------
        state
            What the answer has to bring back.
        nonce
            What the token has to hold.
        verifier
            What the code is bound to; only its hash is sent.

        Returns
        -------
        str
            The address.
        """
        described = await self.describe(SEEN_SECONDS)
        made: str = prepare_grant_uri(
            described["authorization_endpoint"],
            self._settings.oidc_client_id,
            "code",
            redirect_uri=self.redirect_uri,
            scope=self._settings.oidc_scopes,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
            # Without this, providers give no refresh token.
            **({"prompt": "consent"} if "offline_access" in self._settings.oidc_scopes.split() else {}),
        )
        return made

    async def check_sender(self, issuer: str | None) -> None:
        """Check who an answer says that it is from (RFC 9207).

        Parameters
        ----------
        issuer
            The parameter iss of the answer.

        Raises
        ------
        LoginFailedError
            If it is from another provider.
        """
        described = await self.describe()
        is_told = bool(described.get("authorization_response_iss_parameter_supported"))
        if issuer != described["issuer"] and (is_told or issuer is not None):
            raise LoginFailedError("The answer came from another login provider. Please log in again.")

    async def redeem(self, code: str, verifier: str, nonce: str) -> Granted:
        """Turn the code of an answer into claims.

        Parameters
        ----------
        code
            The code.
        verifier
            What it is bound to.
        nonce
            What the token has to hold.

        Returns
        -------
        Granted
            Checked claims.

        Raises
        ------
        LoginFailedError
            If the token is not for us, not from the provider, or over.
        """
        answer = await self._ask_tokens(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self.redirect_uri,
                "code_verifier": verifier,
            }
        )
        if not isinstance(answer.get("id_token"), str):
            raise LoginFailedError("The login provider sent no token of identity. Please log in again.")
        claims = await self.checked(answer["id_token"], nonce, answer.get("access_token"))
        return await self._granted(answer, claims)

    async def refresh(self, refresh_token: str, subject: str) -> Granted:
        """Ask again who someone is.

        Parameters
        ----------
        refresh_token
            What the provider gave for it.
        subject
            Who it was.

        Returns
        -------
        Granted
            What the provider says now.

        Raises
        ------
        LoginFailedError
            If the provider no longer stands by the login.
        """
        answer = await self._ask_tokens({"grant_type": "refresh_token", "refresh_token": refresh_token})
        claims: dict[str, Any] = {"sub": subject}
        if isinstance(answer.get("id_token"), str):
            claims = await self.checked(answer["id_token"], None, answer.get("access_token"))
        granted = await self._granted(answer, claims)
        if granted.claims.get("sub") != subject:
            raise LoginFailedError("The login provider now speaks of someone else. Please log in again.")
        return granted if granted.refresh_token else Granted(granted.claims, refresh_token, granted.seconds)

    async def revoke(self, refresh_token: str) -> None:
        """Tell the provider that a token is not used any more.

        Parameters
        ----------
        refresh_token
            The token.
        """
        url = (await self.describe()).get("revocation_endpoint")
        if url:
            body, auth = self._identified({"token": refresh_token, "token_type_hint": "refresh_token"})
            try:
                await self._http.post(url, data=body, auth=auth, timeout=SECONDS, follow_redirects=False)
            except httpx.HTTPError as error:
                raise ProviderDownError("The login provider does not answer.") from error

    def _identified(self, body: dict[str, str]) -> tuple[dict[str, str], Any]:
        client, secret = self._settings.oidc_client_id or "", self._settings.oidc_client_secret
        if secret is None:
            return body | {"client_id": client}, httpx.USE_CLIENT_DEFAULT
        methods = self._description.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" not in methods:
            return body | {
                "client_id": client,
                "client_secret": secret.get_secret_value(),
            }, httpx.USE_CLIENT_DEFAULT
        # RFC 6749 2.3.1: both are encoded as in forms before they are joined.
        return body, httpx.BasicAuth(quote_plus(client), quote_plus(secret.get_secret_value()))

    async def _ask_tokens(self, body: dict[str, str]) -> dict[str, Any]:
        described = await self.describe()
        sent, auth = self._identified(body)
        return await self._json("POST", described["token_endpoint"], data=sent, auth=auth)

    async def _granted(self, answer: dict[str, Any], claims: dict[str, Any]) -> Granted:
        access, url = answer.get("access_token"), self._description.get("userinfo_endpoint")
        if isinstance(access, str) and url:
            told = await self._json("GET", url, headers={"Authorization": f"Bearer {access}"})
            if told.get("sub") != claims.get("sub"):
                raise LoginFailedError("The login provider told about someone else. Please log in again.")
            claims = claims | told
        seconds, refresh = answer.get("expires_in"), answer.get("refresh_token")
        return Granted(
            claims,
            refresh if isinstance(refresh, str) else None,
            float(seconds) if isinstance(seconds, (int, float)) else None,
        )

    async def checked(self, token: str, nonce: str | None, access_token: object) -> dict[str, Any]:
        """Check a token of identity: `tokens.checked` with the provider's keys.

        Parameters
        ----------
        token
            The token.
        nonce
            What it has to hold; None after a refresh, where it may hold none.
        access_token
            The token that came with it, whose hash it may hold.

        Returns
        -------
        dict[str, Any]
            Its claims.

        Raises
        ------
        LoginFailedError
            If signature, issuer, audience, time or nonce are wrong.
        """
        try:
            decoded = await self._decoded(token)
        except (JoseError, ValueError) as error:
            raise tokens.refused(error) from None
        settings = self._settings
        issuer, client = settings.oidc_issuer or "", settings.oidc_client_id or ""
        return tokens.checked(decoded, (issuer, client), nonce, access_token)

    async def _decoded(self, token: str) -> jwt.Token:
        described = await self.describe()
        supported = described.get("id_token_signing_alg_values_supported", ["RS256"])
        allowed = [name for name in tokens.ALGORITHMS if name in supported]
        assert self._keys is not None
        try:
            return jwt.decode(token, self._keys, algorithms=allowed)
        except (InvalidKeyIdError, ValueError):
            # The provider may have changed its keys.
            await self._read_keys(described["jwks_uri"])
            return jwt.decode(token, self._keys, algorithms=allowed)

    async def end_address(self) -> str | None:
        """Give the address at which a browser logs out of the provider, too.

        No token is in it: the provider knows the browser by its own cookie, and us by our name.

        Returns
        -------
        str | None
            None if the provider has no such address.
        """
        url = (await self.describe()).get("end_session_endpoint")
        if not url:
            return None
        query = httpx.QueryParams(
            client_id=self._settings.oidc_client_id or "",
            post_logout_redirect_uri=f"{self._settings.public_url}/",
        )
        return f"{url}{'&' if '?' in url else '?'}{query}"
