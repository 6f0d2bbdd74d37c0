"""Services with made-up observations, and the server's context around them."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx

from tests.portal.services.sqlite_tap import URL, Column, Service

FUNCTIONS = ["ivo_nocasematch", "gavo_match", "gavo_energy_overlaps", "gavo_tmoc_overlaps"]
COUNT = 60

OBSCORE = [
    Column("dataproduct_type"), Column("dataproduct_subtype", principal=0), Column("calib_level", "int"),
    Column("obs_collection"), Column("obs_id"), Column("obs_title"),
    Column("obs_publisher_did", ucd="meta.ref.ivoid"), Column("access_url"), Column("access_format"),
    Column("access_estsize", "long", "kbyte"), Column("target_name", ucd="meta.id;src"),
    Column("target_class"), Column("s_ra", "double", "deg",
    "pos.eq.ra", description="Where it pointed, <ICRS> & so on."), Column("s_dec", "double", "deg",
    "pos.eq.dec"), Column("s_fov", "double", "deg"), Column("s_region", xtype="adql:REGION"),
    Column("s_resolution", "float", "arcsec"), Column("t_min", "double", "d"), Column("t_max", "double",
    "d"), Column("t_exptime", "float", "s"), Column("t_resolution", "float", "s"), Column("em_min",
    "double", "m"), Column("em_max", "double", "m"), Column("em_res_power", "float"), Column("o_ucd"),
    Column("pol_states"), Column("facility_name"), Column("instrument_name"),
    Column("obs_release_date", xtype="timestamp"), Column("data_rights"), Column("proposal_id"),
]  # fmt: skip
HEA = [
    Column("obs_publisher_did"), Column("ev_xel", "long"), Column("t_intervals"), Column("energy_min",
    "double", "eV"), Column("energy_max", "double", "eV"), Column("obs_mode"), Column("tracking_type"),
    Column("tracking_mode"), Column("scan_mode"), Column("pointing_mode"), Column("analysis_mode"),
    Column("event_type"),
]  # fmt: skip
CONTEXT = [
    Column("n_tels", "int"), Column("quality", "int"), Column("ontime", "double", "min"),
    Column("ra_obj", "double", "deg"), Column("dec_obj", "double", "deg"), Column("offset_obj", "double",
    "deg"), Column("zen_pnt", "double", "deg"), Column("livetime", "double", "s"), Column("moon_level"),
    Column("sky_brightness", "double", "mag/arcsec**2"), Column("proposal_type"),
    Column("proposal_title"), Column("proposal_contact"), Column("size", "int"),
]  # fmt: skip

TARGETS = ["Crab", "O'Neill 1", "Mrk 421", "100%_sure", None]
MOCS = ["31/197391127 33/789564507", "30/98695564", None]


def row(number: int) -> dict[str, Any]:
    """Make an observation; some lack something, and some have quotation marks in their names."""
    start = 53000.0 + number // 2
    low = 10.0 ** (11 + number % 3)
    ra, dec = (83.6 + number * 6) % 360, -60 + 2.0 * number
    return {
        "dataproduct_type": ["event-list", "aeff"][number % 5 == 4], "dataproduct_subtype": "GADF 'DL3'",
        "calib_level": number % 3, "obs_collection": "SIM", "obs_id": f"{20000 + number}",
        "obs_title": f"Run {number}", "obs_publisher_did": f"ivo://example/~?{number:03d}",
        "access_url": f"https://tap.example/files/{number}", "access_format": "application/fits",
        "access_estsize": 100 + number, "target_name": TARGETS[number % 5],
        "s_ra": None if number == 7 else ra, "s_dec": None if number == 7 else dec, "s_fov": 5.0,
        "s_region": None if number % 10 == 7 else f"Circle ICRS {ra} {dec} 2.5", "t_min": start,
        "t_max": start + 0.02, "t_exptime": 1000.0 + number, "em_min": 1.239841984332e-6 / 1e14,
        "em_max": 1.239841984332e-6 / low, "facility_name": "HESS", "instrument_name": "four",
        "obs_release_date": f"20{number % 30 + 10:02d}-01-01T00:00:00" if number % 2 else None,
        "data_rights": ["public", "proprietary"][number % 2], "proposal_id": f"P-{number % 7}",
        "target_class": None, "ev_xel": number * 10, "t_intervals": MOCS[number % 3], "energy_min": low,
        "energy_max": 1e14, "obs_mode": "WOBBLE", "tracking_type": "sidereal",
        "tracking_mode": "sidereal", "scan_mode": "on-off",
        "pointing_mode": ["parallel", "divergent"][number % 2], "analysis_mode": "std",
        "event_type": "std", "n_tels": 3 + number % 2, "quality": number % 2,
        "ontime": 20.0 + number % 9, "ra_obj": ra, "dec_obj": dec - 0.5, "offset_obj": 0.5,
        "zen_pnt": 10.0 + number % 40, "livetime": 1000.0 + number,
        "moon_level": ["None", "Dark", "Bright"][number % 3], "sky_brightness": 20 + number / 50,
        "proposal_type": "key", "proposal_title": f"Title {number % 4}", "proposal_contact": "Ada",
        "size": number,
    }  # fmt: skip


def full(**changes: Any) -> Service:
    """Make a service with the extension; the last tenth of the rows is in ivoa.obscore alone."""
    rows = [row(number) for number in range(COUNT)]
    tables = {"ivoa.obscore": OBSCORE, "ivoa.obscore_hea": HEA, "sim.obscore": OBSCORE + HEA[1:] + CONTEXT}
    content = {"ivoa.obscore": rows, "ivoa.obscore_hea": rows[: COUNT * 9 // 10], "sim.obscore": rows}
    return Service(tables, content, **{"functions": list(FUNCTIONS), **changes})


def plain(**changes: Any) -> Service:
    """Make a service with ObsCore 1.1 and nothing else, as others have it."""
    rows = [row(number) for number in range(COUNT)]
    given = {"offset": False, "binary2": False, "strings": [], "time_scale": "UTC"}
    return Service({"ivoa.obscore": OBSCORE}, {"ivoa.obscore": rows}, **{**given, **changes})


class Redis:
    """Keeps values; does not when told so."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.seconds: dict[str, int] = {}
        self.is_down = False

    async def get(self, key: str) -> bytes | None:
        if self.is_down:
            raise OSError("Redis is down")
        return self.values.get(key)

    async def set(self, key: str, value: bytes, ex: int) -> None:
        assert ex > 0
        if self.is_down:
            raise OSError("Redis is down")
        self.values[key] = value
        self.seconds[key] = ex


