"""The client of UWS services, against a service that keeps to the standard, and documents of others."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from portal.server.errors import ConflictError, ForbiddenError, PortalError, UpstreamError
from portal.server.metrics import Metrics
from portal.server.models.jobs import Phase
from portal.server.settings import RunnerSettings
from portal.server.uws import Client, JobGoneError, RunnerDownError
from portal.server.uws_documents import Result, parse
from tests.judges.xsd import DEBIAN_SCHEMATA, Validator
from tests.portal.uws_server import UWS

RECORDED = Path(__file__).parent / "recorded"


@pytest.fixture
def uws() -> Iterator[UWS]:
    with UWS().running() as server:
        yield server


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class asking:  # noqa: N801
    """``async with asking(uws) as client``."""

    def __init__(self, uws: UWS, auth: httpx.BasicAuth | None = None, url: str | None = None) -> None:
        self.runner = RunnerSettings(key="own", label="The runner", url=url or uws.url)
        self.auth = auth

    async def __aenter__(self) -> Client:
        self.http = httpx.AsyncClient(trust_env=False)
        context: Any = SimpleNamespace(http=self.http, metrics=Metrics())
        return Client(context, self.runner, self.auth)

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()


@pytest.mark.anyio
async def test_a_job_goes_through_its_phases(uws: UWS) -> None:
    async with asking(uws) as client:
        url = await client.create([("ID", "ivo://a?1"), ("ID", "ivo://a?2&x"), ("width", "3")])
        document = await client.get(url)
        assert document.phase is Phase.PENDING
        assert document.parameters == [("ID", "ivo://a?1"), ("ID", "ivo://a?2&x"), ("width", "3")]
        await client.run(url)
        assert (await client.get(url)).phase is Phase.QUEUED
        uws.move(uws.only, "EXECUTING", progress=(0.25, "Making maps"))
        document = await client.get(url)
        assert (document.phase, document.progress, document.fraction) == (
            Phase.EXECUTING,
            "Making maps",
            0.25,
        )
        assert document.started is not None
        assert abs((document.started - datetime.now(UTC)).total_seconds()) < 5
        uws.move(uws.only, "COMPLETED", results={"map.png": ("image/png", b"abc")})
        document = await client.get(url)
        assert document.results == [Result("map.png", f"{url}/results/map.png", "map.png", "image/png", 3)]
        assert await client.text(client.place_of(url, document.results[0]), 100) == b"abc"
        await client.delete(url)
        assert not uws.jobs
        await client.delete(url)
        with pytest.raises(JobGoneError, match="does not know this job"):
            await client.get(url)


@pytest.mark.anyio
async def test_it_waits_for_the_service_to_tell(uws: UWS) -> None:
    async with asking(uws) as client:
        url = await client.create([])
        await client.run(url)
        threading.Timer(0.3, uws.move, (uws.only, "EXECUTING")).start()
        start = time.monotonic()
        document = await client.changed(url, Phase.QUEUED, 10)
        assert document.phase is Phase.EXECUTING
        assert 0.2 < time.monotonic() - start < 2
        assert sum("WAIT=" in each for each in uws.asked) == 1


@pytest.mark.anyio
async def test_it_asks_again_where_a_service_does_not_wait(uws: UWS) -> None:
    uws.waits = False
    async with asking(uws) as client:
        url = await client.create([])
        await client.run(url)
        threading.Timer(0.3, uws.move, (uws.only, "COMPLETED")).start()
        document = await client.changed(url, Phase.QUEUED, 10, pause=0.1)
        assert document.phase is Phase.COMPLETED
        assert 2 < sum("WAIT=" in each for each in uws.asked) < 10
        # What has ended does not change any more; what does not end is not waited for beyond the time.
        start = time.monotonic()
        assert (await client.changed(url, Phase.COMPLETED, 10)).phase is Phase.COMPLETED
        other = await client.create([])
        await client.changed(other, Phase.PENDING, 0.3, pause=0.1)
        assert time.monotonic() - start < 1.5


@pytest.mark.anyio
async def test_waiting_does_not_hold_up_others(uws: UWS) -> None:
    async with asking(uws) as client:
        url = await client.create([])
        waits = asyncio.create_task(client.changed(url, Phase.PENDING, 5))
        await asyncio.sleep(0.1)
        start = time.monotonic()
        assert (await client.get(url)).phase is Phase.PENDING
        assert time.monotonic() - start < 1
        await client.abort(url)
        assert (await waits).phase is Phase.ABORTED


@pytest.mark.anyio
@pytest.mark.parametrize("with_200", [True, False])
async def test_a_refusal_has_the_services_words(uws: UWS, with_200: bool) -> None:
    uws.says_errors_with_200 = with_200
    async with asking(uws) as client:
        url = await client.create([])
        await client.abort(url)
        with pytest.raises(ConflictError, match="RUN in ABORTED makes no sense"):
            await client.run(url)
        uws.refuses = "too many jobs <here>"
        with pytest.raises(ConflictError, match="The runner does not take the job: too many jobs <here>"):
            await client.create([])


@pytest.mark.anyio
async def test_jobs_of_an_account_are_asked_for_with_it(uws: UWS) -> None:
    uws.accounts = {"anna": "secret"}
    async with asking(uws, httpx.BasicAuth("anna", "secret")) as client:
        url = await client.create([])
        assert (await client.get(url)).owner == "anna"
    async with asking(uws) as client:
        with pytest.raises(ForbiddenError, match="not open to your login"):
            await client.get(url)


@pytest.mark.anyio
async def test_a_service_that_is_down_or_slow(uws: UWS, monkeypatch: pytest.MonkeyPatch) -> None:
    async with asking(uws) as client:
        url = await client.create([])
        uws.slow = 1.0
        monkeypatch.setattr("portal.server.uws.SECONDS", 0.2)
        with pytest.raises(RunnerDownError, match="takes too long"):
            await client._ask("GET", url, seconds=0.2)
        uws.slow = 0
        uws.stop()
        with pytest.raises(RunnerDownError, match="Nothing is lost"):
            await client.get(url)
        uws.start()
        assert (await client.get(url)).phase is Phase.PENDING


@pytest.mark.anyio
async def test_addresses_of_a_public_name_are_asked_for_at_the_runners(uws: UWS) -> None:
    uws.public = "https://archive.example/uws/jobs"
    async with asking(uws) as client:
        url = await client.create([])
        assert url == f"{uws.url}/j1"
        uws.move(uws.only, "COMPLETED", results={"a": ("text/plain", b"abc")})
        (result,) = (await client.get(url)).results
        assert result.href == "https://archive.example/uws/jobs/j1/results/a"
        assert await client.text(client.place_of(url, result), 2) == b"ab"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "href",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://evil.example/uws",
        "file:///etc/passwd",
        "ftp://archive.example/uws/jobs/1",
        "http://user:word@127.0.0.1/uws/jobs/1",
        "https://evil.example/uws/jobs/../../secret",
    ],
)
async def test_other_hosts_are_not_asked(uws: UWS, href: str) -> None:
    async with asking(uws) as client:
        url = await client.create([])
        uws.move(uws.only, "COMPLETED", results={"a": ("text/plain", b"abc")}, hrefs={"a": href})
        (result,) = (await client.get(url)).results
        with pytest.raises(UpstreamError, match="at another server"):
            client.place_of(url, result)


@pytest.mark.anyio
async def test_a_job_at_another_host_is_not_followed(uws: UWS) -> None:
    uws.public = "https://evil.example/elsewhere"
    async with asking(uws) as client:
        with pytest.raises(UpstreamError, match="does not say where the job is"):
            await client.create([])


@pytest.mark.anyio
async def test_what_is_no_uws_service(uws: UWS) -> None:
    uws.tap = lambda request: httpx.Response(200, content=b"<html><body>hello</body></html>")
    async with asking(uws, url=uws.tap_url) as client:
        with pytest.raises(UpstreamError, match="does not take the job"):
            await client.create([])
        with pytest.raises(PortalError, match="<html>, expected <job>"):
            await client.get(uws.tap_url)


def test_the_test_server_keeps_to_the_schema(uws: UWS) -> None:
    validator = Validator(DEBIAN_SCHEMATA)
    with httpx.Client(trust_env=False) as http:
        url = http.post(uws.url, data={"ID": ["a", "b"]}).headers["location"]
        assert validator.errors(http.get(url).content) == []
        uws.move(uws.only, "EXECUTING", progress=(0.5, "On & on"))
        assert validator.errors(http.get(url).content) == []
        uws.move(uws.only, "ERROR", error="<no>", results={"a": ("text/plain", b"")})
        assert validator.errors(http.get(url).content) == []


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*.xml")), ids=lambda path: path.stem)
def test_recorded_documents_are_valid_and_are_read(path: Path) -> None:
    content = path.read_bytes()
    assert Validator(DEBIAN_SCHEMATA).errors(content) == []
    document = parse(content)
    assert document.phase.value.lower() == path.stem.partition("-")[2]
    assert document.created is not None and document.created.tzinfo is UTC
    assert document.destruction is not None and document.destruction > document.created
    assert (document.error is not None) == (document.phase is Phase.ERROR)


def test_what_a_document_of_dachs_says() -> None:
    done = parse((RECORDED / "dachs-completed.xml").read_bytes())
    (result,) = done.results
    assert result.id == "result"
    assert result.href is not None and result.href.startswith("http://archive.example/")
    assert result.content_type is None and result.size is None
    assert dict(done.parameters)["lang"] == "ADQL"
    assert done.owner is None and done.progress is None
    failed = parse((RECORDED / "dachs-error.xml").read_bytes())
    assert failed.error == "Field query: Could not locate table 'public.nowhere'"
    assert parse((RECORDED / "dachs-pending.xml").read_bytes()).started is None


def test_what_a_document_of_opus_says() -> None:
    done = parse((RECORDED / "opuslike-completed.xml").read_bytes())
    assert done.started == datetime(2026, 11, 29, 10, 0, 5, tzinfo=UTC)
    assert [(r.id, r.content_type, r.size) for r in done.results] == [
        ("image", "image/png", 2048),
        ("provjson", "application/json", None),
        ("stdout", None, None),
    ]
    assert (done.progress, done.fraction) == ("42 %", None)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"<job>",
        b"<jobs/>",
        b"<job><phase>COMPLETED</phase></job>",
        b'<!DOCTYPE job [<!ENTITY x "y">]><job><jobId>&x;</jobId></job>',
    ],
)
def test_what_is_no_document(content: bytes) -> None:
    with pytest.raises(UpstreamError):
        parse(content)


def test_odd_values_are_unknown() -> None:
    document = parse(
        b"<job><jobId>1</jobId><phase>DANCING</phase><startTime>soon</startTime><results>"
        b'<result id="a" size="many"/><result/></results>'
        b'<jobInfo><progress fraction="7">x</progress></jobInfo></job>'
    )
    assert document.phase is Phase.UNKNOWN
    assert document.started is None
    assert document.results == [Result("a", None, "a", None, None)]
    assert (document.progress, document.fraction) == ("x", None)
