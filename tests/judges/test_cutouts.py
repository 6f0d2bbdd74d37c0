"""Event selection through pyVO, compared with a selection that astropy makes of the original files."""

from __future__ import annotations

import io
import tarfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
import pyvo
import requests
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.time import Time
from conftest import Instance
from gammapy.data import DataStore, Observation
from holdings import EventList, Holdings
from reading import Run, met

SELECTIONS = 50


class Source:
    """The events of an original file, in double precision."""

    def __init__(self, events: EventList) -> None:
        hdu = events.parts[0].open()
        self.rows, header = hdu.data, events.header
        ra, dec, elapsed, energy = (
            np.asarray(hdu.data[name], dtype=float) for name in ("RA", "DEC", "TIME", "ENERGY")
        )
        self.places = SkyCoord(ra % 360.0, dec, unit="deg")
        self.mjd = met(header, elapsed).tt.mjd
        self.energy = energy * u.Unit(hdu.columns["ENERGY"].unit)
        self.pointing = SkyCoord(header["RA_PNT"], header["DEC_PNT"], unit="deg")

    def surrounded(self, corners: SkyCoord) -> np.ndarray:
        """Tell which events a polygon surrounds: by how far one turns looking along its border."""
        seen = np.array([self.places.position_angle(corner).rad for corner in corners])
        turns = np.diff(np.vstack([seen, seen[:1]]), axis=0)
        turns = (turns + np.pi) % (2 * np.pi) - np.pi
        at_corner = np.any([self.places.separation(corner).deg < 1e-11 for corner in corners], axis=0)
        return (np.abs(turns.sum(axis=0)) > np.pi) | at_corner


def drawn(number: int, source: Source) -> tuple[dict[str, u.Quantity], np.ndarray]:
    """Draw a selection, and tell which events are in it; odd ones have events on their borders."""
    random = np.random.default_rng(number)
    some = random.integers(len(source.rows), size=6)
    on_border, kind = bool(number % 2), number % 5
    parameters: dict[str, u.Quantity] = {}
    wanted = np.ones(len(source.rows), dtype=bool)
    if kind in (0, 3):
        centre = source.places[some[0]] if on_border else source.pointing
        away = source.places.separation(centre).deg
        radius = away[some[1]] if on_border else random.uniform(0.05, 1.5)
        parameters["circle"] = [centre.ra.deg, centre.dec.deg, radius] * u.deg
        wanted &= away <= radius * (1 + 1e-13)
    if kind in (1, 3, 4):
        limits = np.sort(source.mjd[some[2:4]]) + (0.0 if on_border else 1.3e-5)
        parameters["time"] = limits * u.d
        wanted &= (source.mjd >= limits[0]) & (source.mjd <= limits[1])
    if kind in (2, 4):
        limits = np.sort(source.energy[some[4:6]])
        wanted &= (source.energy >= limits[0]) & (source.energy <= limits[1])
        if kind == 2:
            parameters["energy"] = limits.to(u.eV)
        else:
            parameters["band"] = limits[::-1].to(u.m, u.spectral())
    if kind == 2:
        angles = np.arange(6) * 60 * u.deg + random.uniform(0, 40, 6) * u.deg
        corners = source.pointing.directional_offset_by(angles, random.uniform(0.3, 2.5, 6) * u.deg)
        corners = source.places[some[:3]] if on_border else corners
        parameters["polygon"] = np.column_stack([corners.ra.deg, corners.dec.deg]).ravel() * u.deg
        wanted &= source.surrounded(corners)
    return parameters, wanted


@pytest.fixture(scope="module")
def sources(instance: Instance, http: requests.Session, hess: Holdings, ctao: Holdings) -> list[EventList]:
    """Some public event lists of both collections, whose pointing stands still and which have events."""
    found = [events for events in hess.lists if events.events > 10][::7]
    found += [events for events in ctao.lists if events.pointing and events.events > 10][::9]
    return [events for events in found if list(links(instance, http, events).iter_procs())]


def links(instance: Instance, http: requests.Session, events: EventList) -> pyvo.dal.adhoc.DatalinkResults:
    url = f"{instance.links_of(events.collection)}?ID={requests.utils.quote(events.did(instance.authority))}"
    return pyvo.dal.adhoc.DatalinkResults.from_result_url(url, session=http)


