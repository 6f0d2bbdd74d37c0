"""Bundles, unpacked and opened with Gammapy's DataStore as they are."""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
import pyvo
import requests
from conftest import Instance
from gammapy.data import DataStore, Observation

pytestmark = [
    # Gammapy's checks leave the closing of files to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    # CTA's first data challenge has units that FITS does not have.
    pytest.mark.filterwarnings("ignore:.*did not parse as fits unit"),
]

IRFS = ("aeff", "edisp", "psf", "bkg")
CHECKS = ["obs_table", "hdu_table", "consistency"]
"""What Gammapy 2.1 can check; its check of observations fails at any event list."""


def bundle(instance: Instance, http: requests.Session, query: str, directory: Path) -> Path:
    """Unpack the bundle of a TAP result, in one step from the VOTable."""
    table = io.BytesIO()
    pyvo.dal.TAPService(instance.tap, session=http).run_sync(query).votable.to_xml(table)
    answer = http.post(f"{instance.url}/rd/access/bundle/custom", files={"TABLE": table.getvalue()})
    assert answer.status_code == 200
    assert [step.status_code for step in answer.history] == [303]
    with tarfile.open(fileobj=io.BytesIO(answer.content), mode="r:") as archive:
        names = archive.getnames()
        assert len(names) == len(set(names))
        archive.extractall(directory)
    (top,) = {name.partition("/")[0] for name in names}
    return directory / top


def loaded(store: DataStore) -> dict[int, Observation]:
    """Give all observations, after reading all that they have."""
    found = {}
    for observation in store.get_observations():
        assert observation.gti.time_sum > 0 * u.s
        for name in IRFS:
            assert getattr(observation, name).data.size > 0
        found[int(observation.obs_id)] = observation
    return found


def events_of(rows: Iterable[pyvo.dal.Record]) -> Counter[int]:
    counts: Counter[int] = Counter()
    for row in rows:
        counts[int(row["obs_id"])] += int(row["ev_xel"])
    return counts


@pytest.fixture(scope="module")
def everything(
    instance: Instance, http: requests.Session, tmp_path_factory: pytest.TempPathFactory
) -> DataStore:
    query = "SELECT * FROM hess_dr.obscore"
    return DataStore.from_dir(bundle(instance, http, query, tmp_path_factory.mktemp("bundle")))


def test_all_runs_of_a_release(everything: DataStore, tap: pyvo.dal.TAPService) -> None:
    rows = tap.run_sync("SELECT obs_id, ev_xel FROM hess_dr.obscore")
    observations = loaded(everything)
    assert {n: len(found.events.table) for n, found in observations.items()} == dict(events_of(rows))
    assert list(everything.check(checks=CHECKS)) == []


def test_the_index_says_what_the_release_says(everything: DataStore, instance: Instance) -> None:
    theirs, ours = DataStore.from_dir(instance.data).obs_table, everything.obs_table
    assert list(ours["OBS_ID"]) == list(theirs["OBS_ID"])
    assert abs(ours.time_start - theirs.time_start).max() < 1 * u.us
    assert abs(ours.time_stop - theirs.time_stop).max() < 1 * u.us
    assert ours.pointing_radec.separation(theirs.pointing_radec).max() < 0.1 * u.arcsec
    assert ours.pointing_galactic.separation(ours.pointing_radec).max() < 1e-3 * u.arcsec
    for name in ("LIVETIME", "ONTIME", "ALT_PNT", "AZ_PNT", "DEADC"):
        assert np.asarray(ours[name]) == pytest.approx(np.asarray(theirs[name]), rel=1e-6)


def test_runs_that_share_responses_and_have_several_types_of_events(
    instance: Instance, http: requests.Session, tap: pyvo.dal.TAPService, tmp_path: Path
) -> None:
    top = bundle(instance, http, "SELECT * FROM ctao.obscore", tmp_path)
    rows = list(
        tap.run_sync(
            "SELECT obs_id, obs_publisher_did, ev_xel FROM ctao.obscore WHERE data_rights = 'public'"
        )
    )
    counts: Counter[int] = Counter()
    for directory in (top, *top.glob("index-*")):
        store = DataStore.from_dir(directory)
        for number, observation in loaded(store).items():
            counts[number] += len(observation.events.table)
        assert list(store.check(checks=["hdu_table", "consistency"])) == []
    assert counts == events_of(rows)
    responses = [path for path in (top / "ctao").glob("*/*.fits") if path.parent.name.startswith("caldb")]
    uses = DataStore.from_dir(top).hdu_table["HDU_TYPE"] == "aeff"
    assert len([path for path in responses if path.name.endswith("_aeff.fits")]) < uses.sum()
    closed = list(tap.run_sync("SELECT obs_publisher_did FROM ctao.obscore WHERE data_rights <> 'public'"))
    left_out = (top / "LEFT-OUT.txt").read_text(encoding="utf-8")
    assert all(str(row["obs_publisher_did"]) in left_out for row in closed)
    assert "SIMULATED" in (top / "README.txt").read_text(encoding="utf-8")
