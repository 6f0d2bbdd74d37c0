"""Responses, bundles and links beside the event lists, and how all of them are called."""

import json
from pathlib import Path

import pytest
from astropy.io import fits

from datalink import parts
from ingest import columns, identifiers, naming
from ingest.identifiers import DatasetId
from ingest.mapping import energy_columns
from ingest.provenance import Facts
from tests import gadf_files
from tests.gadf_releases import PREFIX, Made, config, made, made_of, write_indexed

BASE = "ivo://org.example/~?test_dr"
OF_FILES = {"access_path", "source", "pieces", "content_length", "hdus", "release_date", "access_groups"}
LINK = OF_FILES | {"id", "obs_id", "dataset", "semantics", "content_qualifier", "content_type", "description"}
SKY = ("s_ra", "s_dec", "s_region", "t_min", "t_max", "t_exptime", "t_resolution", "t_intervals")
SPATIAL = ("s_fov", "s_resolution", "s_ref_energy", "s_ref_oaa")
SPECTRAL = ("em_res_power", "em_resolution", "em_ref_energy", "em_ref_oaa")


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """All five kinds of responses in one file."""
    root = tmp_path_factory.mktemp("companions")
    tables = (gadf_files.events(), gadf_files.gti(), gadf_files.aeff(), gadf_files.edisp(), gadf_files.psf())
    return root, made(root, *tables, gadf_files.bkg(), gadf_files.rad_max())


def laid_out(root, inputs):
    """Lay a release out as below the DaCHS inputs directory."""
    (inputs / PREFIX).parent.mkdir(parents=True, exist_ok=True)
    if not (inputs / PREFIX).exists():
        (inputs / PREFIX).symlink_to(root)
    return inputs


def by_type(result):
    return {row["dataproduct_type"]: row for row in result.companions}


def test_every_response_and_the_bundle_are_data_sets(everything):
    _, result = everything
    assert [row["obs_publisher_did"] for row in result.companions] == [
        f"{BASE}/4711/{part}" for part in ("aeff", "edisp", "psf", "bkgrate", "rad-max", "event-bundle")
    ]
    types = ["aeff", "edisp", "psf", "bkgrate", "rad-max", "event-bundle"]
    assert [row["dataproduct_type"] for row in result.companions] == types
    assert {row["obs_id"] for row in result.companions} == {"4711"}


def test_companions_have_the_columns_of_obscore(everything):
    _, result = everything
    context = {column.name for column in columns.in_group("context")}
    wanted = set(result.only()) - context | OF_FILES
    for row in result.companions:
        assert set(row) == wanted


def test_responses_are_nowhere_and_at_no_time(everything):
    _, result = everything
    for row in result.companions[:-1]:
        assert {row[name] for name in (*SKY, "ev_xel")} == {None}


@pytest.mark.parametrize(
    ("kind", "kept", "o_ucd"),
    [
        ("aeff", ("s_fov", "s_ref_energy"), "phys.area"),
        ("edisp", SPECTRAL, "stat.probability#em.energy"),
        ("psf", ("s_resolution", "s_ref_energy", "s_ref_oaa"), "instr.det.psf"),
        ("bkgrate", (), "arith.rate#instr.background"),
        ("rad-max", (), "pos.angDistance"),
    ],
)
def test_a_response_says_what_it_holds(everything, kind, kept, o_ucd):
    _, result = everything
    row, events = by_type(result)[kind], result.only()
    for name in (*SPATIAL, *SPECTRAL):
        assert row[name] == (events[name] if name in kept else None)
        assert events[name] is not None
    assert row["o_ucd"] == o_ucd
    assert row["energy_min"] == pytest.approx(1e11, rel=1e-6)
    assert row["energy_max"] == pytest.approx(1e14, rel=1e-6)
    assert row["em_min"] < row["em_max"]
    assert row["dataproduct_subtype"] == "response-function"
    same = ("obs_collection", "facility_name", "instrument_name", "target_name", "data_rights", "event_type")
    for name in (*same, "calib_level", "scan_mode", "messenger_name"):
        assert row[name] == events[name]


