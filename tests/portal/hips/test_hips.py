"""From event lists to tiles: every event, in its place; nothing that is not public; never half."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units
from astropy.io import fits
from astropy_healpix import HEALPix
from PIL import Image

from portal.hips import build, counts, settings, tiles
from portal.hips.asking import Client
from portal.hips.build import Outcome
from portal.hips.counts import ORDER, WIDTH, Counts
from portal.hips.errors import BusyError, HipsError, ServiceError, SettingError
from portal.hips.settings import Wanted

from .conftest import CRAB, LINKS, VELA, Archive, event_list, serve, votable, wanted

NOW = datetime(2026, 6, 1, tzinfo=UTC)
RANDOM = np.random.default_rng(7)


def run(what: Wanted, now: datetime = NOW) -> Outcome:
    with Client(what.bounds) as client:
        return build.run(what, client, now)


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take few tiles, where only that there are some matters."""
    monkeypatch.setattr(build, "Counts", lambda: Counts(order=1, width=64))


def properties(directory: Path) -> dict[str, str]:
    lines = (directory / "own" / "properties").read_text(encoding="utf-8").splitlines()
    return {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}


def at(centre: tuple[float, float], number: int, width: float = 1.0) -> tuple[Any, Any]:
    return (
        centre[0] + RANDOM.normal(0, width, number) / np.cos(np.radians(centre[1])),
        centre[1] + RANDOM.normal(0, width, number),
    )


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


def test_all_simulated_is_said_first(archive, tmp_path, coarse):
    archive.add("one", event_list(*at(CRAB, 20)), obs_collection="SIMULATED-TEL")
    assert run(wanted(archive, tmp_path)).state == "made"
    found = properties(tmp_path)
    assert found["obs_title"] == "SIMULATED: Event counts of Test Archive"
    assert found["obs_description"].startswith("SIMULATED data, not measured ones.")


def test_measured_data_are_not_called_simulated(archive, tmp_path, coarse):
    archive.add("one", event_list(*at(CRAB, 20)))
    run(wanted(archive, tmp_path))
    assert "SIMULATED" not in (tmp_path / "own" / "properties").read_text(encoding="utf-8")


def test_unchanged_event_lists_are_not_downloaded_again(archive, tmp_path, coarse):
    archive.add("one", event_list(*at(CRAB, 20)))
    assert run(wanted(archive, tmp_path)).state == "made"
    before = (tmp_path / "own").resolve()
    archive.asked.clear()
    assert run(wanted(archive, tmp_path)) == Outcome("unchanged", 1, 20)
    assert archive.fetched == []
    assert (tmp_path / "own").resolve() == before
    archive.rows[0]["access_estsize"] += 1
    assert run(wanted(archive, tmp_path)).state == "made"
    assert run(wanted(archive, tmp_path, again=True)).state == "made"


def test_the_end_of_an_embargo_is_a_change(archive, tmp_path, coarse):
    archive.add("one", event_list(*at(CRAB, 20)))
    archive.add("two", event_list(*at(CRAB, 30)), obs_release_date="2026-07-01", data_rights="proprietary")
    assert run(wanted(archive, tmp_path)) == Outcome("made", 1, 20, 1)
    later = datetime(2026, 7, 2, tzinfo=UTC)
    assert run(wanted(archive, tmp_path), later) == Outcome("made", 2, 50)


@pytest.mark.parametrize(
    "more",
    [
        {"data_rights": "secure"},
        {"data_rights": "proprietary"},
        {"obs_release_date": "2030-01-01"},
        {"obs_release_date": "next year"},
    ],
)
def test_what_may_not_be_public_is_not_asked_for(archive, tmp_path, more):
    archive.add("one", event_list(*at(CRAB, 20)), **more)
    assert run(wanted(archive, tmp_path)) == Outcome("empty", closed=1)
    assert archive.fetched == []


