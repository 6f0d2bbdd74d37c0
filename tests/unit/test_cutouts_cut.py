import datetime
import gzip
import io
import math

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits

from datalink.cutouts.cut import Origin, cut
from datalink.cutouts.selection import Selection
from ingest.constants import HC_EV_M
from ingest.errors import KeywordError, UnreadableFileError
from tests import gadf_files
from tests.cut_outs import GTIS, ORIGIN, START, N, events, mjd, numbers, opened, select, written


@pytest.fixture(scope="module")
def table():
    return fits.open(io.BytesIO(written(events())))[1].data


@pytest.fixture(scope="module")
def content():
    return written(events(), gadf_files.gti(GTIS))


def test_rows_are_copied_and_the_rest_of_the_header_stays(content, table):
    found = select(content, CIRCLE="83.6 22.5 0.8")
    chosen = numbers(found)
    assert 10 < len(chosen) < N
    before = fits.open(io.BytesIO(content))[1]
    assert found["EVENTS"].data.tobytes() == before.data[chosen].tobytes()
    changed = {"NAXIS2", "CHECKSUM", "DATASUM", "HISTORY"} | {"NDSKEYS", "DSTYP1", "DSUNI1", "DSVAL1"}
    for keyword in set(found["EVENTS"].header) | set(before.header):
        if keyword not in changed:
            same = found["EVENTS"].header.cards[keyword].image == before.header.cards[keyword].image
            assert same, keyword
    assert found["GTI"].data.tobytes() == fits.open(io.BytesIO(content))["GTI"].data.tobytes()


def test_without_a_selection_everything_is_there(content, table):
    found = opened(cut(content, Selection(), origin=ORIGIN))
    assert found["EVENTS"].data.tobytes() == table.tobytes()


def test_events_on_the_border_of_an_energy_interval_belong_to_it(content, table):
    energies = table["ENERGY"].astype(float) * 1e12
    low, high = np.sort(energies)[[40, 160]]
    expected = np.flatnonzero((energies >= low) & (energies <= high)).tolist()
    assert len(expected) == 121
    assert numbers(select(content, ENERGY=f"{float(low)!r} {float(high)!r}")) == expected
    assert numbers(select(content, BAND=f"{HC_EV_M / high!r} {HC_EV_M / low!r}")) == expected
    wavelengths = (np.array([high, low]) * u.eV).to_value(u.m, u.spectral())
    assert numbers(select(content, BAND=f"{float(wavelengths[0])!r} {float(wavelengths[1])!r}")) == expected
    inside = f"{np.nextafter(low, np.inf)!r} {np.nextafter(high, 0)!r}".replace("np.float64(", "").replace(
        ")", ""
    )
    assert len(numbers(select(content, ENERGY=inside))) == 119


def test_parameters_hold_together(content, table):
    together = numbers(
        select(content, CIRCLE="83.6 22.5 1", POLYGON="82 21 85 21 85 22.6 82 22.6", ENERGY="1e12 +Inf")
    )
    alone = [
        set(numbers(select(content, **one)))
        for one in (
            {"CIRCLE": "83.6 22.5 1"},
            {"POLYGON": "82 21 85 21 85 22.6 82 22.6"},
            {"ENERGY": "1e12 +Inf"},
        )
    ]
    assert together == sorted(set.intersection(*alone))
    assert 0 < len(together) < min(map(len, alone))


def test_no_energy_and_no_place_is_in_no_interval():
    hdu = gadf_files.events([np.nan, 1.0, -1.0, 0.0, np.inf])
    hdu.data["RA"][1] = np.nan
    content = written(hdu)
    assert numbers(select(content, ENERGY="-Inf +Inf")) == [1, 2, 3, 4]
    assert numbers(select(content, BAND="0 +Inf")) == [1, 4]
    assert numbers(select(content, CIRCLE="0 0 180")) == [0, 2, 3, 4]


@pytest.mark.parametrize("unit", ["MeV", "eV", "TEV"])
def test_energies_are_in_the_unit_of_the_column(unit):
    scale = {"MeV": 1.0, "eV": 1e6, "TEV": 1e-6}[unit]
    hdu = gadf_files.events(np.array([5e5, 1e6, 2e7]) * scale, unit=unit)
    found = select(written(hdu), ENERGY="9e11 1.1e12")
    assert numbers(found) == [1]
    header = found["EVENTS"].header
    low, high = (float(end) for end in header["DSVAL1"].split(":"))
    assert (header["DSTYP1"], header["DSUNI1"]) == ("ENERGY", unit)
    assert (low, high) == pytest.approx((9e5 * scale, 1.1e6 * scale), rel=1e-12)


