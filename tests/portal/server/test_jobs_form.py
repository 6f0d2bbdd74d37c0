"""What a job is asked for with: the form, what it takes of a basket, and what is refused."""

import pytest

from tests.portal.server.handed_in import EVENTS, RESPONSE, basket, runners, start
from tests.portal.services import worlds


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
