"""The server as tests see it: on real PostgreSQL and Redis, asked through ASGI."""

import asyncio
import inspect
from contextlib import asynccontextmanager

import httpx
import pytest

from portal.server.app import create_app
from portal.server.migrations import upgrade
from portal.server.models.results import Counted
from portal.server.sessions import Session
from portal.server.settings import ServiceSettings, Settings
from portal.server.store import users
from portal.server.tables import Base
from tests.portal.services import worlds
from tests.portal.uws_server import UWS

from . import processes

PUBLIC = "https://explorer.example/explorer"
SECRET = "not-a-secret-0123456789-abcdefghijklmnop"


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run tests that are coroutines."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj) or pyfuncitem.get_closest_marker("anyio"):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture(scope="session")
def postgres():
    server = processes.Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def migrated(postgres):
    url = postgres.url(postgres.make())
    upgrade(url)
    return url


@pytest.fixture
def database_url(postgres, migrated):
    """Give a database with empty tables."""
    tables = ", ".join(f'"{table.name}"' for table in Base.metadata.sorted_tables)
    postgres.do(f"TRUNCATE {tables}", migrated)
    return migrated


@pytest.fixture(scope="session")
def redis_server():
    server = processes.Redis()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def settings(database_url, redis_server, tmp_path):
    """Make settings of a server of its own."""
    pages = tmp_path / "dist"
    (pages / "assets").mkdir(parents=True)
    (pages / "index.html").write_text("<!doctype html><title>Explorer</title>" + " " * 600)
    (pages / "assets" / "index-abc123.js").write_text("export default 1;\n" * 100)
    (pages / "favicon.svg").write_text("<svg/>")

    def make(**more):
        values = {
            "public_url": PUBLIC,
            "database_url": database_url,
            "redis_url": redis_server.url,
            "secret_key": SECRET,
            "pages": pages,
            "services": [
                ServiceSettings(key="own", label="The archive", url="http://127.0.0.1:9/tap", is_own=True),
                ServiceSettings(key="other", label="Another archive", url="http://127.0.0.1:9/other/tap"),
            ],
        }
        return Settings(**(values | more))

    return make


class Counter:
    """Counts rows as the services do, with answers that a test sets."""

    def __init__(self):
        self.rows, self.version, self.asked = 3, "2026.1", []

    async def count(self, context, service_key, adql):
        self.asked.append((service_key, adql))
        if isinstance(self.rows, Exception):
            raise self.rows
        return Counted(count=self.rows, seconds=0.1, adql=adql)

    async def release(self, context, service_key):
        if isinstance(self.version, Exception):
            raise self.version
        return self.version


class Served:
    """A server that runs, and browsers to ask it."""

    def __init__(self, app, counter):
        self.app, self.counter = app, counter
        self.context = app.state.context
        self.clients = []

    async def browser(self, **more):
        """Open a browser of somebody unknown, which has asked for its word."""
        client = self.bare(**more)
        client.headers["X-CSRF-Token"] = (await client.get("/api/me")).json()["csrf"]
        return client

    def bare(self, address="203.0.113.7"):
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(address, 1))
        client = httpx.AsyncClient(transport=transport, base_url=self.context.settings.public_url)
        self.clients.append(client)
        return client

    async def user(self, subject, groups=(), **more):
        """Open a browser in which someone is logged in."""
        claims = {"sub": subject, "name": subject.title(), "email": f"{subject}@example.org"}
        row = await users.remember(self.context, "https://provider.example", claims)
        session = Session(
            "", "", 0, row.id, row.name, row.email, since=row.made.timestamp(), groups=tuple(groups), **more
        )
        word = await self.context.browsers.log_in(None, session)
        client = self.bare()
        client.cookies.set("explorer_session", word, domain="explorer.example")
        client.headers["X-CSRF-Token"] = (await client.get("/api/me")).json()["csrf"]
        return client


@asynccontextmanager
async def serving(settings):
    counter = Counter()
    app = create_app(settings, counter=counter)
    async with app.router.lifespan_context(app):
        served = Served(app, counter)
        await served.context.redis.flushall()
        try:
            yield served
        finally:
            for client in served.clients:
                await client.aclose()


@pytest.fixture
def explorer(settings):
    """Open a server: ``async with explorer(title="...") as served``."""
    return lambda **more: serving(settings(**more))


@pytest.fixture
def uws(request):
    """Run a service of jobs, which keeps to the standard unless a test names another."""
    server = getattr(request, "param", UWS)()
    with server.running():
        server.tap = worlds.full(url=server.tap_url)
        yield server
