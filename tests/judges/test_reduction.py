"""Gammapy, as it is: what is reduced from downloads equals what is reduced from the release's own files."""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
import pyvo
import requests
from conftest import Instance
from gammapy.data import DataStore, Observation, Observations
from gammapy.datasets import MapDataset
from gammapy.irf import PSF3D, Background3D, EffectiveAreaTable2D, EnergyDispersion2D
from gammapy.makers import MapDatasetMaker
from gammapy.maps import MapAxis, WcsGeom
from reading import Run

pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ENERGY = MapAxis.from_energy_bounds(0.5, 20, 3, unit="TeV")
TRUE_ENERGY = MapAxis.from_energy_bounds(0.3, 30, 5, unit="TeV", name="energy_true")
MIGRATION = MapAxis.from_edges(np.linspace(0.2, 3, 15), name="migra")
READERS = {"aeff": EffectiveAreaTable2D, "edisp": EnergyDispersion2D, "psf": PSF3D, "bkg": Background3D}
QUALIFIERS = {"aeff": "aeff", "edisp": "edisp", "psf": "psf", "bkg": "bkgrate"}
"""What Gammapy calls a response, and what its links are called."""


def reduced(observations: Observations | list[Observation]) -> MapDataset:
    """Stack observations around the first one's pointing."""
    first = observations[0]
    centre = first.get_pointing_icrs(first.tmid)
    geom = WcsGeom.create(skydir=centre, width=2, binsz=0.1, axes=[ENERGY])
    stacked = MapDataset.create(geom, energy_axis_true=TRUE_ENERGY, migra_axis=MIGRATION)
    maker = MapDatasetMaker(selection=["counts", "background", "exposure", "edisp", "psf"])
    for observation in observations:
        stacked.stack(maker.run(stacked.cutout(centre, width=2 * u.deg), observation))
    return stacked


def assert_equal(one: MapDataset, other: MapDataset) -> None:
    assert one.counts.data.sum() > 0
    pairs = {
        "counts": (one.counts, other.counts),
        "background": (one.background, other.background),
        "exposure": (one.exposure, other.exposure),
        "edisp": (one.edisp.edisp_map, other.edisp.edisp_map),
        "edisp exposure": (one.edisp.exposure_map, other.edisp.exposure_map),
        "psf": (one.psf.psf_map, other.psf.psf_map),
        "psf exposure": (one.psf.exposure_map, other.psf.exposure_map),
    }
    for name, (ours, theirs) in pairs.items():
        assert ours.geom == theirs.geom, name
        assert ours.unit == theirs.unit, name
        assert np.nanmax(theirs.data) > 0, name
        assert np.array_equal(ours.data, theirs.data, equal_nan=True), name
    assert one.gti.time_sum == other.gti.time_sum


def originals(runs: list[Run]) -> list[Observation]:
    """Read the files of the release, without any index table."""
    return [Observation.read(run.path) for run in runs]


@pytest.fixture(scope="module")
def on_target(runs: dict[str, Run]) -> list[Run]:
    """All runs of the target that has most."""
    targets = Counter(str(run.header["OBJECT"]) for run in runs.values())
    target, number = targets.most_common(1)[0]
    found = [run for run in runs.values() if run.header["OBJECT"] == target]
    assert len(found) == number > 1
    return sorted(found, key=lambda run: int(run.obs_id))


@pytest.fixture(scope="module")
def expected(on_target: list[Run]) -> MapDataset:
    return reduced(originals(on_target))


def fetched(url: str, http: requests.Session, directory: Path, name: str | None = None) -> Path:
    answer = http.get(url)
    assert answer.status_code == 200
    path = directory / (name or url.rpartition("/")[2])
    path.write_bytes(answer.content)
    return path


def unpacked(answer: requests.Response, directory: Path) -> Path:
    assert answer.status_code == 200
    with tarfile.open(fileobj=io.BytesIO(answer.content), mode="r:") as archive:
        tops = {name.partition("/")[0] for name in archive.getnames()}
        archive.extractall(directory)
    (top,) = tops
    return directory / top


def test_one_run(instance: Instance, http: requests.Session, three: list[Run], tmp_path: Path) -> None:
    """From the one file, and from the archive of one run."""
    run = three[1]
    links = pyvo.dal.adhoc.DatalinkResults.from_result_url(
        f"{instance.datalink}?ID={run.obs_id}", session=http
    )
    (file,) = [link for link in links if link["content_qualifier"] == instance.event_bundle]
    (tar,) = [link for link in links if link["content_type"] == "application/x-tar"]
    wanted = reduced(originals([run]))
    assert_equal(reduced([Observation.read(fetched(file.access_url, http, tmp_path))]), wanted)
    store = DataStore.from_dir(unpacked(http.get(tar.access_url), tmp_path))
    assert_equal(reduced(store.get_observations()), wanted)


def test_a_bundle_of_all_runs_on_a_target(
    instance: Instance, http: requests.Session, on_target: list[Run], expected: MapDataset, tmp_path: Path
) -> None:
    ids = "\n".join(instance.did(run) for run in on_target)
    answer = http.post(f"{instance.url}/rd/access/bundle/custom", files={"LIST": ids.encode()})
    store = DataStore.from_dir(unpacked(answer, tmp_path))
    observations = store.get_observations([int(run.obs_id) for run in on_target])
    assert len(observations) == len(on_target)
    assert_equal(reduced(observations), expected)


def test_one_file_for_each_hdu(
    instance: Instance, http: requests.Session, on_target: list[Run], tmp_path: Path
) -> None:
    """Events with their good times, and each response on its own."""
    two = on_target[:2]
    observations = []
    for run in two:
        links = pyvo.dal.adhoc.DatalinkResults.from_result_url(
            f"{instance.datalink}?ID={run.obs_id}", session=http
        )
        urls = {
            link["content_qualifier"]: link.access_url
            for link in links
            if link.semantics in ("#this", "#calibration")
        }
        observation = Observation.read(fetched(urls[instance.event_list], http, tmp_path))
        assert not observation.available_irfs
        for name, qualifier in QUALIFIERS.items():
            path = fetched(urls[qualifier], http, tmp_path)
            setattr(observation, name, READERS[name].read(path, hdu=name.upper()))
        observations.append(observation)
    assert_equal(reduced(observations), reduced(originals(two)))


def test_a_selection_that_leaves_nothing_out(
    instance: Instance, http: requests.Session, on_target: list[Run], tmp_path: Path
) -> None:
    two = on_target[:2]
    observations = []
    for run in two:
        url = f"{instance.url}/rd/access/cutout/dlget?ID={run.obs_id}&RESPONSES=all"
        observations.append(Observation.read(fetched(url, http, tmp_path, f"{run.obs_id}.fits")))
    assert_equal(reduced(observations), reduced(originals(two)))
