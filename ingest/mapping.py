"""From an event list to its row in the collection's ObsCore table.

The rows of responses, bundles and links are made in ``ingest.companions``, the columns under GADF's own
keywords in ``ingest.context``. Unknown values are None, never 0 or an empty string.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingest import times
from ingest.access import FILE
from ingest.constants import (
    ARCSEC_PER_DEG,
    EARLIEST_MJD,
    EV_PER_TEV,
    HC_EV_M,
    LARGEST_ELAPSED,
    LATEST_MJD,
    NON_PIXEL_AXIS,
    SECONDS_PER_DAY,
)
from ingest.coverage import box_polygon, circle_polygon, moc_of_microseconds, time_moc, to_icrs
from ingest.errors import KeywordError
from ingest.identifiers import DatasetId
from ingest.keywords import finite
from ingest.naming import Names
from ingest.records import EventList, Observation
from ingest.release import Release
from ingest.times import TimeReference, prepared
from ingest.vocabulary import Vocabulary

Row = dict[str, Any]

O_UCD = "#".join(("pos.eq", "time", "em.energy"))
"""The observables of an event list, joined by '#' as ivo_hashlist_has expects."""

SCAN_MODES = {
    "WOBBLE": "on-the-fly-cross-map",
    "POINTING": "on-source",
    "ON": "on-source",
    "OFF": "on-off",
    "RASTER": "raster-map",
    "SURVEY": "raster-map",
    "DRIFT": "on-the-fly-cross-scan",
    "SCAN": "on-the-fly-cross-scan",
    "SLEW": "slew",
}
"""GADF OBS_MODE to scan_mode of the High-Energy extension; other modes give NULL."""

TRACKING_MODES = {"DRIFT": "fixed-az-el-transit", "SLEW": "none"}
"""GADF OBS_MODE to tracking_mode; in other modes, a pointing in RA and Dec is sidereal."""


SECONDS_PER_UNIT = {"s": 1.0, "d": SECONDS_PER_DAY}
"""GADF TIMEUNIT, as `TimeReference` has it, to seconds."""


@dataclass(frozen=True)
class Publication:
    """What is the same for all rows of a release.

    Attributes
    ----------
    release
        Its configuration.
    terms
        The vocabulary.
    names
        How its data sets are called.
    server
        The server's URL, without a slash at its end.
    today
        Rows of observations that are released later say that they are proprietary.
    access_url
        Where the rows of event lists lead, ``file`` or ``datalink``.
    """

    release: Release
    terms: Vocabulary
    names: Names
    server: str
    today: datetime.date
    access_url: str = FILE


def prepare(lists: Iterable[EventList]) -> None:
    """Compute at once what is quicker for many event lists; their rows are the same without it.

    Parameters
    ----------
    lists
        The next ones that are mapped.
    """
    wanted: list[tuple[TimeReference, float]] = []
    for events in lists:
        reference = events.time_reference
        limits = (finite(events.keywords, name) for name in ("TSTART", "TSTOP"))
        wanted += [(reference, value) for value in limits if value is not None]
        wanted += [(reference, value) for value in events.intervals.ravel().tolist()]
    times.prepare(wanted)


def observation_row(
    observation: Observation, events: EventList, dataset: DatasetId, publication: Publication
) -> Row:
    """Map an event list to ObsCore and the High-Energy extension, without its access columns.

    Parameters
    ----------
    observation, events
        What the files say.
    dataset
        Identity of the event list.
    publication
        What the release says.

    Returns
    -------
    dict
        Column name to value: degrees, arcsec, eV, m and s; MJD in TT; ``s_region`` as a list of
        ``ra1, dec1, ra2, ...`` in degrees.

    Raises
    ------
    KeywordError
        A keyword that every GADF event list has is missing or senseless.
    """
    release = publication.release
    row: Row = {
        "dataproduct_type": publication.terms.event_list,
        "dataproduct_subtype": release.dataproduct_subtype,
        "calib_level": release.calib_level,
        "obs_collection": release.obs_collection,
        "obs_id": observation.obs_id,
        "obs_publisher_did": str(dataset),
        "obs_creator_did": None,
        "access_url": None,
        "access_format": None,
        "access_estsize": None,
        "preview": None,
        "o_ucd": O_UCD,
        "em_ucd": "em.energy",
        "pol_states": None,
        "s_pixel_scale": None,
        "ev_xel": events.n_events,
        "messenger_name": "photon",
        "messenger_pdgid": "+22",
    }
    row.update(dict.fromkeys(("s_calib_status", "t_calib_status", "em_calib_status"), release.calib_status))
    row.update(dict.fromkeys(("s_xel1", "s_xel2", "t_xel", "em_xel", "pol_xel"), NON_PIXEL_AXIS))
    row.update(_who(observation, events, publication))
    row.update(_where(events, release))
    row.update(_when(events))
    row.update(_energies(events, release))
    row.update(_modes(events))
    return row


def label_of(obs_id: str, facility: str | None, *, simulated: bool) -> str:
    """Give what an observation is called in titles and descriptions."""
    label = f"{facility} observation {obs_id}" if facility else f"observation {obs_id}"
    return f"{label} (simulated)" if simulated else label


def facility_of(events: EventList, release: Release) -> str | None:
    """Give the name of the facility for people: the registry record's, or TELESCOP."""
    return release.registry.facility if release.registry else events.keywords.text("TELESCOP")


