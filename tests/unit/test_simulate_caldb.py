"""The simulated observatory's shared responses, the tables that are written in pieces, and the command."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from ingest.errors import ConfigError
from instance import bringup, cli
from simulate import CTAO_LIKE, caldb, tables
from simulate.caldb import response_keys
from simulate.observatory import ANALYSES, instrument
from simulate.place import STAMP_NAME
from simulate.responses import RAD_MAX_DEG
from simulate.table_stream import TableColumn, row_type, write_table


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("caldb")
    for key in response_keys():
        caldb.write(key, directory, seed=1)
    return directory


# --- the responses --------------------------------------------------------------------


def test_three_gaussians_are_the_formula(folder: Path) -> None:
    data = fits.getdata(folder / "sim_ctao_south_z20_std.fits.gz", "PSF")[0]
    found = instrument(1, ANALYSES["std"][0], 20)
    sigma = np.radians([data["SIGMA_1"], data["SIGMA_2"]])
    weights = data["SCALE"] * np.array([np.ones_like(data["SCALE"]), data["AMPL_2"]])
    np.testing.assert_allclose(np.sum(2 * np.pi * weights * sigma**2, axis=0), 1, rtol=1e-5)
    rad = np.radians(0.1)
    inside = np.sum(2 * np.pi * weights * sigma**2 * -np.expm1(-0.5 * (rad / sigma) ** 2), axis=0)
    energy = np.sqrt(data["ENERG_LO"] * data["ENERG_HI"])
    expected = found.psf_containment(0.1, energy[None, :], data["THETA_LO"][:, None])
    # The formula is cut off at the last RAD, which matters most where the function is widest.
    np.testing.assert_allclose(inside, expected, rtol=0.02)
    assert not data["AMPL_3"].any()


def test_both_sites_have_the_form_of_their_point_spread_function(folder: Path) -> None:
    for key in response_keys():
        header = fits.getheader(folder / key.file_name, "PSF")
        assert header["HDUCLAS4"] == ("PSF_TABLE", "PSF_3GAUSS")[key.site]
        assert header["ZENITH"] == key.zenith_deg
    table = fits.getdata(folder / "sim_ctao_north_z40_type1.fits.gz", "PSF")[0]
    # In 64 bit, as the cosines are all next to 1.
    edges = np.radians([table["RAD_LO"], table["RAD_HI"]], dtype=np.float64)
    solid = 2 * np.pi * np.diff(-np.cos(edges), axis=0)[0]
    np.testing.assert_allclose(np.einsum("rte,r->te", table["RPSF"], solid), 1, rtol=1e-4)
    assert table["RAD_HI"][-1] == pytest.approx(RAD_MAX_DEG)


def test_event_types_share_the_events(folder: Path) -> None:
    """The types add up to all events: their areas and backgrounds to those of the whole analysis."""
    for name, column in (("AEFF", "EFFAREA"), ("BKG", "BKG")):
        whole, first, second = (
            fits.getdata(folder / f"sim_ctao_north_z20_{key}.fits.gz", name)[0][column]
            for key in ("std", "type1", "type2")
        )
        np.testing.assert_allclose(first + second, whole, rtol=1e-5)
    type1, type2 = (instrument(0, s, 20) for s in ANALYSES["types"])
    assert (type1.psf_width(1.0, 0.0) < type2.psf_width(1.0, 0.0)).all()


def test_divergent_pointing_widens_the_field() -> None:
    parallel, divergent = (instrument(1, ANALYSES[key][0], 20) for key in ("std", "divergent"))
    assert tables.aeff_table(divergent).axes[1].high[-1] > tables.aeff_table(parallel).axes[1].high[-1]
    assert divergent.effective_area(1.0, 4.0) / divergent.effective_area(1.0, 0.0) > (
        parallel.effective_area(1.0, 4.0) / parallel.effective_area(1.0, 0.0)
    )


# --- tables in pieces -----------------------------------------------------------------


def test_a_table_of_another_length_is_an_error(tmp_path: Path) -> None:
    columns = (TableColumn("A", "K"), TableColumn("B", "3A"))
    rows = np.array([(1, "x"), (2, "yz")], row_type(columns))
    arguments: dict[str, Any] = {
        "name": "T",
        "columns": columns,
        "cards": [],
        "seed": 1,
        "origin": "SIMULATED",
    }
    write_table(tmp_path / "t.fits.gz", length=2, pieces=[rows[:1], rows[1:]], **arguments)
    found = fits.getdata(tmp_path / "t.fits.gz", "T")
    assert [(row["A"], row["B"]) for row in found] == [(1, "x"), (2, "yz")]
    with pytest.raises(ValueError, match="1 rows written, expected 2"):
        write_table(tmp_path / "u.fits.gz", length=2, pieces=[rows[:1]], **arguments)


# --- the command ----------------------------------------------------------------------


def test_command_takes_the_observatory(tmp_path: Path) -> None:
    options: argparse.Namespace = cli.parser().parse_args(
        ["simulate", str(tmp_path / "r"), "--facility", CTAO_LIKE, "--runs", "3", "--metadata-only"]
    )
    number = bringup.write_sample(
        options.directory,
        runs=options.runs,
        seed=options.seed,
        facility=options.facility,
        metadata_only=options.metadata_only,
    )
    written = [p for p in (tmp_path / "r").rglob("*") if p.is_file() and p.name != STAMP_NAME]
    assert number == len(written)
    assert len(fits.getdata(tmp_path / "r" / "obs-index.fits.gz", "OBS_INDEX")) == 3


@pytest.mark.parametrize("facility", [None, "hess-like", "ctao-south-like"])
def test_other_facilities_have_no_metadata_only(tmp_path: Path, facility: str | None) -> None:
    with pytest.raises(ConfigError, match="expected ctao-like"):
        bringup.write_sample(tmp_path / "r", runs=1, seed=None, facility=facility, metadata_only=True)
    assert not list(tmp_path.iterdir())


def test_unknown_facilities_are_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'veritas-like': expected one of hess-like, .*, ctao-like"):
        bringup.write_sample(tmp_path / "r", runs=1, seed=None, facility="veritas-like")
