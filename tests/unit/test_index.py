"""Releases whose HDUs are found through index tables."""

import os

import numpy as np
import pytest
from astropy.io import fits

from ingest import gadf, scan
from ingest.errors import KeywordError, UnreadableFileError
from tests import gadf_files

HDU_COLUMNS = ("HDU_TYPE", "HDU_CLASS", "FILE_DIR", "FILE_NAME", "HDU_NAME")
EVENTS = ("events", "events", "../../runs", "run.fits", "events")
GTI = ("gti", "gti", "../../runs", "run.fits", "GTI")
AEFF = ("aeff", "aeff_2d", "../../irf", "irf.fits", "AEFF")
PSF = ("psf", "psf_table", "../../irf/", "irf.fits", "PSF ")
PLACE = "index/all"


def ids(values):
    whole = all(isinstance(value, int) for value in values)
    return fits.Column("OBS_ID", "K" if whole else "12A", array=np.array(values))


def write_hdu_index(directory, rows, leave_out=(), **cards):
    """Write rows of OBS_ID, HDU_TYPE, HDU_CLASS, FILE_DIR, FILE_NAME, HDU_NAME, padded as tables are."""
    columns = [ids([row[0] for row in rows])]
    for number, name in enumerate(HDU_COLUMNS, 1):
        texts = np.array([row[number].ljust(30) for row in rows])
        columns.append(fits.Column(name, "40A", array=texts))
    columns = [column for column in columns if column.name not in leave_out]
    identity = {"HDUCLASS": "GADF", "HDUCLAS1": "INDEX", "HDUCLAS2": "HDU"}
    return gadf_files.write(
        directory / "hdu-index.fits.gz", gadf_files.table("HDU_INDEX", columns, identity | cards)
    )


def write_obs_index(directory, obs_ids, columns=(), **cards):
    identity = {"HDUCLASS": "GADF", "HDUCLAS1": "INDEX", "HDUCLAS2": "OBS"} | gadf_files.TIMES
    made = [ids(obs_ids), *columns]
    return gadf_files.write(
        directory / "obs-index.fits", gadf_files.table("OBS_INDEX", made, identity | cards)
    )


@pytest.fixture
def release(tmp_path):
    for name in (PLACE, "runs", "irf"):
        (tmp_path / name).mkdir(parents=True)
    gadf_files.write(tmp_path / "runs" / "run.fits", gadf_files.events(), gadf_files.gti())
    gadf_files.write(tmp_path / "irf" / "irf.fits", gadf_files.aeff(), gadf_files.edisp(), gadf_files.psf())
    return tmp_path


def only(release):
    (source,) = gadf.sources(release, "*", PLACE)
    return gadf.read_source(source)


def remarks(run):
    return [deviation.remark for deviation in run.deviations]


def test_hdus_of_several_files(release):
    write_hdu_index(release / PLACE, [(4711, *row) for row in (PSF, AEFF, GTI, EVENTS)])
    (source,) = gadf.sources(release, "*", PLACE)
    assert source.name == "4711"
    assert source.paths == (release / "runs" / "run.fits", release / "irf" / "irf.fits")
    run = gadf.read_source(source)
    assert (run.obs_id, run.path) == ("4711", release / "runs" / "run.fits")
    assert [hdu.name for hdu in run.hdus] == ["PRIMARY", "EVENTS", "GTI"]
    (events,) = run.event_lists
    assert (events.events.name, events.gti.name, events.n_events) == ("EVENTS", "GTI", 3)
    assert {response.hdu.form: response.hdu.path.name for response in events.responses} == {
        "psf_table": "irf.fits",
        "aeff_2d": "irf.fits",
    }
    assert events.safe_energy_tev == (0.4, 80.0)
    assert events.performance.fov_deg == 4.0
    assert sorted(remarks(run)) == ["file missing: no background", "file missing: no energy dispersion"]


def test_both_indexes_are_united_and_ordered(release):
    write_hdu_index(release / PLACE, [(number, *EVENTS) for number in (30, 4711)])
    write_obs_index(release / PLACE, [200, 4711, 30, 5])
    assert [source.name for source in gadf.sources(release, "*", PLACE)] == ["5", "30", "200", "4711"]