def release_date(events: EventList, release: Release) -> datetime.date | None:
    """Give the date from which an observation is public, None if nothing says one."""
    keyword = release.keywords.release_date
    said = events.keywords.text(keyword) if keyword else None
    if said is None or keyword is None:
        return release.release_date
    try:
        return datetime.date.fromisoformat(said[:10])
    except ValueError:
        events.keywords.note(keyword, f"no date in ISO 8601, taken as {release.release_date or 'public'}")
        return release.release_date


def data_rights(public_from: datetime.date | None, publication: Publication) -> str:
    """Give data_rights: the release's, unless a date says whether the data are public by now."""
    if public_from is None:
        return publication.release.data_rights
    return "proprietary" if public_from > publication.today else "public"


def _who(observation: Observation, events: EventList, publication: Publication) -> Row:
    release, keywords = publication.release, events.keywords
    target = keywords.text("OBJECT")
    title = label_of(observation.obs_id, facility_of(events, release), simulated=False)
    if target:
        title += f" of {target}"
    if events.label:
        title += f", events of type {events.label}"
    public_from = release_date(events, release)
    own = release.keywords
    return {
        "obs_title": f"{title} (simulated)" if release.simulated else title,
        "target_name": target,
        "target_class": keywords.text(own.target_class) if own.target_class else None,
        "facility_name": keywords.text("TELESCOP"),
        "instrument_name": keywords.text("INSTRUME"),
        "obs_creator_name": release.creator_name,
        "obs_release_date": public_from,
        "bib_reference": release.bib_reference,
        "data_rights": data_rights(public_from, publication),
        "publisher_id": f"ivo://{publication.names.authority}",
        "proposal_id": keywords.text(own.proposal_id) if own.proposal_id else None,
    }


def position(events: EventList) -> tuple[float, float] | None:
    """Give the pointing in ICRS degrees; None if it is not fixed in the sky.

    Raises
    ------
    KeywordError
        The pointing, or its frame, makes no sense.
    """
    keywords = events.keywords
    if (keywords.text("OBS_MODE") or "").upper() == "DRIFT":  # the position of some moment, if any
        return None
    if keywords.get("RA_PNT") is None or keywords.get("DEC_PNT") is None:
        return None
    ra = keywords.require("RA_PNT", low=-360.0, high=720.0)
    dec = keywords.require("DEC_PNT", low=-90.0, high=90.0)
    equinox = keywords.number("EQUINOX", low=1800.0, high=2200.0)
    try:
        return to_icrs(ra, dec, keywords.text("RADECSYS") or "ICRS", 2000.0 if equinox is None else equinox)
    except ValueError as error:
        raise KeywordError(keywords.path, str(error), hdu=keywords.hdu, keyword="RADECSYS") from error


def _where(events: EventList, release: Release) -> Row:
    at, fov, psf = position(events), events.performance.fov_deg, events.performance.psf_deg
    region: list[float] | None = None
    if at is not None:
        region = None if fov is None else circle_polygon(*at, 0.5 * fov)
    elif events.event_box_deg is not None:
        region = box_polygon(*events.event_box_deg)
    return {
        "s_ra": None if at is None else at[0],
        "s_dec": None if at is None else at[1],
        "s_fov": fov,
        "s_region": region,
        "s_resolution": None if psf is None else psf * ARCSEC_PER_DEG,
        "s_ref_energy": None if fov is None and psf is None else release.reference_energy_tev * EV_PER_TEV,
        "s_ref_oaa": release.reference_offset_deg if psf is not None else None,
    }


def _when(events: EventList) -> Row:
    keywords = events.keywords
    start, stop = (_moment(events, keyword) for keyword in ("TSTART", "TSTOP"))
    if stop < start:
        raise KeywordError(
            keywords.path,
            f"{keywords['TSTOP']!r} lies before TSTART = {keywords['TSTART']!r}",
            hdu=keywords.hdu,
            keyword="TSTOP",
        )
    return {
        "t_min": start,
        "t_max": stop,
        "t_exptime": keywords.number("LIVETIME", low=0.0, high=1e9),
        "t_resolution": _resolution(events),
        "t_intervals": _coverage(events),
    }


