"""From an observation record to the rows that we publish.

Two kinds of rows come out: one for the collection's ObsCore table, and one per link of its DataLink
document. Unknown values are None, never 0 or an empty string.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ingest.constants import (
    ARCSEC_PER_DEG,
    BYTES_PER_KB,
    EARLIEST_MJD,
    EV_PER_TEV,
    FITS_BLOCK,
    HC_EV_M,
    LATEST_MJD,
    NON_PIXEL_AXIS,
)
from ingest.coverage import circle_polygon, time_moc, to_icrs
from ingest.errors import KeywordError
from ingest.gadf import HDU, RESPONSES, Observation
from ingest.identifiers import DatasetId
from ingest.release import Release
from ingest.vocabulary import RESPONSE_QUALIFIERS, Vocabulary

Row = dict[str, Any]

O_UCD = "#".join(("pos.eq", "time", "em.energy"))
"""The observables of an event list, joined by '#' as ivo_hashlist_has expects."""

_SCAN_MODES = {
    "WOBBLE": "on-the-fly-cross-map",
    "POINTING": "on-source",
    "ON": "on-source",
    "OFF": "on-off",
    "RASTER": "raster-map",
    "SLEW": "slew",
}
_TRACKED = {"WOBBLE", "POINTING", "ON", "OFF", "RASTER"}
_RESPONSE_TITLES = {
    "aeff": "Effective area",
    "edisp": "Energy dispersion",
    "psf": "Point spread function",
    "bkg": "Background rate",
}


def observation_row(observation: Observation, release: Release, dataset: DatasetId, server: str) -> Row:
    """Map an observation to a row of the collection's ObsCore table.

    Parameters
    ----------
    observation
        What the file says.
    release
        What the release says.
    dataset
        Identity of the event list.
    server
        The server's URL, without a slash at its end.

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
    row: Row = {
        "dataproduct_type": Vocabulary.named(release.vocabulary).event_list,
        "dataproduct_subtype": release.dataproduct_subtype,
        "calib_level": release.calib_level,
        "obs_collection": release.obs_collection,
        "obs_id": dataset.obs_id,
        "obs_publisher_did": str(dataset),
        "obs_creator_did": None,
        "access_url": server + bundle_path(dataset, observation.path.name),
        "access_format": Vocabulary.named(release.vocabulary).gadf,
        "access_estsize": math.ceil(observation.file_size / BYTES_PER_KB),
        "preview": None,
        "target_class": None,
        "o_ucd": O_UCD,
        "em_ucd": "em.energy",
        "pol_states": None,
        "s_pixel_scale": None,
        "ev_xel": observation.n_events,
        "messenger_name": "photon",
        "messenger_pdgid": "+22",
    }
    row.update(dict.fromkeys(("s_calib_status", "t_calib_status", "em_calib_status"), release.calib_status))
    row.update(dict.fromkeys(("s_xel1", "s_xel2", "t_xel", "em_xel", "pol_xel"), NON_PIXEL_AXIS))
    row.update(_who(observation, release, dataset))
    row.update(_where(observation, release))
    row.update(_when(observation))
    row.update(_energies(observation, release))
    row.update(_modes(observation))
    return row


def text(header: Mapping[str, Any], keyword: str) -> str | None:
    """Give a keyword as stripped text; None if it is missing or blank."""
    value = header.get(keyword)
    if value is None or not str(value).strip():
        return None
    return str(value).strip()


def _number(observation: Observation, keyword: str, *, low: float, high: float) -> float:
    value = observation.events.get(keyword)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise KeywordError(
            observation.path,
            f"{'missing' if value is None else repr(value)}, expected a number from {low:g} to {high:g}",
            hdu="EVENTS",
            keyword=keyword,
        )
    return float(value)


def observation_id(observation: Observation) -> str:
    """Give OBS_ID as text.

    Raises
    ------
    KeywordError
        It is missing or blank.
    """
    found = text(observation.events, "OBS_ID")
    if found is None:
        raise KeywordError(observation.path, "missing", hdu="EVENTS", keyword="OBS_ID")
    return found


