"""What comes of a job: its results, its log, and its provenance."""

import json

import pytest

from tests.portal.server.handed_in import EVENTS, PNG, look, old, runners, start

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