def _resolution(events: EventList) -> float | None:
    """Give TIMEDEL in s; FITS 4.0, section 9.4, has it in the unit of the times."""
    step = events.keywords.number("TIMEDEL", low=0.0, high=1e9)
    return step * SECONDS_PER_UNIT[events.time_reference.unit] if step else None


def _moment(events: EventList, keyword: str) -> float:
    """Give a keyword with a time as MJD in TT."""
    keywords = events.keywords
    elapsed = keywords.require(keyword, low=-LARGEST_ELAPSED, high=LARGEST_ELAPSED)
    mjd = events.time_reference.mjd_tt(elapsed)
    if not EARLIEST_MJD <= mjd <= LATEST_MJD:
        raise KeywordError(
            keywords.path,
            f"{elapsed!r} is MJD {mjd:.1f}, expected one from {EARLIEST_MJD:g} to {LATEST_MJD:g}",
            hdu=keywords.hdu,
            keyword=keyword,
        )
    return mjd


def _coverage(events: EventList) -> str | None:
    """Give the good time intervals as a time MOC; None without any."""
    if not len(events.intervals):
        return None
    begun, ended = (prepared(events.time_reference, events.intervals[:, side]) for side in (0, 1))
    if begun is None or ended is None:
        starts, stops = (events.time_reference.time(events.intervals[:, side]) for side in (0, 1))
        _check_years(events, float(starts.mjd.min()), float(stops.mjd.max()))
        return time_moc(starts, stops)
    # numpy says NaN if one of them is NaN.
    _check_years(events, float(np.min([one.mjd for one in begun])), float(np.max([one.mjd for one in ended])))
    pairs = zip(begun, ended, strict=True)
    return moc_of_microseconds((start.microseconds, stop.microseconds) for start, stop in pairs)


def _check_years(events: EventList, lowest: float, highest: float) -> None:
    if not (lowest >= EARLIEST_MJD and highest <= LATEST_MJD):  # nor may they be NaN
        raise KeywordError(
            events.keywords.path,
            f"an interval reaches from MJD {lowest:.7g} to {highest:.7g},"
            f" expected {EARLIEST_MJD:g} to {LATEST_MJD:g}",
            hdu="GTI",
        )


def energy_columns(limits_tev: tuple[float, float] | None) -> Row:
    """Give energy_min, energy_max (eV), em_min and em_max (m) of a range in TeV."""
    if limits_tev is None or limits_tev[0] <= 0:
        return dict.fromkeys(("energy_min", "energy_max", "em_min", "em_max"))
    low, high = (limit * EV_PER_TEV for limit in limits_tev)
    return {"energy_min": low, "energy_max": high, "em_min": HC_EV_M / high, "em_max": HC_EV_M / low}


def _energies(events: EventList, release: Release) -> Row:
    """Give the safe range if the effective area gives one, else the range of the events."""
    width = events.performance.energy_resolution
    energy = release.reference_energy_tev * EV_PER_TEV
    row = energy_columns(events.safe_energy_tev or events.event_energy_tev)
    row |= dict.fromkeys(("em_res_power", "em_resolution", "em_ref_energy", "em_ref_oaa"))
    if width is not None and width > 0:
        row |= {
            "em_res_power": 1.0 / width,
            "em_resolution": HC_EV_M / energy * width,
            "em_ref_energy": energy,
            "em_ref_oaa": release.reference_offset_deg,
        }
    return row


def _modes(events: EventList) -> Row:
    keywords = events.keywords
    mode = keywords.text("OBS_MODE")
    key = (mode or "").upper()
    pointed = position(events) is not None
    tracking = TRACKING_MODES.get(key, "sidereal" if pointed else None)
    depth = keywords.number("CONV_DEP")
    pointing = None
    if depth is not None:
        pointing = "parallel" if depth == 0 else "convergent" if depth > 0 else "divergent"
    areas = [response.hdu.header for response in events.responses if response.hdu.kind == "aeff"]
    return {
        "obs_mode": mode,
        "tracking_mode": tracking,
        "tracking_type": tracking,
        "scan_mode": SCAN_MODES.get(key),
        "pointing_mode": pointing,
        "analysis_mode": keywords.text("CONFIG")
        or (_text(areas[0], "CONFIG") if areas else None)
        or keywords.text("ANA_VER")
        or keywords.text("IRF"),
        "event_type": keywords.text("EVTYPE") or keywords.text("EV_CLASS") or events.label,
    }


def _text(header: Mapping[str, Any], keyword: str) -> str | None:
    value = str(header.get(keyword, "")).strip()
    return value if value and value.isprintable() else None