def _who(observation: Observation, release: Release, dataset: DatasetId) -> Row:
    events = observation.events
    target = text(events, "OBJECT")
    title = f"{release.registry.facility} observation {dataset.obs_id}"
    if target:
        title += f" of {target}"
    return {
        "obs_title": f"{title} (simulated)" if release.simulated else title,
        "target_name": target,
        "facility_name": text(events, "TELESCOP"),
        "instrument_name": text(events, "INSTRUME"),
        "obs_creator_name": release.creator_name,
        "obs_release_date": release.release_date,
        "bib_reference": release.bib_reference,
        "data_rights": release.data_rights,
        "publisher_id": f"ivo://{dataset.authority}",
        "proposal_id": None,
    }


def _where(observation: Observation, release: Release) -> Row:
    events = observation.events
    ra = _number(observation, "RA_PNT", low=-360.0, high=720.0)
    dec = _number(observation, "DEC_PNT", low=-90.0, high=90.0)
    frame = text(events, "RADESYS") or text(events, "RADECSYS") or "ICRS"
    try:
        ra, dec = to_icrs(ra, dec, frame, float(events.get("EQUINOX", 2000.0)))
    except ValueError as error:
        raise KeywordError(observation.path, str(error), hdu="EVENTS", keyword="RADECSYS") from error
    fov = observation.performance.fov_deg
    psf = observation.performance.psf_deg
    known = fov is not None or psf is not None
    return {
        "s_ra": ra,
        "s_dec": dec,
        "s_fov": fov,
        "s_region": None if fov is None else circle_polygon(ra, dec, 0.5 * fov),
        "s_resolution": None if psf is None else psf * ARCSEC_PER_DEG,
        "s_ref_energy": release.reference_energy_tev * EV_PER_TEV if known else None,
        "s_ref_oaa": release.reference_offset_deg if psf is not None else None,
    }


def _when(observation: Observation) -> Row:
    start, stop = (_moment(observation, keyword) for keyword in ("TSTART", "TSTOP"))
    if stop < start:
        raise KeywordError(
            observation.path,
            f"{observation.events['TSTOP']!r} lies before TSTART = {observation.events['TSTART']!r}",
            hdu="EVENTS",
            keyword="TSTOP",
        )
    live = observation.events.get("LIVETIME")
    resolution = observation.events.get("TIMEDEL")
    return {
        "t_min": start,
        "t_max": stop,
        "t_exptime": None if live is None else _number(observation, "LIVETIME", low=0.0, high=1e9),
        "t_resolution": None if resolution is None else _number(observation, "TIMEDEL", low=0.0, high=1e9),
        "t_intervals": _coverage(observation),
    }


def _moment(observation: Observation, keyword: str) -> float:
    """Give a keyword with a time as MJD in TT."""
    elapsed = _number(observation, keyword, low=-1e12, high=1e12)
    mjd = observation.time_reference.mjd_tt(elapsed)
    if not EARLIEST_MJD <= mjd <= LATEST_MJD:
        raise KeywordError(
            observation.path,
            f"{elapsed!r} is MJD {mjd:.1f}, expected one from {EARLIEST_MJD:g} to {LATEST_MJD:g}",
            hdu="EVENTS",
            keyword=keyword,
        )
    return mjd


def _coverage(observation: Observation) -> str | None:
    """Give the good time intervals as a time MOC; None without any."""
    if not len(observation.gti):
        return None
    starts, stops = (observation.time_reference.time(observation.gti[:, side]) for side in (0, 1))
    if starts.mjd.min() < EARLIEST_MJD or stops.mjd.max() > LATEST_MJD:
        raise KeywordError(
            observation.path,
            f"an interval reaches from MJD {starts.mjd.min():.1f} to {stops.mjd.max():.1f},"
            f" expected {EARLIEST_MJD:g} to {LATEST_MJD:g}",
            hdu="GTI",
        )
    return time_moc(starts, stops)


def _energies(observation: Observation, release: Release) -> Row:
    """Give the safe range if the effective area gives one, else the range of the events."""
    limits = observation.safe_energy_tev or observation.event_energy_tev
    width = observation.performance.energy_resolution
    energy = release.reference_energy_tev * EV_PER_TEV
    row: Row = dict.fromkeys(("energy_min", "energy_max", "em_min", "em_max"))
    if limits is not None:
        low, high = (limit * EV_PER_TEV for limit in limits)
        row |= {"energy_min": low, "energy_max": high, "em_min": HC_EV_M / high, "em_max": HC_EV_M / low}
    row |= dict.fromkeys(("em_res_power", "em_resolution", "em_ref_energy", "em_ref_oaa"))
    if width is not None and width > 0:
        row |= {
            "em_res_power": 1.0 / width,
            "em_resolution": HC_EV_M / energy * width,
            "em_ref_energy": energy,
            "em_ref_oaa": release.reference_offset_deg,
        }
    return row


