"""Pictures of event lists and responses: all kinds, both sizes, and odd files."""

import gzip
import io
import mmap
import subprocess
import sys
import warnings

import matplotlib as mpl
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from PIL import Image

from datalink.previews import EVENT_KINDS, RESPONSE_KINDS, SIZES, Subject, draw, provenance_line
from ingest.errors import KeywordError, PreviewError, UnreadableFileError
from simulate import example_pictures
from tests import gadf_files

PIXELS = {"full": (1200, 900), "small": (320, 240)}
KINDS = (*EVENT_KINDS, *RESPONSE_KINDS.values())
CRAB = {"pointing_deg": (83.633333, 22.514444), "target_deg": (83.63, 22.01), "target_name": "Crab"}


def subject(**known):
    return Subject(**({"title": "Run 4711", "provenance": "a collection", "simulated": False} | known))


def pack(*hdus):
    memory = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(memory)
    return memory.getvalue()


def picture(png):
    image = Image.open(io.BytesIO(png))
    image.load()
    assert image.format == "PNG"
    return image


def colours(png):
    """Count the colours that are not shades of grey: an empty frame has next to none."""
    found = picture(png).convert("RGB").getcolors(2**24)
    return sum(max(colour) - min(colour) > 20 for _, colour in found)


def title(png):
    return picture(png).text["Title"]


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """Pictures of a simulated run."""
    return {
        path.name: path.read_bytes()
        for path in example_pictures.main(tmp_path_factory.mktemp("p") / "pictures")
    }


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_picture_in_both_sizes(examples, kind, size):
    png = examples[f"{kind}.png" if size == "full" else f"{kind}-small.png"]
    image = picture(png)
    assert image.size == PIXELS[size]
    assert image.text["Title"].startswith("Run 900004, PKS 2155-304: ")
    assert image.text["Source"].endswith("cherenkov-vo simulator 1.0 · simulated data")
    assert image.text["Simulated"] == "yes"
    assert image.text["Software"].startswith("cherenkov-vo")
    assert colours(png) > 20


def test_the_example_is_one_of_each(examples):
    assert set(examples) == {f"{kind}{suffix}.png" for kind in KINDS for suffix in ("", "-small")}


def test_a_file_that_says_it_is_simulated_is_believed():
    hdus = [gadf_files.events(SIMULATE=True), gadf_files.gti()]
    assert picture(draw("event-rate", pack(*hdus), subject())).text["Simulated"] == "yes"
    hdus[0].header["SIMULATE"] = False
    assert picture(draw("event-rate", pack(*hdus), subject())).text["Simulated"] == "no"


def test_gzipped_and_mapped_files_give_the_same_picture(tmp_path):
    content = pack(gadf_files.events(), gadf_files.gti())
    wanted = draw("counts-map", content, subject(**CRAB), "small")
    assert draw("counts-map", gzip.compress(content), subject(**CRAB), "small") == wanted
    for name, written in (("plain", content), ("packed", gzip.compress(content))):
        path = tmp_path / name
        path.write_bytes(written)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            assert draw("counts-map", mapped, subject(**CRAB), "small") == wanted
            assert mapped[:] == written, "closed by the drawing"


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("counts-map", {"fov_deg": 3.0}),
        ("counts-map", {"target_deg": (83.63, 22.01)}),
        ("counts-map", {"target_name": "Crab", "target_deg": (83.0, 22.5)}),
        ("energy-spectrum", {"safe_energy_ev": (0.7e12, 5e12)}),
        ("aeff", {"safe_energy_ev": (0.7e12, 5e12)}),
        ("psf", {"safe_energy_ev": (0.7e12, 5e12)}),
        ("event-rate", {"simulated": True}),
        ("event-rate", {"title": "Another run"}),
        ("event-rate", {"provenance": "another collection"}),
    ],
)
def test_what_is_known_can_be_seen(kind, known):
    content = pack(gadf_files.events(), gadf_files.gti(), gadf_files.aeff(), gadf_files.psf())
    without = np.asarray(picture(draw(kind, content, subject(pointing_deg=(83.6, 22.5)))))
    with_it = np.asarray(picture(draw(kind, content, subject(pointing_deg=(83.6, 22.5), **known))))
    assert np.any(without != with_it)


