"""The picture that is made: every event in its place, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units
from astropy.io import fits
from astropy_healpix import HEALPix
from PIL import Image

from portal.hips import tiles
from portal.hips.build import Outcome
from portal.hips.counts import ORDER, WIDTH

from .conftest import CRAB, VELA, at, event_list, properties, run, serve, wanted


class Made:
    """A picture, and the events that are in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.crab, self.vela = at(CRAB, 800), at(VELA, 300)
        # At the border of the projection, and at a pole.
        self.border = (np.array([0.001, 359.999, 45.0, 180.0]), np.array([0.0, 41.9, 89.9, -89.99]))
        self.ra, self.dec = (
            np.concatenate([one[axis] for one in (self.crab, self.crab, self.vela, self.border)])
            for axis in (0, 1)
        )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    found = Made(tmp_path_factory.mktemp("hips"))
    for archive in serve():
        field = {"s_ra": CRAB[0], "s_dec": CRAB[1], "s_fov": 5.0, "t_min": 53000.5, "t_max": 53000.6}
        archive.add("crab-1", event_list(*found.crab), linked=True, **field)
        # The same field again: counts add up.
        archive.add("crab-2", event_list(*found.crab, packed=True), **field)
        archive.add("vela", event_list(*found.vela, simulated=True), em_min=1e-19)
        archive.add("border", event_list(*found.border))
        future = {"obs_release_date": "2030-01-01T00:00:00", "data_rights": "proprietary"}
        archive.add("embargoed", event_list(*at(CRAB, 5000)), **future)
        archive.add("closed", event_list(*at(CRAB, 5000)), status=403)
        outcome = run(wanted(archive, found.directory, notice="Some are made up."))
        assert outcome == Outcome("made", 4, len(found.ra), 2)
        assert "/files/embargoed" not in archive.asked
    yield found


def tile(directory: Path, order: int, number: int) -> np.ndarray[Any, Any]:
    path = directory / "own" / f"Norder{order}" / f"Dir{number // 10000 * 10000}" / f"Npix{number}.fits"
    return np.asarray(fits.getdata(path))