@pytest.mark.parametrize("obs_id", ["4711", 4711])
def test_obs_id_may_be_text_in_one_index_and_a_number_in_the_other(release, obs_id):
    write_hdu_index(release / PLACE, [(obs_id, *EVENTS)])
    write_obs_index(release / PLACE, ["4711"], [fits.Column("OBJECT", "8A", array=["Crab"])])
    assert only(release).obs_id == "4711"


def test_names_that_are_no_numbers(release):
    names = ["LST 05", "LST 1", "007"]
    gadf_files.write(release / "runs" / "named.fits", gadf_files.events(OBS_ID="LST 05"))
    write_hdu_index(release / PLACE, [(name, *EVENTS[:3], "named.fits", "EVENTS") for name in names])
    sources = list(gadf.sources(release, "*", PLACE))
    assert [source.name for source in sources] == ["007", "LST 05", "LST 1"]
    assert "OBS_ID" not in str(gadf.read_source(sources[1]).deviations)
    assert "EVENTS OBS_ID 'LST 05': used, not '007' of the index" in remarks(gadf.read_source(sources[0]))


@pytest.mark.parametrize("outside", ["../../../elsewhere", "/etc", "../../runs/../.."])
def test_files_outside_of_the_release_are_refused(release, outside):
    bad = ("aeff", "aeff_2d", outside, "irf.fits", "AEFF")
    write_hdu_index(release / PLACE, [(1, *EVENTS), (1, *bad), (4711, *EVENTS)])
    one, other = gadf.sources(release, "*", PLACE)
    with pytest.raises(KeywordError, match="outside of the release"):
        gadf.read_source(one)
    assert gadf.read_source(other).obs_id == "4711"


def test_base_dir_of_another_machine_is_passed_over(release):
    write_hdu_index(release / PLACE, [(4711, *EVENTS)], BASE_DIR="/nowhere/at/all")
    assert only(release).event_lists[0].n_events == 3


def test_base_dir_below_the_release_counts(release):
    row = ("events", "events", "runs", "run.fits", "EVENTS")
    write_hdu_index(release / PLACE, [(4711, *row)], BASE_DIR="../..")
    assert only(release).event_lists[0].n_events == 3


@pytest.mark.parametrize("leave_out", [(), ("FILE_DIR",), ("HDU_CLASS",), ("HDU_TYPE",)])
def test_columns_may_be_blank_or_missing(release, leave_out):
    gadf_files.write(release / PLACE / "run.fits", gadf_files.events(), gadf_files.gti())
    rows = [(4711, kind, kind, " ", "run.fits", kind.upper()) for kind in ("events", "gti")]
    write_hdu_index(release / PLACE, rows, leave_out=leave_out)
    assert only(release).event_lists[0].gti.name == "GTI"


def test_hdus_of_the_run_that_the_index_does_not_name(release):
    """The index gives the events alone; the GTI lies beside them."""
    write_hdu_index(release / PLACE, [(4711, *EVENTS)])
    (events,) = only(release).event_lists
    assert events.gti.name == "GTI"
    assert events.intervals.shape == (1, 2)


def test_a_wrong_hdu_name_is_noted_where_there_is_no_doubt(release):
    write_hdu_index(
        release / PLACE, [(4711, *EVENTS[:4], "EVENTS7"), (4711, *AEFF[:4], "EFF"), (4711, *AEFF)]
    )
    run = only(release)
    assert "HDU_NAME no HDU 'EVENTS7' of kind events: EVENTS taken, the only one" in remarks(run)


def test_two_event_lists_of_one_run(release):
    tables = [
        gadf_files.events(energies, EVTYPE=kind) for energies, kind in (((1.0,), "gamma"), ((), "muon"))
    ]
    gadf_files.write(release / "runs" / "two.fits", *tables)
    row = (4711, "events", "events", "../../runs", "two.fits", "EVENTS")
    write_hdu_index(release / PLACE, [row, row])
    found = only(release).event_lists
    assert [(events.label, events.n_events) for events in found] == [("gamma", 1), ("muon", 0)]


def test_missing_files(release):
    lost = ("bkg", "bkg_2d", "../../irf", "lost.fits", "BKG")
    write_hdu_index(
        release / PLACE, [(1, *EVENTS[:3], "lost.fits", "EVENTS"), (4711, *EVENTS), (4711, *lost)]
    )
    one, other = gadf.sources(release, "*", PLACE)
    with pytest.raises(UnreadableFileError, match=r"lost\.fits"):
        gadf.read_source(one)
    assert "FILE_NAME 'lost.fits': not there, its bkg left out" in remarks(gadf.read_source(other))


