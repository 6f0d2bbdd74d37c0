"""From event lists to tiles: nothing that is not public; never half; made anew only if something is new."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from portal.hips import build, counts, settings, tiles
from portal.hips.build import Outcome
from portal.hips.counts import Counts
from portal.hips.errors import BusyError, HipsError, ServiceError, SettingError

from .conftest import CRAB, LINKS, VELA, Archive, at, event_list, properties, run, votable, wanted


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take few tiles, where only that there are some matters."""
    monkeypatch.setattr(build, "Counts", lambda: Counts(order=1, width=64))


def test_all_simulated_is_said_first(archive, tmp_path, coarse):
    archive.add("one", event_list(*at(CRAB, 20)), obs_collection="SIMULATED-TEL")
    assert run(wanted(archive, tmp_path)).state == "made"
    found = properties(tmp_path)
    assert found["obs_title"] == "SIMULATED: Event counts of Test Archive"
    assert found["obs_description"].startswith("SIMULATED data, not measured ones.")


def test_measured_data_are_not_called_simulated(archive, tmp_path, coarse):
    archive.add("one", event_list(*at(CRAB, 20)))
    run(wanted(archive, tmp_path))
    assert "SIMULATED" not in (tmp_path / "own" / "properties").read_text(encoding="utf-8")


def test_unchanged_event_lists_are_not_downloaded_again(archive, tmp_path, coarse):
    archive.add("one", event_list(*at(CRAB, 20)))
    assert run(wanted(archive, tmp_path)).state == "made"
    before = (tmp_path / "own").resolve()
    archive.asked.clear()
    assert run(wanted(archive, tmp_path)) == Outcome("unchanged", 1, 20)
    assert archive.fetched == []
    assert (tmp_path / "own").resolve() == before
    archive.rows[0]["access_estsize"] += 1
    assert run(wanted(archive, tmp_path)).state == "made"
    assert run(wanted(archive, tmp_path, again=True)).state == "made"


def test_the_end_of_an_embargo_is_a_change(archive, tmp_path, coarse):
    archive.add("one", event_list(*at(CRAB, 20)))
    archive.add("two", event_list(*at(CRAB, 30)), obs_release_date="2026-07-01", data_rights="proprietary")
    assert run(wanted(archive, tmp_path)) == Outcome("made", 1, 20, 1)
    later = datetime(2026, 7, 2, tzinfo=UTC)
    assert run(wanted(archive, tmp_path), later) == Outcome("made", 2, 50)


@pytest.mark.parametrize(
    "more",
    [
        {"data_rights": "secure"},
        {"data_rights": "proprietary"},
        {"obs_release_date": "2030-01-01"},
        {"obs_release_date": "next year"},
    ],
)
def test_what_may_not_be_public_is_not_asked_for(archive, tmp_path, more):
    archive.add("one", event_list(*at(CRAB, 20)), **more)
    assert run(wanted(archive, tmp_path)) == Outcome("empty", closed=1)
    assert archive.fetched == []


def test_links_that_refuse_are_not_public(archive, tmp_path, coarse):
    archive.add("one", event_list(*at(CRAB, 20)))
    archive.add("two", event_list(*at(CRAB, 20)), linked=True)
    archive.add("three", event_list(*at(CRAB, 20)), linked=True)
    refusal = {"semantics": "#this", "error_message": "AuthorizationError: not for you"}
    archive.files["/links/two"] = (200, LINKS, votable([refusal], ("semantics", "error_message")))
    archive.files["/links/three"] = (401, LINKS, b"")
    assert run(wanted(archive, tmp_path)) == Outcome("made", 1, 20, 2)
    assert archive.fetched == ["/files/one"]


def test_with_nothing_public_any_more_there_is_no_picture(archive, tmp_path, coarse):
    archive.add("one", event_list(*at(CRAB, 20)))
    run(wanted(archive, tmp_path))
    archive.rows[0]["data_rights"] = "secure"
    assert run(wanted(archive, tmp_path)).state == "empty"
    assert not (tmp_path / "own").exists()
    assert not list(tmp_path.rglob("*.fits"))


def test_an_interrupted_run_leaves_the_old_picture(archive, tmp_path, coarse, monkeypatch):
    archive.add("one", event_list(*at(CRAB, 20)))
    run(wanted(archive, tmp_path))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "own").resolve().rglob("*")}
    archive.add("two", event_list(*at(VELA, 20)))
    make = tiles.make

    def interrupted(*given: Any) -> None:
        make(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(tiles, "make", interrupted)
    # What a process leaves that is killed.
    (tmp_path / build.VERSIONS / f"{build.PARTIAL}killed").mkdir()
    with pytest.raises(KeyboardInterrupt):
        run(wanted(archive, tmp_path))
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "own").resolve().rglob("*")}
    assert after == before
    monkeypatch.setattr(tiles, "make", make)
    assert run(wanted(archive, tmp_path)).lists == 2
    assert not list((tmp_path / build.VERSIONS).glob(f"{build.PARTIAL}*"))


def test_at_most_one_old_version_is_kept(archive, tmp_path, coarse):
    archive.add("one", event_list(*at(CRAB, 20)))
    for _ in range(4):
        run(wanted(archive, tmp_path, again=True))
    assert len(list((tmp_path / build.VERSIONS).iterdir())) == 2


def test_only_one_process_makes_it(archive, tmp_path):
    (tmp_path / build.VERSIONS).mkdir()
    with build._alone(tmp_path), pytest.raises(BusyError, match="another process"):
        run(wanted(archive, tmp_path))


