import datetime
import gzip
import io
import json
import tarfile

import numpy as np
import pytest
from astropy.io import fits

from datalink.cutouts.packing import Packer, Wanted, name_of
from datalink.cutouts.selection import Selection
from datalink.files import Access, EventList, File
from ingest.errors import UnreadableFileError
from ingest.identifiers import DatasetId
from ingest.provenance import Facts
from tests import gadf_files

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
START = gadf_files.POINTING["TSTART"]
FIRST = 51910 + 0.000742870370370241 + START / 86400  # MJD of START


def did(obs_id, part=None):
    return str(DatasetId("org.example", "test", obs_id, part))


def file(obs_id, semantics, name, part=None):
    return File(
        dataset=did(obs_id, part), collection="test", obs_id=obs_id, semantics=semantics,
        content_qualifier="", content_type="", description="", path=f"/test/q/file/custom/{obs_id}/{name}",
        source=name, pieces=None, size=0, hdus=(), access=Access(),
    )  # fmt: skip


def event_list(obs_id):
    files = (
        file(obs_id, "#this", f"{obs_id}_event-list.fits"),
        file(obs_id, "#calibration", f"{obs_id}_aeff.fits", "aeff"),
        file(obs_id, "#calibration", f"{obs_id}_psf.fits", "psf"),
        file(obs_id, "#package", f"{obs_id}.fits.gz", "bundle"),
    )
    row = {"obs_id": obs_id, "t_min": 1.0, "tstart": 1.0, "ev_xel": 99, "obs_mode": "WOBBLE", "ra_pnt": 83.6,
           "mjdrefi": 51910, "mjdreff": 0.000742870370370241, "timesys": "TT", "livetime": 7.0}  # fmt: skip
    return EventList(did(obs_id), "test", obs_id, row, files)


def written(*hdus):
    memory = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(memory, checksum=True)
    return memory.getvalue()


def read(wanted):
    if wanted.name.startswith("4713"):
        raise UnreadableFileError(wanted.name, "gone")
    if wanted.semantics == "#this":
        return written(gadf_files.events(**{"DATE-OBS": "2004-03-03"}), gadf_files.gti())
    return written(gadf_files.aeff() if "aeff" in wanted.name else gadf_files.psf())


def facts(events):
    if events.obs_id == "run 1":
        return None
    run = DatasetId("org.example", "test", events.obs_id)
    return Facts.of(
        run, {"a.fits": [{}]}, [(run, "a.fits")], title=f"Run {events.obs_id}", simulated=False,
        configuration="c", software_version="1", ingested=NOW,
    )  # fmt: skip


def packer(*obs_ids, responses=False, **parameters):
    selection = Selection.parse({name: [value] for name, value in parameters.items()})
    wanted = Wanted(selection, tuple(event_list(obs_id) for obs_id in obs_ids), responses)
    return Packer(wanted, "ivo://org.example", read, facts, NOW)


def opened(content):
    return fits.open(io.BytesIO(content), checksum=True)


def members(chunks):
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive.getmembers()}


def test_one_event_list_is_one_file():
    maker = packer("4711", ENERGY="9e11 +Inf")
    found = opened(maker.cutout(maker.wanted.event_lists[0]))
    assert [hdu.name for hdu in found] == ["PRIMARY", "EVENTS", "GTI"]
    assert len(found["EVENTS"].data) == 2
    assert found[0].header["DATE"] == "2026-01-02T03:04:05"
    assert found[0].header["PARENT"] == "4711_event-list.fits"
    assert name_of(maker.wanted.event_lists[0]) == "4711_event-list_cutout.fits"


def test_responses_are_in_it_if_asked_for_and_the_bundle_never_is():
    maker = packer("4711", responses=True)
    found = opened(maker.cutout(maker.wanted.event_lists[0]))
    assert [hdu.name for hdu in found] == ["PRIMARY", "EVENTS", "GTI", "AEFF", "PSF"]
    assert found[0].header["PARENT3"] == "4711_psf.fits"


def test_several_event_lists_are_an_archive_with_index_tables():
    found = members(packer("4711", "4712", responses=True, ENERGY="9e11 1.1e12").archive())
    assert list(found) == [
        "4711/4711_event-list_cutout.fits",
        "4711/4711_event-list_cutout_provenance.json",
        "4712/4712_event-list_cutout.fits",
        "4712/4712_event-list_cutout_provenance.json",
        "hdu-index.fits.gz",
        "obs-index.fits.gz",
    ]
    assert len(opened(found["4712/4712_event-list_cutout.fits"])["EVENTS"].data) == 1
    table = opened(gzip.decompress(found["hdu-index.fits.gz"]))["HDU_INDEX"].data
    assert len(table) == 8
    assert set(table["HDU_TYPE"]) == {"events", "gti", "aeff", "psf"}
    for row in table:
        content = found[f"{row['FILE_DIR']}/{row['FILE_NAME']}"]
        assert (row["HDU_NAME"] in opened(content), row["SIZE"]) == (True, len(content))


def test_the_index_of_observations_says_what_the_cut_left():
    # Two of three events: the first is one second behind START, the others in the middle and at the end.
    found = members(packer("4711", "4712", TIME=f"{FIRST + 100 / 86400} +Inf").archive())
    table = opened(gzip.decompress(found["obs-index.fits.gz"]))["OBS_INDEX"].data
    header = opened(found["4711/4711_event-list_cutout.fits"])["EVENTS"].header
    assert table["EVENT_COUNT"].tolist() == [2, 2]
    assert table["TSTART"][0] == header["TSTART"] == pytest.approx(START + 100.0, abs=1.0)
    assert table["ONTIME"][0] == header["ONTIME"] < 1600.0
    assert np.isnan(table["DEADC"]).all()
    assert table["DATE-OBS"].tolist() == ["2004-03-03", "2004-03-03"]
    assert table["OBS_MODE"].tolist() == ["WOBBLE", "WOBBLE"]


def test_observations_without_a_number_have_no_index():
    found = members(packer("run 1", "4711").archive())
    assert list(found) == [
        "run 1/run 1_event-list_cutout.fits",
        "4711/4711_event-list_cutout.fits",
        "4711/4711_event-list_cutout_provenance.json",
    ]


def test_an_archive_that_fails_has_no_end():
    received = []
    with pytest.raises(UnreadableFileError):
        for chunk in packer("4711", "4713").archive():
            received.append(chunk)
    assert b"".join(received).startswith(b"4711/4711_event-list_cutout.fits")
    # An archive ends with two blocks of zeros.
    assert any(b"".join(received)[-1024:])


def test_provenance_of_a_cut_out_names_the_responses_that_go_along():
    maker = packer("4711", responses=True, ENERGY="9e11 1.1e12")
    document = json.loads(maker.provenance(maker.wanted.event_lists[0]))
    used = {record["prov:entity"] for record in document["used"].values()}
    assert {"ivo:test/4711", "ivo:test/4711/aeff", "ivo:test/4711/psf"} <= used
    assert maker.provenance(maker.wanted.event_lists[0], votable=True).startswith(b"<?xml")
    unknown = packer("run 1")
    assert unknown.provenance(unknown.wanted.event_lists[0]) is None
