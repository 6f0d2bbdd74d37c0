"""Jobs at a service like OPUS: what they are told, and what becomes of their results."""

import json

import pytest
from pydantic import SecretStr

from portal.server.settings import RunnerSettings, Settings
from tests.portal.opus_server import OPUS
from tests.portal.server.handed_in import EVENTS, PNG, basket, look, runners, start
from tests.portal.services import worlds


@pytest.fixture
def uws():
    server = OPUS()
    with server.running():
        server.tap = worlds.full(url=server.tap_url)
        yield server


async def test_a_job_from_start_to_results(explorer, uws):
    async with explorer(**runners(uws)) as served:
        anna = await served.user("anna")
        job = await start(anna, parameters={"width": "2"})
        assert (job["phase"], job["progress"], job["error"]) == ("QUEUED", "Waiting in the queue", None)
        told = dict(uws.only.parameters)
        assert told == {"RUNID": job["id"], "ID": " ".join(EVENTS), "width": "2"}
        uws.move(uws.only, "EXECUTING")
        assert (await look(served, anna, job))["progress"] == "Running"
        assert (await anna.get(f"/api/jobs/{job['id']}/log")).status_code == 404
        results = {"map": ("image/png", PNG), "stdout": ("text/plain", b"done\n")}
        uws.move(uws.only, "COMPLETED", results=results)
        job = await look(served, anna, job)
        assert (job["phase"], job["error"]) == ("COMPLETED", None)
        got = await anna.get(f"/api/jobs/{job['id']}/results/map")
        assert (got.content, got.headers["content-type"]) == (PNG, "image/png")
        assert (await anna.get(f"/api/jobs/{job['id']}/log")).text == "done\n"
        # It keeps jobs whose files it has deleted.
        uws.only.results.clear()
        gone = await anna.get(f"/api/jobs/{job['id']}/results/map")
        assert (gone.status_code, gone.json()["code"]) == (404, "job_gone")


async def test_provenance_comes_after_the_job_is_completed(explorer, uws):
    async with explorer(**runners(uws)) as served:
        anna = await served.user("anna")
        job = await start(anna)
        uws.move(uws.only, "COMPLETED", results={"map": ("image/png", PNG)})
        await look(served, anna, job)
        address = f"/api/jobs/{job['id']}/provenance"
        graph = (await anna.get(address)).json()
        assert {node["id"] for node in graph["nodes"]} >= {"job", "runner", "result-map"}
        prov = {
            "entity": {"opus_store:1": {"prov:location": uws.place(uws.only, "map")}},
            "activity": {"opus_job:jobs/j2": {}},
            "wasGeneratedBy": {"_:1": {"prov:entity": "opus_store:1", "prov:activity": "opus_job:jobs/j2"}},
        }
        uws.only.results["provjson"] = ("application/json", json.dumps(prov).encode())
        uws.only.results["provsvg"] = ("image/svg+xml", b"<svg/>")
        graph = (await anna.get(address)).json()
        nodes = {node["id"]: node for node in graph["nodes"]}
        assert set(nodes) == {"opus_store:1", "opus_job:jobs/j2"}
        assert nodes["opus_store:1"]["url"].endswith(f"/api/jobs/{job['id']}/results/map")
        assert [result["id"] for result in (await anna.get(f"/api/jobs/{job['id']}")).json()["results"]] == [
            "map",
            "provjson",
            "provsvg",
        ]
        uws.stop()
        assert (await anna.get(address)).status_code == 503


async def test_without_provenance_nothing_is_lost_when_it_is_away(explorer, uws):
    async with explorer(**runners(uws)) as served:
        anna = await served.user("anna")
        job = await start(anna)
        uws.move(uws.only, "COMPLETED", results={"map": ("image/png", PNG)})
        await look(served, anna, job)
        uws.stop()
        graph = await anna.get(f"/api/jobs/{job['id']}/provenance")
        assert graph.status_code == 200 and len(graph.json()["nodes"]) == 2 + len(EVENTS) + 1


async def test_it_lets_in_who_has_an_account(explorer, uws):
    uws.accounts = {"explorer@archive.example": "a-token"}
    async with explorer(**runners(uws)) as served:
        anna = await served.user("anna")
        refused = await anna.post("/api/jobs", json={"basket": await basket(anna)})
        assert (refused.status_code, refused.json()["code"]) == (403, "runner_refuses")
        assert "may not run this job" in refused.json()["message"]
        assert (await anna.get("/api/jobs")).json() == []
    account = {"own": SecretStr("explorer@archive.example:a-token")}
    async with explorer(**runners(uws, runner_accounts=account)) as served:
        anna = await served.user("anna")
        job = await start(anna)
        assert uws.only.owner == "explorer@archive.example:a-token"
        uws.move(uws.only, "COMPLETED", results={"map": ("image/png", PNG)})
        await look(served, anna, job)
        assert (await anna.get(f"/api/jobs/{job['id']}/results/map")).content == PNG


async def test_a_job_that_has_ended_meanwhile_is_deleted(explorer, uws):
    async with explorer(**runners(uws)) as served:
        anna = await served.user("anna")
        job = await start(anna)
        uws.move(uws.only, "COMPLETED")
        assert (await anna.delete(f"/api/jobs/{job['id']}")).status_code == 204
        assert not uws.jobs


@pytest.mark.parametrize("value", ["$(id)", "a`id`", 'a"; id; "', "a\\"])
async def test_nothing_that_a_shell_would_run_is_handed_on(explorer, uws, value):
    async with explorer(**runners(uws)) as served:
        anna = await served.user("anna")
        mine = await basket(anna, EVENTS[:1])
        told = await anna.post("/api/jobs", json={"basket": mine, "parameters": {"obs": value}})
        assert (told.status_code, told.json()["code"]) == (400, "bad_parameter")
        odd = await basket(anna, [f"ivo://x/{value}"])
        named = await anna.post("/api/jobs", json={"basket": odd})
        assert (named.status_code, named.json()["code"]) == (400, "bad_parameter")
        assert not uws.jobs


def test_accounts_are_for_runners_of_others():
    given = {"development": True, "services": [{"key": "own", "label": "x", "url": "http://x/tap"}]}
    own = RunnerSettings(key="own", label="x", url="http://x/jobs", is_own=True)
    opus = RunnerSettings(key="opus", label="x", url="http://x/uws/job")
    account = {"opus": "explorer:a-token"}
    settings = Settings(**given, runners=[own, opus], runner_accounts=account)
    assert "a-token" not in repr(settings)
    for wrong in ({"own": "a:b"}, {"other": "a:b"}, {"opus": "no colon"}):
        with pytest.raises(ValueError, match=r"runner_accounts|account of 'opus'"):
            Settings(**given, runners=[own, opus], runner_accounts=wrong)
