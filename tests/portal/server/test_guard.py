"""What every request has to pass, and what every answer carries."""

import asyncio
import json
import re
from dataclasses import replace
from ipaddress import ip_network

import pytest
from fastapi.routing import APIRoute

from portal.server.limits import KINDS, kind_of
from portal.server.paths import client_of
from portal.server.routes import ROUTERS

HEADERS = {
    "content-security-policy",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
    "strict-transport-security",
    "x-request-id",
    "cache-control",
}


def routes(app):
    """Give method and path of all routes, with words for what varies."""
    found = []
    for route in [*app.routes, *(route for router in ROUTERS for route in router.routes)]:
        if isinstance(route, APIRoute):
            path = route.path.replace("{id}", "7b7c8a52-6ba2-4a7e-a4f4-6a9f2c2b1d10").replace(
                "{path:path}", "search"
            )
            path = re.sub(r"\{\w+\}", "word", path)
            found += [(method, path) for method in route.methods]
    return found


async def test_every_answer_of_every_route_has_the_headers(explorer):
    async with explorer() as served:
        client = await served.browser()
        asked = routes(served.app)
        assert len(asked) > 25
        asked += [
            ("GET", "/api/nothing"),
            ("BREW", "/api/me"),
            ("GET", "/assets/none.js"),
            ("PUT", "/search"),
        ]
        for method, path in asked:
            answer = await client.request(method, path)
            assert set(answer.headers) >= HEADERS, (method, path)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy and "unsafe-eval" not in policy.replace(
                "wasm-unsafe-eval", ""
            )
            if answer.status_code >= 400 and method != "HEAD":
                problem = answer.json()
                assert set(problem) == {"code", "message", "detail", "request_id"}, (method, path)
                assert problem["request_id"] == answer.headers["x-request-id"]


async def test_every_change_needs_the_word_and_an_origin_of_ours(explorer):
    async with explorer() as served:
        client = await served.user("anna")
        word = client.headers.pop("X-CSRF-Token")
        changes = [(method, path) for method, path in routes(served.app) if method not in {"GET", "HEAD"}]
        assert len(changes) >= 18
        for method, path in changes:
            for wrong in ({}, {"X-CSRF-Token": "x" * len(word)}, {"X-CSRF-Token": "ä".encode()}):
                answer = await client.request(method, path, headers=wrong, json={})
                assert (answer.status_code, answer.json()["code"]) == (403, "csrf"), (method, path)
            right = {"X-CSRF-Token": word}
            for foreign in (
                {"Origin": "https://evil.example"},
                {"Origin": "null"},
                {"Origin": "http://explorer.example"},
                {"Origin": "https://explorer.example.evil.example"},
                {"Sec-Fetch-Site": "cross-site"},
                {"Sec-Fetch-Site": "same-site"},
            ):
                answer = await client.request(method, path, headers=right | foreign, json={})
                assert (answer.status_code, answer.json()["code"]) == (403, "origin"), (method, path)
            own = {"Origin": "https://explorer.example", "Sec-Fetch-Site": "same-origin"}
            answer = await client.request(method, path, headers=right | own, json={})
            if path == "/auth/logout":
                client = await served.user("anna")
                word = client.headers.pop("X-CSRF-Token")
            assert answer.status_code != 403, (method, path)


async def test_a_word_is_good_for_its_own_session_only(explorer):
    async with explorer() as served:
        anna, ben = await served.user("anna"), await served.user("ben")
        ben.headers["X-CSRF-Token"] = anna.headers["X-CSRF-Token"]
        assert (await ben.post("/api/baskets", json={"name": "x"})).json()["code"] == "csrf"
        anna.cookies.clear()
        assert (await anna.post("/api/baskets", json={"name": "x"})).json()["code"] == "csrf"
        anna.cookies.set("explorer_session", "x" * 5000, domain="explorer.example")
        assert (await anna.get("/api/baskets")).status_code == 401


async def test_the_server_goes_by_its_names_only(explorer):
    async with explorer(hosts=["portal.internal"]) as served:
        client = served.bare()
        for host, status in [
            ("explorer.example", 200),
            ("EXPLORER.example:443", 200),
            ("portal.internal:80", 200),
            ("evil.example", 421),
            ("explorer.example.evil.example", 421),
            ("", 421),
        ]:
            answer = await client.get("/api/me", headers={"Host": host})
            assert answer.status_code == status, host
            assert (await client.get("/health", headers={"Host": host})).status_code == 200


