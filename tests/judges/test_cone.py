"""The Simple Cone Search as pyVO sees it."""

from __future__ import annotations

import astropy.units as u
import pytest
import pyvo
import requests
from astropy.coordinates import SkyCoord
from conftest import Instance
from lxml import etree
from reading import Run


@pytest.fixture(scope="module")
def cone(instance: Instance, http: requests.Session) -> pyvo.dal.SCSService:
    return pyvo.dal.SCSService(instance.cone, session=http)


@pytest.mark.parametrize("radius", [0.01, 1.0, 30.0, 90.0])
def test_a_cone_has_the_pointings_within(
    radius: float, cone: pyvo.dal.SCSService, runs: dict[str, Run], three: list[Run]
) -> None:
    centre = three[1].pointing
    found = {str(row["obs_id"]) for row in cone.search(pos=centre, radius=radius * u.deg)}
    expected = {run.obs_id for run in runs.values() if run.pointing.separation(centre) <= radius * u.deg}
    assert three[1].obs_id in expected
    assert found == expected


def test_the_largest_radius_is_the_one_promised(
    cone: pyvo.dal.SCSService, instance: Instance, http: requests.Session, runs: dict[str, Run]
) -> None:
    answer = http.get(f"{instance.url}/hess_dr/q/cone/capabilities")
    (promised,) = [float(element.text) for element in etree.fromstring(answer.content).iter("maxSR")]
    centre = next(iter(runs.values())).pointing
    found = cone.search(pos=centre, radius=promised * u.deg)
    within = [run for run in runs.values() if run.pointing.separation(centre) <= promised * u.deg]
    assert len(found) == len(within)


def test_rows_carry_position_and_times(cone: pyvo.dal.SCSService, three: list[Run]) -> None:
    run = three[0]
    (row,) = [row for row in cone.search(pos=run.pointing, radius=0.1 * u.deg) if row["obs_id"] == run.obs_id]
    assert row.pos.separation(run.pointing) < 1e-6 * u.deg
    assert abs(row["t_min"] - run.start.mjd) < 1e-8
    assert row["ev_xel"] == run.events
    assert row.id == run.obs_id


def test_an_empty_cone_is_a_valid_answer(cone: pyvo.dal.SCSService, runs: dict[str, Run]) -> None:
    places = SkyCoord([0, 90, 180, 270, 0, 0], [0, 0, 0, 0, 89, -89], unit="deg")
    pointings = SkyCoord([run.pointing for run in runs.values()])
    (far, *_) = [place for place in places if place.separation(pointings).min() > 1 * u.deg]
    assert len(cone.search(pos=far, radius=0.5 * u.deg)) == 0


def test_a_wrong_position_is_an_error(instance: Instance, http: requests.Session) -> None:
    answer = http.get(instance.cone, params={"RA": "north", "DEC": 0, "SR": 1})
    assert b"VOTABLE" in answer.content
    assert b'value="ERROR"' in answer.content or b'name="Error"' in answer.content
