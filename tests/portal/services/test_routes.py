from __future__ import annotations

import io
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from astropy.io.votable import parse
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from mocpy import MOC
from pydantic import SecretStr

from portal import server
from portal.server.errors import PortalError
from portal.server.identity import current_user
from portal.server.models.account import User
from portal.server.routes import config, search
from portal.server.services import snippets
from portal.server.settings import RunnerSettings
from tests.portal.services import worlds
from tests.portal.services.sqlite_tap import URL

pytestmark = pytest.mark.anyio
BASE = "/api/services/own"


def application(context: Any) -> FastAPI:
    app = FastAPI()
    app.state.context = context
    app.include_router(config.router)
    app.include_router(search.router)

    async def told(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, PortalError)
        return JSONResponse(
            {"code": error.code, "message": error.message, "detail": error.detail}, error.status
        )

    app.add_exception_handler(PortalError, told)
    return app


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://explorer")


def client(context: Any) -> httpx.AsyncClient:
    return client_of(application(context))


@pytest.fixture
def pages_(full: Any) -> httpx.AsyncClient:
    return client(full.context)


async def test_configuration(full: Any, tmp_path: Path) -> None:
    (tmp_path / "counts").mkdir()
    (tmp_path / "counts" / "properties").write_text(
        "# x\ncreator_did = ivo://me/P/counts\nobs_title = Counts\n"
    )
    (tmp_path / "none").mkdir()
    full.context.settings.local_hips = tmp_path
    full.context.settings.runners = [
        RunnerSettings(key="opus", label="OPUS", url="http://opus/rest"),
        RunnerSettings(key="own", label="Preview jobs", url="http://own/uws", is_own=True),
    ]
    async with client(full.context) as pages:
        told = (await pages.get("/api/config")).json()
    assert told["default_service"] == "own" and told["services"][0]["url"] == URL
    assert told["limits"]["export_rows"] == 100_000
    local, *remote = told["surveys"]
    assert (local["id"], local["url"], local["is_local"]) == (
        "ivo://me/P/counts",
        "/explorer/hips/counts",
        True,
    )
    assert all(not s["state"]["available"] and s["state"]["reason"] for s in remote)
    assert told["login"] == {
        "state": {"available": False, "reason": "No login is set up here."},
        "provider": None,
    }
    assert told["version"] == "1.2.3" and told["jobs"]["available"]
    assert told["runners"] == [
        {"key": "own", "label": "Preview jobs", "is_own": True},
        {"key": "opus", "label": "OPUS", "is_own": False},
    ]


async def test_a_search_from_form_to_file(pages_: httpx.AsyncClient) -> None:
    asked = {
        "table": "sim.obscore",
        "conditions": [{"kind": "between", "field": "zenith", "low": 20, "high": 30}],
    }
    async with pages_ as pages:
        capabilities = (await pages.get(BASE + "/capabilities", params={"table": "sim.obscore"})).json()
        assert capabilities["table"] == "sim.obscore"
        written = (await pages.post(BASE + "/adql", json=asked)).json()
        assert (
            written["adql"].endswith("WHERE zen_pnt >= 20\n  AND zen_pnt <= 30") and not written["impossible"]
        )
        counted = (await pages.post(BASE + "/count", json={"search": asked})).json()
        assert counted["count"] == 21
        edited = (await pages.post(BASE + "/count", json={"adql": written["adql"]})).json()
        assert edited["count"] == 21
        page = (
            await pages.post(BASE + "/page", json={"search": asked, "limit": 5, "columns": ["zen_pnt"]})
        ).json()
        assert len(page["rows"]) == 5
        seen = (await pages.post(BASE + "/overview", json={"search": asked})).json()
        assert len(seen["rows"]) == 21
        file = await pages.post(BASE + "/export", json={"search": asked, "format": "votable"})
        assert file.headers["x-truncated"] == "false" and file.headers["x-rows"] == "21"
        assert "observations.vot" in file.headers["content-disposition"]
        assert len(parse(io.BytesIO(file.content)).get_first_table().array) == 21
        values = (await pages.get(BASE + "/choices/moon_level", params={"table": "sim.obscore"})).json()
        assert len(values["values"]) == 3
        targets = (await pages.get(BASE + "/targets", params={"q": "neill"})).json()
        assert [t["name"] for t in targets["values"]] == ["O'Neill 1"]
        place = (await pages.post("/api/resolve", json={"name": "crab"})).json()
        assert place["resolver"] == "own"


