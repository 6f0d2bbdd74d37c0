"""Whole releases and collections: what is published, what is not, and what the report says of it."""

import json

import pytest

from ingest import companions, context, feed
from ingest.errors import ConfigError
from tests import gadf_files
from tests.gadf_releases import (
    PREFIX,
    REGISTRY_TOML,
    RELEASE_TOML,
    SERVER,
    Made,
    config,
    identity,
    write_indexed,
)


def write_runs(directory, *numbers, **cards):
    directory.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        events = gadf_files.events(**{"OBS_ID": number} | cards)
        gadf_files.write(directory / f"{number}.fits.gz", events, gadf_files.gti())


def collection(tmp_path, **releases):
    """Deploy releases: name to (configuration, OBS_IDs)."""
    for name, (text, numbers) in releases.items():
        write_runs(tmp_path / "data of releases" / name / "data", *numbers)
        place = tmp_path / "test_dr" / "releases" / name
        place.mkdir(parents=True)
        (place / "release.toml").write_text(text)
        (place / "files").symlink_to(tmp_path / "data of releases" / name)
    return tmp_path / "test_dr"


def ids(result):
    return [row["obs_id"] for row in result.observations]


def test_bad_files_neither_stop_nor_hide_the_others(tmp_path):
    write_runs(tmp_path, 1, 4)
    (tmp_path / "2.fits.gz").write_bytes(b"nothing")
    write_runs(tmp_path, 3, DEC_PNT=91.0)
    gadf_files.write(tmp_path / "5.fits.gz", gadf_files.events(OBS_ID=1), gadf_files.gti())
    result = Made(tmp_path, config(expected_files=6))
    assert ids(result) == ["1", "4"]
    report = result.report
    assert (report.files, report.published, report.events) == (5, 2, 6)
    failures = [(failure["file"], failure["kind"]) for failure in report.failures]
    assert sorted(failures) == [
        ("2.fits.gz", "UnreadableFileError"), ("3.fits.gz", "KeywordError"), ("5.fits.gz", "GADFError"),
    ]  # fmt: skip
    problems = {failure["file"]: failure["problem"] for failure in report.failures}
    assert (
        problems["5.fits.gz"] == f"5.fits.gz, HDU EVENTS, OBS_ID: 1 was already read from {PREFIX}/1.fits.gz"
    )
    assert report.warnings == [f"5 observations in {tmp_path}, expected 6"]


def test_the_same_name_in_another_folder_is_another_file(tmp_path):
    for folder in ("a", "b"):
        write_runs(tmp_path / folder, 1)
    result = Made(tmp_path, config(files="**/*.fits.gz"))
    assert ids(result) == ["1"]
    assert "already read from" in result.report.failures[0]["problem"]


def test_a_refused_file_does_not_take_the_name_of_a_good_one(tmp_path):
    write_runs(tmp_path, 1, DEC_PNT=91.0)
    gadf_files.write(tmp_path / "good.fits.gz", gadf_files.events(OBS_ID=1), gadf_files.gti())
    result = Made(tmp_path, config())
    assert ids(result) == ["1"]
    assert result.only()["access_url"].endswith("/good.fits.gz")


def test_nor_does_one_that_fails_at_last(tmp_path, monkeypatch):
    write_runs(tmp_path, 1)
    gadf_files.write(tmp_path / "good.fits.gz", gadf_files.events(OBS_ID=1), gadf_files.gti())
    known = companions.Companions.link_rows

    def odd(self):
        if self.observation.path.name == "1.fits.gz":
            raise ZeroDivisionError
        return known(self)

    monkeypatch.setattr(companions.Companions, "link_rows", odd)
    monkeypatch.setattr(feed, "BATCH", 1)
    assert Made(tmp_path, config()).only()["access_url"].endswith("/good.fits.gz")


