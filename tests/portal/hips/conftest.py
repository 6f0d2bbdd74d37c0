"""An archive with a few event lists, served on this machine as the standards say."""

from __future__ import annotations

import gzip
import io
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
from astropy.io import fits
from astropy.io.votable import from_table, writeto
from astropy.table import Table

from portal.hips import build
from portal.hips.asking import Client
from portal.hips.settings import Bounds, Wanted

COLUMNS = (
    *("obs_publisher_did", "obs_collection", "access_url", "access_format", "access_estsize"),
    *("s_ra", "s_dec", "s_fov", "t_min", "t_max", "em_min", "em_max", "t_exptime"),
    *("facility_name", "instrument_name", "obs_title", "obs_release_date", "data_rights"),
)
CRAB, VELA = (83.6331, 22.0145), (128.8361, -45.1764)
LINKS = "application/x-votable+xml;content=datalink"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
RANDOM = np.random.default_rng(7)


def event_list(ra: Any, dec: Any, *, simulated: bool = False, packed: bool = False) -> bytes:
    """Write events into FITS as GADF has them."""
    columns = [
        fits.Column("EVENT_ID", "1K", array=np.arange(len(ra))),
        fits.Column("RA", "1D", unit="deg", array=np.asarray(ra, dtype=float)),
        fits.Column("DEC", "1D", unit="deg", array=np.asarray(dec, dtype=float)),
    ]
    table = fits.BinTableHDU.from_columns(columns, name="EVENTS")
    if simulated:
        table.header["SIMULATE"] = True
    target = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(target)
    return gzip.compress(target.getvalue()) if packed else target.getvalue()


def votable(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> bytes:
    """Write rows as a VOTable; numbers stay numbers, and None becomes NULL."""
    values = {}
    for name in columns:
        found = [row.get(name) for row in rows]
        empty: Any = np.nan if any(isinstance(one, float | int) for one in found) else ""
        values[name] = [empty if one is None else one for one in found]
    document = from_table(Table(values, names=columns))
    document.resources[0].type = "results"
    target = io.BytesIO()
    writeto(document, target)
    return target.getvalue()


class Archive:
    """Its rows, its files, and what was asked for."""

    def __init__(self) -> None:
        self.url = ""
        self.rows: list[dict[str, Any]] = []
        self.files: dict[str, tuple[int, str, bytes]] = {}
        self.asked: list[str] = []

    def add(self, name: str, content: bytes, *, status: int = 200, linked: bool = False, **more: Any) -> None:
        """Add an event list."""
        did = f"ivo://test.example/~?{name}"
        self.files[f"/files/{name}"] = (status, "application/fits", content)
        url, kind = f"{self.url}/files/{name}", "application/fits"
        if linked:
            links = [
                {"ID": did, "access_url": f"{self.url}/nothing", "semantics": "#preview"},
                {"ID": did, "access_url": url, "semantics": "#this", "content_type": kind},
            ]
            columns = ("ID", "access_url", "service_def", "error_message", "semantics", "content_type")
            self.files[f"/links/{name}"] = (200, LINKS, votable(links, columns))
            url, kind = f"{self.url}/links/{name}", LINKS
        row = {"obs_publisher_did": did, "obs_collection": "TEST", "access_url": url, "access_format": kind}
        self.rows.append(row | {"access_estsize": 1 + len(content) // 1024, "facility_name": "TEL"} | more)

    def answer(self, adql: str) -> bytes:
        """Answer the two questions that are asked."""
        if "TAP_SCHEMA" in adql:
            return votable([{"column_name": name} for name in COLUMNS], ("column_name",))
        return votable(self.rows, COLUMNS)

    @property
    def fetched(self) -> list[str]:
        """Files that were asked for."""
        return [path for path in self.asked if path.startswith("/files/")]


@pytest.fixture
def archive() -> Iterator[Archive]:
    yield from serve()


def serve() -> Iterator[Archive]:
    found = Archive()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            found.asked.append(self.path)
            self._send(200, "application/x-votable+xml", found.answer(parse_qs(body)["QUERY"][0]))

        def do_GET(self) -> None:
            found.asked.append(self.path)
            self._send(*found.files.get(self.path, (404, "text/plain", b"no")))

        def _send(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def wanted(archive: Archive, directory: Path, **more: Any) -> Wanted:
    bounds = Bounds(**more.pop("bounds", {}))
    did = "ivo://test.example/hips/counts"
    return Wanted(f"{archive.url}/tap", directory, did, "Test Archive", bounds=bounds, **more)


def run(what: Wanted, now: datetime = NOW) -> build.Outcome:
    with Client(what.bounds) as client:
        return build.run(what, client, now)


def properties(directory: Path) -> dict[str, str]:
    lines = (directory / "own" / "properties").read_text(encoding="utf-8").splitlines()
    return {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}


def at(centre: tuple[float, float], number: int, width: float = 1.0) -> tuple[Any, Any]:
    return (
        centre[0] + RANDOM.normal(0, width, number) / np.cos(np.radians(centre[1])),
        centre[1] + RANDOM.normal(0, width, number),
    )
