"""Preview jobs as users have them, at a UWS service that keeps to the standard, and at one like OPUS."""

import asyncio
import time

from sqlalchemy import update

from portal.server.tables_jobs import JobRow
from tests.portal.server.handed_in import PNG, both, look, runners, start


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