@pytest.mark.parametrize("batch", [1, 2, 200])
def test_failures_do_not_shift_the_sky_of_others(tmp_path, monkeypatch, batch):
    monkeypatch.setattr(feed, "BATCH", batch)
    site = {"GEOLON": 16.5, "GEOLAT": -23.27, "ALTITUDE": 1800.0}
    for number in range(1, 6):
        cards = site | {"TSTART": 1e8 + 3600 * number, "TSTOP": 1e8 + 3600 * number + 1000}
        write_runs(tmp_path / "all", number, **cards)
    expected = {row["obs_id"]: row["sun_alt"] for row in Made(tmp_path / "all", config()).observations}
    assert len(set(expected.values())) == 5
    for number in (2, 4):
        (tmp_path / "all" / f"{number}.fits.gz").unlink()
        write_runs(tmp_path / "all", number, DEC_PNT=91.0, **site)
    found = {row["obs_id"]: row["sun_alt"] for row in Made(tmp_path / "all", config()).observations}
    assert found == {number: expected[number] for number in ("1", "3", "5")}


def test_unforeseen_errors_stop_one_file_only(tmp_path, monkeypatch):
    write_runs(tmp_path, 1, 2, 3)
    known = companions.Companions.link_rows

    def odd(self):
        if self.observation.obs_id == "2":
            raise ZeroDivisionError("nobody thought of this")
        return known(self)

    monkeypatch.setattr(companions.Companions, "link_rows", odd)
    result = Made(tmp_path, config())
    assert ids(result) == ["1", "3"]
    assert {row["obs_id"] for _, row in result.all} == {"1", "3"}
    assert "ZeroDivisionError: nobody thought of this" in result.report.failures[0]["problem"]
    assert (result.report.published, result.report.events) == (2, 6)


def test_shared_rows_are_not_lost_with_a_failing_observation(tmp_path, monkeypatch):
    root = write_indexed(tmp_path / "release", (1, 2))
    known = context.context_row

    def odd(events, *rest):
        if events.keywords["OBS_ID"] == 1:
            raise ZeroDivisionError
        return known(events, *rest)

    monkeypatch.setattr(context, "context_row", odd)
    result = Made(root, config(index="."))
    assert ids(result) == ["2"]
    assert [row["obs_id"] for row in result.companions] == ["irf.irf"] * 3 + ["2"]
    assert [row["obs_id"] for row in result.provenance] == ["2", "irf.irf"]


def test_a_release_without_its_index_is_a_failure(tmp_path):
    result = Made(tmp_path, config(index="index"))
    assert result.all == []
    assert "no hdu-index.fits or obs-index.fits" in result.report.failures[0]["problem"]


def test_roots_may_be_written_with_dots(tmp_path):
    root = write_indexed(tmp_path / "release", (1,))
    result = Made(root / ".." / "release", config(index="."))
    assert ids(result) == ["1"]
    assert result.links[0]["source"] == f"{PREFIX}/runs/1.fits"


def test_deviations_are_counted_and_the_first_are_listed(tmp_path, monkeypatch):
    monkeypatch.setattr(feed, "MOST_DEVIATIONS", 5)
    write_runs(tmp_path, 1, 2, N_TELS=0)
    write_runs(tmp_path, 3, DEC_PNT=91.0)
    result = Made(tmp_path, config())
    odd = [text for text in result.report.deviations if "N_TELS" in text]
    assert odd[0] == "1.fits.gz, HDU EVENTS, N_TELS: 0: expected a number from 1 to 10000, left NULL"
    # Four responses are missing, and N_TELS is none; the refused file does not count.
    assert result.report.deviation_count == 2 * 5
    assert len(result.report.deviations) == 5


def test_progress_changes_nothing(tmp_path, capsys):
    write_runs(tmp_path, 1, 2)
    assert ids(Made(tmp_path, config(), progress=True)) == ["1", "2"]
    assert capsys.readouterr().out == ""


# Collections.