def test_good_time_intervals_and_their_gaps_can_be_seen():
    spans = [(1e8, 1e8 + 500.0), (1e8 + 900.0, 1e8 + 1680.0)]
    png = draw("event-rate", pack(gadf_files.events(), gadf_files.gti(spans)), subject())
    row = np.asarray(picture(png).convert("RGB"))[150].astype(int)
    # Lines of the grid are no gaps.
    band = np.flatnonzero(row[:, 1] - row[:, 0] > 15)
    band = band[(band > 120) & (band < 1150)]
    gap = np.diff(band).max()
    assert gap / (band[-1] - band[0]) == pytest.approx(400.0 / 1680.0, abs=0.02)


@pytest.mark.parametrize("kind", EVENT_KINDS)
@pytest.mark.parametrize(
    ("hdus", "known"),
    [
        ([gadf_files.events(()), gadf_files.gti()], CRAB | {"fov_deg": 5.0, "safe_energy_ev": (3e11, 2e13)}),
        ([gadf_files.events((), TSTART=None, TSTOP=None)], {}),
        ([gadf_files.events((1.0,)), gadf_files.gti()], CRAB),
        ([gadf_files.events((np.nan, -1.0, 0.0, np.inf)), gadf_files.gti(())], {}),
        ([gadf_files.events(MJDREFI=None, MJDREFF=None)], {"fov_deg": -1.0, "safe_energy_ev": (2.0, 1.0)}),
        (
            [gadf_files.events(TIMESYS="NONSENSE", TSTART="x"), gadf_files.gti()],
            {"target_deg": (np.nan, 0.0)},
        ),
        ([gadf_files.events(MJDREFI=-3000000), gadf_files.gti(MJDREFI=9e9)], {"pointing_deg": (0.0, 95.0)}),
        ([gadf_files.events(TIMEUNIT="d"), gadf_files.gti()], {"title": "", "provenance": ""}),
    ],
)
def test_poor_event_lists_have_pictures(kind, hdus, known):
    assert picture(draw(kind, pack(*hdus), subject(**known), "small")).size == PIXELS["small"]


@pytest.mark.parametrize("energies", [(), (1.0,), (np.nan,)])
@pytest.mark.parametrize("kind", EVENT_KINDS)
def test_nearly_empty_event_lists_have_large_pictures(kind, energies):
    content = pack(gadf_files.events(energies), gadf_files.gti())
    assert picture(draw(kind, content, subject(**CRAB))).size == PIXELS["full"]


@pytest.mark.parametrize(
    ("ra", "dec", "width", "known"),
    [
        (0.01, 20.0, 1.0, {"pointing_deg": (359.9, 20.0), "fov_deg": 5.0}),
        (40.0, 89.8, 1.0, {"pointing_deg": (40.0, 89.8), "fov_deg": 5.0, "target_deg": (220.0, 89.9)}),
        (200.0, -90.0, 1.0, {"pointing_deg": (200.0, -90.0)}),
        (55.0, 0.0, 4.0, {}),
        (10.0, 30.0, 90.0, {}),
        (10.0, 30.0, 1.0, {"pointing_deg": (190.0, -30.0), "fov_deg": 5.0}),
        (10.0, 30.0, 1.0, {"pointing_deg": (10.0, 30.0), "fov_deg": 1e-7, "target_deg": (190.0, -30.0)}),
    ],
)
def test_maps_anywhere_on_the_sky(ra, dec, width, known):
    draws = np.random.default_rng(4711)
    hdu = gadf_files.events(np.full(400, 1.0))
    around = SkyCoord(ra, dec, unit="deg").directional_offset_by(
        draws.uniform(0.0, 360.0, 400) * u.deg, np.abs(draws.normal(0.0, width, 400)) * u.deg
    )
    hdu.data["RA"][:], hdu.data["DEC"][:] = around.ra.deg, around.dec.deg
    assert colours(draw("counts-map", pack(hdu), subject(**known), "small")) > 5