def test_titles(everything):
    _, result = everything
    assert [row["obs_title"] for row in result.companions] == [
        "Effective area of TEST observation 4711",
        "Energy dispersion of TEST observation 4711",
        "Point spread function of TEST observation 4711",
        "Background rate of TEST observation 4711",
        "Size of the point-like cut of TEST observation 4711",
        "Event bundle of TEST observation 4711",
    ]


def test_the_bundle_has_what_its_observation_has(everything):
    _, result = everything
    bundle, events = by_type(result)["event-bundle"], result.only()
    own = {"dataproduct_type", "obs_publisher_did", "obs_title"}
    for name in set(bundle) - OF_FILES - own:
        assert bundle[name] == events[name], name
    assert json.loads(bundle["hdus"])[:2] == [
        ["EVENTS", "events", "events", 1, 8640],
        ["GTI", "gti", "gti", 1, 5760],
    ]
    assert bundle["ev_xel"] == 3


def test_companions_are_fetched_as_files(everything):
    root, result = everything
    for row in result.companions:
        assert row["access_url"] == f"https://vo.example{row['access_path']}"
        assert row["access_format"] == "application/x-fits-gadf"
        assert row["access_estsize"] == -(-row["content_length"] // 1000)
        assert row["source"] == f"{PREFIX}/run.fits"
    bundle = result.companions[-1]
    assert bundle["access_path"] == "/test_dr/q/file/custom/4711/run.fits"
    assert (bundle["pieces"], bundle["content_length"]) == (None, (root / "run.fits").stat().st_size)
    assert result.companions[0]["access_path"] == "/test_dr/q/file/custom/4711/4711_aeff.fits"


def test_pieces_are_the_hdus(everything):
    root, result = everything
    inputs = laid_out(root, root.parent / "inputs")
    names = {"#this": ["EVENTS", "GTI"], "aeff": ["AEFF"], "bkgrate": ["BKG"], "rad-max": ["RAD_MAX"]}
    for link in result.links:
        if link["pieces"] is None:
            continue
        assert {piece.split("#")[0] for piece in link["pieces"].split()} == {f"{PREFIX}/run.fits"}
        cut = parts.cut(inputs, link["pieces"])
        assert len(cut) == link["content_length"]
        found = [hdu.name for hdu in fits.HDUList.fromstring(cut)[1:]]
        assert found == names.get(link["semantics"], found)
        assert found == names.get(link["content_qualifier"], found)


def test_links(everything):
    _, result = everything
    assert [(link["semantics"], link["content_qualifier"]) for link in result.links] == [
        ("#this", "event-list"), ("#calibration", "aeff"), ("#calibration", "edisp"), ("#calibration", "psf"),
        ("#calibration", "bkgrate"), ("#calibration", "rad-max"), ("#package", "event-bundle"),
    ]  # fmt: skip
    for link in result.links:
        assert set(link) == LINK
        assert (link["id"], link["obs_id"]) == (f"{BASE}/4711", "4711")
        assert link["content_type"] == "application/x-fits-gadf"
        assert link["release_date"] is None
    assert len({(link["id"], link["dataset"]) for link in result.links}) == len(result.links)
    assert result.links[0]["access_path"] == "/test_dr/q/file/custom/4711/4711_event-list.fits"
    assert result.links[0]["description"] == "Event list of TEST observation 4711"
    assert result.links[1]["description"] == "Effective area for TEST observation 4711"
    published = {row["obs_publisher_did"]: row for row in result.observations + result.companions}
    assert {link["dataset"] for link in result.links} == set(published)
    for link in result.links[1:]:
        for name in ("access_path", "pieces", "content_length", "source"):
            assert link[name] == published[link["dataset"]][name]


def test_identifiers_parse_back(everything):
    _, result = everything
    for row in result.observations + result.companions:
        did = row["obs_publisher_did"]
        assert str(identifiers.parse(did)) == did
        assert identifiers.parse(did).obs_id == row["obs_id"]


@pytest.mark.parametrize(
    ("vocabulary", "subtype", "prefix"), [("talk", "response-function", ""), ("draft", "GADF DL3", "hea-")]
)
def test_vocabularies(tmp_path, vocabulary, subtype, prefix):
    result = made(tmp_path, vocabulary=vocabulary)
    types = [row["dataproduct_type"] for row in result.companions]
    assert types == ["aeff", "edisp", "psf", f"{prefix}event-bundle"]
    assert {row["dataproduct_subtype"] for row in result.companions[:-1]} == {subtype}
    assert result.companions[-1]["dataproduct_subtype"] == "GADF DL3"
    qualifiers = [link["content_qualifier"] for link in result.links]
    assert qualifiers == [f"{prefix}event-list", *types]
    # Names of data sets and files do not depend on it.
    assert result.companions[-1]["obs_publisher_did"] == f"{BASE}/4711/event-bundle"
    assert result.links[0]["access_path"].endswith("/4711_event-list.fits")


def test_without_responses_there_are_the_events_and_the_bundle(tmp_path):
    result = made_of(tmp_path)
    assert [link["semantics"] for link in result.links] == ["#this", "#package"]
    assert len(result.companions) == 1


def test_without_good_time_intervals_the_event_list_is_alone(tmp_path):
    result = made(tmp_path, gadf_files.events())
    assert len(result.links[0]["pieces"].split()) == 1


def test_responses_of_several_event_lists(tmp_path):
    lists = [gadf_files.events(EVTYPE=label) for label in ("MST", "LST")]
    own = [gadf_files.aeff(reach=reach, EVTYPE=label) for reach, label in ((2.0, "MST"), (1.0, "LST"))]
    result = made(tmp_path, *lists, gadf_files.gti(), *own, gadf_files.psf())
    parts = [row["obs_publisher_did"].removeprefix(f"{BASE}/4711/") for row in result.companions]
    assert parts == ["aeff", "psf", "aeff-2", "event-bundle"]
    assert [row["s_fov"] for row in result.companions] == [4.0, None, 2.0, 4.0]
    linked = {(link["id"][-3:], link["dataset"].rsplit("/", 1)[1]) for link in result.links}
    assert linked == {
        ("mst", "events-mst"), ("mst", "aeff"), ("mst", "psf"), ("mst", "event-bundle"),
        ("lst", "events-lst"), ("lst", "aeff-2"), ("lst", "psf"), ("lst", "event-bundle"),
    }  # fmt: skip
    assert result.companions[-1]["ev_xel"] == 6
    assert result.companions[-1]["event_type"] is None
    assert result.links[0]["description"] == "Event list of TEST observation 4711, type MST"


def test_names_of_hdus_and_versions_tell_responses_apart(tmp_path):
    tables = [gadf_files.aeff(EXTVER=2), gadf_files.psf(EXTNAME="PSF (hard cuts)")]
    result = made(tmp_path, gadf_files.events(), gadf_files.gti(), *tables)
    parts = [row["obs_publisher_did"].rsplit("/", 1)[1] for row in result.companions]
    assert parts == ["aeff-2", "psf-psf-hard-cuts", "event-bundle"]


def test_a_release_may_call_its_files_as_we_call_parts(tmp_path):
    gadf_files.write(tmp_path / "4711_event-list.fits")
    result = Made(tmp_path, config())
    paths = [link["access_path"] for link in result.links]
    assert len(set(paths)) == len(paths)
    assert result.links[-1]["access_path"].endswith("/4711_event-bundle.fits")
    assert result.links[-1]["pieces"] is None
    assert result.only()["access_url"].endswith("/4711_event-bundle.fits")


# Responses in files that many observations share.


@pytest.fixture(scope="module")
def indexed(tmp_path_factory):
    root = write_indexed(tmp_path_factory.mktemp("indexed") / "release", (1, 2, 3))
    release = {"index": ".", "keywords": {"release_date": "RELDATE"}, "release_date": "2999-01-01"}
    return root, Made(root, config(**release))


def test_shared_responses_are_one_row_each(indexed):
    _, result = indexed
    shared = [row for row in result.companions if row["obs_id"] == "irf.irf"]
    dids = [f"{BASE}/irf.irf/{kind}" for kind in ("aeff", "edisp", "psf")]
    assert [row["obs_publisher_did"] for row in shared] == dids
    bundles = [row["obs_publisher_did"] for row in result.companions if row not in shared]
    assert bundles == [f"{BASE}/{run}/event-bundle" for run in (1, 2, 3)]
    assert len(result.report.failures) == 0


def test_shared_responses_say_nothing_of_one_observation(indexed):
    _, result = indexed
    row = result.companions[0]
    blank = ("target_name", "target_class", "proposal_id", "obs_mode", "scan_mode", "event_type",
             "tracking_mode", "tracking_type", "pointing_mode", *SKY)  # fmt: skip
    assert {row[name] for name in blank} == {None}
    assert row["obs_title"] == "Effective area of irf.irf"
    assert row["access_path"] == "/test_dr/q/file/custom/irf.irf/irf.irf_aeff.fits"
    assert row["source"] == f"{PREFIX}/irf/irf.fits.gz"


def test_all_observations_link_to_shared_responses(indexed):
    _, result = indexed
    links = [link for link in result.links if link["semantics"] == "#calibration"]
    assert [(link["obs_id"], link["dataset"].rsplit("/", 1)[1]) for link in links] == [
        (run, kind) for run in ("1", "2", "3") for kind in ("aeff", "edisp", "psf")
    ]
    assert links[0]["description"] == "Effective area for TEST observation 1"


def test_a_bundle_is_put_together_from_all_files(indexed):
    root, result = indexed
    bundle = result.companions[-1]
    pieces = [piece.split("#") for piece in bundle["pieces"].split()]
    assert [Path(path).name for path, _ in pieces] == ["3.fits", "3.fits", *["irf.fits.gz"] * 3]
    content = parts.cut(laid_out(root, root.parent / "inputs"), bundle["pieces"])
    assert len(content) == bundle["content_length"]
    names = [hdu.name for hdu in fits.HDUList.fromstring(content)[1:]]
    assert names == ["EVENTS", "GTI", "AEFF", "EDISP", "PSF"]
    assert bundle["access_path"] == "/test_dr/q/file/custom/3/3_event-bundle.fits"


def test_a_bundle_has_every_hdu_once(tmp_path):
    result = Made(write_indexed(tmp_path / "release", (1,), lists=2), config(index="."))
    assert result.report.failures == []
    pieces = [Path(piece.split("#")[0]).name for piece in result.companions[-1]["pieces"].split()]
    assert sorted(pieces) == ["1.fits", "1.fits", "1_2.fits", *["irf.fits.gz"] * 3]
    own = [link for link in result.links if link["semantics"] == "#this"]
    assert [link["source"] for link in own] == [f"{PREFIX}/runs/1.fits", f"{PREFIX}/runs/1_2.fits"]
    assert [Path(piece.split("#")[0]).name for piece in own[1]["pieces"].split()] == ["1_2.fits", "1.fits"]


def test_provenance_of_observations_and_shared_files(indexed):
    _, result = indexed
    assert [row["obs_id"] for row in result.provenance] == ["1", "irf.irf", "2", "3"]
    own, shared = result.provenance[:2]
    assert (own["dataset"], shared["dataset"]) == (f"{BASE}/1", f"{BASE}/irf.irf")
    assert own["path_stem"] == "/test_dr/q/file/custom/1/1_provenance"
    assert (str(own["release_date"]), str(shared["release_date"])) == ("2999-01-01", "2999-01-01")
    facts = Facts.from_text(own["facts"])
    assert [part.dataset for part in facts.parts] == [f"{BASE}/1", f"{BASE}/1/event-bundle"]
    assert facts.sources[0].name == "runs/1.fits"
    assert facts.start is not None
    facts = Facts.from_text(shared["facts"])
    assert [part.dataset.rsplit("/", 1)[1] for part in facts.parts] == ["aeff", "edisp", "psf"]
    assert {part.file for part in facts.parts} == {"irf/irf.fits.gz"}
    assert (facts.start, facts.title) == (None, "irf.irf")


def test_an_observation_without_events_has_no_files(tmp_path):
    columns = {"RA_PNT": [83.6], "DEC_PNT": [22.0], "TSTART": [1e8], "TSTOP": [1e8 + 1680],
               "ONTIME": [1680.0], "EVENT_COUNT": [5.0], "OBJECT": ["Crab"]}  # fmt: skip
    result = Made(write_indexed(tmp_path / "release", (-7,), **columns), config(index="."))
    row = result.only()
    assert (row["obs_id"], row["target_name"], row["ev_xel"], row["s_ra"]) == ("7", "Crab", 5, 83.6)
    assert {row[name] for name in ("access_url", "access_format", "access_estsize")} == {None}
    assert row["t_intervals"] is not None
    assert "the observation index alone" in row["remarks"]
    assert result.links == []
    assert result.companions == []
    (provenance,) = result.provenance
    assert Facts.from_text(provenance["facts"]).sources[0].name == "obs-index.fits.gz"


# Names.


@pytest.mark.parametrize(
    ("text", "expected"),
    [("MST Q1", "mst-q1"), ("--a__b--", "a-b"), ("Ä", "x"), ("", "x"), ("12", "12"), ("a/b#c?d", "a-b-c-d")],
)
def test_slugs(text, expected):
    assert naming.slug(text) == expected
    assert str(identifiers.parse(str(DatasetId("org.example", "c", "1", f"events-{expected}"))))


def test_labels_that_look_alike_stay_apart(tmp_path):
    lists = [gadf_files.events(EVTYPE=label) for label in ("a b", "A-B", "a_b")]
    result = made(tmp_path, *lists, gadf_files.gti())
    parts = [row["obs_publisher_did"].rsplit("/", 1)[1] for row in result.observations]
    assert parts == ["events-a-b", "events-a-b-2", "events-a-b-3"]
    assert len({link["access_path"] for link in result.links if link["semantics"] == "#this"}) == 3


def test_names_of_shared_files():
    root = Path("release")
    paths = [
        root / name for name in ("caldb/South_50h.FITS.gz", "caldb/irf.fits", "caldb/irf.fits.gz", "x.fit")
    ]
    found = naming.shared_ids(root, paths, taken=["x"])
    names = ["caldb.South_50h", "caldb.irf", "caldb.irf-2", "x-2"]
    assert found == dict(zip(paths, names, strict=True))
    assert naming.shared_ids(root, reversed(paths), taken=["x"]) == found


def test_odd_observation_ids_make_plain_paths_and_parse_back(tmp_path):
    result = made_of(tmp_path, OBS_ID="night 1/run#2")
    assert result.links[0]["access_path"] == (
        "/test_dr/q/file/custom/night%201%2Frun%232/night%201%2Frun%232_event-list.fits"
    )
    assert identifiers.parse(result.links[0]["id"]).obs_id == "night 1/run#2"
    assert result.provenance[0]["path_stem"].endswith("/night%201%2Frun%232_provenance")


def test_odd_file_names_make_pieces_without_blanks(tmp_path):
    gadf_files.write(tmp_path / "a run#1 +50%.fits")
    result = Made(tmp_path, config())
    (first, _) = result.links[0]["pieces"].split()
    assert first.startswith(f"{PREFIX}/a%20run%231%20%2B50%25.fits#")
    assert result.links[-1]["source"] == f"{PREFIX}/a run#1 +50%.fits"
    assert result.only()["access_url"].endswith("/4711/a%20run%231%20%2B50%25.fits")


def test_a_range_down_to_zero_is_no_range_of_wavelengths():
    names = ("energy_min", "energy_max", "em_min", "em_max")
    assert energy_columns((0.0, 1.0)) == energy_columns(None) == dict.fromkeys(names)
