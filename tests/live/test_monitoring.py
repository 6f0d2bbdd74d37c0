"""Metrics, health, and logs of the running instance."""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from instance.bringup import Instance as Managed
from instance.server import metrics_port
from instance.settings import CHECKOUT, load
from tests.live.conftest import Instance

MARK = f"Qzx{secrets.token_hex(6)}"
"""Stands in everything personal that a client may send; another one in each run."""

NAMES = re.compile(r"\bcherenkov_vo_\w+")
UNITS = ("_seconds", "_bytes")
FOREIGN = ("minutes", "hours", "days", "milliseconds", "kilobytes", "megabytes")


def private(path: str) -> tuple[int, str]:
    """Ask the private port."""
    port = metrics_port(Managed(load()))
    assert port
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def families() -> dict:
    """Give all metrics that the instance exports."""
    return {family.name: family for family in text_string_to_metric_families(private("/metrics")[1])}


def series() -> dict[str, list[dict[str, str]]]:
    """Give name and labels of everything that is exported."""
    found: dict[str, list[dict[str, str]]] = {}
    for family in families().values():
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


def total(name: str, **labels: str) -> float:
    """Add up the samples of a metric that have these labels."""
    return sum(
        sample.value
        for family in families().values()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def log_lines(instance: Instance) -> list[dict]:
    """Give all lines of all structured logs."""
    return [
        json.loads(line)
        for path in (instance.home / "log").glob("*.jsonl*")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def test_health_and_readiness(instance: Instance) -> None:
    alive, ready = instance.get("/health"), instance.get("/ready")
    assert (alive.status, json.loads(alive.body)) == (200, {"alive": True})
    assert (ready.status, json.loads(ready.body)) == (200, {"ready": True})
    assert private("/health")[0] == 200
    status, text = private("/ready")
    assert status == 200
    assert set(json.loads(text)["checks"].values()) == {"well"}
    assert private("/other")[0] == 404


def test_metrics_follow_the_conventions() -> None:
    found = families()
    assert len(found) > 20
    for name, family in found.items():
        assert re.fullmatch(r"cherenkov_vo_[a-z][a-z0-9_]*[a-z0-9]", name)
        assert family.documentation.endswith(".")
        assert family.samples or name.endswith("refused"), name
        assert not any(word in name for word in FOREIGN)
        for unit in UNITS:
            assert unit.strip("_") not in name or name.endswith(unit)
        assert family.type in ("counter", "gauge", "histogram")
        for sample in family.samples:
            assert (family.type == "counter") == sample.name.endswith("_total")
            assert "__" not in sample.name
            assert not any(re.search("[A-Z]", label) for label in sample.labels)


@pytest.mark.parametrize("name", ["grafana-dashboard.json", "alerts.yml"])
def test_what_is_shown_and_judged_is_exported(name: str) -> None:
    text = (CHECKOUT / "monitoring" / name).read_text(encoding="utf-8")
    found = series()
    named = set(NAMES.findall(text))
    assert named
    assert named <= set(found)
    for metric, chosen in re.findall(r"(cherenkov_vo_\w+)\{(\w+)=", text.replace("\\", "")):
        assert any(chosen in labels for labels in found[metric])


def test_the_dashboard_shows_all_metrics() -> None:
    panels = json.loads((CHECKOUT / "monitoring" / "grafana-dashboard.json").read_text())["panels"]
    expressions = " ".join(target["expr"] for panel in panels for target in panel["targets"])
    shown = set(NAMES.findall(expressions))
    for name in families():
        assert any(metric.startswith(name) for metric in shown), name
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_all_metrics_are_documented() -> None:
    text = (CHECKOUT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(cherenkov_vo_\w+)` \|", text, re.MULTILINE))
    exported = {f"{name}_total" if family.type == "counter" else name for name, family in families().items()}
    assert documented == exported


def test_requests_are_counted_and_have_numbers(instance: Instance) -> None:
    before = total("cherenkov_vo_http_requests_total", kind="tap_sync", status="2xx")
    answers = [instance.tap("SELECT TOP 1 obs_id FROM ivoa.obscore") for _ in range(3)]
    numbers = {answer.headers["X-Request-ID"] for answer in answers}
    assert len(numbers) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", number) for number in numbers)
    assert all(len(answer.headers.get_all("X-Request-ID")) == 1 for answer in answers)
    assert total("cherenkov_vo_http_requests_total", kind="tap_sync", status="2xx") == before + 3
    lines = [line for line in log_lines(instance) if line["request_id"] in numbers]
    assert {(line["component"], line["fields"]["path"]) for line in lines} == {("proxy", "/tap/sync")}
    # Nobody may choose a number, unless the operator trusts the proxy that did.
    assert instance.get("/tap/availability", X_Request_ID="chosen-by-me").headers["X-Request-ID"] != (
        "chosen-by-me"
    )


def test_every_kind_of_answer_has_a_number(instance: Instance) -> None:
    path = instance.rows("SELECT TOP 1 access_url FROM hess_dr.obscore ORDER BY obs_id")[0][0]
    paths = ["/", "/health", "/ready", "/nothing", path.removeprefix(instance.url), "/.internal/inputs/x"]
    for place in paths:
        assert len(instance.get(place).headers.get_all("X-Request-ID") or ()) == 1, place


def test_hostile_paths_make_no_new_series(instance: Instance) -> None:
    instance.get("/unknown/first")
    instance.get("/unknown/first", "PUT")
    instance.get("/unknown/first", "BREW")
    before = {name: len(labels) for name, labels in series().items() if "_http_" in name}
    for number in range(40):
        instance.get(f"/unknown/{number}/some?a={number}")
        instance.get(f"/{number}%0a%22", "BREW" if number % 2 else "SPIT")
    assert {name: len(labels) for name, labels in series().items() if "_http_" in name} == before


def test_logs_hold_nothing_personal(instance: Instance) -> None:
    """Whatever a client says of itself, or asks for, stands in no file, however it fails."""
    queries = [
        f"SELECT obs_id AS {MARK} FROM ivoa.obscore WHERE obs_id = '{MARK}'",
        f"SELECT {MARK} FROM ivoa.obscore",
        f"SELEC '{MARK}'",
        f"SELECT obs_id FROM ivoa.obscore WHERE t_min = '{MARK}'",
        f"SELECT obs_id FROM ivoa.obscore WHERE 1/(1-1) = 1 AND target_name = '{MARK}'",
        f"SELECT CAST('{MARK}' AS INTEGER) FROM ivoa.obscore",
    ]
    headers = {
        "User_Agent": f"{MARK}/1",
        "Referer": f"http://{MARK}.example/",
        "X_Forwarded_For": f"{MARK}",
        "From": f"{MARK}@example.org",
        "Cookie": f"name={MARK}",
        "Authorization": f"Basic {base64.b64encode(f'{MARK}:{MARK}'.encode()).decode()}",
    }
    paths = [
        "/hess_dr/q/cone/scs.xml?",
        "/rd/access/dl/dlmeta?ID=",
        "/hess_dr/q/dl/dlmeta?ID=",
        "/oai.xml?verb=",
    ]
    paths += [
        "/rd/access/bundle/tar?ID=",
        "/rd/access/cutout/dlget?ID=",
        "/getproduct/x?",
        "/?",
        "/tap/sync?LANG=",
    ]
    paths += ["/adql?query=", "/tap/async?PHASE=RUN&LANG=ADQL&QUERY=", "/nothing?x="]
    numbers = []
    for query in queries:
        answer = instance.get(
            f"/tap/sync?{urllib.parse.urlencode({'LANG': 'ADQL', 'QUERY': query})}", **headers
        )
        numbers.append(answer.headers["X-Request-ID"])
    for path in paths:
        instance.get(path + MARK, **headers)
        instance.get(path + urllib.parse.quote(f"'{MARK}\"<\0"), "POST", **headers)
    fields = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": queries[3]}).encode()
    with urllib.request.urlopen(f"{instance.url}/tap/async", fields, timeout=60) as reply:
        job = reply.url.rpartition("/")[2]
    with urllib.request.urlopen(f"{instance.url}/tap/async/{job}/phase", b"PHASE=RUN", timeout=60) as reply:
        reply.read()
    for _ in range(300):
        phase = instance.get(f"/tap/async/{job}/phase").text
        if phase in ("ERROR", "COMPLETED"):
            break
        time.sleep(0.1)
    assert phase == "ERROR"
    files = [path for path in (instance.home / "log").rglob("*") if path.is_file()]
    files += [path for path in (instance.home / "dachs" / "logs").rglob("*") if path.is_file()]
    assert len(files) >= 8
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace")
        assert MARK.lower() not in text.lower(), (path, text.lower().partition(MARK.lower())[0][-300:])
        if path.suffix == ".jsonl" and path.name != "dachs.jsonl":
            assert not re.search(r"\bclient: |127\.0\.0\.1", text), path
    lines = log_lines(instance)
    (made,) = (line for line in lines if line["message"] == "a job was made" and line["fields"]["job"] == job)
    (asked,) = (
        line for line in lines if line["component"] == "proxy" and line["request_id"] == made["request_id"]
    )
    assert (asked["fields"]["method"], asked["fields"]["path"]) == ("POST", "/tap/async")


def test_logs_have_one_form(instance: Instance) -> None:
    lines = log_lines(instance)
    components = {line["component"] for line in lines}
    assert {"proxy", "supervisor"} <= components
    for line in lines:
        assert list(line) == ["time", "level", "component", "request_id", "message", "fields"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert line["level"] in ("debug", "info", "warning", "error", "critical")
        assert isinstance(line["fields"], dict)
    imports = [line["fields"] for line in lines if line["message"].startswith("import ")]
    assert {"hess_dr", "ctao"} <= {fields["collection"] for fields in imports}
    assert Path(instance.home / "log" / "access.jsonl").exists()
