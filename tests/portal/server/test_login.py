"""Login against the certified provider: whole, refreshed, ended; and what must not work."""

import asyncio
import json
import re
import time
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from portal.server import identity
from portal.server import provider as client_module
from portal.server.identity import groups_of
from portal.server.sessions import key_of

from . import processes
from .conftest import PUBLIC


@pytest.fixture(scope="module")
def provider():
    server = processes.Provider()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def known(provider):
    return {
        "oidc_issuer": provider.issuer,
        "oidc_client_id": "explorer",
        "oidc_client_secret": "a secret: of 100% (tests)",
        "group_rights": {"ctao-members": ["ctao", "SIM-1"], "staff": ["ctao"]},
    }


async def change(provider, who, **user):
    async with httpx.AsyncClient() as client:
        await client.put(f"{provider.issuer}/users/{who}", json=user)


async def at_provider(address, user="anna"):
    """Do at the provider what a person with a browser does; give the address that leads back."""
    async with httpx.AsyncClient(follow_redirects=False, base_url=address) as browser:
        answer = await browser.get(address)
        for _ in range(10):
            if answer.status_code == 200:
                answer = await browser.post(str(answer.url), data={"user": user})
                continue
            assert answer.status_code in {302, 303}, answer.text
            place = str(answer.url.join(answer.headers["location"]))
            if place.startswith(PUBLIC):
                return place
            answer = await browser.get(place)
    raise AssertionError("the provider leads nowhere")


async def log_in(client, user="anna", wanted="/basket"):
    sent = await client.get("/auth/login", params={"next": wanted})
    assert sent.status_code == 302, sent.text
    return await client.get(await at_provider(sent.headers["location"], user))


async def me(client):
    answer = (await client.get("/api/me")).json()
    client.headers["X-CSRF-Token"] = answer["csrf"]
    return answer["user"]


async def test_a_login_from_begin_to_end(explorer, known):
    async with explorer(**known) as served:
        client = await served.browser()
        before = client.cookies["explorer_session"]
        assert await me(client) is None
        sent = await client.get("/auth/login?next=/basket%3Fopen=1")
        asked = parse_qs(urlsplit(sent.headers["location"]).query)
        assert asked["code_challenge_method"] == ["S256"] and asked["response_type"] == ["code"]
        assert len(asked["state"][0]) > 40 and asked["nonce"] != asked["state"]
        back = await client.get(await at_provider(sent.headers["location"]))
        assert (back.status_code, back.headers["location"]) == (303, "/explorer/basket?open=1")
        cookie = back.headers["set-cookie"]
        assert re.fullmatch(
            r"explorer_session=[\w-]{43}; HttpOnly; Max-Age=86400; Path=/explorer; SameSite=lax; Secure",
            cookie,
        )
        # Whoever knew the session of before knows nothing.
        assert client.cookies["explorer_session"] != before
        old = served.bare()
        old.cookies.set("explorer_session", before, domain="explorer.example")
        assert (await old.get("/api/baskets")).status_code == 401
        user = await me(client)
        assert user["name"] == "Anna Observer" and user["email"] == "anna@example.org"
        assert user["groups"] == ["ctao-members", "staff"] and user["rights"] == ["SIM-1", "ctao"]
        # The same person is the same user from another browser.
        other = await served.browser()
        assert (await log_in(other)).status_code == 303
        assert (await me(other))["id"] == user["id"] and (await me(other))["since"] == user["since"]
        ended = await client.post("/auth/logout")
        place = urlsplit(ended.json()["redirect"])
        assert parse_qs(place.query) == {
            "client_id": ["explorer"],
            "post_logout_redirect_uri": [PUBLIC + "/"],
        }
        async with httpx.AsyncClient() as browser:
            assert (await browser.get(ended.json()["redirect"])).status_code == 200
        assert "explorer_session" not in client.cookies and await me(client) is None
        assert await me(other) is not None
        assert served.context.metrics.logins.labels("ok")._value.get() == 2


async def test_no_token_gets_out(explorer, known):
    async with explorer(**known) as served:
        client = await served.browser()
        seen = []
        client.event_hooks["response"] = [lambda answer: _keep(answer, seen)]
        await log_in(client)
        await me(client)
        await client.post("/auth/logout")
        text = json.dumps(seen)
        assert "eyJ" not in text and "token" not in text.replace("x-csrf-token", "").lower()


async def _keep(answer, seen):
    await answer.aread()
    seen.append([answer.text, [value for name, value in answer.headers.multi_items() if name != "location"]])