async def test_problems(pages_: httpx.AsyncClient) -> None:
    impossible = {"conditions": [{"kind": "among", "field": "moon_level", "values": ["Dark"]}]}
    async with pages_ as pages:
        written = (await pages.post(BASE + "/adql", json=impossible)).json()
        assert [i["part"] for i in written["impossible"]] == ["conditions.moon_level"]
        for path in ("/count", "/page", "/overview"):
            refused = await pages.post(BASE + path, json={"search": impossible})
            assert (refused.status_code, refused.json()["code"]) == (422, "impossible")
            assert refused.json()["detail"]["impossible"][0]["part"] == "conditions.moon_level"
        refused = await pages.post(BASE + "/export", json={"search": impossible, "format": "csv"})
        assert refused.json()["code"] == "impossible"
        assert (await pages.get("/api/services/else/capabilities")).status_code == 404
        assert (await pages.get(BASE + "/links", params={"id": "x"})).json()["code"] == "no_links"
        wrong = await pages.post(BASE + "/count", json={"adql": "SELECT nono FROM ivoa.obscore"})
        assert (wrong.status_code, wrong.json()["code"]) == (400, "query_refused")
        assert "nono" in wrong.json()["message"]


async def test_coverage_of_a_selection(pages_: httpx.AsyncClient) -> None:
    circle = {"kind": "circle", "points": [83.6, 22, 2.5]}
    async with pages_ as pages:
        found = await pages.post("/api/coverage", json={"footprints": [circle, circle]})
        assert MOC.from_string(found.json()["moc"], "json").sky_fraction > 0
        wrong = await pages.post("/api/coverage", json={"footprints": [circle | {"points": [1, 2]}]})
        assert (wrong.status_code, wrong.json()["code"]) == (422, "bad_question")
        assert (await pages.post("/api/coverage", json={"footprints": []})).status_code == 422


async def test_links_are_asked_for_as_the_user(full: Any) -> None:
    headers: list[httpx.Headers] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/dl":
            headers.append(request.headers)
        return full.tap(request)  # type: ignore[no-any-return]

    context = worlds.context(handler, service_accounts={"sim": SecretStr("reader:word")})
    user = User(id=uuid4(), name="Ada", email=None, groups=[], rights=["sim"], since=datetime.now(UTC))
    app = application(context)
    async with client_of(app) as pages:
        await pages.get(BASE + "/links", params={"id": "x"})
        app.dependency_overrides[current_user] = lambda: user
        await pages.get(BASE + "/links", params={"id": "x"})
    assert [h.get("authorization") for h in headers] == [None, "Basic cmVhZGVyOndvcmQ="]


async def test_the_api_is_as_agreed(full: Any) -> None:
    agreed = json.loads((Path(server.__file__).parent / "openapi.json").read_text(encoding="utf-8"))
    app = FastAPI(generate_unique_id_function=lambda route: route.name)
    app.include_router(config.router)
    app.include_router(search.router)
    made = app.openapi()
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            expected = agreed["paths"][path][method]
            assert operation["operationId"] == expected["operationId"]
            assert operation.get("requestBody") == expected.get("requestBody")
            assert (
                {p["name"] for p in operation["parameters"]} == {p["name"] for p in expected["parameters"]}
                if ("parameters" in operation)
                else "parameters" not in expected
            )
            if operation["operationId"] != "export_rows":
                assert operation["responses"]["200"]["content"] == expected["responses"]["200"]["content"]


async def test_a_service_that_is_down() -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("down")

    async with client(worlds.context(handler)) as pages:
        for path in ("/capabilities", "/targets"):
            answer = await pages.get(BASE + path)
            assert (answer.status_code, answer.json()["code"]) == (503, "service_down")


@pytest.mark.parametrize("adql", ["SELECT 1\nFROM t", 'SELECT \'\'\'"""\\\' AS a -- $(rm) `x`\nFROM "t"', ""])
def test_snippets_hold_the_query_as_it_is(adql: str) -> None:
    made = snippets.snippets(SimpleNamespace(url="https://x/tap's"), adql, 10)  # type: ignore[arg-type]
    held: dict[str, Any] = {}
    code = "\n".join(
        line for line in made.pyvo.splitlines() if not line.startswith(("import", "service", "rows", "print"))
    )
    exec(code, held)
    assert held["query"] == adql
    program = "import sys, json; print(json.dumps(sys.argv[1:]))"
    command = made.topcat.splitlines()
    text = "\n".join(line for line in command if not line.startswith("#")).replace(
        "stilts tapquery", f"{sys.executable} -c '{program}'"
    )
    shown = subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True).stdout
    arguments = dict(argument.partition("=")[::2] for argument in json.loads(shown))
    assert arguments["adql"] == adql and arguments["tapurl"] == "https://x/tap's"
