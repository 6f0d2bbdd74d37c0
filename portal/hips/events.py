"""The directions of the events of a list: downloaded, and read."""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units
from astropy.io import fits

from portal.hips import tables
from portal.hips.asking import MIB, Client
from portal.hips.errors import ListError, NotPublicError
from portal.hips.lists import EventList

LINKS_MIB = 16
REFUSALS = ("authenticationerror", "authorizationerror")
"""What error messages begin with that mean that something is not for everybody (DataLink 1.1, 3.4)."""

Degrees = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Events:
    """The events of a list.

    Attributes
    ----------
    ra, dec
        Directions in degrees, ICRS.
    is_simulated
        Whether the file says that they are simulated.
    """

    ra: Degrees
    dec: Degrees
    is_simulated: bool = False


def load(client: Client, wanted: EventList) -> Events:
    """Download an event list, and read where its events come from.

    Parameters
    ----------
    client
        Asks.
    wanted
        The event list.

    Returns
    -------
    Events
        Its events.

    Raises
    ------
    NotPublicError
        It is not for everybody.
    ListError
        It cannot be had or read.
    """
    with tempfile.TemporaryDirectory(prefix="hips-") as place:
        path = Path(place, "events")
        url = _target(client, wanted, path) if wanted.is_linked else wanted.access_url
        client.fetch(url, path)
        return read(path)


def _target(client: Client, wanted: EventList, path: Path) -> str:
    """Give the URL of the data set itself, from its document of links."""
    client.fetch(wanted.access_url, path, LINKS_MIB * MIB)
    try:
        with path.open("rb") as file:
            rows = tables.read(file).rows
    except ValueError as error:
        raise ListError(f"{wanted.access_url}: {error}") from error
    links = [row for row in rows if str(row.get("semantics") or "").endswith("#this")]
    for row in links:
        if row.get("access_url") and not row.get("service_def"):
            return str(row["access_url"])
    reason = next((str(row["error_message"]) for row in [*links, *rows] if row.get("error_message")), "")
    if reason.lower().startswith(REFUSALS):
        raise NotPublicError(reason)
    raise ListError(f"{wanted.access_url} links to no data: {reason or 'there is no #this'}")


def read(path: Path) -> Events:
    """Read an event list: the table EVENTS of a FITS file, or the first one with RA and DEC.

    Parameters
    ----------
    path
        The file, which may be packed by gzip.

    Returns
    -------
    Events
        Its events. Those without a direction are left out.

    Raises
    ------
    ListError
        It is no event list.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(path, memmap=False) as file:
                table = _table(file)
                ra, dec = (_degrees(table, name) for name in ("RA", "DEC"))
                simulated = any(
                    _is_true(hdu.header.get(name)) for hdu in (file[0], table) for name in _SIMULATED
                )
    except (OSError, ValueError, TypeError, KeyError, IndexError, EOFError, fits.VerifyError) as error:
        raise ListError(f"it is no event list in FITS ({' '.join(str(error).split())})") from error
    good = np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90)
    return Events(ra[good] % 360, dec[good], simulated)


_SIMULATED = ("SIMULATE", "SIMULATD")
"""Keywords by which files say that they are simulated."""


def _is_true(value: Any) -> bool:
    return value is True or str(value).strip().upper() in {"T", "TRUE", "YES"}


def _table(file: fits.HDUList) -> fits.BinTableHDU:
    fitting: list[fits.BinTableHDU] = [
        hdu
        for hdu in file
        if isinstance(hdu, fits.BinTableHDU) and {"RA", "DEC"} <= {name.upper() for name in hdu.columns.names}
    ]
    if not fitting:
        raise ValueError("there is no table with RA and DEC")
    return next((hdu for hdu in fitting if hdu.name == "EVENTS"), fitting[0])


def _degrees(table: fits.BinTableHDU, name: str) -> Degrees:
    column = next(column for column in table.columns if column.name.upper() == name)
    values = np.asarray(table.data[column.name], dtype=np.float64)
    unit = units.Unit(column.unit) if column.unit else units.deg
    return np.asarray((values * unit).to_value(units.deg), dtype=np.float64)