async def test_tokens_are_encrypted_at_rest(explorer, known):
    async with explorer(**known) as served:
        client = await served.browser()
        await log_in(client)
        session = await served.context.browsers.find(client.cookies["explorer_session"])
        assert session.refresh_token.startswith("gAAAA")
        raw = await served.context.redis.get(f"portal:session:{session.key}")
        token = served.context.browsers.decrypt(session.refresh_token)
        assert token.encode() not in raw and client.cookies["explorer_session"].encode() not in raw


async def age(served, client):
    """Let what the provider said grow old."""
    session = await served.context.browsers.find(client.cookies["explorer_session"])
    await served.context.browsers.save(replace(session, fresh_until=time.time() - 1))
    return session


async def test_groups_are_asked_for_again_and_once_only(explorer, known, provider):
    async with explorer(**known) as served:
        client = await served.browser()
        await log_in(client)
        before = await age(served, client)
        await change(provider, "anna", groups=["staff"])
        try:
            # Many requests at once: a refresh token that is used twice ends the login at the provider.
            answers = await asyncio.gather(*(me(client) for _ in range(8)))
        finally:
            await change(provider, "anna", groups=["ctao-members", "staff"])
        assert all(user["groups"] == ["staff"] and user["rights"] == ["ctao"] for user in answers)
        after = await served.context.browsers.find(client.cookies["explorer_session"])
        assert after.fresh_until > time.time() + 500 and after.csrf == before.csrf
        assert served.context.browsers.decrypt(after.refresh_token) != served.context.browsers.decrypt(
            before.refresh_token
        )
        await age(served, client)
        assert (await me(client))["rights"] == ["SIM-1", "ctao"]


async def test_a_login_that_the_provider_no_longer_stands_by_ends(explorer, known, provider):
    async with explorer(**known) as served:
        await change(provider, "carl", name="Carl", groups=["staff"])
        client = await served.browser()
        await log_in(client, "carl")
        assert (await me(client))["rights"] == ["ctao"]
        async with httpx.AsyncClient() as control:
            await control.delete(f"{provider.issuer}/users/carl")
        await age(served, client)
        answer = await client.get("/api/baskets")
        assert answer.status_code == 401
        assert await me(client) is None


async def test_a_provider_that_is_down_takes_rights_and_nothing_else(explorer, known, monkeypatch):
    server = processes.Provider()
    try:
        server.start()
        async with explorer(**known | {"oidc_issuer": server.issuer}) as served:
            client = await served.browser()
            await log_in(client)
            assert (await me(client))["rights"] == ["SIM-1", "ctao"]
            await client.post("/api/baskets", json={"name": "Crab"})
            server.stop()
            await age(served, client)
            user = await me(client)
            assert user["name"] == "Anna Observer" and user["rights"] == []
            assert len((await client.get("/api/baskets")).json()) == 1
            # Nobody is sent to a provider that was there a while ago, and is not now.
            monkeypatch.setattr(client_module, "SEEN_SECONDS", 0)
            fresh = await served.browser()
            answer = await fresh.get("/auth/login")
            assert (answer.status_code, answer.json()["code"]) == (503, "login_unavailable")
            assert answer.headers["retry-after"] and "does not answer" in answer.json()["message"]
            page = await fresh.get("/auth/login?next=/results%3Fa=%221", headers={"Accept": "text/html"})
            assert page.headers["content-type"].startswith("text/html") and "<h1>" in page.text
            again = '<a href="/explorer/auth/login?next=%2Fexplorer%2Fresults%3Fa%3D%221">Try again</a>'
            assert again in page.text
            assert '<a href="/explorer/results?a=&quot;1">Back to the explorer</a>' in page.text
            assert (await client.post("/auth/logout")).json() == {"redirect": None}
            server.start()
            # Asked too soon, it is not asked at all.
            monkeypatch.setattr(client_module, "REST_SECONDS", 600)
            assert (await fresh.get("/auth/login")).status_code == 503
            monkeypatch.setattr(client_module, "REST_SECONDS", 0)
            assert (await log_in(fresh)).status_code == 303
    finally:
        server.remove()


