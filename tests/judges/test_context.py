"""The columns beside ObsCore: GADF's own keywords in lower case, and the sky during the observation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import astropy.units as u
import numpy as np
import pytest
import pyvo
from astropy.coordinates import AltAz, EarthLocation, SkyCoord, get_body, get_sun
from astropy.table import Table
from astropy.time import Time
from conftest import Instance
from holdings import EventList, Holdings
from test_values import plain

TEXTS = {
    "date_obs": "DATE-OBS",
    "time_obs": "TIME-OBS",
    "date_end": "DATE-END",
    "time_end": "TIME-END",
    "object": "OBJECT",
    "obs_mode": "OBS_MODE",
    "tellist": "TELLIST",
    "timesys": "TIMESYS",
}
NUMBERS = {
    "mjdrefi": "MJDREFI",
    "mjdreff": "MJDREFF",
    "tstart": "TSTART",
    "tstop": "TSTOP",
    "ontime": "ONTIME",
    "livetime": "LIVETIME",
    "deadc": "DEADC",
    "ra_obj": "RA_OBJ",
    "dec_obj": "DEC_OBJ",
    "ra_pnt": "RA_PNT",
    "dec_pnt": "DEC_PNT",
    "alt_pnt": "ALT_PNT",
    "az_pnt": "AZ_PNT",
    "conv_dep": "CONV_DEP",
    "muoneff": "MUONEFF",
    "nsblevel": "NSBLEVEL",
    "quality": "QUALITY",
    "n_tels": "N_TELS",
    "geolon": "GEOLON",
    "geolat": "GEOLAT",
    "altitude": "ALTITUDE",
}
PROPOSALS = {
    "proposal_id": "PROP_ID",
    "proposal_type": "PROP_TYP",
    "proposal_title": "PROP_TTL",
    "proposal_contact": "PROP_PI",
    "target_class": "OBJTYPE",
}
# The data challenge's headers have the site wrong, no telescopes, other names for dates.
DIFFERENT_IN_1DC = {
    "geolon",
    "geolat",
    "altitude",
    "n_tels",
    "tellist",
    "date_obs",
    "time_obs",
    "date_end",
    "time_end",
}
SITE_1DC = {"geolon": -70.3163444, "geolat": -24.6834278, "altitude": 2150.0, "n_tels": None}
UNKNOWN = {"quality": -1, "n_tels": 0}
"""Numbers by which GADF files say that they do not know."""

MOON_HORIZON = -0.833
# What clients of today and tomorrow need to make a list of observations.
GAMMAPY = ("obs_id", "obs_mode", "ra_pnt", "dec_pnt", "alt_pnt", "az_pnt", "tstart", "tstop")

Rows = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def rows(tap: pyvo.dal.TAPService) -> Rows:
    """The rows of both collections by identifier; None is NULL."""
    found = {}
    for table in ("hess_dr.obscore", "ctao.obscore"):
        for record in tap.run_sync(f"SELECT * FROM {table}").to_table():
            row = {name: plain(record[name]) for name in record.colnames}
            found[row["obs_publisher_did"]] = row
    return found


def value(header: Mapping[str, Any], keyword: str, kind: type) -> Any:
    """Give what a file says; None if it does not."""
    found = header.get(keyword)
    return None if found is None or found == "" else kind(found)


def target(events: EventList) -> SkyCoord | None:
    """Give the position of the object; zeros far from the pointing are none."""
    header = events.header
    if "RA_OBJ" not in header or "DEC_OBJ" not in header:
        return None
    found = SkyCoord(header["RA_OBJ"], header["DEC_OBJ"], unit="deg")
    nothing = (header["RA_OBJ"], header["DEC_OBJ"]) == (0, 0)
    far = events.pointing is not None and events.pointing.separation(found) > 20 * u.deg
    return None if nothing and far else found


def said(events: EventList, name: str, keyword: str, kind: type) -> Any:
    """Give what a column must have; None for what a file only seems to say."""
    if name in ("ra_obj", "dec_obj") and target(events) is None:
        return None
    found = value(events.header, keyword, kind)
    return None if found == UNKNOWN.get(name, "") else found


def differs(events: EventList, name: str) -> bool:
    return events.obs_collection.startswith("CTA-1DC") and name in DIFFERENT_IN_1DC


def test_rows_say_what_the_files_say(rows: Rows, holdings: Holdings, instance: Instance) -> None:
    assert len(rows) == len(holdings.lists)
    wrong = []
    for events in holdings.lists:
        row = rows[events.did(instance.authority)]
        for columns, kind in ((TEXTS, str), (NUMBERS, float)):
            for name, keyword in columns.items():
                expected = said(events, name, keyword, kind)
                if not differs(events, name) and row[name] != expected:
                    wrong.append((events.local, name, row[name], expected))
    assert wrong == []


def test_a_wrong_site_is_put_right(rows: Rows, holdings: Holdings, instance: Instance) -> None:
    challenge = [e for e in holdings.lists if e.obs_collection.startswith("CTA-1DC")]
    assert bool(challenge) == (instance.ctao["cta-1dc"] is not None)
    for events in challenge:
        row = rows[events.did(instance.authority)]
        assert {name: row[name] for name in SITE_1DC} == SITE_1DC
        assert row["remarks"]


def test_proposals_are_those_of_the_files(rows: Rows, ctao: Holdings, instance: Instance) -> None:
    for events in ctao.lists:
        row = rows[events.did(instance.authority)]
        for name, keyword in PROPOSALS.items():
            assert row[name] == value(events.header, keyword, str), (events.local, name)
        date = value(events.header, "RELDATE", str)
        assert (row["obs_release_date"] or "")[:10] == (date or "")
        assert row["data_rights"] == ("public" if events.released else "proprietary")


def test_angles_and_energies_are_derived(rows: Rows, holdings: Holdings, instance: Instance) -> None:
    for events in holdings.lists:
        row, header = rows[events.did(instance.authority)], events.header
        zenith = header.get("ZEN_PNT", 90.0 - header["ALT_PNT"])
        assert row["zen_pnt"] == pytest.approx(zenith, abs=1e-9)
        there, offset = target(events), header.get("OFFSET_OBJ")
        if offset is None and there is not None and events.pointing is not None:
            offset = events.pointing.separation(there).deg
        assert row["offset_obj"] == (None if offset is None else pytest.approx(offset, abs=1e-9))
        area = events.responses["aeff"].parts[0].header
        assert row["safe_energy_lo"] == area.get("LO_THRES")
        assert row["safe_energy_hi"] == area.get("HI_THRES")
        assert row["enclosure"].lower() == "full-enclosure"


# --- the sky ---------------------------------------------------------------------------------------


def place_of(row: dict[str, Any]) -> EarthLocation:
    return EarthLocation.from_geodetic(row["geolon"] * u.deg, row["geolat"] * u.deg, row["altitude"] * u.m)


def during(events: EventList, samples: int) -> Time:
    """Give the middles of as many equal parts of the observation."""
    return events.start + (events.stop - events.start) * (np.arange(samples) + 0.5) / samples


def test_zenith_angles_are_means(rows: Rows, holdings: Holdings, instance: Instance) -> None:
    for events in holdings.lists:
        row = rows[events.did(instance.authority)]
        if events.pointing is None:
            assert row["zen_mean"] == pytest.approx(90.0 - events.header["ALT_PNT"], abs=1e-9)
            continue
        local = events.pointing.transform_to(AltAz(obstime=during(events, 40), location=place_of(row)))
        assert row["zen_mean"] == pytest.approx(local.zen.deg.mean(), abs=0.1), events.local


def test_sun_and_moon_are_where_astropy_has_them(rows: Rows, holdings: Holdings, instance: Instance) -> None:
    for events in holdings.lists:
        row = rows[events.did(instance.authority)]
        middle = events.start + (events.stop - events.start) / 2
        frame = AltAz(obstime=middle, location=place_of(row))
        moon, sun = get_body("moon", middle, frame.location), get_sun(middle)
        assert row["moon_alt"] == pytest.approx(moon.transform_to(frame).alt.deg, abs=0.05)
        assert row["sun_alt"] == pytest.approx(sun.transform_to(frame).alt.deg, abs=0.05)
        phase = np.arctan2(
            sun.distance.au * np.sin(separation := moon_sun(moon, sun)),
            moon.distance.au - sun.distance.au * np.cos(separation),
        )
        assert row["moon_illumination"] == pytest.approx((1 + np.cos(phase)) / 2, abs=0.005)
        if events.pointing is not None:
            apart = events.pointing.transform_to(frame).separation(moon.transform_to(frame))
            assert row["moon_sep"] == pytest.approx(apart.deg, abs=0.05)


def moon_sun(moon: SkyCoord, sun: SkyCoord) -> float:
    """Give the angle between Moon and Sun in radians."""
    one, other = (c.spherical.lon.rad for c in (moon, sun))
    low, high = (c.spherical.lat.rad for c in (moon, sun))
    cosine = np.sin(low) * np.sin(high) + np.cos(low) * np.cos(high) * np.cos(one - other)
    return float(np.arccos(cosine))


def test_moon_levels_tell_whether_the_moon_is_up(rows: Rows, holdings: Holdings, instance: Instance) -> None:
    levels = set()
    for events in holdings.lists:
        row = rows[events.did(instance.authority)]
        levels.add(row["moon_level"])
        if row["moon_level"] is None:
            assert row["sky_brightness"] is None
            continue
        times = during(events, 31)
        frame = AltAz(obstime=times, location=place_of(row))
        highest = get_body("moon", times, frame.location).transform_to(frame).alt.deg.max()
        if highest < MOON_HORIZON - 0.1:
            assert row["moon_level"] == "None", events.local
        if highest > MOON_HORIZON + 0.1:
            assert row["moon_level"] in ("Dark", "Moderate", "Bright"), events.local
        assert 15 < row["sky_brightness"] < 22
    assert {"None", "Dark"} <= levels


def test_queries_select_on_conditions(tap: pyvo.dal.TAPService, rows: Rows) -> None:
    for table in ("hess_dr", "ctao"):
        mine = {did: row for did, row in rows.items() if f"~?{table}/" in did}
        for condition, chosen in (
            ("moon_level = 'None'", lambda row: row["moon_level"] == "None"),
            ("moon_level <> 'None'", lambda row: row["moon_level"] not in (None, "None")),
            ("zen_mean < 30", lambda row: row["zen_mean"] < 30),
            ("sky_brightness > 21", lambda row: (row["sky_brightness"] or 0) > 21),
            ("sky_brightness IS NULL", lambda row: row["sky_brightness"] is None),
        ):
            query = f"SELECT obs_publisher_did FROM {table}.obscore WHERE {condition}"
            found = {str(row["obs_publisher_did"]) for row in tap.run_sync(query)}
            assert found == {did for did, row in mine.items() if chosen(row)}, condition


# --- for clients -----------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["hess_dr.obscore", "ctao.obscore"])
def test_a_table_of_observations_can_be_made(
    table: str, tap: pyvo.dal.TAPService, holdings: Holdings
) -> None:
    """As Gammapy's development branch does it: columns under these names, positions, times with MJDREF."""
    results = tap.run_sync(f"SELECT * FROM {table}")
    made: dict[str, list[Any]] = {name.upper(): [] for name in GAMMAPY}
    for record in results:
        for name in GAMMAPY:
            made[name.upper()].append(plain(record[name]))
    observations = Table(made)
    observations["OBS_ID"] = [int(text) for text in observations["OBS_ID"]]
    assert len(observations) == len(results)
    fixed = observations[[value is not None for value in made["RA_PNT"]]]
    assert len(fixed)
    pointings = SkyCoord(
        np.array(fixed["RA_PNT"], dtype=float), np.array(fixed["DEC_PNT"], dtype=float), unit="deg"
    )
    by_id = {int(e.obs_id): e for e in holdings.lists}
    for number, pointing in zip(fixed["OBS_ID"], pointings, strict=True):
        assert pointing.separation(by_id[number].pointing) < 1e-6 * u.deg
    references = {(int(row["mjdrefi"]), float(row["mjdreff"])) for row in results}
    assert len(references) == 1
    ((whole, fraction),) = references
    start = Time(whole, fraction, format="mjd", scale="tt") + np.array(made["TSTART"], dtype=float) * u.s
    for number, moment in zip(observations["OBS_ID"], start, strict=True):
        assert abs((moment - by_id[number].start).sec) < 1e-3
