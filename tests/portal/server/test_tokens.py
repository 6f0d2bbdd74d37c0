"""Tokens of identity that log nobody in. The real provider makes none of these, so they are made here."""

import base64
import hmac
import json
import time

import httpx
import pytest
from authlib.oidc.core.util import create_half_hash
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from pydantic import SecretStr

from portal.server.metrics import Metrics
from portal.server.provider import Provider, ProviderDownError
from portal.server.settings import ServiceSettings, Settings
from portal.server.tokens import LoginFailedError

ISSUER = "https://provider.example/realm/"
KEY, OTHER = RSAKey.generate_key(2048, {"kid": "one"}), RSAKey.generate_key(2048, {"kid": "one"})
CURVE = ECKey.generate_key("P-256", {"kid": "two"})


def claims(**more):
    now = int(time.time())
    known = {"iss": ISSUER, "aud": "explorer", "sub": "anna", "nonce": "n", "iat": now, "exp": now + 300}
    return {name: value for name, value in (known | more).items() if value is not None}


def signed(key=KEY, alg="RS256", **more):
    return jwt.encode({"alg": alg, "kid": key.kid or "one"}, claims(**more), key, algorithms=[alg])


def by_hand(header, secret=None):
    """Sign with a secret, or not at all: libraries refuse to make such tokens."""

    def packed(content):
        return base64.urlsafe_b64encode(content).rstrip(b"=")

    text = packed(json.dumps(header).encode()) + b"." + packed(json.dumps(claims()).encode())
    signature = b"" if secret is None else hmac.digest(secret, text, "sha256")
    return (text + b"." + packed(signature)).decode()


class Liar:
    """A provider that says whatever a test wants."""

    def __init__(self, token=None):
        self.token = token or signed()
        self.described = {
            "issuer": ISSUER,
            "authorization_endpoint": "https://provider.example/authorize?tenant=1",
            "token_endpoint": "https://provider.example/token",
            "jwks_uri": "https://provider.example/keys",
            "userinfo_endpoint": "https://provider.example/me",
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
        }
        self.keys = [KEY]
        self.info = {"sub": "anna", "groups": ["a"]}
        self.asked = []

    def __call__(self, request):
        self.asked.append(request)
        path = request.url.path
        if path.endswith("openid-configuration"):
            assert str(request.url) == ISSUER + ".well-known/openid-configuration"
            return httpx.Response(200, json=self.described)
        if path == "/keys":
            return httpx.Response(200, json=KeySet(self.keys).as_dict(private=False))
        if path == "/me":
            return httpx.Response(200, json=self.info)
        return httpx.Response(200, json={"access_token": "a", "id_token": self.token, "expires_in": 60})

    def client(self, **more):
        settings = Settings(
            development=True,
            services=[ServiceSettings(key="own", label="Own", url="http://localhost/tap")],
            oidc_issuer=ISSUER,
            oidc_client_id="explorer",
            oidc_client_secret=SecretStr("s"),
            **more,
        )
        http = httpx.AsyncClient(transport=httpx.MockTransport(self))
        return Provider(settings, http, Metrics())


async def test_a_true_token_is_believed():
    liar = Liar()
    granted = await liar.client().redeem("code", "verifier", "n")
    assert granted.claims["sub"] == "anna" and granted.claims["groups"] == ["a"]
    assert (granted.seconds, granted.refresh_token) == (60, None)
    address = await liar.client().address("s", "n", "v" * 43)
    assert address.startswith("https://provider.example/authorize?tenant=1&") and "prompt=consent" in address