def single_bins(monkeypatch):
    monkeypatch.setattr(gadf_files, "ENERGY_EDGES", np.array([1.0, 2.0]))
    monkeypatch.setattr(gadf_files, "OFFSETS", np.array([0.5]))


RESPONSES = {
    "aeff": lambda: [gadf_files.aeff()],
    "aeff, nothing": lambda: [gadf_files.aeff(reach=-1.0)],
    "aeff, no thresholds, point-like": lambda: [gadf_files.aeff(LO_THRES=None, HDUCLAS3="POINT-LIKE")],
    "edisp": lambda: [gadf_files.edisp()],
    "psf, table": lambda: [gadf_files.psf()],
    "psf, 3gauss": lambda: [gadf_files.psf_3gauss((1.0, 0.05), (0.1, 0.2))],
    "psf, 3gauss of nothing": lambda: [gadf_files.psf_3gauss((1.0, 0.0))],
    "psf, king": lambda: [gadf_files.psf_king()],
    "psf, gtpsf": gadf_files.psf_gtpsf,
    "bkg, 2d": lambda: [gadf_files.bkg()],
    "bkg, 3d": lambda: [gadf_files.bkg("BKG_3D", FOVALIGN="ALTAZ")],
    "rad_max": lambda: [gadf_files.rad_max()],
}


@pytest.mark.parametrize(("size", "single"), [("small", False), ("full", True)])
@pytest.mark.parametrize("name", RESPONSES)
def test_responses_in_all_forms(name, size, single, monkeypatch):
    if single:
        single_bins(monkeypatch)
    kind = RESPONSE_KINDS[name.split(",")[0]]
    assert picture(draw(kind, pack(*RESPONSES[name]()), subject(), size)).size == PIXELS[size]


def test_headings_say_what_was_left_out():
    hdu = gadf_files.events((1.0, np.nan, 2.0))
    assert "2 events (1 without a positive energy left out)" in title(
        draw("energy-spectrum", pack(hdu), subject(), "small")
    )
    hdu.data["RA"][0] = np.nan
    assert "2 events (1 without a position)" in title(draw("counts-map", pack(hdu), subject(), "small"))
    gti = gadf_files.gti([(1e8, 1e8 + 500.0)])
    assert title(draw("event-rate", pack(hdu, gti), subject(), "small")).endswith("; 2 outside")
    assert "good time intervals unknown" in title(draw("event-rate", pack(hdu), subject(), "small"))
    area = gadf_files.aeff(HDUCLAS3="POINT-LIKE")
    assert title(draw("aeff", pack(area), subject(), "small")).endswith("after the directional cut")


@pytest.mark.parametrize("size", SIZES)
def test_long_and_odd_titles_fit(size):
    content = pack(gadf_files.events())
    png = draw("energy-spectrum", content, subject(title="$\\frac{1}{ Ω\n" * 60, provenance="x" * 500), size)
    margin = np.asarray(picture(png).convert("L"))[:, -3:]
    assert margin.min() == 255
    assert "\n" not in title(png)


def renamed(hdu, old, new):
    hdu.columns[old].name = new
    return hdu


def changed(hdu, column, values):
    hdu.data[column][:] = values
    return hdu


def with_unit(hdu, column, unit):
    hdu.columns[column].unit = unit
    return hdu


