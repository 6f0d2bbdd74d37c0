"""The client of UWS services: one that keeps to the standard, and one that does as OPUS."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from portal.server.errors import ConflictError, ForbiddenError, PortalError, UpstreamError
from portal.server.jobs_create import create
from portal.server.metrics import Metrics
from portal.server.models.jobs import Phase
from portal.server.settings import RunnerSettings
from portal.server.uws import Client, JobGoneError, RunnerDownError
from portal.server.uws_documents import Result
from tests.judges.xsd import DEBIAN_SCHEMATA, Validator
from tests.portal.opus_server import OPUS
from tests.portal.uws_server import UWS


@pytest.fixture(params=[UWS, OPUS])
def uws(request: pytest.FixtureRequest) -> Iterator[UWS]:
    with request.param().running() as server:
        yield server


@pytest.fixture
def standard() -> Iterator[UWS]:
    with UWS().running() as server:
        yield server


@pytest.fixture
def opus() -> Iterator[OPUS]:
    with OPUS().running() as server:
        yield server


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class asking:  # noqa: N801
    """``async with asking(uws) as client``."""

    def __init__(
        self, uws: UWS, auth: httpx.BasicAuth | None = None, url: str | None = None, is_own: bool = False
    ) -> None:
        self.runner = RunnerSettings(key="own", label="The runner", url=url or uws.url, is_own=is_own)
        self.auth = auth

    async def __aenter__(self) -> Client:
        self.http = httpx.AsyncClient(trust_env=False)
        context: Any = SimpleNamespace(http=self.http, metrics=Metrics())
        return Client(context, self.runner, self.auth)

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()


@pytest.mark.anyio
async def test_a_job_goes_through_its_phases(standard: UWS) -> None:
    async with asking(standard) as client:
        url = await client.create([("ID", "ivo://a?1"), ("ID", "ivo://a?2&x"), ("width", "3")])
        document = await client.get(url)
        assert document.phase is Phase.PENDING
        assert document.parameters == [("ID", "ivo://a?1"), ("ID", "ivo://a?2&x"), ("width", "3")]
        await client.run(url)
        assert (await client.get(url)).phase is Phase.QUEUED
        standard.move(standard.only, "EXECUTING", progress=(0.25, "Making maps"))
        document = await client.get(url)
        assert (document.phase, document.progress, document.fraction) == (
            Phase.EXECUTING,
            "Making maps",
            0.25,
        )
        assert document.started is not None
        assert abs((document.started - datetime.now(UTC)).total_seconds()) < 5
        standard.move(standard.only, "COMPLETED", results={"map.png": ("image/png", b"abc")})
        document = await client.get(url)
        assert document.results == [Result("map.png", f"{url}/results/map.png", "map.png", "image/png", 3)]
        assert await client.text(client.place_of(url, document.results[0]), 100) == b"abc"
        await client.delete(url)
        assert not standard.jobs
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
        assert 2 <= sum("WAIT=" in each for each in uws.asked) < 10
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
async def test_a_refusal_has_the_services_words(standard: UWS, with_200: bool) -> None:
    standard.says_errors_with_200 = with_200
    async with asking(standard) as client:
        url = await client.create([])
        await client.abort(url)
        with pytest.raises(ConflictError, match="RUN in ABORTED makes no sense"):
            await client.run(url)
        standard.refuses = "too many jobs <here>"
        with pytest.raises(ConflictError, match="The runner does not take the job: too many jobs <here>"):
            await client.create([])


@pytest.mark.anyio
async def test_jobs_of_an_account_are_asked_for_with_it(uws: UWS) -> None:
    uws.accounts = {"anna": "secret"}
    async with asking(uws, httpx.BasicAuth("anna", "secret")) as client:
        url = await client.create([])
        assert (await client.get(url)).owner == "anna"
    async with asking(uws) as client:
        with pytest.raises(ForbiddenError, match="not open to this site: "):
            await client.get(url)
    async with asking(uws, is_own=True) as client:
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
async def test_addresses_of_a_public_name_are_asked_for_at_the_runners(standard: UWS) -> None:
    standard.public = "https://archive.example/uws/jobs"
    async with asking(standard) as client:
        url = await client.create([])
        assert url == f"{standard.url}/j1"
        standard.move(standard.only, "COMPLETED", results={"a": ("text/plain", b"abc")})
        (result,) = (await client.get(url)).results
        assert result.href == "https://archive.example/uws/jobs/j1/results/a"
        assert await client.text(client.place_of(url, result), 2) == b"ab"


@pytest.mark.anyio
async def test_a_job_goes_through_its_phases_at_opus(opus: OPUS) -> None:
    async with asking(opus) as client:
        url = await client.create([("RUNID", "r"), ("width", "3 %")])
        document = await client.get(url)
        assert (document.phase, document.error, document.progress) == (Phase.PENDING, None, None)
        assert dict(document.parameters) == {"RUNID": "r", "width": "3+%25"}
        await client.run(url)
        opus.move(opus.only, "EXECUTING", error=None)
        assert (await client.get(url)).progress is None
        results = {
            "map": ("image/png", b"abc"),
            "stdout": ("text/plain", b"said"),
            "provjson": ("a/b", b"{}"),
        }
        opus.move(opus.only, "COMPLETED", results=results)
        document = await client.get(url)
        assert (document.phase, document.error) == (Phase.COMPLETED, None)
        assert document.results[0] == Result(
            "map", opus.url.replace("/uws/jobs", "/store?ID=j1_map"), "map", "image/png", None
        )
        got = [await client.text(client.place_of(url, result), 100) for result in document.results]
        assert got == [b"abc", b"said", b"{}"]
        opus.move(opus.only, "ERROR", error="No run & no off regions")
        assert (await client.get(url)).error == "No run & no off regions"
        await client.delete(url)
        await client.delete(url)
        with pytest.raises(JobGoneError):
            await client.get(url)


@pytest.mark.anyio
@pytest.mark.parametrize("kind", [UWS, OPUS])
async def test_no_data_set_is_lost_on_the_way(kind: type[UWS]) -> None:
    with kind().running() as server:
        async with asking(server) as client:
            await create(client, "run", ["ivo://a?1", "ivo://a?2+x", "ivo://a?3"], {"width": "2"})
            told = server.only.parameters
            assert (
                " ".join(value for name, value in told if name == "ID") == "ivo://a?1 ivo://a?2+x ivo://a?3"
            )
            assert [each for each in told if each[0] != "ID"] == [("RUNID", "run"), ("width", "2")]
            await create(client, "run", ["ivo://a?1"], {})
            assert len(server.jobs) == 2


@pytest.mark.anyio
async def test_a_job_that_cannot_be_looked_at_does_not_stay(
    opus: OPUS, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asking(opus) as client:

        async def get(*_: object) -> None:
            raise RunnerDownError("away")

        monkeypatch.setattr(Client, "get", get)
        with pytest.raises(RunnerDownError):
            await create(client, "run", ["ivo://a?1", "ivo://a?2"], {})
        assert not opus.jobs


@pytest.mark.anyio
async def test_what_opus_cannot_store_is_refused_in_its_words(opus: OPUS) -> None:
    async with asking(opus) as client:
        with pytest.raises(ConflictError, match="does not take the job: ID is too long: 255 characters"):
            await create(client, "run", [f"ivo://archive.example/~?{number}" for number in range(20)], {})
        assert not opus.jobs
        opus.refuses = "At most 3 <jobs>"
        with pytest.raises(UpstreamError, match="does not take the job: At most 3 <jobs>"):
            await client.create([])
        opus.refuses = "Traceback (most recent call last):\n  File x\nKeyError: no job"
        with pytest.raises(UpstreamError, match="does not take the job: KeyError: no job"):
            await client.create([])
        opus.refuses = None
        url = await client.create([])
        await client.abort(url)
        assert (await client.get(url)).error == "anonymous aborted it"
        with pytest.raises(UpstreamError, match="RUN in ABORTED makes no sense"):
            await client.run(url)


@pytest.mark.anyio
async def test_opus_behind_a_proxy_that_it_does_not_know(opus: OPUS) -> None:
    """It writes http: and another port than people ask at, or another name."""
    results = {"map": ("image/png", b"abc"), "provjson": ("application/json", b"{}")}
    async with asking(opus) as client:
        opus.public = "http://127.0.0.1/uws/jobs"
        url = await client.create([])
        assert url == f"{opus.url}/j1"
        opus.move(opus.only, "COMPLETED", results=results)
        found = (await client.get(url)).results
        assert [await client.text(client.place_of(url, each), 9) for each in found] == [b"abc", b"{}"]
        opus.public = "https://opus.example/uws/jobs"
        found = (await client.get(url)).results
        assert await client.text(client.place_of(url, found[1]), 9) == b"{}"
        with pytest.raises(UpstreamError, match="at another server"):
            client.place_of(url, found[0])


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
async def test_a_job_at_another_host_is_not_followed(standard: UWS) -> None:
    standard.public = "https://evil.example/elsewhere"
    async with asking(standard) as client:
        with pytest.raises(UpstreamError, match="does not say where the job is"):
            await client.create([])


@pytest.mark.anyio
async def test_what_is_no_uws_service(standard: UWS) -> None:
    standard.tap = lambda request: httpx.Response(200, content=b"<html><body>hello</body></html>")
    async with asking(standard, url=standard.tap_url) as client:
        with pytest.raises(UpstreamError, match="does not take the job"):
            await client.create([])
        with pytest.raises(PortalError, match="<html>, expected <job>"):
            await client.get(standard.tap_url)


def test_the_test_server_keeps_to_the_schema(standard: UWS) -> None:
    validator = Validator(DEBIAN_SCHEMATA)
    with httpx.Client(trust_env=False) as http:
        url = http.post(standard.url, data={"ID": ["a", "b"]}).headers["location"]
        assert validator.errors(http.get(url).content) == []
        standard.move(standard.only, "EXECUTING", progress=(0.5, "On & on"))
        assert validator.errors(http.get(url).content) == []
        standard.move(standard.only, "ERROR", error="<no>", results={"a": ("text/plain", b"")})
        assert validator.errors(http.get(url).content) == []
