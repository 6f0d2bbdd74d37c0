"""Advisories and licences of the locked packages, without network."""

from __future__ import annotations

import datetime
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from supply import audit, licences
from supply.environments import environment, read_lock

WEAK = {"id": "PYSEC-1", "aliases": [], "fixed_in": ["2"], "summary": None, "link": "l", "withdrawn": None}


def test_no_locked_version_has_a_known_weakness(capsys):
    """By the snapshot; what it does not know is told as not checked."""
    assert audit.report() == 0, capsys.readouterr().out
    told = capsys.readouterr().out
    snapshot = json.loads(audit.SNAPSHOT.read_text())
    known = {(item["name"], item["version"]) for item in snapshot["packages"] if "vulnerabilities" in item}
    for name, version in audit.locked():
        assert (f"NOT CHECKED: {name} {version} " in told) == ((name, version) not in known)
    assert f"of {len(audit.locked())} locked versions checked" in told


def test_a_weakness_fails_unless_it_is_excepted_for_now(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(audit, "locked", lambda: [("weak", "1"), ("new", "3")])
    snapshot, exceptions = tmp_path / "a.json", tmp_path / "e.toml"
    exceptions.write_text("")
    assert audit.report(snapshot, exceptions) == 2, "no snapshot is no clean bill"
    content = {"date": "2020-01-01", "source": "s", "packages": [{"name": "weak", "version": "0"}]}
    snapshot.write_text(json.dumps(content))
    assert audit.report(snapshot, exceptions) == 2, "of other versions only"
    content["packages"] = [{"name": "weak", "version": "1", "vulnerabilities": [WEAK]}]
    snapshot.write_text(json.dumps(content))
    capsys.readouterr()
    assert audit.report(snapshot, exceptions) == 1
    told = capsys.readouterr().out
    assert "KNOWN WEAKNESS: weak 1 PYSEC-1 (fixed in 2; l)" in told
    assert "NOT CHECKED: new 3" in told
    assert "1 of 2 locked versions checked" in told
    assert "OLDER THAN" in told
    entry = '[[exception]]\npackage = "weak"\nadvisory = "PYSEC-1"\nreason = "not called"\nends = '
    for day, code in (("2999-01-01", 0), ("2020-01-01", 1)):
        exceptions.write_text(entry + day)
        assert audit.report(snapshot, exceptions) == code


@pytest.mark.parametrize("left_out", ["reason", "ends"])
def test_an_exception_needs_a_reason_and_an_end(tmp_path, left_out):
    values = {"package": '"a"', "advisory": '"b"', "reason": '"c"', "ends": "2999-01-01"}
    path = tmp_path / "e.toml"
    lines = [f"{key} = {value}\n" for key, value in values.items() if key != left_out]
    path.write_text("[[exception]]\n" + "".join(lines))
    with pytest.raises(ValueError, match="expected package, advisory, reason"):
        audit.excepted(path, datetime.date(2026, 1, 1))


@pytest.fixture
def index():
    """Answers as the package index does: of 'a' all versions, of 'b' the newest, of 'c' nothing."""
    pages = {
        "/a/1/json": {"info": {"version": "1"}, "vulnerabilities": [WEAK]},
        "/b/json": {"info": {"version": "2"}, "vulnerabilities": []},
        "/d/1/json": {"info": {"version": "1"}},
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(pages.get(self.path, {})).encode()
            self.send_response(200 if self.path in pages else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_snapshot_says_what_was_not_answered(index, tmp_path, monkeypatch):
    wanted = [("a", "1"), ("b", "1"), ("b", "2"), ("c", "1"), ("d", "1")]
    monkeypatch.setattr(audit, "locked", lambda: wanted)
    audit.update(tmp_path / "a.json", index)
    content = json.loads((tmp_path / "a.json").read_text())
    answers = [item.get("vulnerabilities", item.get("unchecked")) for item in content["packages"]]
    none = "the package index has no page for this version"
    assert answers == [[WEAK], none, [], none, "the package index says nothing about weaknesses"]
    assert [item.package for item in audit.compare(content, wanted) if not item.advisory] == ["b", "c", "d"]
    assert "does not answer" in audit.ask("a", "1", "http://127.0.0.1:9")["unchecked"]


@pytest.mark.parametrize("told", ["https://index.example/root/simple", "https://index.example/root/simple/"])
def test_the_index_asked_is_that_of_pip(told, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", told)
    assert audit.index_pages() == "https://index.example/root/pypi"


def rows(heading: str) -> dict[str, tuple[str, str]]:
    lines = licences.PAGE.read_text().partition(f"## {heading}\n")[2].split("\n## ")[0].splitlines()
    found = [re.fullmatch(r"\| (\S+) \| (\S+) \| (.+) \|", line) for line in lines]
    return {match[1]: (match[2], match[3]) for match in found if match and match[1] not in ("package", "---")}


@pytest.mark.parametrize("name", licences.SECTIONS)
def test_the_page_of_licences_is_that_of_the_lock_file_and_all_are_allowed(name):
    locked: dict[str, set[str]] = {}
    for entry in read_lock(environment(name).lock):
        if "sys_platform" not in entry.marker:
            locked.setdefault(entry.name, set()).add(entry.version)
    table = rows(licences.SECTIONS[name])
    # What only another version of Python needs is not installed where the page was written.
    assert set(table) <= set(locked), "'make licences'"
    assert {entry.name for entry in read_lock(environment(name).lock) if not entry.marker} <= set(table)
    for package, (version, licence) in table.items():
        assert version in locked[package], "'make licences'"
        assert licences.is_allowed(licence), package


@pytest.mark.parametrize(
    ("text", "classifiers", "name"),
    [
        ("Apache License 2.0", [], "Apache-2.0"),
        ("", ["MIT License"], "MIT"),
        ("Apache-2.0 AND MIT", [], "Apache-2.0 AND MIT"),
        ("MIT OR GPL-3.0", [], "MIT OR GPL-3.0"),
        ("Copyright (c) somebody\nand more", ["BSD License"], "BSD"),
        ("A\n\nPermission is hereby granted, free of charge,\nto any person obtaining a copy", [], "MIT"),
        ("GPL-3.0-only", [], "GPL-3.0-only"),
        ("", [], "unknown"),
    ],
)
def test_names_of_licences(text, classifiers, name):
    assert licences.spdx(text, classifiers) == name
    assert licences.is_allowed(name) == (name not in ("GPL-3.0-only", "unknown"))
    assert not licences.is_allowed("MIT AND GPL-3.0")
