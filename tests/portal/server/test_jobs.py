"""Preview jobs as users have them, at a UWS service that keeps to the standard, and at one like OPUS."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from portal.server.settings import RunnerSettings, ServiceSettings
from portal.server.tables_jobs import JobRow
from tests.portal.opus_server import OPUS
from tests.portal.services import worlds
from tests.portal.uws_server import UWS

EVENTS = ["ivo://example/~?000", "ivo://example/~?001", "ivo://example/~?002"]
RESPONSE = "ivo://example/~?004"
PNG = b"\x89PNG\r\n" + bytes(range(256))
PROV = {
    "prefix": {"job": "urn:job#"},
    "entity": {
        "job:in": {"prov:label": "run 1", "voprov:obs_publisher_did": EVENTS[0]},
        "job:map": {
            "prov:label": "map",
            "voprov:location": "map.png",
            "voprov:size": {"$": 9, "type": "int"},
        },
    },
    "activity": {"job:run": {"prov:startTime": "2026-11-29T10:00:00"}},
    "agent": {"job:soft": {"prov:type": "prov:SoftwareAgent"}},
    "used": {"_:1": {"prov:activity": "job:run", "prov:entity": "job:in"}},
    "wasGeneratedBy": {"_:2": [{"prov:entity": "job:map", "prov:activity": "job:run"}]},
    "wasDerivedFrom": {"_:3": {"prov:generatedEntity": "job:map", "prov:usedEntity": "job:in"}},
    "wasAssociatedWith": {"_:4": {"prov:activity": "job:run", "prov:agent": "job:soft"}},
    "wasAttributedTo": {"_:5": {"prov:entity": "job:map", "prov:agent": "job:nobody"}},
}


@pytest.fixture
def uws(request):
    server = getattr(request, "param", UWS)()
    with server.running():
        server.tap = worlds.full(url=server.tap_url)
        yield server


both = pytest.mark.parametrize("uws", [UWS, OPUS], indirect=True)


def runners(uws, **more):
    return {
        "runners": [
            RunnerSettings(key="own", label="The runner", url=uws.url, is_own=not isinstance(uws, OPUS)),
            RunnerSettings(key="opus", label="OPUS", url=uws.url),
        ],
        "services": [
            ServiceSettings(key="own", label="The archive", url=uws.tap_url, is_own=True),
            ServiceSettings(key="other", label="Another archive", url="http://127.0.0.1:9/tap"),
        ],
    } | more


async def basket(client, dids=EVENTS, others=()):
    items = [{"service": "own", "did": did} for did in dids]
    items += [{"service": "other", "did": did} for did in others]
    answer = await client.post("/api/baskets", json={"name": "Crab", "items": items})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def start(client, **more):
    body = {"basket": await basket(client), **more}
    answer = await client.post("/api/jobs", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def old(served):
    """Make all that was seen of jobs an hour old."""
    async with served.context.sessions.begin() as session:
        then = datetime.now(UTC) - timedelta(hours=1)
        await session.execute(update(JobRow).values(seen=then, made=then))


async def look(served, client, job):
    await old(served)
    answer = await client.get(f"/api/jobs/{job['id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_form_is_filled_in_from_the_basket(explorer, uws):
    async with explorer(**runners(uws)) as served:
        anna = await served.user("anna")
        mine = await basket(anna, [EVENTS[0], RESPONSE, "ivo://example/~?none"], ["ivo://other/1"])
        form = (await anna.get(f"/api/jobs/form?basket={mine}")).json()
        values = {each["name"]: each["value"] for each in form["parameters"]}
        row = worlds.row(0)
        assert float(values["ra"]) == pytest.approx(row["ra_obj"])
        assert float(values["dec"]) == pytest.approx(row["dec_obj"])
        assert (values["energy_min"], values["energy_max"]) == ("0.1", "100")
        assert values["background"] == "ring"
        assert form["items"] == 1
        said = " ".join(form["left_out"])
        assert "1 data set of other services" in said
        assert "1 data set of type aeff" in said
        assert "no longer has, such as ivo://example/~?none" in said
        ring = next(each for each in form["parameters"] if each["name"] == "background")
        assert (ring["kind"], ring["choices"]) == ("choice", ["ring", "fov"])
        assert (await anna.get(f"/api/jobs/form?basket={mine}&runner=none")).status_code == 404


async def test_the_form_comes_without_the_archive(explorer, uws):
    uws.tap = None
    async with explorer(**runners(uws)) as served:
        anna = await served.user("anna")
        form = (await anna.get(f"/api/jobs/form?basket={await basket(anna)}")).json()
        assert form["items"] == 3
        assert "could not be asked" in form["left_out"][0]
        assert {each["value"] for each in form["parameters"] if each["name"] in {"ra", "dec"}} == {None}


async def test_a_job_is_limited_to_some_data_sets(explorer, uws):
    async with explorer(**runners(uws, job_items=2)) as served:
        anna = await served.user("anna")
        form = (await anna.get(f"/api/jobs/form?basket={await basket(anna)}")).json()
        assert form["items"] == 2
        assert form["left_out"] == ["1 data set: a job takes 2."]
        job = await start(anna)
        assert job["items"] == 2
        assert [v for n, v in uws.only.parameters if n == "ID"] == EVENTS[:2]


async def test_a_job_from_start_to_results(explorer, uws):
    async with explorer(**runners(uws)) as served:
        anna = await served.user("anna")
        job = await start(anna, name="First", parameters={"width": "2", "dec": " ", "ra": ""})
        assert (job["phase"], job["name"], job["basket_name"], job["items"]) == ("QUEUED", "First", "Crab", 3)
        assert job["parameters"] == {"width": "2"}
        assert job["progress"] == "Waiting in the queue"
        assert uws.only.parameters == [
            ("RUNID", job["id"]),
            *(("ID", did) for did in EVENTS),
            ("width", "2"),
        ]
        log = {"log.txt": ("text/plain", b"10 % reading\n")}
        uws.move(uws.only, "EXECUTING", progress=(0.4, "Making maps"), results=log)
        job = await look(served, anna, job)
        assert (job["phase"], job["progress"], job["fraction"]) == ("EXECUTING", "Making maps", 0.4)
        text = await anna.get(f"/api/jobs/{job['id']}/log")
        assert (text.text, text.headers["content-type"]) == ("10 % reading\n", "text/plain; charset=utf-8")
        results = {
            "map.png": ("image/png", PNG),
            "page.html": ("text/html", b"<script>alert(1)</script>"),
            "provenance.json": ("application/json", json.dumps(PROV).encode()),
        }
        uws.move(uws.only, "COMPLETED", results=results | log)
        job = await look(served, anna, job)
        assert (job["phase"], job["fraction"], job["progress"], job["error"]) == ("COMPLETED", 1, None, None)
        assert job["started"] <= job["ended"]
        first = job["results"][0]
        assert (first["id"], first["content_type"], first["size"]) == ("map.png", "image/png", len(PNG))
        assert first["url"] == f"/explorer/api/jobs/{job['id']}/results/map.png"
        got = await anna.get(f"/api/jobs/{job['id']}/results/map.png")
        assert (got.content, got.headers["content-type"]) == (PNG, "image/png")
        assert got.headers["content-length"] == str(len(PNG))
        assert got.headers["content-disposition"].startswith("inline")
        part = await anna.get(f"/api/jobs/{job['id']}/results/map.png", headers={"Range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, PNG[10:20])
        page = await anna.get(f"/api/jobs/{job['id']}/results/page.html")
        assert page.headers["content-type"] == "application/octet-stream"
        assert page.headers["content-disposition"].startswith("attachment")
        assert (await anna.get(f"/api/jobs/{job['id']}/results/none")).status_code == 404
        # What has ended is not asked for again.
        uws.stop()
        assert (await look(served, anna, job))["phase"] == "COMPLETED"
        down = await anna.get(f"/api/jobs/{job['id']}/results/map.png")
        assert (down.status_code, down.json()["code"]) == (503, "runner_down")


async def test_provenance_is_a_graph(explorer, uws):
    async with explorer(**runners(uws)) as served:
        anna = await served.user("anna")
        job = await start(anna, parameters={"width": "2"})
        address = f"/api/jobs/{job['id']}/provenance"
        graph = (await anna.get(address)).json()
        assert [node["label"] for node in graph["nodes"]] == [job["name"], "The runner", *EVENTS]
        assert graph["nodes"][0]["attributes"]["width"] == "2"
        results = {
            "map.png": ("image/png", PNG),
            "provenance.json": ("application/json", json.dumps(PROV).encode()),
        }
        uws.move(uws.only, "COMPLETED", results=results)
        await old(served)
        graph = (await anna.get(address)).json()
        nodes = {node["id"]: node for node in graph["nodes"]}
        assert set(nodes) == {"job:in", "job:map", "job:run", "job:soft"}
        assert nodes["job:map"]["url"].endswith("/results/map.png")
        assert nodes["job:map"]["attributes"]["voprov:size"] == "9"
        assert nodes["job:run"]["kind"] == "activity"
        edges = {(edge["source"], edge["target"], edge["relation"]) for edge in graph["edges"]}
        assert edges == {
            ("job:run", "job:in", "used"),
            ("job:map", "job:run", "wasGeneratedBy"),
            ("job:map", "job:in", "wasDerivedFrom"),
            ("job:run", "job:soft", "wasAssociatedWith"),
        }


@pytest.mark.parametrize("content", [b"no json", b"[]", b"{}", b'{"entity": 3}', b"[" * 100_000])
async def test_odd_provenance_does_no_harm(explorer, uws, content):
    async with explorer(**runners(uws)) as served:
        anna = await served.user("anna")
        job = await start(anna)
        uws.move(uws.only, "COMPLETED", results={"prov.json": ("application/json", content)})
        await old(served)
        answer = await anna.get(f"/api/jobs/{job['id']}/provenance")
        assert answer.status_code == 200


@both
async def test_a_job_is_waited_for(explorer, uws):
    async with explorer(**runners(uws)) as served:
        anna = await served.user("anna")
        job = await start(anna)
        headers = {"Prefer": "respond-async, wait=20"}
        waits = asyncio.create_task(anna.get(f"/api/jobs/{job['id']}", headers=headers))
        await asyncio.sleep(0.3)
        begin = time.monotonic()
        # Others are answered meanwhile.
        assert (await anna.get("/api/baskets")).status_code == 200
        uws.move(uws.only, "EXECUTING")
        assert (await waits).json()["phase"] == "EXECUTING"
        assert time.monotonic() - begin < 3


@both
async def test_a_job_is_aborted_retried_deleted(explorer, uws):
    async with explorer(**runners(uws)) as served:
        anna = await served.user("anna")
        job = await start(anna, parameters={"width": "2"})
        uws.move(uws.only, "EXECUTING")
        answer = await anna.post(f"/api/jobs/{job['id']}/abort")
        assert (answer.status_code, answer.json()["phase"]) == (200, "ABORTED")
        assert answer.json()["error"] in {"The job was ended before it was done.", "anonymous aborted it"}
        again = await anna.post(f"/api/jobs/{job['id']}/abort")
        assert (again.status_code, again.json()["code"]) == (409, "job_ended")
        # The basket may be gone meanwhile: a job has a copy of what was in it.
        assert (await anna.delete(f"/api/baskets/{job['basket']}")).status_code == 204
        retried = (await anna.post(f"/api/jobs/{job['id']}/retry")).json()
        assert (retried["retry_of"], retried["phase"], retried["basket"]) == (job["id"], "QUEUED", None)
        assert (retried["items"], retried["parameters"]) == (3, {"width": "2"})
        first, second = uws.jobs.values()
        assert second.parameters[1:] == first.parameters[1:]
        listed = (await anna.get("/api/jobs")).json()
        assert [each["id"] for each in listed] == [retried["id"], job["id"]]
        for each in listed:
            assert (await anna.delete(f"/api/jobs/{each['id']}")).status_code == 204
        assert not uws.jobs
        assert (await anna.get("/api/jobs")).json() == []


@both
async def test_a_job_that_fails_says_why(explorer, uws):
    async with explorer(**runners(uws)) as served:
        anna = await served.user("anna")
        job = await start(anna)
        uws.move(uws.only, "ERROR", error="No run has off regions")
        job = await look(served, anna, job)
        assert (job["phase"], job["error"]) == ("ERROR", "No run has off regions")


@both
async def test_a_service_that_is_away_loses_nothing(explorer, uws):
    async with explorer(**runners(uws)) as served:
        anna = await served.user("anna")
        job = await start(anna)
        uws.move(uws.only, "EXECUTING")
        await look(served, anna, job)
        uws.stop()
        away = await look(served, anna, job)
        assert away["phase"] == "EXECUTING"
        assert away["progress"].startswith("As last seen. The runner does not answer")
        assert [each["phase"] for each in (await anna.get("/api/jobs")).json()] == ["EXECUTING"]
        refused = await anna.delete(f"/api/jobs/{job['id']}")
        assert (refused.status_code, refused.json()["code"]) == (503, "runner_down")
        new = await anna.post("/api/jobs", json={"basket": job["basket"]})
        assert (new.status_code, new.json()["code"]) == (503, "runner_down")
        uws.start()
        assert (await look(served, anna, job))["progress"] == "Running"
        assert len((await anna.get("/api/jobs")).json()) == 1


@both
async def test_a_job_that_its_service_lost_is_unknown_until_it_comes_back(explorer, uws):
    async with explorer(**runners(uws)) as served:
        anna = await served.user("anna")
        job = await start(anna)
        lost, uws.jobs = uws.jobs, {}
        job = await look(served, anna, job)
        assert job["phase"] == "UNKNOWN"
        assert "no longer knows this job" in job["error"]
        uws.jobs = lost
        assert (await look(served, anna, job))["phase"] == "QUEUED"


async def test_jobs_survive_a_restart_of_the_explorer(settings, explorer, uws):
    values = runners(uws)
    async with explorer(**values) as served:
        job = await start(await served.user("anna"))
        uws.move(uws.only, "EXECUTING")
    async with explorer(**values) as served:
        assert (await look(served, await served.user("anna"), job))["phase"] == "EXECUTING"


async def test_a_job_that_did_not_get_to_its_service(explorer, uws):
    async with explorer(**runners(uws)) as served:
        anna = await served.user("anna")
        job = await start(anna)
        async with served.context.sessions.begin() as session:
            await session.execute(update(JobRow).values(url=None))
        lost = await look(served, anna, job)
        assert (lost["phase"], lost["error"]) == (
            "UNKNOWN",
            "The job did not get to its service. Start it again.",
        )


@both
async def test_a_runner_that_is_no_longer_offered(explorer, uws):
    async with explorer(**runners(uws)) as served:
        job = await start(await served.user("anna"))
    async with explorer(**runners(uws, runners=[])) as served:
        anna = await served.user("anna")
        assert "no longer offers" in (await look(served, anna, job))["error"]
        assert (await anna.post(f"/api/jobs/{job['id']}/retry")).status_code == 404
        assert (await anna.delete(f"/api/jobs/{job['id']}")).status_code == 204


async def test_what_is_refused(explorer, uws):
    async with explorer(**runners(uws, jobs_at_once=1)) as served:
        anna = await served.user("anna")
        mine = await basket(anna)

        async def refused(**body):
            answer = await anna.post("/api/jobs", json={"basket": mine, **body})
            return answer.status_code, answer.json()["message"]

        assert await refused(parameters={"width": "99"}) == (400, "width=99, expected 0.5 to 10 deg.")
        status, words = await refused(parameters={"colour": "blue"})
        assert status == 400 and "Unknown parameter 'colour'" in words
        assert (await refused(runner="none"))[0] == 404
        status, words = await refused(runner="opus", parameters={"PHASE": "RUN"})
        assert status == 400 and "PHASE" in words
        empty = await basket(anna, [RESPONSE])
        answer = await anna.post("/api/jobs", json={"basket": empty})
        assert (answer.status_code, answer.json()["code"]) == (409, "basket_empty")
        uws.refuses = "too busy"
        assert await refused() == (409, "The runner does not take the job: too busy")
        uws.refuses = None
        assert not uws.jobs and (await anna.get("/api/jobs")).json() == []
        await start(anna)
        status, words = await refused()
        assert status == 409 and "1 of your jobs wait or run, and 1 may" in words
        assert len(uws.jobs) == 1


async def test_a_foreign_runner_gets_what_it_is_told(explorer, uws):
    async with explorer(**runners(uws)) as served:
        anna = await served.user("anna")
        mine = await basket(anna, EVENTS[:1], ["ivo://other/1"])
        form = (await anna.get(f"/api/jobs/form?basket={mine}&runner=opus")).json()
        assert [each["name"] for each in form["parameters"]] == ["ra", "dec", "energy_min", "energy_max"]
        body = {"basket": mine, "runner": "opus", "parameters": {"obsids": "1 2"}}
        job = (await anna.post("/api/jobs", json=body)).json()
        assert job["runner"] == "opus"
        assert uws.only.parameters[1:] == [
            ("ID", EVENTS[0]),
            ("ID", "ivo://other/1"),
            ("obsids", "1 2"),
        ]


@both
async def test_others_do_not_see_a_job(explorer, uws):
    async with explorer(**runners(uws)) as served:
        job = await start(await served.user("anna"))
        bert, nobody = await served.user("bert"), await served.browser()
        address = f"/api/jobs/{job['id']}"
        for client, status in ((bert, 404), (nobody, 401)):
            for way, path in (
                ("GET", address),
                ("POST", f"{address}/abort"),
                ("POST", f"{address}/retry"),
                ("DELETE", address),
                ("GET", f"{address}/log"),
                ("GET", f"{address}/results/map.png"),
                ("GET", f"{address}/provenance"),
            ):
                assert (await client.request(way, path)).status_code == status, path
        assert (await bert.get("/api/jobs")).json() == []
        assert uws.only.phase == "QUEUED"


async def test_a_job_is_handed_in_with_the_users_rights(explorer, uws):
    uws.accounts = {"ctao-user": "secret-word"}
    rights = {"group_rights": {"/ctao": ["ctao"]}, "service_accounts": {"ctao": "ctao-user:secret-word"}}
    async with explorer(**runners(uws), **rights) as served:
        anna = await served.user("anna", ["/ctao"])
        job = await start(anna)
        assert uws.only.owner == "ctao-user"
        uws.move(uws.only, "COMPLETED", results={"map.png": ("image/png", PNG)})
        job = await look(served, anna, job)
        assert (await anna.get(f"/api/jobs/{job['id']}/results/map.png")).content == PNG
        # Another runner never sees the account.
        body = {"basket": job["basket"], "runner": "opus"}
        assert (await anna.post("/api/jobs", json=body)).status_code == 201
        assert uws.jobs["j2"].owner is None
        bert = await served.user("bert")
        await start(bert)
        assert uws.jobs["j3"].owner is None


async def test_jobs_are_counted(explorer, uws):
    async with explorer(**runners(uws)) as served:
        anna = await served.user("anna")
        job = await start(anna)
        uws.move(uws.only, "COMPLETED")
        await look(served, anna, job)
        values = {
            sample.labels["phase"]: sample.value
            for metric in served.context.metrics.jobs.collect()
            for sample in metric.samples
            if sample.name.endswith("_total")
        }
        assert values == {"QUEUED": 1, "COMPLETED": 1}
