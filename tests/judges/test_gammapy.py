"""What is downloaded, loaded with Gammapy."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import astropy.units as u
import numpy as np
import pytest
import pyvo
import requests
from conftest import Instance
from gammapy.data import GTI, EventList, Observation
from gammapy.data.hdu_index_table import HDULocation
from gammapy.irf import PSF3D, Background3D, EffectiveAreaTable2D, EnergyDispersion2D
from reading import Run

READERS = {
    "aeff": (EffectiveAreaTable2D, "AEFF"),
    "edisp": (EnergyDispersion2D, "EDISP"),
    "psf": (PSF3D, "PSF"),
    "bkgrate": (Background3D, "BKG"),
}
CLASSES = {
    "EVENTS": "events", "GTI": "gti", "AEFF": "aeff_2d", "EDISP": "edisp_2d", "PSF": "psf_table",
    "BKG": "bkg_3d",
}  # fmt: skip
CONTAINMENT = 0.68
GADF = "application/x-fits-gadf"

Files = dict[str, Path]


@pytest.fixture(scope="module")
def downloads(
    instance: Instance, http: requests.Session, three: list[Run], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Files]:
    """Download all links of three runs: obs_id to content_qualifier to file."""
    directory = tmp_path_factory.mktemp("downloads")
    found: dict[str, Files] = {}
    for run in three:
        links = pyvo.dal.adhoc.DatalinkResults.from_result_url(
            f"{instance.datalink}?ID={run.obs_id}", session=http
        )
        files = found[run.obs_id] = {}
        for link in links:
            if link["service_def"] or link["content_type"] != GADF:
                continue
            path = directory / f"{run.obs_id}-{link.access_url.rpartition('/')[2]}"
            path.write_bytes(http.get(link.access_url).content)
            files[link["content_qualifier"]] = path
        assert files.keys() == {"event-list", "event-bundle", *READERS}
    return found


@pytest.fixture(scope="module")
def rows(tap: pyvo.dal.TAPService) -> dict[str, pyvo.dal.Record]:
    return {str(row["obs_id"]): row for row in tap.run_sync("SELECT * FROM hess_dr.obscore")}


def test_a_package_is_an_observation(
    downloads: dict[str, Files], rows: dict[str, pyvo.dal.Record], three: list[Run]
) -> None:
    for run in three:
        row = rows[run.obs_id]
        observation = Observation.read(downloads[run.obs_id]["event-bundle"])
        assert len(observation.events.table) == row["ev_xel"] == run.events
        assert str(observation.obs_id) == run.obs_id
        assert set(observation.available_irfs) == {"aeff", "edisp", "psf", "bkg"}
        for response, (kind, _) in zip(("aeff", "edisp", "psf", "bkg"), READERS.values(), strict=True):
            assert isinstance(getattr(observation, response), kind)
        assert observation.gti.time_sum.to_value("s") == pytest.approx(run.header["ONTIME"], abs=1)
        assert abs(observation.gti.time_start[0] - run.gti[0][0]).to_value("s") < 1e-3
        assert observation.observation_live_time_duration.to_value("s") == pytest.approx(
            row["t_exptime"], rel=0.01
        )
        pointing = observation.get_pointing_icrs(observation.tmid)
        assert pointing.separation(run.pointing) < 0.1 * u.arcsec


def test_an_event_list_comes_with_its_good_times(downloads: dict[str, Files], three: list[Run]) -> None:
    for run in three:
        path = downloads[run.obs_id]["event-list"]
        events, gti = EventList.read(path), GTI.read(path)
        assert len(events.table) == run.events
        assert gti.time_sum.to_value("s") == pytest.approx((run.gti[1] - run.gti[0]).to_value("s").sum())
        # Events are timed within their second, good times to the second.
        margin = 1 * u.s
        inside = events.select_time([gti.time_start.min() - margin, gti.time_stop.max() + margin])
        assert len(inside.table) == run.events


@pytest.mark.parametrize("qualifier", READERS)
def test_a_response_loads_on_its_own(qualifier: str, downloads: dict[str, Files], three: list[Run]) -> None:
    reader, hdu = READERS[qualifier]
    for run in three:
        alone = reader.read(downloads[run.obs_id][qualifier], hdu=hdu)
        bundled = reader.read(downloads[run.obs_id]["event-bundle"], hdu=hdu)
        original = reader.read(run.path, hdu=hdu)
        assert alone.data.max() > 0
        for loaded in (alone, bundled):
            assert loaded.unit == original.unit
            assert loaded.axes == original.axes
            assert (loaded.data == original.data).all()


def test_resolution_is_what_gammapy_finds(
    downloads: dict[str, Files], rows: dict[str, pyvo.dal.Record], three: list[Run]
) -> None:
    """s_resolution against the containment radius that Gammapy computes: within a tenth."""
    for run in three:
        row = rows[run.obs_id]
        psf = PSF3D.read(downloads[run.obs_id]["psf"], hdu="PSF")
        radius = psf.containment_radius(
            fraction=CONTAINMENT,
            energy_true=row["s_ref_energy"] * u.eV,
            offset=row["s_ref_oaa"] * u.deg,
        )
        assert row["s_resolution"] == pytest.approx(float(radius.to_value(u.arcsec).item()), rel=0.1)


# --- Gammapy's development branch: a data store from a TAP result ---------------------------------------

NEEDED = ("obs_id", "obs_mode", "ra_pnt", "dec_pnt", "alt_pnt", "az_pnt", "tstart", "tstop")
"""Columns without which it stops with a KeyError."""

WELCOME = (
    "zen_pnt", "ontime", "livetime", "deadc", "date_obs", "time_obs", "date_end", "time_end", "n_tels",
    "tellist", "object", "ra_obj", "dec_obj",
)  # fmt: skip
"""Columns that it takes if they are there."""


def test_the_result_has_what_a_data_store_is_made_from(
    rows: dict[str, pyvo.dal.Record], runs: dict[str, Run]
) -> None:
    assert rows.keys() == runs.keys()
    for obs_id, row in rows.items():
        header = runs[obs_id].header
        assert [name for name in (*NEEDED, *WELCOME) if name not in row] == []
        assert str(int(row["obs_id"])) == obs_id
        for name in (*NEEDED, *WELCOME):
            keyword = name.upper().replace("DATE_", "DATE-").replace("TIME_", "TIME-")
            value = header.get(keyword, header.get(name.upper()))
            if isinstance(value, float | int) and name != "obs_id":
                assert float(row[name]) == pytest.approx(float(value), rel=1e-9), (obs_id, name)
            elif value is not None and name != "obs_id":
                assert str(row[name]).strip() == str(value).strip(), (obs_id, name)
        assert all(
            np.isfinite(float(row[name])) for name in NEEDED if name.endswith(("_pnt", "start", "stop"))
        )


@pytest.mark.parametrize("way", ["all in one file", "one file for each HDU"])
def test_its_files_are_found_by_their_qualifiers(
    way: str, rows: dict[str, pyvo.dal.Record], three: list[Run], http: requests.Session, tmp_path: Path
) -> None:
    """As the branch does it: links by content_qualifier, files named after the suffix of the URL's path."""
    kinds = {"event-list": ("EVENTS", "GTI"), **{kind: (hdu,) for kind, (_, hdu) in READERS.items()}}
    for run in three:
        links = rows[run.obs_id].getdatalink()
        by_qualifier = {
            link["content_qualifier"]: link.access_url
            for link in links
            if link.semantics in ("#this", "#calibration", "#package") and link["content_qualifier"]
        }
        for kind, hdus in kinds.items():
            url = by_qualifier["event-bundle" if way == "all in one file" else kind]
            suffix = "".join(Path(urlsplit(url).path).suffixes)
            assert suffix in (".fits", ".fits.gz")
            path = tmp_path / f"{run.obs_id}-{kind}{suffix}"
            path.write_bytes(http.get(url).content)
            for hdu in hdus:
                location = HDULocation(CLASSES[hdu], str(tmp_path), ".", path.name, hdu)
                assert location.load() is not None