class Metrics:
    """Counts."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.cache = SimpleNamespace(labels=self._labels)

    def _labels(self, *words: str) -> Any:
        return SimpleNamespace(inc=lambda: self.counts.update([words]))

    @contextlib.contextmanager
    def asking(self, kind: str, service: str) -> Iterator[None]:
        self.counts[kind, service] += 1
        yield


def context(handler: Any, **settings: Any) -> Any:
    """Make what the server has, around one service."""
    service = SimpleNamespace(
        key="own",
        label="Own archive",
        url=URL,
        is_own=True,
        tables=settings.pop("tables", None),
        link_hosts=["links.example"],
        bundle_url=None,
    )
    given = {
        "services": [service], "default_service": None, "title": "Explorer",
        "version": "1.2.3", "simulated_notice": None,
        "resolver_url": None, "remote_surveys": False, "local_hips": None, "page_rows": 50,
        "overview_rows": 10_000,
        "export_rows": 100_000, "basket_items": 100, "job_items": 5, "tap_timeout": 5.0, "cache_seconds": 300,
        "service_accounts": {}, "root_path": "/explorer",
        "service": lambda key: service if key == "own" else None,
        "oidc_issuer": None, "oidc_label": "x", "runners": [],
    }  # fmt: skip
    return SimpleNamespace(
        settings=SimpleNamespace(**{**given, **settings}),
        http=httpx.AsyncClient(transport=httpx.MockTransport(handler)),
        redis=Redis(),
        metrics=Metrics(),
    )
