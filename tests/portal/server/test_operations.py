"""Parts that are down and come back; what operators see; and the built pages."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace

import asyncpg
import httpx
import pytest

from portal.server import __main__
from portal.server.database import transaction
from portal.server.errors import DatabaseDownError
from portal.server.routes import ROUTERS

from . import processes

AVAILABLE = b'<v:availability xmlns:v="x"><v:available>true</v:available></v:availability>'


@pytest.mark.parametrize(
    "kind", [asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError, OSError]
)
async def test_a_database_that_is_not_ready_counts_as_down(kind):
    def begin():
        raise kind("the database system is in recovery mode")

    with pytest.raises(DatabaseDownError):
        async with transaction(SimpleNamespace(sessions=SimpleNamespace(begin=begin))):
            pass


@pytest.fixture
def tap():
    """Serve the document by which a TAP service says how it is."""

    class Handler(BaseHTTPRequestHandler):
        status, body = 200, AVAILABLE

        def do_GET(self):
            status = self.server.status if self.path.endswith("/availability") else 200
            self.send_response(status)
            self.send_header("Content-Length", str(len(self.server.body)))
            self.end_headers()
            self.wfile.write(self.server.body)

        def do_HEAD(self):
            self.send_response(200 if self.server.capable else 404)
            self.end_headers()

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.status, server.body, server.capable = 200, AVAILABLE, True
    thread = Thread(target=server.serve_forever)
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_port}/tap"
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def two(tap):
    return [
        {"key": "own", "label": "Own", "url": tap.url, "is_own": True},
        {"key": "far", "label": "Far", "url": "http://127.0.0.1:9/tap"},
    ]


async def test_readiness_says_what_is_missing(explorer, tap):
    async with explorer(services=two(tap)) as served:
        client = served.bare()
        answer = await client.get("/ready")
        assert answer.status_code == 200
        assert answer.json() == {
            "database": "ok",
            "redis": "ok",
            "tap:own": "ok",
            "tap:far": "does not answer (ConnectError)",
        }
        for status, body, capable, state in [
            (200, AVAILABLE.replace(b"true", b"false"), True, "says that it is not available"),
            (500, b"", True, "status 500"),
            (404, b"", True, "ok"),
            (404, b"", False, "status 404"),
            (200, b"x" * 200_000 + AVAILABLE, True, "says that it is not available"),
        ]:
            tap.status, tap.body, tap.capable = status, body, capable
            answer = await client.get("/ready")
            states = answer.json() if state == "ok" else answer.json()["detail"]
            assert states["tap:own"] == state
            if state != "ok":
                assert answer.status_code == 503 and answer.json()["message"] == "Missing: tap:own."
        assert (await client.get("/health")).json() == {"status": "ok"}
        metrics = served.context.metrics
        assert metrics.ready.labels("database")._value.get() == 1
        assert metrics.ready.labels("tap:far")._value.get() == 0


async def test_redis_goes_and_comes_back(explorer, tap):
    server = await asyncio.to_thread(processes.Redis)
    try:
        await asyncio.to_thread(server.start)
        async with explorer(redis_url=server.url, services=two(tap)) as served:
            anna = await served.user("anna")
            await asyncio.to_thread(server.stop)
            for answer in [
                await anna.get("/api/baskets"),
                await anna.post("/api/baskets", json={"name": "x"}),
            ]:
                assert (answer.status_code, answer.json()["code"]) == (503, "sessions_down")
                assert answer.headers["retry-after"] == "6" and "try again" in answer.json()["message"]
            assert (await anna.get("/")).status_code == 200
            ready = await anna.get("/ready")
            assert ready.status_code == 503 and ready.json()["message"] == "Missing: redis."
            await asyncio.to_thread(server.start)
            assert (await anna.get("/ready")).status_code == 200
            # Sessions are gone with this Redis, which keeps nothing; accounts are not.
            again = await served.user("anna")
            assert (await again.post("/api/baskets", json={"name": "x"})).status_code == 201
    finally:
        await asyncio.to_thread(server.remove)


@pytest.fixture
def mortal():
    server = processes.Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def test_the_database_goes_and_comes_back(explorer, tap, mortal):
    name = mortal.make()
    __main__.upgrade(mortal.url(name))

    async def check():
        async with explorer(database_url=mortal.url(name), services=two(tap)) as served:
            anna, nobody = await served.user("anna"), await served.browser()
            basket = (await anna.post("/api/baskets", json={"name": "Crab"})).json()
            await asyncio.to_thread(mortal.stop)
            answers = await asyncio.gather(
                *(anna.get(f"/api/baskets/{basket['id']}") for _ in range(6)),
                *(anna.post("/api/baskets", json={"name": "x"}) for _ in range(6)),
            )
            for answer in answers:
                assert (answer.status_code, answer.json()["code"]) == (503, "database_down"), answer.text
            # Whoever needs no account goes on, and so does the login of who has one.
            assert (await nobody.get("/api/me")).status_code == 200
            assert (await anna.get("/api/me")).json()["user"]["name"] == "Anna"
            assert (await anna.get("/ready")).json()["message"] == "Missing: database."
            await asyncio.to_thread(mortal.start)
            answers = await asyncio.gather(*(anna.get(f"/api/baskets/{basket['id']}") for _ in range(6)))
            assert [answer.json() for answer in answers] == [basket] * 6
            # A restart between two requests is not even seen.
            await asyncio.to_thread(mortal.stop)
            await asyncio.to_thread(mortal.start)
            assert (await anna.get("/api/baskets")).status_code == 200

    asyncio.run(check())


async def test_a_database_without_tables_is_not_ready(explorer, tap, postgres):
    name = await asyncio.to_thread(postgres.make)
    async with explorer(database_url=postgres.url(name), services=two(tap)) as served:
        answer = await served.bare().get("/ready")
        assert answer.json()["detail"]["database"] == "does not answer (ProgrammingError)"


async def test_figures_are_on_a_port_of_their_own(explorer):
    port = processes.free_port()
    async with explorer(metrics_port=port) as served:
        anna = await served.user("anna")
        await anna.get("/api/baskets")
        await anna.get("/api/baskets/no-uuid")
        await anna.get("/search")
        with pytest.raises(ValueError, match="broken"), served.context.metrics.asking("tap", "own"):
            raise ValueError("broken")

        def read():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                return answer.read().decode()

        text = await asyncio.to_thread(read)
        assert 'explorer_requests_total{method="GET",operation="list_baskets",status="200"} 1.0' in text
        assert 'explorer_requests_total{method="GET",operation="get_basket",status="422"} 1.0' in text
        assert 'operation="get_page_file"' in text and "no-uuid" not in text
        assert 'explorer_upstream_seconds_count{kind="tap",outcome="failed",service="own"} 1.0' in text
        assert "process_resident_memory_bytes" in text
        answer = await anna.get("/metrics")
        assert "explorer_requests_total" not in answer.text
    with pytest.raises(OSError, match="refused"):
        await asyncio.to_thread(read)


async def test_pages_are_served_and_kept(explorer):
    async with explorer() as served:
        client = served.bare()
        page = await client.get("/")
        assert page.headers["cache-control"] == "no-cache" and "<title>Explorer" in page.text
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["content-encoding"] == "gzip"
        for path in ("/search", "/results?service=own", "/shared/baskets/abc"):
            assert (await client.get(path)).text == page.text
        again = await client.get("/", headers={"If-None-Match": page.headers["etag"]})
        assert again.status_code == 304 and again.headers["cache-control"] == "no-cache"
        plain = await client.get("/assets/index-abc123.js", headers={"Accept-Encoding": "identity"})
        assert plain.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert "javascript" in plain.headers["content-type"] and "content-encoding" not in plain.headers
        packed = await client.get("/assets/index-abc123.js")
        assert packed.content == plain.content and packed.headers["etag"] != plain.headers["etag"]
        assert (await client.get("/favicon.svg")).headers["content-type"] == "image/svg+xml"
        for path in (
            "/assets/gone.js",
            "/api/nothing",
            "/auth/nothing",
            "/robots.txt",
            "/..%2f..%2fetc/passwd.x",
        ):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
        outside = served.context.settings.pages.parent / "outside.txt"
        outside.write_text("outside")
        for path in ("/%2e%2e/outside.txt", "/assets/..%2f..%2foutside.txt"):
            assert (await client.get(path)).status_code == 404
        head = await client.head("/assets/index-abc123.js")
        assert head.status_code == 200 and head.headers["etag"] == packed.headers["etag"]
        root = await client.get(str(client.base_url).rstrip("/"))
        assert root.status_code == 308 and root.headers["location"] == "/explorer/"
        # Behind a proxy that takes the root off, and for whoever comes to the port itself.
        assert (await client.get("https://explorer.example/search")).text == page.text
        index = served.context.settings.pages / "index.html"
        index.write_text("<!doctype html><title>New</title>")
        assert "New" in (await client.get("/")).text
        index.unlink()
        answer = await client.get("/")
        assert (answer.status_code, answer.json()["code"]) == (503, "no_pages")


def test_the_process_serves_at_a_socket_until_it_is_told_to_end(settings, tmp_path):
    values = settings()
    path = tmp_path / "socket"
    environment = dict(os.environ, PYTHONPATH=str(processes.ROOT), PYTHONWARNINGS="error")
    for name in ("public_url", "pages"):
        environment[f"CHERENKOV_EXPLORER_{name.upper()}"] = str(getattr(values, name))
    for name in ("database_url", "redis_url", "secret_key"):
        environment[f"CHERENKOV_EXPLORER_{name.upper()}"] = getattr(values, name).get_secret_value()
    environment["CHERENKOV_EXPLORER_SERVICES"] = json.dumps([each.model_dump() for each in values.services])
    environment["CHERENKOV_EXPLORER_SOCKET"] = str(path)
    log, base = tmp_path / "log", values.public_url.replace("https:", "http:")
    run = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "portal.server"]
    with log.open("w") as file:
        server = subprocess.Popen(run, env=environment, stderr=file)
    try:
        processes.wait_for(path.exists, server, log)
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url=base) as client:
            me = client.get("/api/me")
            assert me.json()["user"] is None and "server" not in me.headers
            assert "Explorer" in client.get("/").text
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) in {0, -signal.SIGTERM}, log.read_text()
    finally:
        server.kill()
        server.wait()
    told = log.read_text()
    assert "GET /api/me 200" in told and "Traceback" not in told
    assert values.secret_key.get_secret_value() not in told


def test_the_description_of_the_api_is_the_one_that_is_kept():
    made, kept = __main__.describe(), json.loads(__main__.OPENAPI.read_text())
    # Of all routes that there are: a router that is not included yet is not described.
    tags = {tag for router in ROUTERS for tag in router.tags}
    described = {
        path: {method: operation for method, operation in operations.items() if set(operation["tags"]) & tags}
        for path, operations in kept["paths"].items()
    }
    assert made["paths"] == {path: operations for path, operations in described.items() if operations}
    schemas = kept["components"]["schemas"]
    assert {name: schemas.get(name) for name in made["components"]["schemas"]} == made["components"][
        "schemas"
    ]
    assert {key: kept[key] for key in ("info", "openapi")} == {key: made[key] for key in ("info", "openapi")}
    names = [
        operation["operationId"] for operations in made["paths"].values() for operation in operations.values()
    ]
    assert len(set(names)) == len(names) and all(re.fullmatch("[a-z_]+", name) for name in names)


def test_the_command_writes_the_description(tmp_path, monkeypatch):
    monkeypatch.setattr(__main__, "OPENAPI", tmp_path / "openapi.json")
    assert __main__.main(["openapi"]) == 0
    assert json.loads((tmp_path / "openapi.json").read_text()) == __main__.describe()