def test_metadata_alone(release):
    columns = [
        fits.Column("TSTART", "D", unit="s", array=[1e8, 2e8]),
        fits.Column("TSTOP", "D", unit="min", array=[(1e8 + 1680) / 60, (2e8 + 60) / 60]),
        fits.Column("ONTIME", "E", unit="min", array=[28.0, np.nan]),
        fits.Column("RA_PNT", "E", unit="deg", array=[83.5, np.nan]),
        fits.Column("DEC_PNT", "E", unit="deg", array=[22.0, 1.0]),
        fits.Column("OBJECT", "10A", array=["Crab", " "]),
        fits.Column("EVENT_COUNT", "J", null=-1, array=[123, -1]),
        fits.Column("SAFE_ENERGY_LO", "E", unit="GeV", array=[500.0, np.nan]),
        fits.Column("SAFE_ENERGY_HI", "E", unit="GeV", array=[50000.0, np.nan]),
        fits.Column("DATE_OBS", "10A", array=["2004-03-03", ""]),
    ]
    path = write_obs_index(release / PLACE, [7, 9], columns, TELESCOP="HESS", ALTITUDE=1835.0)
    one, other = gadf.sources(release, "*", PLACE)
    assert one.paths == (path,)
    run = gadf.read_source(one)
    assert (run.obs_id, run.path, run.hdus, run.file_size) == ("7", path, (), path.stat().st_size)
    (events,) = run.event_lists
    assert (events.events, events.gti, events.responses, events.label) == (None, None, (), None)
    assert events.n_events == 123
    assert events.safe_energy_tev == pytest.approx((0.5, 50.0))
    assert events.time_reference.mjd_tt(events.keywords["TSTOP"]) == pytest.approx(
        51910.000742870370241 + (1e8 + 1680) / 86400, abs=1e-8
    )
    assert events.intervals == pytest.approx(np.array([[1e8, 1e8 + 1680]]))
    assert events.keywords.text("TELESCOP") == "HESS"
    assert events.keywords.text("DATE-OBS") == "2004-03-03"
    assert remarks(run) == ["file missing: no event list, the observation index alone"]
    empty = gadf.read_source(other)
    (events,) = empty.event_lists
    assert (events.n_events, events.safe_energy_tev, len(events.intervals)) == (None, None, 0)
    assert not {"OBJECT", "RA_PNT", "SAFE_ENERGY_LO", "DATE-OBS", "ONTIME"} & set(events.keywords)
    assert "OBS_INDEX RA_PNT missing: no pointing" in remarks(empty)


def test_responses_of_a_run_without_events(release):
    write_hdu_index(release / PLACE, [(7, *AEFF)])
    write_obs_index(
        release / PLACE, [7], [fits.Column(name, "D", array=[1e8]) for name in ("TSTART", "TSTOP")]
    )
    run = only(release)
    assert run.path == release / PLACE / "obs-index.fits"
    (events,) = run.event_lists
    assert (events.events, events.performance.fov_deg) == (None, 4.0)
    assert events.safe_energy_tev == (0.4, 80.0)


def test_metadata_without_times_are_refused(release):
    write_obs_index(release / PLACE, [7])
    with pytest.raises(KeywordError, match="TSTART"):
        only(release)


def test_the_header_wins_over_the_index(release):
    write_hdu_index(release / PLACE, [(4711, *EVENTS)])
    columns = [
        fits.Column("RA_PNT", "D", unit="deg", array=[83.7]),
        fits.Column("DEC_PNT", "E", unit="deg", array=[22.514444]),
        fits.Column("TSTART", "E", unit="s", array=[100_000_000.0 + 4]),
        fits.Column("OBS_MODE", "8A", array=["SCAN"]),
        fits.Column("ZEN_PNT", "E", array=[20.0]),
    ]
    write_obs_index(release / PLACE, [4711], columns)
    run = only(release)
    keywords = run.event_lists[0].keywords
    assert keywords["RA_PNT"] == 83.633333
    assert (keywords["OBS_MODE"], keywords["ZEN_PNT"]) == ("WOBBLE", 20.0)
    assert [remark for remark in remarks(run) if "index" in remark] == [
        "EVENTS RA_PNT 83.633333: used, not 83.7 of the index"
    ]