def _modes(observation: Observation) -> Row:
    events = observation.events
    mode = text(events, "OBS_MODE")
    key = (mode or "").upper()
    tracking = "sidereal" if key in _TRACKED else None
    depth = None if events.get("CONV_DEP") is None else _number(observation, "CONV_DEP", low=0.0, high=1e9)
    aeff = observation.first("aeff")
    return {
        "obs_mode": mode,
        "tracking_mode": tracking,
        "tracking_type": tracking,
        "scan_mode": _SCAN_MODES.get(key),
        # GADF: 0 is parallel pointing; a depth says how far away the axes meet, not the angle.
        "pointing_mode": None if depth is None else ("parallel" if depth == 0 else "convergent"),
        "analysis_mode": text(events, "CONFIG") or (text(aeff.header, "CONFIG") if aeff else None),
        "event_type": text(events, "EV_CLASS"),
    }


def link_rows(observation: Observation, release: Release, dataset: DatasetId, source: str) -> list[Row]:
    """Map an observation to the rows of its DataLink document.

    Each row leads to one file that we serve: the event list with its good time intervals, each
    response, and the whole file. ``hdus`` says which HDUs of the run's file make the linked file
    (``offset+size``, separated by blanks; None is the file as it is).

    Parameters
    ----------
    observation, release, dataset
        As for :func:`observation_row`.
    source
        Path of the run's file below the DaCHS inputs directory.
    """
    terms = Vocabulary.named(release.vocabulary)
    label = f"{release.registry.facility} observation {dataset.obs_id}"
    if release.simulated:
        label += " (simulated)"
    parts = [(terms.event_list, "#this", f"Event list of {label}", _hdus(observation, "events", "gti"))]
    for kind in RESPONSES:
        found = _hdus(observation, kind)
        if found:
            qualifier = RESPONSE_QUALIFIERS[kind]
            parts.append((qualifier, "#calibration", f"{_RESPONSE_TITLES[kind]} for {label}", found))
    rows = [
        _link(dataset, terms, qualifier, semantics, description)
        | {
            "access_path": part_path(dataset, qualifier),
            "source": source,
            "content_length": FITS_BLOCK + sum(hdu.size for hdu in hdus),
            "hdus": " ".join(f"{hdu.offset}+{hdu.size}" for hdu in hdus),
        }
        for qualifier, semantics, description, hdus in parts
    ]
    bundle = f"Everything of {label} in one file: events, good time intervals, responses"
    rows.append(
        _link(dataset, terms, terms.event_bundle, "#package", bundle)
        | {
            "access_path": bundle_path(dataset, observation.path.name),
            "source": source,
            "content_length": observation.file_size,
            "hdus": None,
        }
    )
    return rows


def _file_path(dataset: DatasetId, name: str) -> str:
    return f"/{dataset.collection}/q/file/custom/{quote(dataset.obs_id, safe='')}/{quote(name, safe='')}"


def part_path(dataset: DatasetId, qualifier: str) -> str:
    """Give the path, from the server's root, of a file cut out of a run's file.

    Its name holds the observation, so that files of several runs can lie in one folder.
    """
    return _file_path(dataset, f"{dataset.obs_id}_{qualifier}.fits")


def bundle_path(dataset: DatasetId, name: str) -> str:
    """Give the path, from the server's root, of a run's complete file, which keeps its name."""
    return _file_path(dataset, name)


def _hdus(observation: Observation, *kinds: str) -> list[HDU]:
    return [hdu for kind in kinds if (hdu := observation.first(kind)) is not None]


def _link(dataset: DatasetId, terms: Vocabulary, qualifier: str, semantics: str, description: str) -> Row:
    return {
        "id": str(dataset),
        "obs_id": dataset.obs_id,
        "semantics": semantics,
        "content_qualifier": qualifier,
        "content_type": terms.gadf,
        "description": description,
    }
