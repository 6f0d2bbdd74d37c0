"""What the other tests here stand on: everything is up, and a browser can open the explorer."""

from __future__ import annotations

import json
import os
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import sync_playwright


@pytest.fixture(scope="module")
def places() -> dict[str, str]:
    """Where everything is, as ``tests/explorer_story.py`` wrote it down."""
    found: dict[str, str] = json.loads(Path(os.environ["CHERENKOV_VO_TEST_EXPLORER"]).read_text())
    return found


def asked(tap: str, query: str) -> list[str]:
    parameters = {"LANG": "ADQL", "FORMAT": "csv", "QUERY": query}
    return httpx.get(f"{tap}/sync", params=parameters, timeout=60).raise_for_status().text.split()[1:]


def test_the_explorer_has_all_that_it_needs(places):
    ready = httpx.get(f"{places['explorer']}ready", timeout=60)
    assert ready.status_code == 200, ready.text
    assert {state for state in ready.json().values()} == {"ok"}, ready.text
    assert httpx.get(f"{places['issuer']}/.well-known/openid-configuration").status_code == 200


def test_the_other_service_has_plain_obscore_and_nothing_more(places):
    tables = asked(places["plain"], "SELECT table_name FROM tap_schema.tables")
    assert "ivoa.obscore" in tables
    assert not {"ivoa.obscore_hea", "ivoa.response", "datalink.response"} & set(tables)
    assert asked(places["plain"], "SELECT COUNT(*) AS n FROM ivoa.obscore") == ["60"]
    names = asked(places["plain"], "SELECT DISTINCT obs_id FROM ivoa.obscore")
    assert len(names) == 30, "two data sets of each observation"
    assert "ivoa.obscore_hea" in asked(places["tap"], "SELECT table_name FROM tap_schema.tables")


def test_a_browser_opens_it_and_nothing_fails(places):
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=places["browser"], args=["--no-sandbox"])
        page = browser.new_page()
        said: list[str] = []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("response", lambda reply: said.append(reply.url) if reply.status >= 500 else None)
        page.goto(places["explorer"])
        page.wait_for_selector("#root > *")
        assert page.title()
        browser.close()
    assert said == []