BAD = {
    "nonce": signed(nonce="other"),
    "no nonce": signed(nonce=None),
    "audience": signed(aud="another"),
    "no audience": signed(aud=None),
    "audiences without party": signed(aud=["explorer", "another"]),
    "party": signed(aud=["explorer", "another"], azp="another"),
    "issuer": signed(iss="https://provider.example/realm"),
    "no issuer": signed(iss=None),
    "over": signed(exp=int(time.time()) - 120, iat=int(time.time()) - 400),
    "no end": signed(exp=None),
    "no subject": signed(sub=None),
    "from the future": signed(iat=int(time.time()) + 600),
    "signature": signed(OTHER),
    "hash": signed(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "unsigned": by_hand({"alg": "none"}),
    "unsigned, with the key's name": by_hand({"alg": "none", "kid": "one"}),
    "public key as secret": by_hand({"alg": "HS256", "kid": "one"}, KEY.as_pem(private=False)),
    "client's secret": by_hand({"alg": "HS256"}, b"s"),
    "no token": "nothing.of.this",
    "no text": "",
}


@pytest.mark.parametrize("name", BAD)
async def test_a_false_token_is_refused(name):
    liar = Liar()
    liar.token = BAD[name]
    with pytest.raises(LoginFailedError) as caught:
        await liar.client().redeem("code", "verifier", "n")
    assert liar.token[:20] not in str(caught.value.detail) or not liar.token


async def test_the_hash_of_the_access_token_is_checked():
    right = create_half_hash("a", "RS256").decode()
    assert (await Liar(signed(at_hash=right)).client().redeem("c", "v", "n")).claims["sub"] == "anna"


async def test_a_token_for_several_with_the_explorer_as_party_is_believed():
    token = signed(aud=["explorer", "another"], azp="explorer")
    assert (await Liar(token).client().redeem("c", "v", "n")).claims["sub"] == "anna"


async def test_keys_that_changed_are_read_again():
    liar = Liar()
    client = liar.client()
    await client.redeem("c", "v", "n")
    liar.keys, liar.token = [CURVE], signed(CURVE, "ES256")
    assert (await client.redeem("c", "v", "n")).claims["sub"] == "anna"
    liar.token = signed()
    with pytest.raises(LoginFailedError):
        await client.redeem("c", "v", "n")


async def test_who_is_told_about_is_who_logged_in():
    liar = Liar()
    liar.info = {"sub": "ben"}
    with pytest.raises(LoginFailedError, match="someone else"):
        await liar.client().redeem("c", "v", "n")
    liar.info, liar.token = {"sub": "anna"}, signed(nonce=None)
    assert (await liar.client().refresh("old", "anna")).refresh_token == "old"
    with pytest.raises(LoginFailedError, match="someone else"):
        await liar.client().refresh("old", "ben")


async def test_how_the_explorer_says_who_it_is():
    liar = Liar()
    await liar.client().redeem("c", "v", "n")
    assert liar.asked[2].headers["authorization"].startswith("Basic ")
    liar.described["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    liar.asked.clear()
    await liar.client().redeem("c", "v", "n")
    assert b"client_secret=s" in liar.asked[2].content and "authorization" not in liar.asked[2].headers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("issuer", "https://elsewhere.example"),
        ("token_endpoint", "ftp://provider.example/token"),
        ("jwks_uri", None),
        ("authorization_endpoint", "javascript:alert(1)"),
    ],
)
async def test_a_provider_that_cannot_be_trusted_is_not_used(name, value):
    liar = Liar()
    liar.described[name] = value
    with pytest.raises(ProviderDownError):
        await liar.client().describe()


async def test_keys_that_are_none_and_faults_of_the_provider():
    liar = Liar()
    client = liar.client()
    client._http = httpx.AsyncClient(
        transport=httpx.MockTransport(
            lambda request: (
                httpx.Response(200, json={"keys": 1}) if request.url.path == "/keys" else liar(request)
            )
        )
    )
    with pytest.raises(ProviderDownError, match="keys"):
        await client.describe()
    client._failed_at = float("-inf")
    for answer in [
        httpx.Response(500, json={}),
        httpx.Response(200, json=[]),
        httpx.Response(200, text="<html>"),
    ]:
        client._http = httpx.AsyncClient(transport=httpx.MockTransport(lambda request, answer=answer: answer))
        client._failed_at = float("-inf")
        with pytest.raises(ProviderDownError):
            await client.describe()
    assert await Liar().client().end_address() is None
    # It has no address for this, so nothing is asked.
    await Liar().client().revoke("token")
