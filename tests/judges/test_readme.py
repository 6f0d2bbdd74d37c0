"""The README's examples, run as a newcomer would copy them."""

from __future__ import annotations

import re
from pathlib import Path

import pyvo

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
URL = "http://localhost:8080"


def blocks(language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", README, flags=re.S)
    assert found
    return found


def test_queries(instance):
    service = pyvo.dal.TAPService(f"{instance.url}/tap")
    for query in blocks("sql"):
        assert service.search(query).fieldnames


def test_what_the_opening_query_promises(instance):
    found = pyvo.dal.TAPService(f"{instance.url}/tap").search(blocks("sql")[0])
    if instance.simulated:
        every = pyvo.dal.TAPService(f"{instance.url}/tap").search(
            "SELECT obs_id, t_min FROM hess_dr.obscore"
            " WHERE target_name = 'PKS 2155-304' AND energy_max > 1e12"
        )
        assert len(found) == sum(53736 <= row["t_min"] <= 54101 for row in every)
    else:
        assert len(found) == 15


def test_python(instance, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for code in blocks("python"):
        assert URL in code
        names.clear()
        exec(compile(code.replace(URL, instance.url), "README.md", "exec"), names)
    observations = names["observations"]
    assert len(observations) == 3
    assert all(run.events.table and run.aeff and run.edisp and run.psf for run in observations)