def test_two_releases_of_one_collection(tmp_path, monkeypatch):
    second = RELEASE_TOML.replace("TEST-DR1", "TEST-DR2")
    directory = collection(tmp_path, dr1=(RELEASE_TOML + REGISTRY_TOML, (1, 2)), dr2=(second, (3, 1)))
    monkeypatch.setenv(feed.REPORT_VARIABLE, str(tmp_path))
    rows = list(feed.rows(directory, identity()))
    observations = [row for role, row in rows if role == "observation"]
    assert [(row["obs_collection"], row["obs_id"]) for row in observations] == [
        ("TEST-DR1", "1"), ("TEST-DR1", "2"), ("TEST-DR2", "3"),
    ]  # fmt: skip
    # The same file name in both releases: still one observation of that name only.
    report = feed.Report.load(tmp_path, "test_dr")
    assert (report.files, report.published) == (4, 3)
    (failure,) = report.failures
    assert "1 was already read from test_dr/releases/dr1/files/data/1.fits.gz" in failure["problem"]
    sources = [row["source"] for role, row in rows if role == "link"]
    assert sources[-1] == "test_dr/releases/dr2/files/data/3.fits.gz"
    assert (directory.parent / sources[-1]).exists()
    titles = [row["obs_title"] for row in observations]
    assert titles[0].startswith("Test Observatory observation 1")
    assert titles[2].startswith("TEST observation 3")


def test_files_of_responses_with_the_same_path_in_two_releases(tmp_path):
    for name, runs in (("dr1", (1, 2)), ("dr2", (3, 4))):
        write_indexed(tmp_path / name, runs)
    seen = {}
    one, other = (Made(tmp_path / name, config(index="."), seen=seen) for name in ("dr1", "dr2"))
    assert one.companions[0]["obs_id"] == "irf.irf"
    assert other.companions[0]["obs_id"] == "irf.irf-2"
    assert {
        link["dataset"].rsplit("/", 2)[1] for link in other.links if link["semantics"] == "#calibration"
    } == {"irf.irf-2"}


def test_collections_without_releases(tmp_path):
    with pytest.raises(ConfigError, match=r"no releases/<name>/release\.toml"):
        list(feed.rows(tmp_path, identity()))


def test_a_report_given_is_not_saved(tmp_path, monkeypatch):
    monkeypatch.setenv(feed.REPORT_VARIABLE, str(tmp_path))
    directory = collection(tmp_path, one=(RELEASE_TOML, (1,)))
    report = feed.Report("test_dr")
    assert list(feed.rows(directory, identity(), report=report))
    assert report.published == 1
    assert feed.Report.load(tmp_path, "test_dr") is None


def test_reports_survive_damage(tmp_path):
    report = feed.Report("test_dr", files=3, deviations=["x"], deviation_count=7)
    report.save(tmp_path)
    assert feed.Report.load(tmp_path, "test_dr") == report
    path = tmp_path / "test_dr.json"
    path.write_text(json.dumps({"collection": "test_dr", "color": "red"}))
    assert feed.Report.load(tmp_path, "test_dr") is None
    path.write_text("{")
    assert feed.Report.load(tmp_path, "test_dr") is None


def test_all_rows_are_those_of_one_identity(tmp_path):
    write_runs(tmp_path, 1)
    draft = feed.Identity("net.other", "http://localhost:1", "other_dr", "draft")
    rows = list(feed.release_rows(tmp_path, config(), draft, prefix="p", report=feed.Report("other_dr")))
    text = repr(rows)
    assert "ivo://net.other/~?other_dr/1" in text
    assert "http://localhost:1/other_dr/q/file/custom/1/1.fits.gz" in text
    assert SERVER not in text
    assert {row["dataproduct_type"] for role, row in rows if role == "observation"} == {"hea-event-list"}


def test_unknown_vocabularies(tmp_path):
    write_runs(tmp_path, 1)
    with pytest.raises(ConfigError, match="expected one of draft, talk"):
        Made(tmp_path, config(), "esperanto")


def test_files_whose_change_means_a_new_import(tmp_path):
    root = write_indexed(tmp_path / "release", (1,))
    (root / "notes.txt").write_text("x")
    names = [path.relative_to(root).as_posix() for path in feed.release_files(root, config(index="."))]
    assert sorted(names) == ["hdu-index.fits.gz", "irf/irf.fits.gz", "obs-index.fits.gz", "runs/1.fits"]
    only = [path.name for path in feed.release_files(root, config(files="runs/*"))]
    assert only == ["1.fits"]
