"""Tokens of identity: whether one is for this explorer and this login."""

from __future__ import annotations

from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError

from portal.server.errors import PortalError

LEEWAY = 60
# Signatures with keys that everybody can check. None of them is made with the client's secret.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


class LoginFailedError(PortalError):
    """What the provider sent does not log anybody in."""

    code = "login_failed"
    status = 400


def refused(error: Exception) -> LoginFailedError:
    """Say that a token is none. The token itself must not get into any log.

    Parameters
    ----------
    error
        What is wrong with it.

    Returns
    -------
    LoginFailedError
        In words.
    """
    what = getattr(error, "description", "") or type(error).__name__
    return LoginFailedError(
        "The login provider's token is not one for this explorer, or not one of this login. "
        "Please log in again.",
        detail={"fault": str(what)[:200]},
    )


def checked(
    token: jwt.Token, parties: tuple[str, str], nonce: str | None, access_token: object
) -> dict[str, Any]:
    """Check the claims of a token whose signature is right.

    Parameters
    ----------
    token
        The token.
    parties
        Who has to have made it, and for whom.
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
        If issuer, audience, time or nonce are wrong.
    """
    issuer, client = parties
    claims = CodeIDToken(
        token.claims,
        token.header,
        options={
            "iss": {"essential": True, "value": issuer},
            "aud": {"essential": True, "value": client},
        },
        params={"client_id": client, "access_token": access_token, "nonce": nonce},
    )
    try:
        claims.validate(leeway=LEEWAY)
    except (JoseError, ValueError) as error:
        raise refused(error) from None
    return dict(claims)
