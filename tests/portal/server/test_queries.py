"""The query store."""

import asyncio
import json

from portal.server.errors import UpstreamError

ADQL = "SELECT * FROM ivoa.obscore WHERE target_name = 'Crab'"


async def keep(client, **more):
    answer = await client.post("/api/queries", json={"service": "own", "adql": ADQL} | more)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_queries_are_kept_renamed_and_deleted(explorer):
    async with explorer() as served:
        anna = await served.user("anna")
        search = {"cone": {"positions": [{"ra": 83.6, "dec": 22.0}], "radius": 5}}
        first = await keep(anna, name="Crab", search=search, view="/results?service=own", count=7)
        assert first["search"]["cone"]["radius"] == 5 and first["count"] == 7
        assert first["release"] == "2026.1" and first["last_run"] >= first["made"][:10]
        second = await keep(anna)
        assert (second["name"], second["last_run"], second["release"], second["search"]) == (None,) * 4
        assert (await anna.get("/api/queries")).json() == [second, first]
        address = f"/api/queries/{second['id']}"
        named = (await anna.patch(address, json={"name": "All"})).json()
        assert named == second | {"name": "All"}
        file = await anna.get("/api/queries/export")
        assert file.headers["content-disposition"] == 'attachment; filename="queries.json"'
        assert json.loads(file.text) == [named, first]
        assert (await anna.delete(address)).status_code == 204
        assert (await anna.delete(address)).status_code == 404
        assert (await anna.get("/api/queries")).json() == [first]


async def test_a_query_is_run_again_and_compared(explorer):
    async with explorer() as served:
        anna = await served.user("anna")
        query = await keep(anna)
        address = f"/api/queries/{query['id']}/run"
        first = (await anna.post(address)).json()
        assert (first["count"], first["before"], first["changed"]) == (3, None, False)
        assert first["query"]["count"] == 3 and first["query"]["release"] == "2026.1"
        assert served.counter.asked == [("own", ADQL)]
        assert (await anna.post(address)).json()["changed"] is False
        served.counter.version = "2026.2"
        newer = (await anna.post(address)).json()
        assert (newer["changed"], newer["release_before"]) == (True, "2026.1")
        served.counter.rows = 4
        more = (await anna.post(address)).json()
        assert (more["count"], more["before"], more["changed"]) == (4, 3, True)
        served.counter.version = UpstreamError("It does not tell.")
        unknown = (await anna.post(address)).json()
        assert unknown["changed"] is False and unknown["query"]["release"] is None
        served.counter.rows = UpstreamError("The service refused.", code="query_refused")
        failed = await anna.post(address)
        assert (failed.status_code, failed.json()["code"]) == (502, "query_refused")
        # What was known stays.
        assert (await anna.get("/api/queries")).json()[0]["count"] == 4


async def test_others_queries_do_not_exist(explorer):
    async with explorer() as served:
        anna, ben, nobody = await served.user("anna"), await served.user("ben"), await served.browser()
        query = await keep(anna)
        address = f"/api/queries/{query['id']}"
        assert (await ben.get("/api/queries")).json() == []
        tries = [
            ben.patch(address, json={"name": "x"}),
            ben.delete(address),
            ben.post(f"{address}/run"),
            ben.post(f"{address}/share"),
            ben.delete(f"{address}/share"),
        ]
        for answer in await asyncio.gather(*tries):
            assert answer.status_code == 404 and answer.json()["code"] == "no_query"
        assert (await nobody.get("/api/queries")).status_code == 401
        token = (await anna.post(f"{address}/share")).json()["token"]
        assert (await nobody.get(f"/api/shared/queries/{token}")).json()["adql"] == ADQL
        assert (await anna.post(f"{address}/share")).json()["token"] == token
        assert (await anna.delete(f"{address}/share")).status_code == 204
        assert (await nobody.get(f"/api/shared/queries/{token}")).status_code == 404
        assert (await nobody.get("/api/shared/queries/%00")).status_code == 400


async def test_what_is_no_query_is_refused(explorer):
    async with explorer(queries=2) as served:
        anna = await served.user("anna")
        for body, status, code in [
            ({"service": "none", "adql": "x"}, 404, "unknown_service"),
            ({"service": "own", "adql": ""}, 422, "invalid"),
            ({"service": "own", "adql": "x", "view": "//evil.example"}, 400, "bad_view"),
            ({"service": "own", "adql": "x", "view": "javascript:alert(1)"}, 400, "bad_view"),
            ({"service": "own", "adql": "\x00"}, 400, "bad_request"),
            ({"service": "own", "adql": "x", "count": 2**63}, 400, "bad_request"),
        ]:
            answer = await anna.post("/api/queries", json=body)
            assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        answers = await asyncio.gather(
            *(anna.post("/api/queries", json={"service": "own", "adql": "x"}) for _ in range(4))
        )
        assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409]
