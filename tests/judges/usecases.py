"""The questions that users bring, with what must come back, computed from the files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from conftest import Instance
from holdings import Bundle, DataSet, EventList, Holdings, Response

CORE = "ivoa.obscore NATURAL JOIN ivoa.obscore_hea"
BL_LAC = SkyCoord(330.680338, 42.27777, unit="deg")
CRAB = SkyCoord(83.63, 22.01, unit="deg")
LOOP = SkyCoord(312.775, 30.683, unit="deg")
MRK_421 = SkyCoord(166.1138, 38.2088, unit="deg")
DATALINK = "application/x-votable+xml;content=datalink"
# A polygon of 24 corners is this much nearer to the centre than its circle, at worst.
POLYGON = 0.9915
RESPONSES = ("aeff", "edisp", "psf", "bkgrate")

Condition = Callable[[DataSet], bool]


@dataclass(frozen=True)
class UseCase:
    """A query, and which data sets it must, and which it may find (borders of polygons).

    Parameters
    ----------
    text
        The query.
    must, may
        Conditions on data sets; without ``may`` it must find them and no others.
    finds
        Whether there is something to be found in any release.
    key
        The column by which rows are compared, ``obs_publisher_did`` or ``obs_id``.
    asynchronous
        Whether it is also asked as a job.
    """

    text: str
    must: Condition
    may: Condition | None = None
    finds: bool = True
    key: str = "obs_publisher_did"
    asynchronous: bool = False

    def check(self, found: Iterable[str], holdings: Holdings, authority: str) -> None:
        """Compare what was found, row for row, with what is there."""

        def keys(condition: Condition) -> Counter[str]:
            chosen = filter(condition, holdings.all)
            return Counter(d.obs_id if self.key == "obs_id" else d.did(authority) for d in chosen)

        must, rows = keys(self.must), Counter(found)
        may = keys(lambda d: self.must(d) or (self.may or self.must)(d))
        assert bool(must) >= self.finds, "the query is asked of data sets that do not test it"
        assert must <= rows <= may, (sorted((must - rows).elements()), sorted((rows - may).elements()))


def events_of(data_set: DataSet) -> EventList | None:
    """Give the event list whose sky, time and energies a data set has in its row."""
    return (
        data_set.first
        if isinstance(data_set, Bundle)
        else data_set
        if isinstance(data_set, EventList)
        else None
    )


def about(condition: Callable[[EventList], bool]) -> Condition:
    """Make a condition on event lists one on event lists and bundles."""

    def check(data_set: DataSet) -> bool:
        events = events_of(data_set)
        return events is not None and condition(events)

    return check


def both(*conditions: Condition) -> Condition:
    return lambda data_set: all(condition(data_set) for condition in conditions)


def kind(name: str) -> Condition:
    return lambda data_set: data_set.kind == name


def near(place: SkyCoord, radius: float) -> Condition:
    return about(lambda e: e.pointing is not None and e.pointing.separation(place) <= radius * u.deg)


def overlaps(place: SkyCoord, radius: float, factor: float = 1.0) -> Condition:
    return about(
        lambda e: (
            e.pointing is not None and e.pointing.separation(place) <= factor * e.fov / 2 + radius * u.deg
        )
    )


def perhaps(place: SkyCoord, radius: float) -> Condition:
    """Say whether a region may overlap a circle: drift scans have another shape."""
    return about(lambda e: e.pointing is None or overlaps(place, radius)(e))


def of_type(name: str) -> Condition:
    """Say whether a row has an event type; bundles of several types have none."""

    def check(data_set: DataSet) -> bool:
        if isinstance(data_set, Bundle) and len(data_set.lists) > 1:
            return False
        events = events_of(data_set)
        return events is not None and events.event_type == name

    return check


def count_of(data_set: DataSet) -> int:
    return sum(e.events for e in data_set.lists) if isinstance(data_set, Bundle) else data_set.events


def circle(place: SkyCoord, radius: float) -> str:
    return f"CIRCLE({place.ra.deg:.8f}, {place.dec.deg:.8f}, {radius})"


def by_target(
    name: str, place: SkyCoord, events: int, instance: Instance, extension: str = "obscore_hea", **more: bool
) -> UseCase:
    text = (
        f"SELECT * FROM ivoa.obscore NATURAL JOIN ivoa.{extension} WHERE (target_name = '{name}'"
        f" OR CONTAINS(POINT(s_ra, s_dec), {circle(place, 0.083333)}) = 1)"
        f" AND dataproduct_type = '{instance.event_list}' AND calib_level >= 2"
        f" AND em_calib_status = 'calibrated' AND ev_xel >= {events}"
    )
    at_target = about(lambda e: e.target == name or near(place, 0.083333)(e))
    return UseCase(text, both(kind("event-list"), at_target, lambda d: count_of(d) >= events), **more)


def covering(place: SkyCoord, **more: bool) -> UseCase:
    point = f"POINT('ICRS', {place.ra.deg:.8f}, {place.dec.deg:.8f})"
    text = f"SELECT obs_id FROM {CORE} WHERE CONTAINS({point}, CIRCLE('ICRS', s_ra, s_dec, s_fov/2)) = 1"
    return UseCase(text, overlaps(place, 0), key="obs_id", **more)


def overlapping(place: SkyCoord, event_type: str, **more: bool) -> UseCase:
    return UseCase(
        f"SELECT * FROM {CORE} WHERE INTERSECTS(s_region, {circle(place, 1.5)}) = 1"
        f" AND event_type = '{event_type}'",
        both(of_type(event_type), overlaps(place, 1.5, POLYGON)),
        both(of_type(event_type), perhaps(place, 1.5)),
        **more,
    )


def responses_of(obs_id: str, collection: str, **more: bool) -> UseCase:
    return UseCase(
        f"SELECT * FROM {CORE} WHERE dataproduct_type IN ('aeff','edisp','psf','bkgrate')"
        f" AND obs_id = '{obs_id}' AND obs_collection = '{collection}'",
        lambda d: isinstance(d, Response) and (d.obs_id, d.obs_collection) == (obs_id, collection),
        **more,
    )


def above(energy: float, **more: bool) -> UseCase:
    return UseCase(
        f"SELECT obs_id, access_url FROM {CORE}"
        f" WHERE access_format = '{DATALINK}' AND energy_max >= {float(energy)!r}",
        # Rows of responses and bundles lead to the file itself.
        both(kind("event-list"), lambda d: d.energies[1] >= energy),
        key="obs_id",
        **more,
    )


def psf_near(place: SkyCoord, **more: bool) -> UseCase:
    return UseCase(
        "SELECT o.obs_id, d.access_url FROM ivoa.obscore AS o"
        " JOIN datalink.response AS d ON o.obs_publisher_did = d.ID"
        " WHERE d.semantics = '#calibration' AND d.content_qualifier = 'psf'"
        f" AND 1 = INTERSECTS(o.s_region, {circle(place, 1)})",
        both(kind("event-list"), overlaps(place, 1, POLYGON)),
        both(kind("event-list"), perhaps(place, 1)),
        key="obs_id",
        **more,
    )


def of_the_specification(instance: Instance, hess: Holdings) -> dict[str, UseCase]:
    """Give the specification's queries as written, and those of a position around what was observed most."""
    target, _ = Counter(e.target for e in hess.lists).most_common(1)[0]
    example = next(e for e in hess.lists if e.target == target)
    place = SkyCoord(example.header["RA_OBJ"], example.header["DEC_OBJ"], unit="deg")
    middle = sorted(e.events for e in hess.lists)[len(hess.lists) // 2]
    threshold = sorted(e.energies[1] for e in hess.lists)[len(hess.lists) // 2]
    return {
        "bl lac": by_target("BL Lac", BL_LAC, 10_000, instance, finds=False),
        "bl lac, as in the talk": by_target(
            "BL Lac", BL_LAC, 10_000, instance, "obscore_healpix", finds=False
        ),
        "target": by_target(target, place, 0, instance, asynchronous=True),
        "target, as in the talk": by_target(target, place, 0, instance, "obscore_healpix"),
        "target, many events": by_target(target, place, middle, instance),
        "responses": responses_of(example.obs_id, instance.obs_collection, asynchronous=True),
        "crab in the field": covering(CRAB),
        "target in the field": covering(place, asynchronous=True),
        "region and type": overlapping(LOOP, "std", finds=False),
        "target's region and type": overlapping(place, example.event_type, asynchronous=True),
        "above 10 TeV": above(1.0e13, asynchronous=True),
        # A bit below, as both sides round.
        "high energies": above(threshold * (1 - 1e-9)),
        "psf near the crab": psf_near(CRAB),
        "psf near the target": psf_near(place, asynchronous=True),
    }


def of_the_draft(instance: Instance) -> dict[str, UseCase]:
    """Give the gamma-ray use cases of the interest group's draft."""
    lists, bundles = (
        f"dataproduct_type = '{instance.event_list}'",
        f"dataproduct_type = '{instance.event_bundle}'",
    )
    south = about(lambda e: e.text("TELESCOP") == "CTAO-S")
    south_event_lists = both(kind("event-list"), south)
    mine = f"INTERSECTS(s_region, {circle(MRK_421, 1.0)}) = 1"
    did = f"SELECT obs_publisher_did FROM {CORE} WHERE"
    return {
        "event lists of a region and type": UseCase(
            f"{did} {lists} AND {mine} AND event_type = 'std'",
            both(kind("event-list"), of_type("std"), overlaps(MRK_421, 1.0, POLYGON)),
            both(kind("event-list"), of_type("std"), perhaps(MRK_421, 1.0)),
        ),
        "event lists of a type of their own": UseCase(
            f"{did} {lists} AND event_type = 'type1'",
            both(kind("event-list"), of_type("type1")),
            asynchronous=True,
        ),
        "bundles by energy, calibration and observable": UseCase(
            f"{did} {bundles} AND energy_min <= 1.0e11 AND energy_max >= 5.0e13 AND calib_level >= 2"
            " AND em_calib_status = 'calibrated' AND 1 = ivo_hashlist_has(o_ucd, 'em.energy')",
            both(kind("event-bundle"), lambda d: d.energies[0] <= 1e11 and d.energies[1] >= 5e13),
            asynchronous=True,
        ),
        "bundles without the observable": UseCase(
            f"{did} {bundles} AND 0 = ivo_hashlist_has(o_ucd, 'em.energy')", lambda d: False, finds=False
        ),
        "CTAO South above 10 TeV": UseCase(
            f"{did} facility_name = 'CTAO-S' AND energy_max > 1.0e13 AND {lists}",
            both(south_event_lists, lambda d: d.energies[1] > 1e13),
            asynchronous=True,
        ),
        "energies that overlap": UseCase(
            f"{did} {lists} AND 1 = gavo_energy_overlaps(energy_min, energy_max, 1.2e14, 3.0e14)",
            both(kind("event-list"), lambda d: d.energies[1] >= 1.2e14 and d.energies[0] <= 3e14),
        ),
        "point spread functions of an array": UseCase(
            f"{did} facility_name = 'CTAO-S' AND dataproduct_type = 'psf'",
            lambda d: d.kind == "psf" and d.parts[0].header["TELESCOP"] == "CTAO-S",
        ),
        "what was near a position": UseCase(
            f"{did} CONTAINS(POINT('ICRS', s_ra, s_dec), {circle(MRK_421, 2.0)}) = 1", near(MRK_421, 2.0)
        ),
        "divergent pointing": UseCase(
            f"{did} pointing_mode = 'divergent' AND {lists}",
            both(kind("event-list"), about(lambda e: e.header.get("CONV_DEP", 0) < 0)),
        ),
        "drift scans": UseCase(
            f"{did} tracking_mode = 'fixed-az-el-transit' AND scan_mode = 'on-the-fly-cross-scan'"
            f" AND {lists}",
            both(kind("event-list"), about(lambda e: e.text("OBS_MODE") == "DRIFT")),
        ),
        "high resolution analysis": UseCase(
            f"{did} analysis_mode = 'hires' AND event_type = 'hires' AND ev_xel BETWEEN 400 AND 600"
            f" AND {lists}",
            both(
                kind("event-list"),
                of_type("hires"),
                lambda d: 400 <= count_of(d) <= 600,
            ),
        ),
        "not public yet": UseCase(
            f"{did} data_rights = 'proprietary' AND {lists}",
            both(kind("event-list"), lambda d: not d.released),
        ),
        "what is public": UseCase(
            f"{did} data_rights = 'public' AND facility_name = 'CTAO-N' AND {bundles}",
            both(kind("event-bundle"), about(lambda e: e.text("TELESCOP") == "CTAO-N" and e.released)),
        ),
    }


def of_time_coverage(ctao: Holdings) -> dict[str, UseCase]:
    """Give queries for times: in the longest gap between good time intervals, and just before it."""

    def gap(events: EventList) -> float:
        starts, stops = events.gti
        return max((starts[1:] - stops[:-1]).sec, default=0.0)

    example = max(ctao.lists, key=gap)
    starts, stops = (times.mjd for times in example.gti)
    number = int(np.argmax(starts[1:] - stops[:-1]))
    second = 1 / 86_400
    moments = {
        "in a gap": (stops[number] + 10 * second, starts[number + 1] - 10 * second),
        "before a gap": (stops[number] - 20 * second, stops[number] - 10 * second),
    }
    found = {}
    for name, limits in moments.items():
        low, high = map(float, limits)
        assert low < high
        during = lambda e, low=low, high=high: bool(((e.gti[0].mjd < high) & (e.gti[1].mjd > low)).any())  # noqa: E731
        found[f"good times {name}"] = UseCase(
            f"SELECT obs_publisher_did FROM {CORE}"
            f" WHERE 1 = gavo_tmoc_overlaps(t_intervals, {low!r}, {high!r})",
            about(during),
            finds=name != "in a gap",
            asynchronous=True,
        )
        within = lambda e, low=low, high=high: e.start.mjd < high and e.stop.mjd > low  # noqa: E731
        found[f"observations {name}"] = UseCase(
            f"SELECT obs_publisher_did FROM ivoa.obscore WHERE t_min < {high!r} AND t_max > {low!r}",
            about(within),
        )
    return found


def of_a_portal(instance: Instance) -> dict[str, UseCase]:
    """Give what a portal asks of a table that has everything."""
    place = f"1=CONTAINS(POINT('ICRS', s_ra, s_dec), {circle(MRK_421, 3.0)})"
    start = "SELECT TOP 100 * FROM ctao.obscore WHERE"
    mine = both(kind("event-list"), near(MRK_421, 3.0), lambda d: d.collection == "ctao")
    return {
        "portal, position and modes": UseCase(
            f"{start} {place} AND t_min < 61500 AND t_max > 60000 AND energy_max >= 1.0e12"
            " AND energy_min <= 1.0e14 AND tracking_type='sidereal' AND pointing_mode='parallel'"
            " AND obs_mode='WOBBLE' AND ivo_nocasematch(proposal_title, '%MRK 421%') = 1",
            both(mine, lambda d: d.text("OBS_MODE") == "WOBBLE" and "Mrk 421" in (d.text("PROP_TTL") or "")),
        ),
        "portal, proposals": UseCase(
            f"{start} proposal_type = 'DDT' AND proposal_contact IS NOT NULL AND proposal_id LIKE 'SIM-%'",
            both(kind("event-list"), about(lambda e: e.text("PROP_TYP") == "DDT")),
        ),
        "portal, zenith angles": UseCase(
            f"{start} zen_pnt BETWEEN 25 AND 45 AND target_class = 'AGN' AND quality = 0",
            both(
                kind("event-list"),
                about(lambda e: 25 <= e.header.get("ZEN_PNT", 0) <= 45 and e.text("OBJTYPE") == "AGN"),
                about(lambda e: e.header.get("QUALITY") == 0),
            ),
        ),
    }


def all_of(instance: Instance, hess: Holdings, ctao: Holdings) -> dict[str, UseCase]:
    """Give all use cases by name."""
    return (
        of_the_specification(instance, hess)
        | of_the_draft(instance)
        | of_time_coverage(ctao)
        | of_a_portal(instance)
    )