async def test_limits_hold_for_sessions_and_for_addresses(explorer):
    async with explorer(limits={"change": 3, "read": 100}, address_factor=2) as served:
        anna, ben = await served.user("anna"), await served.user("ben")
        answers = [await anna.post("/api/baskets", json={"name": "x"}) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
        problem = answers[-1].json()
        assert problem["code"] == "too_many_requests" and problem["detail"] == {
            "kind": "change",
            "per_minute": 3,
        }
        assert 15 <= int(answers[-1].headers["retry-after"]) <= 21
        # Other kinds go on, and so do others; but not more than the address may.
        assert (await anna.get("/api/baskets")).status_code == 200
        answers = [await ben.post("/api/baskets", json={"name": "x"}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201, 201, 429]
        carl = await served.user("carl")
        carl._transport.client = ("203.0.113.8", 1)
        assert (await carl.post("/api/baskets", json={"name": "x"})).status_code == 201
        assert served.context.metrics.limited.labels("change")._value.get() == 2
        # Pages and operators are not held up.
        assert all([(await anna.get("/health")).status_code == 200 for _ in range(150)])


@pytest.mark.parametrize(
    ("peer", "told", "address"),
    [
        ("203.0.113.7", None, "203.0.113.7"),
        # Whoever is no proxy says what he likes.
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.5", "198.51.100.1"),
        (None, "1.1.1.1,198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "nonsense, 10.0.0.5", "10.0.0.5"),
        (None, None, "unknown"),
        ("127.0.0.1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("127.0.0.1", "10.0.0.5", "10.0.0.5"),
    ],
)
def test_where_requests_come_from(peer, told, address):
    headers = [] if told is None else [(b"x-forwarded-for", told.encode())]
    scope = {"client": peer and (peer, 1), "headers": headers}
    assert client_of(scope, [ip_network("127.0.0.1"), ip_network("10.0.0.0/8")]) == address


async def test_sessions_are_not_made_without_end(explorer):
    async with explorer(limits={"session": 2}, address_factor=2) as served:
        answers = [await served.bare().get("/api/me") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200] * 4 + [429]
        assert (await served.bare("198.51.100.1").get("/api/me")).status_code == 200


def test_kinds_of_requests():
    for method, path, kind in [
        ("GET", "/auth/login", "login"),
        ("GET", "/api/baskets", "read"),
        ("POST", "/api/baskets", "change"),
        ("GET", "/api/baskets/1/bundle", "download"),
        ("POST", "/api/bundle", "download"),
        ("POST", "/api/services/own/export", "download"),
        ("POST", "/api/services/own/page", "query"),
        ("POST", "/api/resolve", "query"),
        ("POST", "/api/queries/1/run", "query"),
        ("POST", "/api/jobs", "job"),
        ("GET", "/api/jobs/1/results/map.png", "download"),
        ("GET", "/search", None),
        ("GET", "/ready", None),
    ]:
        assert kind_of(method, path) == kind and (kind is None or kind in KINDS)


async def test_large_bodies_are_refused_before_they_are_read(explorer):
    async with explorer(body_bytes=2000) as served:
        client = await served.browser()
        answer = await client.post("/api/script", content=b"x" * 3000)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

        async def pieces():
            for _ in range(100):
                yield b"x" * 1000

        for kind in ("application/json", "application/x-www-form-urlencoded"):
            answer = await client.post("/api/script", content=pieces(), headers={"Content-Type": kind})
            assert answer.status_code == 413, kind
        answer = await client.post("/api/script", content=b"", headers={"Content-Length": "many"})
        assert answer.status_code == 400


async def test_forms_carry_word_and_body(explorer):
    async with explorer() as served:
        client = await served.browser()
        word = client.headers.pop("X-CSRF-Token")
        body = json.dumps({"items": [{"service": "other", "did": "ivo://x/~?a/1"}]})
        answer = await client.post("/api/script", data={"csrf": word, "body": body})
        assert answer.status_code == 200 and "ivo://x/~?a/1" in answer.json()["text"]
        for data, status, code in [
            ({"csrf": "wrong", "body": body}, 403, "csrf"),
            ({"body": body}, 403, "csrf"),
            ({"csrf": word, "body": "{"}, 422, "invalid"),
            ({"csrf": word}, 422, "invalid"),
            ({"csrf": word, "body": body, "more": "x"}, 400, "bad_request"),
            ({"csrf": [word, word], "body": body}, 400, "bad_request"),
        ]:
            answer = await client.post("/api/script", data=data)
            assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        navigated = {"Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
        page = await client.post("/api/script", data={"csrf": "<b>", "body": body}, headers=navigated)
        assert page.status_code == 403 and page.text.startswith("<!doctype html>")
        assert '<a href="/explorer/">' in page.text


async def test_mistakes_are_told_without_what_went_wrong_inside(explorer, monkeypatch):
    async with explorer() as served:
        anna = await served.user("anna")
        served.counter.version = RuntimeError("a secret of the inside")
        answer = await anna.post("/api/queries", json={"service": "own", "adql": "x", "count": 1})
        assert (answer.status_code, answer.json()["code"]) == (500, "mistake")
        assert "secret" not in answer.text and set(answer.headers) >= HEADERS
        answer = await anna.get("/api/baskets/no-uuid", headers={"X-Request-ID": "given-by-proxy-1"})
        assert answer.status_code == 422 and answer.json()["request_id"] == "given-by-proxy-1"
        answer = await anna.get("/api/me", headers={"X-Request-ID": "short\n"})
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])


@pytest.mark.parametrize("surveys", [False, True])
async def test_the_policy_lets_out_what_is_set(explorer, surveys):
    async with explorer(
        remote_surveys=surveys, samp=surveys, survey_hosts=["https://hips.example"]
    ) as served:
        policy = (await served.bare().get("/")).headers["content-security-policy"]
        assert ("https://hips.example" in policy) is surveys
        assert ("localhost:21012" in policy) is surveys


async def test_sessions_end(explorer):
    async with explorer(session_idle=60, session_seconds=120) as served:
        anna = await served.user("anna")
        key = (await served.context.redis.keys("portal:session:*"))[0]
        assert 50 < await served.context.redis.ttl(key) <= 60
        browsers = served.context.browsers
        session = await browsers.load(key.decode().rpartition(":")[2])
        await browsers.end(session)
        # What ended does not come back, not even by a request that was under way.
        assert not await browsers.save(session)
        assert (await anna.get("/api/baskets")).status_code == 401
        assert not await browsers.save(replace(session, made=session.made - 121), is_new=True)


async def test_the_end_of_a_session_moves_with_its_use(explorer):
    async with explorer() as served:
        anna = await served.user("anna")
        key = (await served.context.redis.keys("portal:session:*"))[0]
        await served.context.redis.expire(key, 100)
        await asyncio.gather(*(anna.get("/api/me") for _ in range(3)))
        assert await served.context.redis.ttl(key) > 8 * 3600 - 10
