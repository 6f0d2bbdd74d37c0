"""Logs that are put aside and followed, messages without clients, and pages that say why."""

import json
import logging
import os
import re
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from ingest.errors import ConfigError
from instance import access_log, console, rotation, settings
from monitoring import messages, web
from monitoring.requests_log import Follower, Requests
from serving import logs


def line(**fields):
    known = {"kind": "tap_sync", "method": "GET", "status": 200, "seconds": 0.1, "bytes": 5}
    return json.dumps({"fields": known | fields}).encode() + b"\n"


def test_lines_are_read_over_a_rotation(tmp_path):
    path = tmp_path / "access.jsonl"
    path.write_bytes(b"old\n")
    follower = Follower(path)
    assert follower.lines() == []
    with path.open("ab") as file:
        file.write(b"one\ntw")
        file.flush()
        assert follower.lines() == [b"one"]
        path.rename(tmp_path / "access.jsonl.1")
        file.write(b"o\n")
        file.flush()
        path.write_bytes(b"three\n")
    assert follower.lines() == [b"two", b"three"]
    path.unlink()
    assert follower.lines() == []
    follower.close()
    assert Follower(tmp_path / "none").lines() == []


def test_requests_are_counted_with_few_labels(tmp_path):
    path, registry = tmp_path / "log", CollectorRegistry()
    path.touch()
    requests = Requests(path, ("tap_sync", "other"), registry)
    path.write_bytes(
        line()
        + line(status=503)
        + line(kind="new")
        + line(method="BREW")
        + line(status=0)
        + b"{}\nnonsense\n"
    )
    requests.catch_up()
    requests.follower.close()
    text = generate_latest(registry).decode()
    numbers = dict(re.findall(r"^(cherenkov_vo_\w+_total(?:\{.*\})?) (\S+)$", text, re.MULTILINE))
    assert numbers['cherenkov_vo_http_requests_total{kind="tap_sync",method="GET",status="2xx"}'] == "1.0"
    assert numbers['cherenkov_vo_http_requests_total{kind="other",method="GET",status="2xx"}'] == "1.0"
    assert numbers['cherenkov_vo_http_requests_total{kind="tap_sync",method="other",status="2xx"}'] == "1.0"
    assert numbers['cherenkov_vo_http_requests_total{kind="tap_sync",method="GET",status="other"}'] == "1.0"
    assert numbers["cherenkov_vo_tap_queries_refused_total"] == "1.0"
    assert numbers["cherenkov_vo_access_log_lines_unreadable_total"] == "2.0"
    assert numbers['cherenkov_vo_http_response_bytes_total{kind="tap_sync"}'] == "20.0"


def test_messages_of_the_proxy_lose_the_client():
    said = (
        '<187>Nov 29 00:32:53 proxy: 2026/11/29 00:32:53 [error] 12#12: *7 open() "/secret" failed (2: No'
        ' such file) while connecting to upstream, client: 192.0.2.7, server: , request: "GET /a?b=secret'
        ' HTTP/1.1", upstream: "http://unix:/i/run/light-1.sock:/a?b=secret", host: "h"'
    )
    content = json.loads(messages.line_of(said))
    assert content["message"] == 'open() "..." failed (2: No such file) while connecting to upstream'
    assert (content["level"], content["fields"]) == ("error", {"worker": "light-1"})
    assert "secret" not in messages.line_of(said)
    assert "192.0.2.7" not in messages.line_of(f"nonsense, client: 192.0.2.7 {said}")


def rotating(tmp_path, **chosen):
    return rotation.Rotation(settings.Settings(**chosen), tmp_path)


def test_large_and_old_logs_are_put_aside(tmp_path):
    kept = rotating(tmp_path, log_megabytes=1)
    (tmp_path / "a.jsonl").write_bytes(b"x" * 1_000_001)
    (tmp_path / "small.jsonl").write_bytes(b"x")
    (tmp_path / "b.log").write_bytes(b"y" * 1_000_001)
    (tmp_path / "link.log").symlink_to(tmp_path / "b.log")
    with (tmp_path / "b.log").open("ab") as writer:
        assert kept.rotate() == ["a.jsonl"]
        assert (tmp_path / "b.log").stat().st_size == 0
        writer.write(b"more")
    assert (tmp_path / "b.log").read_bytes() == b"more"
    assert (tmp_path / "b.log.1").stat().st_size == (tmp_path / "a.jsonl.1").stat().st_size == 1_000_001
    assert not (tmp_path / "a.jsonl").exists()
    kept.since["small.jsonl"] -= rotation.DAY + 1
    assert kept.rotate() == ["small.jsonl"]


def test_so_many_old_logs_are_kept_for_so_long(tmp_path):
    kept = rotating(tmp_path, log_megabytes=1, log_days=3)
    for number in range(rotation.KEPT + 3):
        (tmp_path / "a.jsonl").write_bytes(str(number).encode() * 1_000_001)
        kept.rotate()
    old = sorted(path.name for path in tmp_path.iterdir())
    assert old == [f"a.jsonl.{number}" for number in range(1, rotation.KEPT + 1)]
    assert (tmp_path / "a.jsonl.1").read_bytes()[:1] == b"7"
    past = time.time() - 3 * rotation.DAY - 1
    os.utime(tmp_path / "a.jsonl.2", (past, past))
    kept.rotate()
    assert not (tmp_path / "a.jsonl.2").exists()