def flat(image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Give the pixels of a tile by their HEALPix number within it (HiPS 1.0, section 4.2.1).

    Rows of a tile in FITS run along one axis of the base cell, columns against the other.
    """
    width = len(image)
    number = np.arange(width**2)
    x = sum(((number >> (2 * bit)) & 1) << bit for bit in range(width.bit_length()))
    y = sum(((number >> (2 * bit + 1)) & 1) << bit for bit in range(width.bit_length()))
    return image[width - 1 - x, y]


def _degrees(place: tuple[float, float]) -> tuple[Any, Any]:
    return place[0] * units.deg, place[1] * units.deg


def test_all_events_are_in_the_tiles_each_in_its_pixel(made):
    grid = HEALPix(nside=WIDTH * 2**ORDER, order="nested")
    cells = grid.lonlat_to_healpix(made.ra * units.deg, made.dec * units.deg)
    expected = dict(zip(*np.unique(cells, return_counts=True), strict=True))
    found = {}
    for order, number, path in tiles.tiles(made.directory / "own"):
        if order == ORDER:
            values = flat(np.asarray(fits.getdata(path)))
            found |= {number * WIDTH**2 + int(cell): values[cell] for cell in np.flatnonzero(values > 0)}
    assert sum(found.values()) == len(made.ra)
    assert found == expected


def test_tiles_say_by_their_headers_where_the_sources_are(made):
    grid = HEALPix(nside=2**ORDER, order="nested")
    for centre, events in ((CRAB, 1600), (VELA, 300)):
        number = int(grid.lonlat_to_healpix(centre[0] * units.deg, centre[1] * units.deg))
        values = np.nan_to_num(tile(made.directory, ORDER, number))
        assert 0 < values.sum() <= events


def test_what_was_looked_at_without_events_is_zero_and_the_rest_unknown(made):
    values = tile(made.directory, ORDER, int(HEALPix(8, "nested").lonlat_to_healpix(*_degrees(CRAB))))
    assert (values == 0).any()
    assert np.isnan(tile(made.directory, 0, 0)).any()


def test_lower_orders_have_means(made):
    total = 0.0
    for number in range(12):
        path = made.directory / "own" / "Norder0" / "Dir0" / f"Npix{number}.fits"
        total += float(np.nansum(fits.getdata(path))) if path.exists() else 0.0
    assert 0 < total < len(made.ra)


def test_pictures_show_the_tiles_upright_and_nothing_where_nothing_was_seen(made):
    for _, _, path in tiles.tiles(made.directory / "own"):
        values = np.asarray(fits.getdata(path))[::-1]
        image = np.asarray(Image.open(path.with_suffix(".png")))
        assert ((image[..., 3] == 255) == np.isfinite(values)).all()
        brightness = image[..., :3].astype(int).sum(axis=-1)
        if (values > 0).any():
            assert brightness[values > 0].min() > brightness[values == 0].max(initial=0)


def test_the_overview_has_all_tiles(made):
    image = Image.open(made.directory / "own" / "Norder3" / "Allsky.png")
    assert image.size == (27 * 64, 29 * 64)
    number = int(HEALPix(8, "nested").lonlat_to_healpix(*_degrees(CRAB)))
    row, column = divmod(number, 27)
    part = np.asarray(image)[row * 64 : (row + 1) * 64, column * 64 : (column + 1) * 64]
    assert (part[..., 3] == 255).any()
    assert not np.asarray(image)[-64:, 12 * 64 :, 3].any()


def test_the_coverage_is_where_something_was_looked_at(made):
    with fits.open(made.directory / "own" / "Moc.fits") as file:
        header, uniq = file[1].header, np.asarray(file[1].data["UNIQ"])
    assert (header["ORDERING"], header["COORDSYS"], header["MOCORDER"]) == ("NUNIQ", "C", 8)
    order = (np.log2(uniq // 4) // 2).astype(int)
    assert (np.diff(uniq) > 0).all()
    inside = {(int(one), int(cell)) for one, cell in zip(order, uniq - 4 ** (order + 1), strict=True)}
    for ra, dec in (CRAB, (CRAB[0], CRAB[1] + 2.4)):
        deepest = int(HEALPix(2**8, "nested").lonlat_to_healpix(*_degrees((ra, dec))))
        assert any((8 - up, deepest >> 2 * up) in inside for up in range(9))
    away = int(HEALPix(2**8, "nested").lonlat_to_healpix(*_degrees((200.0, 40.0))))
    assert not any((8 - up, away >> 2 * up) in inside for up in range(9))
    area = float((1 / (12 * 4.0**order)).sum())
    assert area > float(properties(made.directory)["moc_sky_fraction"])


def test_it_says_what_it_is(made):
    found = properties(made.directory)
    assert found["creator_did"] == "ivo://test.example/hips/counts"
    assert found["obs_title"] == "Event counts of Test Archive, partly SIMULATED"
    assert found["obs_collection"] == "TEST"
    assert "1 of 4 event lists are SIMULATED, not measured. Some are made up." in found["obs_description"]
    assert "2 event lists that are not public are left out." in found["obs_description"]
    assert (found["hips_frame"], found["hips_order"], found["hips_tile_width"]) == ("equatorial", "3", "256")
    assert found["hips_tile_format"] == "png fits"
    assert found["hips_release_date"] == "2026-06-01T00:00Z"
    assert (found["t_min"], found["t_max"], found["em_min"]) == ("53000.5", "53000.6", "1e-19")
    ra, dec = float(found["hips_initial_ra"]), float(found["hips_initial_dec"])
    assert abs(ra - CRAB[0]) < 2
    assert abs(dec - CRAB[1]) < 2


def test_it_loads_nothing_from_other_hosts(made):
    assert not list(made.directory.rglob("*.html"))