def test_a_descriptor_has_the_limits_of_its_run(
    instance: Instance, http: requests.Session, sources: list[EventList]
) -> None:
    events = sources[0]
    document = links(instance, http, events)
    procs = list(document.iter_procs())
    assert {proc.semantics for proc in procs} == {"#cutout"}
    parameters = {parameter.name: parameter for parameter in document.get_first_proc().input_params}
    assert parameters["ID"].value == events.did(instance.authority)
    units = {"CIRCLE": "deg", "POLYGON": "deg", "TIME": "d", "BAND": "m", "ENERGY": "eV"}
    assert {name: str(parameters[name].unit) for name in units} == units
    circle = parameters["CIRCLE"].values.max
    assert SkyCoord(*circle[:2], unit="deg").separation(events.pointing) < 0.1 * u.arcsec
    limits = parameters["TIME"].values
    found = Time([float(limits.min), float(limits.max)], format="mjd", scale="tt")
    assert abs(found - Time([events.start, events.stop])).max() < 1 * u.ms


@pytest.mark.parametrize("number", range(SELECTIONS))
def test_a_selection_is_what_astropy_selects(
    number: int, instance: Instance, http: requests.Session, sources: list[EventList]
) -> None:
    events = sources[number % len(sources)]
    source = Source(events)
    parameters, wanted = drawn(number, source)
    proc = links(instance, http, events).get_first_proc()
    answer = io.BytesIO(proc.processed(**parameters).read())
    with fits.open(answer, checksum=True) as found:
        found.verify("exception")
        cut = found[events.parts[0].name]
        assert cut.data.tobytes() == source.rows[wanted].tobytes()
        if "time" in parameters:
            header, gti = cut.header, found[events.parts[1].name].data
            good = float(np.sum(gti["STOP"] - gti["START"]))
            assert header["ONTIME"] == pytest.approx(good, abs=1e-5)
            assert header["LIVETIME"] == pytest.approx(good * header["DEADC"], rel=1e-6)


def test_gammapy_takes_a_cut_out_even_an_empty_one(
    instance: Instance, http: requests.Session, runs: dict[str, Run], sources: list[EventList], tmp_path: Path
) -> None:
    events = sources[0]
    proc = links(instance, http, events).get_first_proc()
    start = events.start.tt.mjd
    for name, limits, seconds in (("some", [start + 0.001, start + 0.002], 86.4), ("none", [1.0, 2.0], 0.0)):
        path = tmp_path / f"{name}.fits"
        path.write_bytes(proc.processed(time=limits * u.d, RESPONSES="all").read())
        observation = Observation.read(path)
        assert observation.gti.time_sum.to_value("s") == pytest.approx(seconds, abs=1e-4)
        assert set(observation.available_irfs) == set(Observation.read(events.parts[0].path).available_irfs)
        assert str(observation.obs_id) in str(observation)
        assert (len(observation.events.table) > 0) == (name == "some")


def test_several_cut_outs_are_a_data_store(
    instance: Instance, http: requests.Session, hess: Holdings, tmp_path: Path
) -> None:
    two = hess.lists[:2]
    answer = http.get(
        f"{instance.url}/rd/access/cutout/dlget",
        params={"ID": [events.did(instance.authority) for events in two], "ENERGY": "1e12 +Inf",
                "RESPONSES": "all"},
    )  # fmt: skip
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        for member in archive:
            path = tmp_path / member.name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(archive.extractfile(member).read())
    store = DataStore.from_dir(tmp_path)
    found = {str(observation.obs_id): observation for observation in store.get_observations()}
    assert found.keys() == {events.obs_id for events in two}
    for events in two:
        kept = int((Source(events).energy >= 1 * u.TeV).sum())
        assert len(found[events.obs_id].events.table) == kept


def test_a_job_gives_the_same_bytes_as_a_request(
    instance: Instance, http: requests.Session, sources: list[EventList]
) -> None:
    service = f"{instance.url}/rd/access/cutout"
    request = {"ID": sources[0].did(instance.authority), "ENERGY": "1e12 2e12"}
    job = http.post(f"{service}/dlasync", data=request, allow_redirects=False).headers["Location"]
    http.post(f"{job}/phase", data={"PHASE": "RUN"})
    for _ in range(100):
        phase = http.get(f"{job}/phase").text
        if phase not in ("QUEUED", "EXECUTING"):
            break
        time.sleep(0.2)
    assert phase == "COMPLETED"
    results = ElementTree.fromstring(http.get(f"{job}/results").content)
    address = results[0].attrib["{http://www.w3.org/1999/xlink}href"]
    ours, theirs = (
        fits.open(io.BytesIO(content), checksum=True)
        for content in (http.get(address).content, http.get(f"{service}/dlget", params=request).content)
    )
    assert ours["EVENTS"].data.tobytes() == theirs["EVENTS"].data.tobytes()
    assert ours["EVENTS"].header["NAXIS2"] > 0