def logged(tmp_path, *, queries):
    """Log as DaCHS does, with a request up the stack; give the lines."""
    environment = logs.variable(tmp_path, "light-1", queries=queries)
    assert logs.install(environment)
    headers = SimpleNamespace(getRawHeaders=lambda name: ["n-1"] if name == "x-request-id" else None)
    request = SimpleNamespace(requestHeaders=headers)
    dachs = logging.getLogger("dcErrors")
    try:
        dachs.info("Incoming ADQL query: SELECT secret")
        try:
            raise ValueError("secret")
        except ValueError:
            dachs.error("While handling %s:\nsecret", "/tap/sync?QUERY=secret")
        logging.getLogger("dcInfos").info("Preloading hess_dr/q")
        logs.ours.info("a job was made", extra=logs.about(request, job="x"))
    finally:
        for name in (*logs.DACHS_LOGGERS, logs.ours.name):
            for handler in logging.getLogger(name).handlers[:]:
                logging.getLogger(name).removeHandler(handler)
                handler.close()
    text = (tmp_path / "light-1.jsonl").read_text(encoding="utf-8")
    return text, [json.loads(one) for one in text.splitlines()]


def test_messages_of_dachs_lose_what_clients_asked_for(tmp_path):
    text, lines = logged(tmp_path, queries=False)
    assert "secret" not in text
    error, preloading, job = lines
    assert (error["request_id"], error["level"], error["fields"]["exception"]) == (
        "n-1",
        "error",
        "ValueError",
    )
    assert "test_monitoring.py" in error["fields"]["frames"][0]
    assert "test_monitoring.py" in error["fields"]["origin"]
    assert preloading["message"] == "Preloading hess_dr/q"
    assert (job["request_id"], job["fields"]) == ("n-1", {"job": "x"})


def test_messages_of_dachs_are_whole_if_that_is_wanted(tmp_path):
    text, lines = logged(tmp_path, queries=True)
    assert len(lines) == 4
    assert "Incoming ADQL query: SELECT secret" in text


def test_on_a_full_disk_no_line_is_printed(tmp_path, capsys):
    handler = logs._Handler(tmp_path / "x", logs.Formatter("x", queries=True))
    handler.close()
    handler.stream = Path("/dev/full").open("w", buffering=1)  # noqa: SIM115 - the handler closes it
    handler.dev, handler.ino = (tmp_path / "x").stat().st_dev, (tmp_path / "x").stat().st_ino
    handler.emit(logging.makeLogRecord({"msg": "secret", "levelno": logging.ERROR}))
    with pytest.raises(OSError, match="No space left"):
        handler.stream.close()
    assert "secret" not in "".join(capsys.readouterr())


def test_logs_need_to_be_asked_for():
    assert not logs.install({})


def test_what_is_told_is_noted(tmp_path, capsys):
    console.record(tmp_path, "supervisor")
    try:
        console.say("\nPostgreSQL ended.", "warning")
        console.note("import done", files=3)
    finally:
        console._logs.clear()
    assert capsys.readouterr().err == "\nPostgreSQL ended.\n"
    first, second = map(json.loads, (tmp_path / "supervisor.jsonl").read_text().splitlines())
    assert (first["level"], first["message"]) == ("warning", "PostgreSQL ended.")
    assert second["fields"] == {"files": 3}


def test_the_reason_is_for_the_private_port_only():
    def look():
        return {"disk": "full", "tap": ""}

    for why in (False, True):
        status, _, body = web.ready_page(look, why=why)()
        assert status == 503
        assert (b"full" in body) is why
    assert web.ready_page(lambda: {"disk": ""}, why=False)()[0] == 200


@pytest.mark.parametrize(
    ("chosen", "noted"), [("no", ""), ("anonymised", "$anonymised_address"), ("full", "$remote_addr")]
)
def test_addresses_are_noted_as_the_operator_wants(chosen, noted):
    text = access_log.log_format(settings.Settings(log_addresses=chosen))
    assert ("address" in text) is bool(noted)
    assert noted in text
    assert "$args" not in text
    assert "$args" in access_log.log_format(settings.Settings(log_queries=True))


def test_trusted_proxies_are_addresses():
    assert "10.0.0.0/8 1;" in access_log.variables(settings.Settings(trusted_proxies="10.0.0.0/8 ::1"))
    for text in ("proxy.example", "10.0.0.1/8", "1;}"):
        with pytest.raises(ConfigError, match="trusted_proxies"):
            settings.Settings(trusted_proxies=text)
    with pytest.raises(ConfigError, match="log_addresses"):
        settings.Settings(log_addresses="some")


def test_kinds_are_those_of_paths():
    paths = {
        "/tap/sync": "tap_sync", "/tap/async/x/phase": "tap_async", "/tap": "tap_other", "/health": "health",
        "/oai.xml": "registry", "/hess_dr/q/cone/scs.xml": "cone", "/hess_dr/q/dl/dlmeta": "datalink",
        "/rd/access/cutout/dlget": "cutout", "/getproduct/hess_dr/x.fits.gz": "file", "/": "home",
        "/tapx": "other", "/a/b": "other",
    }  # fmt: skip
    for path, kind in paths.items():
        found = [name for name, pattern in access_log.KINDS.items() if re.search(pattern, path)]
        assert ([*found, access_log.OTHER])[0] == kind


def test_sources_of_monitoring_need_no_instance():
    """The monitor runs from the copy of the project that services have, where ``instance`` is not."""
    for path in Path(web.__file__).parent.glob("*.py"):
        assert not re.search(r"^\s*(from|import) instance", path.read_text(encoding="utf-8"), re.MULTILINE)