def test_times_of_an_index_with_another_reference(release):
    gadf_files.write(
        release / "runs" / "bare.fits", gadf_files.events(TSTART=None, TSTOP=None), gadf_files.gti()
    )
    write_hdu_index(release / PLACE, [(4711, *EVENTS[:3], "bare.fits", "EVENTS")])
    columns = [
        fits.Column(name, "D", unit="s", array=[value])
        for name, value in (("TSTART", 0.0), ("TSTOP", 1680.0))
    ]
    shifted = {"MJDREFI": 51910 + 1157, "MJDREFF": 0.000742870370370241 + 35200 / 86400}
    write_obs_index(release / PLACE, [4711], columns, **shifted)
    run = only(release)
    assert run.event_lists[0].keywords["TSTART"] == pytest.approx(1e8, abs=1e-3)
    assert run.event_lists[0].keywords["TSTOP"] == pytest.approx(1e8 + 1680, abs=1e-3)
    assert not [remark for remark in remarks(run) if "START" in remark]


def test_drift_scans_named_by_the_index_have_a_box(release):
    write_hdu_index(release / PLACE, [(4711, *EVENTS)])
    write_obs_index(release / PLACE, [4711], [fits.Column("OBS_MODE", "8A", array=["DRIFT"])])
    gadf_files.write(release / "runs" / "drift.fits", gadf_files.events(OBS_MODE=None))
    write_hdu_index_again = [(4711, *EVENTS[:3], "drift.fits", "EVENTS")]
    (release / PLACE / "hdu-index.fits.gz").unlink()
    write_hdu_index(release / PLACE, write_hdu_index_again)
    assert only(release).event_lists[0].event_box_deg == pytest.approx((83.6, 83.6, 22.0, 22.0))


def test_shared_files_are_read_once_until_they_change(release, monkeypatch):
    read = []
    original = scan.scan
    monkeypatch.setattr(
        scan, "scan", lambda path, *at, **more: read.append(path.name) or original(path, *at, **more)
    )
    write_hdu_index(release / PLACE, [(number, *row) for number in (1, 2, 3) for row in (EVENTS, AEFF)])
    sources = list(gadf.sources(release, "*", PLACE))
    runs = [gadf.read_source(source) for source in sources]
    assert sorted(read) == ["irf.fits", "run.fits"]
    assert {run.event_lists[0].performance.fov_deg for run in runs} == {4.0}
    path = release / "irf" / "irf.fits"
    path.unlink()
    gadf_files.write(path, gadf_files.aeff(reach=1.0))
    os.utime(path, ns=(1, 1))
    assert gadf.read_source(sources[0]).event_lists[0].performance.fov_deg == 2.0
    assert gadf.read_source(sources[0], reference_energy_tev=1e5).event_lists[0].performance.fov_deg is None


def test_an_observation_twice_in_the_index_is_noted(release):
    write_hdu_index(release / PLACE, [(4711, *EVENTS), (4711, *EVENTS)])
    write_obs_index(release / PLACE, [4711, 4711])
    run = only(release)
    assert "file 2 rows of OBS_ID 4711: the first used" in remarks(run)
    assert "events HDU_NAME in the index twice: used once" in remarks(run)
    assert len(run.event_lists) == 1


def test_no_index(release):
    with pytest.raises(UnreadableFileError, match="hdu-index"):
        next(gadf.sources(release, "*", PLACE))


@pytest.mark.parametrize("content", [b"", b"SIMPLE  = no", b"\x1f\x8bnonsense"])
def test_damaged_index(release, content):
    (release / PLACE / "obs-index.fits").write_bytes(content)
    with pytest.raises(UnreadableFileError):
        next(gadf.sources(release, "*", PLACE))


def test_index_without_obs_id(release):
    index = gadf_files.table("OBS_INDEX", [fits.Column("RUN", "K", array=[1])], {})
    gadf_files.write(release / PLACE / "obs-index.fits", index)
    with pytest.raises(KeywordError, match="OBS_ID"):
        next(gadf.sources(release, "*", PLACE))