def test_energies_without_a_unit_are_in_that_of_the_header_or_in_tev():
    for unit, value in (("GeV", 1000.0), (None, 1.0)):
        hdu = gadf_files.events([value], unit=None, EUNIT=unit)
        assert numbers(select(written(hdu), ENERGY="9e11 1.1e12")) == [0]


def test_other_equinoxes_are_converted():
    hdu = gadf_files.events([1.0], RADECSYS="FK5", EQUINOX=1975.0)
    position = (float(hdu.data["RA"][0]), float(hdu.data["DEC"][0]))
    assert numbers(select(written(hdu), CIRCLE=f"{position[0]} {position[1]} 0.1")) == []
    assert numbers(select(written(hdu), CIRCLE="83.98 22.016 0.01")) == [0]


def test_arrays_of_variable_length_stay_with_their_events():
    traces = np.array([np.arange(n, dtype=np.int16) for n in (3, 0, 5, 1)], dtype=object)
    hdu = gadf_files.events([0.5, 1.0, 2.0, 3.0])
    column = fits.Column("TRACE", "PI()", array=traces)
    hdu = gadf_files.table(
        "EVENTS",
        [*hdu.columns, column],
        {"HDUCLAS1": "EVENTS"} | gadf_files.TIMES | gadf_files.POINTING,
    )
    for theap in (False, True):
        content = written(hdu)
        if theap:
            with fits.open(io.BytesIO(content)) as before:
                header = before[1].header
                start = header["NAXIS1"] * header["NAXIS2"]
                data = before[1].fileinfo()["datLoc"]
                heap = content[data + start : data + start + header["PCOUNT"]]
                rows = content[data : data + start]
                header["THEAP"], header["PCOUNT"] = start + 40, len(heap) + 40
                body = rows + bytes(40) + heap
            primary = content[:2880]
            content = primary + header.tostring().encode() + body.ljust(-(-len(body) // 2880) * 2880, b"\0")
        found = select(content, ENERGY="9e11 2.5e12")
        assert [len(trace) for trace in found["EVENTS"].data["TRACE"]] == [0, 5]
        assert found["EVENTS"].data["TRACE"][1].tolist() == [0, 1, 2, 3, 4]
        assert len(select(content, ENERGY="1 2")["EVENTS"].data) == 0


def test_an_empty_result_is_an_empty_event_list(content):
    found = select(content, CIRCLE="10 10 1")
    assert len(found["EVENTS"].data) == 0
    assert found["EVENTS"].columns.names == ["EVENT_ID", "TIME", "RA", "DEC", "ENERGY"]
    assert found["EVENTS"].header["ONTIME"] == 1680.0
    assert opened(cut(written(events(), gadf_files.gti(())), Selection.parse({"TIME": ["1 2"]}),
                      origin=ORIGIN))["EVENTS"].header["ONTIME"] == 0.0  # fmt: skip


def test_a_cut_out_can_be_cut_again(content):
    selection = Selection.parse({"TIME": [f"{float(mjd(START + 10.0))!r} +Inf"], "CIRCLE": ["83.6 22.5 1"]})
    once = cut(content, selection, origin=ORIGIN)
    twice = opened(cut(once, Selection.parse({"ENERGY": ["1e12 +Inf"]}), origin=ORIGIN))
    assert 0 < len(twice["EVENTS"].data) < len(opened(once)["EVENTS"].data)
    assert twice["EVENTS"].header["NDSKEYS"] == 3
    nothing = cut(once, Selection.parse({"CIRCLE": ["0 0 1"]}), origin=ORIGIN)
    both = {"CIRCLE": ["0 0 1"], "POLYGON": ["1 1 2 1 1 2"], "TIME": ["1 2"], "BAND": ["1 2"]}
    assert numbers(opened(cut(nothing, Selection.parse(both), origin=ORIGIN))) == []


def test_responses_come_along_as_they_are(content):
    responses = [written(hdu, checksum=True) for hdu in (gadf_files.aeff(), gadf_files.psf())]
    origin = Origin(
        "Example & Sons", ORIGIN.dataset, "4711_events.fits", ("4711_aeff.fits", "4711_psf.fits"),
        datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
    )  # fmt: skip
    made = cut(content, Selection.parse({"ENERGY": ["1e12 2e12"]}), responses=responses, origin=origin)
    found = opened(made)
    assert [hdu.name for hdu in found] == ["PRIMARY", "EVENTS", "GTI", "AEFF", "PSF"]
    assert made.endswith(responses[0][2880:] + responses[1][2880:])
    primary = found[0].header
    assert (primary["ORIGIN"], primary["DATE"]) == ("Example & Sons", "2026-01-02T03:04:05")
    assert primary["DS_IDPUB"] == ORIGIN.dataset
    parents = [primary[name] for name in ("PARENT", "PARENT2", "PARENT3")]
    assert parents == ["4711_events.fits", "4711_aeff.fits", "4711_psf.fits"]


def test_the_same_selection_gives_the_same_bytes(content):
    selection = Selection.parse({"CIRCLE": ["83.6 22.5 0.8"]})
    assert cut(content, selection, origin=ORIGIN) == cut(content, selection, origin=ORIGIN)
    assert cut(gzip.compress(content), selection, origin=ORIGIN) == cut(content, selection, origin=ORIGIN)


def test_the_header_says_what_was_selected(content):
    angles = np.radians(np.arange(9) * 40.0)
    corners = " ".join(f"{83 + math.cos(angle):.14f} {22 + math.sin(angle):.14f}" for angle in angles)
    found = select(content, POLYGON=corners, TIME=f"{float(mjd(START))!r} +Inf", BAND="-Inf 1e-18")
    history = [str(line) for line in found["EVENTS"].header["HISTORY"]]
    assert all(len(line) <= 72 for line in history)
    told = " ".join(line.strip() for line in history)
    assert ORIGIN.dataset in told
    assert f"POLYGON = {Selection.parse({'POLYGON': [corners]}).parameters()['POLYGON']}" in told
    assert "BAND = -Inf 1e-18" in told
    assert f"{len(found['EVENTS'].data)} of {N} events" in told


def test_data_subspace_keywords_follow_those_of_the_file():
    cards = {"DSTYP1": "TIME", "DSUNI1": "s", "DSVAL1": "TABLE", "DSREF1": ":GTI"}
    cards |= {"DSTYP2": "POS(RA,DEC)", "DSUNI2": "deg", "DSVAL2": "CIRCLE(83,22,5)", "NDSKEYS": 2}
    content = written(events(**cards), gadf_files.gti(GTIS))
    header = select(content, CIRCLE="83.5 22 0.1", ENERGY="1e12 +Inf", TIME="53000 53100")["EVENTS"].header
    assert {name: header[name] for name in cards if name != "NDSKEYS"} == {
        name: value for name, value in cards.items() if name != "NDSKEYS"
    }
    assert [header[f"DSTYP{number}"] for number in (3, 4)] == ["POS(RA,DEC)", "ENERGY"]
    assert (header["DSVAL3"], header["DSVAL4"]) == ("CIRCLE(83.5,22,0.1)", "1:1e+30")
    assert header["NDSKEYS"] == 4
    alone = select(written(events(), gadf_files.gti(GTIS)), TIME="53000 53100")["EVENTS"].header
    assert [alone[name] for name in ("DSTYP1", "DSVAL1", "DSREF1", "NDSKEYS")] == ["TIME", "TABLE", ":GTI", 1]


@pytest.mark.parametrize(
    ("without", "parameters"),
    [("ENERGY", {"ENERGY": "1 2"}), ("ENERGY", {"BAND": "1 2"}), ("RA", {"CIRCLE": "1 2 3"}),
     ("TIME", {"TIME": "1 2"}), ("MJDREFI", {"TIME": "1 2"})],
)  # fmt: skip
def test_what_a_selection_needs_and_is_missing_is_named(without, parameters):
    hdu = gadf_files.events([1.0])
    columns = [column for column in hdu.columns if column.name != without]
    cards = {"HDUCLAS1": "EVENTS"} | gadf_files.TIMES | gadf_files.POINTING
    cards.pop(without, None)
    with pytest.raises(KeywordError) as caught:
        select(written(gadf_files.table("EVENTS", columns, cards)), **parameters)
    assert caught.value.keyword == without
    assert "4711_events.fits" in str(caught.value)


def test_files_without_one_event_list_are_refused(content):
    for damaged in (written(gadf_files.gti()), written(events(), events()), content[:9000], b"nothing"):
        with pytest.raises(UnreadableFileError):
            cut(damaged, Selection(), origin=ORIGIN)


def test_other_tables_are_kept():
    other = fits.BinTableHDU.from_columns([fits.Column("X", "J", array=[1, 2])], name="POINTING")
    found = select(written(events(), other, gadf_files.gti()), ENERGY="1 2")
    assert [hdu.name for hdu in found] == ["PRIMARY", "EVENTS", "POINTING", "GTI"]
    assert found["POINTING"].data["X"].tolist() == [1, 2]