def test_links_that_refuse_are_not_public(archive, tmp_path, coarse):
    archive.add("one", event_list(*at(CRAB, 20)))
    archive.add("two", event_list(*at(CRAB, 20)), linked=True)
    archive.add("three", event_list(*at(CRAB, 20)), linked=True)
    refusal = {"semantics": "#this", "error_message": "AuthorizationError: not for you"}
    archive.files["/links/two"] = (200, LINKS, votable([refusal], ("semantics", "error_message")))
    archive.files["/links/three"] = (401, LINKS, b"")
    assert run(wanted(archive, tmp_path)) == Outcome("made", 1, 20, 2)
    assert archive.fetched == ["/files/one"]


def test_with_nothing_public_any_more_there_is_no_picture(archive, tmp_path, coarse):
    archive.add("one", event_list(*at(CRAB, 20)))
    run(wanted(archive, tmp_path))
    archive.rows[0]["data_rights"] = "secure"
    assert run(wanted(archive, tmp_path)).state == "empty"
    assert not (tmp_path / "own").exists()
    assert not list(tmp_path.rglob("*.fits"))


def test_an_interrupted_run_leaves_the_old_picture(archive, tmp_path, coarse, monkeypatch):
    archive.add("one", event_list(*at(CRAB, 20)))
    run(wanted(archive, tmp_path))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "own").resolve().rglob("*")}
    archive.add("two", event_list(*at(VELA, 20)))
    make = tiles.make

    def interrupted(*given: Any) -> None:
        make(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(tiles, "make", interrupted)
    # What a process leaves that is killed.
    (tmp_path / build.VERSIONS / f"{build.PARTIAL}killed").mkdir()
    with pytest.raises(KeyboardInterrupt):
        run(wanted(archive, tmp_path))
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "own").resolve().rglob("*")}
    assert after == before
    monkeypatch.setattr(tiles, "make", make)
    assert run(wanted(archive, tmp_path)).lists == 2
    assert not list((tmp_path / build.VERSIONS).glob(f"{build.PARTIAL}*"))


def test_at_most_one_old_version_is_kept(archive, tmp_path, coarse):
    archive.add("one", event_list(*at(CRAB, 20)))
    for _ in range(4):
        run(wanted(archive, tmp_path, again=True))
    assert len(list((tmp_path / build.VERSIONS).iterdir())) == 2


def test_only_one_process_makes_it(archive, tmp_path):
    (tmp_path / build.VERSIONS).mkdir()
    with build._alone(tmp_path), pytest.raises(BusyError, match="another process"):
        run(wanted(archive, tmp_path))


def test_a_broken_event_list_is_left_out_said_and_tried_again(archive, tmp_path, coarse):
    for number in range(10):
        archive.add(f"good-{number}", event_list(*at(CRAB, 5)))
    archive.add("broken", b"SIMPLE  =")
    outcome = run(wanted(archive, tmp_path))
    assert (outcome.state, outcome.lists) == ("made", 10)
    assert outcome.failures[0][0] == "ivo://test.example/~?broken"
    assert "1 event lists could not be read" in properties(tmp_path)["obs_description"]
    archive.files["/files/broken"] = (200, "application/fits", event_list(*at(CRAB, 5)))
    assert run(wanted(archive, tmp_path)) == Outcome("made", 11, 55)


def test_with_many_broken_ones_the_old_picture_stays(archive, tmp_path, coarse):
    archive.add("one", event_list(*at(CRAB, 20)))
    run(wanted(archive, tmp_path))
    archive.add("two", b"")
    with pytest.raises(HipsError, match=r"1 of 2 event lists cannot be read; ivo://test.example/~\?two"):
        run(wanted(archive, tmp_path))
    assert (tmp_path / "own" / "properties").exists()


def test_too_large_event_lists_are_not_read(archive, tmp_path):
    archive.add("one", b"x" * (2**20 + 1))
    with pytest.raises(HipsError, match="more than 1 MiB"):
        run(wanted(archive, tmp_path, bounds={"list_mib": 1}))