async def test_answers_that_nobody_asked_for_log_nobody_in(explorer, known, provider):
    async with explorer(**known) as served:
        client, other = await served.browser(), await served.browser()
        sent = await client.get("/auth/login")
        back = await at_provider(sent.headers["location"])
        wrong = re.sub(r"state=[\w-]+", "state=" + "x" * 64, back)
        for browser, address in [
            # Made up; from another browser (which uses the state up); used twice; without anything.
            (client, wrong),
            (other, back),
            (client, back),
            (client, "/auth/callback"),
            (served.bare(), back),
        ]:
            answer = await browser.get(address)
            assert (answer.status_code, answer.json()["code"]) == (400, "login_state"), address
            assert await me(browser) is None
        sent = await client.get("/auth/login")
        back = await at_provider(sent.headers["location"])
        answer = await client.get(re.sub(r"iss=[^&]+", "iss=https%3A%2F%2Felsewhere.example", back))
        assert (
            answer.json()["code"] == "login_failed" and "another login provider" in answer.json()["message"]
        )
        sent = await client.get("/auth/login")
        back = await at_provider(sent.headers["location"])
        answer = await client.get(re.sub(r"([?&])iss=[^&]+", r"\1x=1", back))
        assert answer.json()["code"] == "login_failed"
        sent = await client.get("/auth/login")
        back = await at_provider(sent.headers["location"])
        answer = await client.get(re.sub(r"code=[\w-]+", "code=guessed", back))
        assert answer.json()["code"] == "login_failed" and "invalid_grant" in answer.json()["message"]
        answer = await log_in(client, "nobody")
        assert (answer.status_code, answer.json()["code"]) == (400, "login_cancelled")


async def test_a_code_is_bound_to_the_browser_that_asked(explorer, known):
    async with explorer(**known) as served:
        victim, thief = await served.browser(), await served.browser()
        hers = await at_provider((await victim.get("/auth/login")).headers["location"])
        his = await at_provider((await thief.get("/auth/login")).headers["location"], "ben")
        code = parse_qs(urlsplit(hers).query)["code"][0]
        answer = await thief.get(re.sub(r"code=[\w-]+", f"code={code}", his))
        assert answer.json()["code"] == "login_failed" and await me(thief) is None


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ("/", "/explorer/"),
        ("/results?a=1#x", "/explorer/results?a=1#x"),
        ("/explorer/results", "/explorer/results"),
        ("/explorer", "/explorer"),
        ("//evil.example/", "/explorer/"),
        ("/\\evil.example", "/explorer/"),
        ("https://evil.example/", "/explorer/"),
        ("/\t/evil.example", "/explorer/"),
        ("", "/explorer/"),
    ],
)
async def test_a_login_leads_to_pages_of_the_explorer_only(explorer, known, wanted, place):
    async with explorer(**known) as served:
        client = await served.browser()
        sent = await client.get("/auth/login", params={"next": wanted})
        state = parse_qs(urlsplit(sent.headers["location"]).query)["state"][0]
        kept = json.loads(await served.context.redis.get(f"portal:login:{key_of(state)}"))
        assert kept["next"] == place


async def test_without_a_provider_there_is_no_login(explorer):
    async with explorer() as served:
        client = await served.browser()
        answer = await client.get("/auth/login")
        assert (answer.status_code, answer.json()["code"]) == (404, "login_off")
        assert (await client.post("/auth/logout")).json() == {"redirect": None}


async def test_another_provider_at_the_address_is_refused(explorer, known, provider):
    issuer = provider.issuer.replace("127.0.0.1", "localhost")
    async with explorer(**known | {"oidc_issuer": issuer}) as served:
        answer = await (await served.browser()).get("/auth/login")
        assert answer.status_code == 503 and "another one" in answer.json()["message"]


@pytest.mark.parametrize(
    ("told", "groups"),
    [
        (["b", "a", "b", 1, "", "x" * 300], ("a", "b")),
        ("staff", ("staff",)),
        (None, ()),
        ({"a": 1}, ()),
    ],
)
def test_groups_are_read_from_whatever_providers_tell(settings, told, groups):
    assert groups_of(settings(), {"groups": told}) == groups


async def test_a_request_that_waits_too_long_for_another_has_no_rights(explorer, known, monkeypatch):
    async with explorer(**known) as served:
        client = await served.browser()
        await log_in(client)
        session = await age(served, client)
        monkeypatch.setattr(identity, "WAIT_SECONDS", 0.1)
        async with served.context.redis.lock(f"portal:refresh:{session.key}", timeout=60):
            user = await me(client)
        assert user["name"] == "Anna Observer" and user["rights"] == []
        assert (await me(client))["rights"] == ["SIM-1", "ctao"]


async def test_who_is_logged_in_is_kept_with_a_new_secret_until_the_provider_is_asked(explorer, known):
    async with explorer(**known) as served:
        client = await served.browser()
        await log_in(client)
        session = await served.context.browsers.find(client.cookies["explorer_session"])
        await served.context.browsers.save(replace(session, refresh_token="gAAAA-of-another-secret"))
        assert (await me(client))["rights"] == ["SIM-1", "ctao"]
        await age(served, client)
        assert await me(client) is None