@pytest.mark.parametrize(
    ("kind", "hdus", "hdu", "column", "problem"),
    [
        ("counts-map", [renamed(gadf_files.events(), "RA", "X")], "EVENTS", "RA", "no such column"),
        ("energy-spectrum", [with_unit(gadf_files.events(), "ENERGY", "kg")], "EVENTS", "ENERGY", "'kg'"),
        (
            "event-rate",
            [gadf_files.events(), renamed(gadf_files.gti(), "STOP", "END")],
            "GTI",
            "STOP",
            "no such",
        ),
        ("aeff", [renamed(gadf_files.aeff(), "EFFAREA", "AREA")], "AEFF", "EFFAREA", "no such column"),
        ("aeff", [with_unit(gadf_files.aeff(), "EFFAREA", "s")], "AEFF", "EFFAREA", "'s'"),
        ("aeff", [changed(gadf_files.aeff(), "ENERG_HI", 0.0)], "AEFF", "ENERG_LO", "do not rise"),
        ("edisp", [changed(gadf_files.edisp(), "MIGRA_LO", np.nan)], "EDISP", "MIGRA_LO", "not finite"),
        ("psf", [gadf_files.psf_gtpsf()[0]], "PSF", None, "THETA"),
        ("psf", [renamed(gadf_files.psf_king(), "GAMMA", "G")], "PSF", "GAMMA", "no such column"),
        ("psf", [renamed(gadf_files.psf(HDUCLAS4=None), "RPSF", "R")], "PSF", None, "form"),
        ("bkgrate", [with_unit(gadf_files.bkg(), "BKG", "furlong")], "BKG", "BKG", "'furlong'"),
        ("rad-max", [renamed(gadf_files.rad_max(), "THETA_LO", "T")], "RAD_MAX", "THETA_LO", "no such"),
    ],
)
def test_errors_name_file_hdu_and_column(kind, hdus, hdu, column, problem):
    with pytest.raises(KeywordError, match=problem) as raised:
        draw(kind, pack(*hdus), subject(file_name="run.fits"), "small")
    assert (raised.value.path.name, raised.value.hdu, raised.value.keyword) == ("run.fits", hdu, column)


def test_damaged_files_are_errors():
    content = pack(gadf_files.events(np.ones(1000)))
    packed = gzip.compress(content)
    for broken in (
        b"",
        b"GIF89a",
        content[:-5760],
        content[:3000],
        packed[:-20],
        gzip.compress(b""),
        packed[:9],
    ):
        with pytest.raises(UnreadableFileError, match=r"^run\.fits"):
            draw("energy-spectrum", broken, subject(file_name="run.fits"))
    with pytest.raises(UnreadableFileError, match="no HDU of the kind psf among EVENTS"):
        draw("psf", content, subject())
    two_rows = fits.BinTableHDU(np.repeat(gadf_files.aeff().data, 2), gadf_files.aeff().header)
    with pytest.raises(KeywordError, match="2 rows, expected 1"):
        draw("aeff", pack(two_rows), subject())


@pytest.mark.parametrize(("kind", "size"), [("sky-map", "full"), ("aeff", "huge")])
def test_unknown_kinds_and_sizes_are_errors(kind, size):
    with pytest.raises(PreviewError, match=f"{kind if kind != 'aeff' else size}.*expected one of"):
        draw(kind, pack(gadf_files.aeff()), subject(), size)


def test_settings_of_the_process_stay_as_they_are():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mpl.MatplotlibDeprecationWarning)
        settings, filters = dict(mpl.rcParams), list(warnings.filters)
        draw("counts-map", pack(gadf_files.events()), subject(**CRAB))
        assert dict(mpl.rcParams) == settings
        assert list(warnings.filters) == filters


def test_settings_of_the_user_do_not_matter(tmp_path):
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 20\nfont.size: 40\naxes.facecolor: black\n")
    (tmp_path / "run.fits").write_bytes(pack(gadf_files.events()))
    code = (
        "import sys; from datalink.previews import draw, Subject; "
        "content = open('run.fits', 'rb').read(); "
        "subject = Subject('Run 4711', 'a collection', False); "
        "sys.stdout.buffer.write(draw('energy-spectrum', content, subject))"
    )
    roots = ":".join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": roots}, capture_output=True, check=True
    )
    assert done.stdout == draw("energy-spectrum", pack(gadf_files.events()), subject())


def test_the_provenance_line_leaves_out_what_is_unknown():
    line = provenance_line("c", "1", facility=None, publisher=None, software="s 1", simulated=False)
    assert line == "c 1 · s 1"
    line = provenance_line("c", "1", facility="HESS", publisher="us", software="s 1", simulated=True)
    assert line == "c 1 · HESS · published by us · s 1 · simulated data"
