"""What the analysis finds in simulated runs is what was put in, and what others count."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table
from conftest import CRAB, MakeBundle, Result, did, run_job, settings
from numpy.typing import NDArray
from prov.model import ProvDocument

INDEX, AMPLITUDE = 2.63, 3.45e-11
"""Of the simulated Crab Nebula at 1 TeV, cm-2 s-1 TeV-1."""
Floats = NDArray[np.float64]


def li_ma(on: float, off: float, alpha: float) -> float:
    """Equation 17 of Li and Ma (1983)."""
    first = on * math.log((1 + alpha) / alpha * on / (on + off)) if on else 0.0
    second = off * math.log((1 + alpha) * off / (on + off)) if off else 0.0
    return math.copysign(math.sqrt(2 * (first + second)), on - alpha * off)


def distance(ra: Floats, dec: Floats, ra_0: float, dec_0: float) -> Floats:
    """Degrees, by the haversine formula."""
    a, b, a_0, b_0 = (np.radians(np.asarray(x, float)) for x in (ra, dec, ra_0, dec_0))
    h = np.sin((b - b_0) / 2) ** 2 + np.cos(b) * np.cos(b_0) * np.sin((a - a_0) / 2) ** 2
    return np.degrees(2 * np.arcsin(np.sqrt(h)))


def events(release: Path, obs_id: int) -> tuple[Floats, Floats, Floats, fits.Header]:
    with fits.open(release / "data" / f"sim_hess_obs_id_{obs_id}.fits.gz") as file:
        table, header = file["EVENTS"].data, file["EVENTS"].header
        good = np.zeros(len(table), bool)
        for start, stop in file["GTI"].data:
            good |= (table["TIME"] >= start) & (table["TIME"] <= stop)
        energy = table["ENERGY"].astype(float)
        good &= (energy >= 0.1) & (energy < 100)
        ra, dec = table["RA"][good].astype(float), table["DEC"][good].astype(float)
        return ra, dec, energy[good], header


def test_the_spectrum_that_was_simulated(crab_result: Result) -> None:
    found = crab_result.summary["spectrum"]
    assert abs(found["index"] - INDEX) < 2.5 * found["index_error"]
    assert abs(found["amplitude"] - AMPLITUDE) < 2.5 * found["amplitude_error"]
    assert found["index_error"] < 0.1
    assert found["amplitude_error"] < 0.1 * AMPLITUDE


def test_flux_points_lie_on_it(crab_result: Result) -> None:
    points = Table.read(crab_result.directory / "flux-points.ecsv")
    good = ~np.asarray(points["is_ul"], bool)
    assert good.sum() >= 5
    expected = AMPLITUDE * np.asarray(points["e_ref"]) ** -INDEX
    pulls = (np.asarray(points["dnde"]) - expected) / np.asarray(points["dnde_err"])
    assert np.abs(pulls[good]).max() < 3.5
    assert str(points["dnde"].unit) == "1 / (TeV s cm2)"


def test_the_light_curve_is_flat(crab_result: Result) -> None:
    table = Table.read(crab_result.directory / "light-curve.ecsv")
    assert len(table) == 3
    low, high = (float(table[name][0]) for name in ("e_min", "e_max"))
    expected = AMPLITUDE * (low ** (1 - INDEX) - high ** (1 - INDEX)) / (INDEX - 1)
    pulls = (np.asarray(table["flux"]) - expected) / np.asarray(table["flux_err"])
    assert np.abs(pulls).max() < 3.5
    assert table.meta["TIMESYS"] == "TT"


def test_counts_are_those_of_an_independent_count(
    crab_result: Result, release: Path, crab: list[int]
) -> None:
    table = Table.read(crab_result.directory / "relevance.ecsv")
    assert list(table["obs_id"]) == crab
    for row in table:
        ra, dec, _, header = events(release, row["obs_id"])
        near = distance(ra, dec, header["RA_PNT"], header["DEC_PNT"]) <= 2.5
        assert row["counts"] == near.sum()
        assert row["on"] == (distance(ra, dec, *CRAB) <= 0.1).sum()
        # All off regions lie in this ring; elsewhere in it is no source.
        ring = np.abs(distance(ra, dec, header["RA_PNT"], header["DEC_PNT"]) - 0.5) <= 0.1
        ring &= distance(ra, dec, *CRAB) > 0.3
        area = math.pi * 0.1**2 / row["alpha"]
        ring_area = math.pi * (0.6**2 - 0.4**2) * (1 - 2 * math.asin(0.3 / 1.0) * 2 / (2 * math.pi))
        expected = ring.sum() * area / ring_area
        assert abs(row["off"] - expected) < 4 * math.sqrt(expected)
        assert row["off"] <= ring.sum()
        assert math.isclose(row["livetime"], header["LIVETIME"], rel_tol=1e-6)


def test_squared_distances_are_those_of_an_independent_count(
    crab_result: Result, release: Path, crab: list[int]
) -> None:
    table = Table.read(crab_result.directory / "theta-squared.ecsv")
    edges = np.append(table["theta2_min"], table["theta2_max"][-1])
    on, off = np.zeros(len(table)), np.zeros(len(table))
    for obs_id in crab:
        ra, dec, _, header = events(release, obs_id)
        on += np.histogram(distance(ra, dec, *CRAB) ** 2, edges)[0]
        mirrored = mirror(CRAB, (header["RA_PNT"], header["DEC_PNT"]))
        off += np.histogram(distance(ra, dec, *mirrored) ** 2, edges)[0]
    assert list(table["on"]) == list(on)
    assert list(table["off"]) == list(off)


def mirror(place: tuple[float, float], centre: tuple[float, float]) -> tuple[float, float]:
    """Turn a place by half a circle around the centre, with vectors."""

    def vector(ra: float, dec: float) -> Floats:
        a, b = math.radians(ra), math.radians(dec)
        return np.array([math.cos(b) * math.cos(a), math.cos(b) * math.sin(a), math.sin(b)])

    p, c = vector(*place), vector(*centre)
    x, y, z = 2 * (p @ c) * c - p
    return math.degrees(math.atan2(y, x)) % 360, math.degrees(math.asin(z))


def test_significance_is_that_of_li_and_ma(crab_result: Result) -> None:
    found = crab_result.summary["counts"]
    assert math.isclose(found["significance"], li_ma(found["on"], found["off"], found["alpha"]), rel_tol=1e-9)
    assert math.isclose(found["excess"], found["on"] - found["alpha"] * found["off"])
    table = Table.read(crab_result.directory / "relevance.ecsv")
    assert found["on"] == table["on"].sum()
    assert found["off"] == table["off"].sum()
    for row in table:
        assert math.isclose(row["significance"], li_ma(row["on"], row["off"], row["alpha"]), rel_tol=1e-9)
    last = table["cumulative_significance"][-1]
    assert math.isclose(last, found["significance"])


def test_maps_are_right(crab_result: Result, release: Path, crab: list[int]) -> None:
    counts, header = fits.getdata(crab_result.directory / "counts-map.fits", header=True)
    assert counts.shape == (150, 150)
    assert np.isclose([header["CRVAL1"], header["CRVAL2"]], CRAB).all()
    # The map is square; each side is the tangent plane's.
    inside = 0
    for obs_id in crab:
        ra, dec, _, head = events(release, obs_id)
        near = distance(ra, dec, head["RA_PNT"], head["DEC_PNT"]) <= 2.5
        a, b, b_0 = np.radians(ra - CRAB[0]), np.radians(dec), math.radians(CRAB[1])
        cos_c = np.sin(b_0) * np.sin(b) + np.cos(b_0) * np.cos(b) * np.cos(a)
        x = np.degrees(np.cos(b) * np.sin(a) / cos_c)
        y = np.degrees((np.cos(b_0) * np.sin(b) - np.sin(b_0) * np.cos(b) * np.cos(a)) / cos_c)
        inside += int((near & (np.abs(x) < 1.5) & (np.abs(y) < 1.5)).sum())
    # The cut on the offset is made for pixels, so events at its edge can differ.
    assert abs(counts.sum() - inside) <= 0.005 * inside
    summary = crab_result.summary
    away = summary["significance_away_from_target"]
    assert abs(away["mean"]) < 0.3
    assert 0.85 < away["std"] < 1.15
    significance = fits.getdata(crab_result.directory / "significance-map.fits")
    peak = np.unravel_index(np.nanargmax(significance), significance.shape)
    assert np.hypot(peak[0] - 74.5, peak[1] - 74.5) < 3
    assert 0.8 < summary["significance_in_map"] / summary["counts"]["significance"] < 1.3


def test_both_backgrounds_agree(
    crab_result: Result, make_bundle: MakeBundle, crab: list[int], tmp_path: Path
) -> None:
    result = run_job(make_bundle(crab), tmp_path / "out", *settings(background="fov", light_curve="night"))
    assert result.step("excess maps") == "done: None"
    excess = [fits.getdata(r.directory / "excess-map.fits") for r in (result, crab_result)]
    centre = [float(image[75, 75]) for image in excess]
    assert math.isclose(*centre, rel_tol=0.05)
    assert 0.85 < result.summary["significance_away_from_target"]["std"] < 1.2
    assert len(Table.read(result.directory / "light-curve.ecsv")) == 1


def test_all_outputs_say_that_they_are_simulated(crab_result: Result) -> None:
    kinds = set()
    for file in crab_result.listed:
        path = crab_result.directory / file["name"]
        kinds.add(path.suffix)
        if path.suffix == ".fits":
            header = fits.getheader(path)
            assert header["SIMULATE"] is True
            assert header["ORIGIN"] == "SIMULATED"
        elif path.suffix == ".ecsv":
            assert Table.read(path).meta["SIMULATE"] is True
        elif path.suffix == ".png":
            assert b"SIMULATED data" in path.read_bytes()
        else:
            assert "simulated" in path.read_text().lower()
    assert kinds == {".fits", ".ecsv", ".png", ".json", ".txt"}
    assert crab_result.summary["simulated"] is True


def test_every_file_is_listed_and_in_the_provenance(crab_result: Result, crab: list[int]) -> None:
    listed = {file["name"]: file for file in crab_result.listed}
    there = {path.name for path in crab_result.directory.iterdir()}
    assert there == {*listed, "results.json", "progress.json"}
    for name, file in listed.items():
        content = (crab_result.directory / name).read_bytes()
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
        assert file["size"] == len(content)
    text = (crab_result.directory / "provenance.json").read_text()
    document = ProvDocument.deserialize(content=text, format="json")
    assert document.get_records()
    entities = json.loads(text)["entity"].values()
    outputs = {
        entity["voprov:location"]: entity["voprov:sha256"]
        for entity in entities
        if "voprov:location" in entity
    }
    assert outputs == {
        name: file["sha256"] for name, file in listed.items() if name not in {"provenance.json", "log.txt"}
    }
    used = {entity["voprov:obs_publisher_did"] for entity in entities if "voprov:obs_publisher_did" in entity}
    assert used == {did(obs_id) for obs_id in crab} == set(crab_result.summary["runs_used"])
    assert document.serialize(format="provn").count("wasDerivedFrom") == len(outputs) * len(used)