def test_a_broken_event_list_is_left_out_said_and_tried_again(archive, tmp_path, coarse):
    for number in range(10):
        archive.add(f"good-{number}", event_list(*at(CRAB, 5)))
    archive.add("broken", b"SIMPLE  =")
    outcome = run(wanted(archive, tmp_path))
    assert (outcome.state, outcome.lists) == ("made", 10)
    assert outcome.failures[0][0] == "ivo://test.example/~?broken"
    assert "1 event lists could not be read" in properties(tmp_path)["obs_description"]
    archive.files["/files/broken"] = (200, "application/fits", event_list(*at(CRAB, 5)))
    assert run(wanted(archive, tmp_path)) == Outcome("made", 11, 55)


def test_with_many_broken_ones_the_old_picture_stays(archive, tmp_path, coarse):
    archive.add("one", event_list(*at(CRAB, 20)))
    run(wanted(archive, tmp_path))
    archive.add("two", b"")
    with pytest.raises(HipsError, match=r"1 of 2 event lists cannot be read; ivo://test.example/~\?two"):
        run(wanted(archive, tmp_path))
    assert (tmp_path / "own" / "properties").exists()


def test_too_large_event_lists_are_not_read(archive, tmp_path):
    archive.add("one", b"x" * (2**20 + 1))
    with pytest.raises(HipsError, match="more than 1 MiB"):
        run(wanted(archive, tmp_path, bounds={"list_mib": 1}))


def test_there_is_an_end(archive, tmp_path):
    archive.add("one", event_list(*at(CRAB, 20)))
    with pytest.raises(HipsError, match="seconds that it may take are over"):
        run(wanted(archive, tmp_path, bounds={"seconds": 1e-6}))


def test_more_event_lists_than_allowed_is_said(archive, tmp_path, coarse):
    for number in range(3):
        archive.add(f"one-{number}", event_list(*at(CRAB, 5)))
    assert run(wanted(archive, tmp_path, bounds={"lists": 2})).lists == 2
    assert "further event lists, which were too many" in properties(tmp_path)["obs_description"]


def test_a_service_that_refuses_is_quoted(archive, tmp_path, monkeypatch):
    refusal = (
        b'<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">'
        b'<INFO name="QUERY_STATUS" value="ERROR">No such table.</INFO></RESOURCE></VOTABLE>'
    )
    monkeypatch.setattr(archive, "answer", lambda adql: refusal)
    with pytest.raises(ServiceError, match="No such table"):
        run(wanted(archive, tmp_path))
    monkeypatch.setattr(archive, "answer", lambda adql: b"<html>")
    with pytest.raises(ServiceError, match="does not answer as a TAP service"):
        run(wanted(archive, tmp_path))


def test_counts_do_not_depend_on_order_and_circles_are_circles():
    first, second = Counts(), Counts()
    ra, dec = at(CRAB, 500)
    first.add(ra[:200], dec[:200])
    first.add(ra[200:], dec[200:])
    second.add(ra[::-1], dec[::-1])
    cells = np.unique(first.cells(ra, dec))
    assert (first.values(cells) == second.values(cells)).all()
    circle = Counts()
    circle.look(10.0, 85.0, 2.0)
    area = sum(len(cells) for cells in circle.seen()) / circle.grid.npix
    assert area == pytest.approx((1 - np.cos(np.radians(2.0))) / 2, rel=1e-2)
    assert np.isnan(circle.values(circle.cells(np.array([200.0]), np.array([0.0]))))[0]
    assert circle.grid.nside >= counts.LARGE


def test_settings_come_from_the_command_line_or_the_explorers_own():
    environ = {
        "CHERENKOV_EXPLORER_SERVICES": '[{"url": "http://a"}, {"url": "http://b/tap/", "is_own": true,'
        ' "label": "B"}]',
        "CHERENKOV_EXPLORER_LOCAL_HIPS": "/place",
        "CHERENKOV_EXPLORER_SIMULATED_NOTICE": "Simulated,\nall.",
    }
    found = settings.read(["--creator-did", "ivo://b/hips"], environ)
    assert (found.service, found.directory, found.label) == ("http://b/tap", Path("/place"), "B")
    assert found.notice == "Simulated, all."
    words = ["--creator-did", "ivo://b/hips", "--service", "https://c/tap", "--max-lists", "3"]
    found = settings.read(words, environ)
    assert (found.service, found.bounds.lists) == ("https://c/tap", 3)
    for words, text in (
        (["--creator-did", "b"], "expected ivo://"),
        (["--creator-did", "ivo://b/x", "--service", "file:///etc"], "expected http"),
        (["--creator-did", "ivo://b/x", "--max-lists", "0"], "greater than 0"),
    ):
        with pytest.raises(SettingError, match=text):
            settings.read(words, environ)
    with pytest.raises(SettingError, match="--service is missing"):
        settings.read(["--creator-did", "ivo://b/x"], {})


def test_a_failure_is_one_line_and_an_exit_code(archive: Archive, tmp_path: Path, capfd) -> None:
    from portal.hips import __main__  # noqa: PLC0415

    words = ["--service", f"{archive.url}/other", "--directory", str(tmp_path), "--creator-did", "x"]
    assert __main__.main(words) == 2
    assert capfd.readouterr().err == "--creator-did 'x': expected ivo://authority/path\n"