def test_there_is_an_end(archive, tmp_path):
    archive.add("one", event_list(*at(CRAB, 20)))
    with pytest.raises(HipsError, match="seconds that it may take are over"):
        run(wanted(archive, tmp_path, bounds={"seconds": 1e-6}))


def test_more_event_lists_than_allowed_is_said(archive, tmp_path, coarse):
    for number in range(3):
        archive.add(f"one-{number}", event_list(*at(CRAB, 5)))
    assert run(wanted(archive, tmp_path, bounds={"lists": 2})).lists == 2
    assert "further event lists, which were too many" in properties(tmp_path)["obs_description"]


def test_a_service_that_refuses_is_quoted(archive, tmp_path, monkeypatch):
    refusal = (
        b'<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">'
        b'<INFO name="QUERY_STATUS" value="ERROR">No such table.</INFO></RESOURCE></VOTABLE>'
    )
    monkeypatch.setattr(archive, "answer", lambda adql: refusal)
    with pytest.raises(ServiceError, match="No such table"):
        run(wanted(archive, tmp_path))
    monkeypatch.setattr(archive, "answer", lambda adql: b"<html>")
    with pytest.raises(ServiceError, match="does not answer as a TAP service"):
        run(wanted(archive, tmp_path))


def test_counts_do_not_depend_on_order_and_circles_are_circles():
    first, second = Counts(), Counts()
    ra, dec = at(CRAB, 500)
    first.add(ra[:200], dec[:200])
    first.add(ra[200:], dec[200:])
    second.add(ra[::-1], dec[::-1])
    cells = np.unique(first.cells(ra, dec))
    assert (first.values(cells) == second.values(cells)).all()
    circle = Counts()
    circle.look(10.0, 85.0, 2.0)
    area = sum(len(cells) for cells in circle.seen()) / circle.grid.npix
    assert area == pytest.approx((1 - np.cos(np.radians(2.0))) / 2, rel=1e-2)
    assert np.isnan(circle.values(circle.cells(np.array([200.0]), np.array([0.0]))))[0]
    assert circle.grid.nside >= counts.LARGE


def test_settings_come_from_the_command_line_or_the_explorers_own():
    environ = {
        "CHERENKOV_EXPLORER_SERVICES": '[{"url": "http://a"}, {"url": "http://b/tap/", "is_own": true,'
        ' "label": "B"}]',
        "CHERENKOV_EXPLORER_LOCAL_HIPS": "/place",
        "CHERENKOV_EXPLORER_SIMULATED_NOTICE": "Simulated,\nall.",
    }
    found = settings.read(["--creator-did", "ivo://b/hips"], environ)
    assert (found.service, found.directory, found.label) == ("http://b/tap", Path("/place"), "B")
    assert found.notice == "Simulated, all."
    words = ["--creator-did", "ivo://b/hips", "--service", "https://c/tap", "--max-lists", "3"]
    found = settings.read(words, environ)
    assert (found.service, found.bounds.lists) == ("https://c/tap", 3)
    for words, text in (
        (["--creator-did", "b"], "expected ivo://"),
        (["--creator-did", "ivo://b/x", "--service", "file:///etc"], "expected http"),
        (["--creator-did", "ivo://b/x", "--max-lists", "0"], "greater than 0"),
    ):
        with pytest.raises(SettingError, match=text):
            settings.read(words, environ)
    with pytest.raises(SettingError, match="--service is missing"):
        settings.read(["--creator-did", "ivo://b/x"], {})


def _degrees(place: tuple[float, float]) -> tuple[Any, Any]:
    return place[0] * units.deg, place[1] * units.deg


def test_a_failure_is_one_line_and_an_exit_code(archive: Archive, tmp_path: Path, capfd) -> None:
    from portal.hips import __main__  # noqa: PLC0415

    words = ["--service", f"{archive.url}/other", "--directory", str(tmp_path), "--creator-did", "x"]
    assert __main__.main(words) == 2
    assert capfd.readouterr().err == "--creator-did 'x': expected ivo://authority/path\n"
