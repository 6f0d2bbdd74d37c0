"""Which event lists a service has for everybody."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from portal.hips import tables
from portal.hips.asking import Client
from portal.hips.errors import ServiceError
from portal.hips.tables import Row

TYPES = ("event-list", "event")
"""Terms for event lists: of the vocabulary of product types, and of ObsCore 1.1."""

TABLES = ("ivoa.obscore", "ivoa.ObsCore", "ivoa.Obscore")
"""How services write the name of the one table."""

NEEDED = (
    *("obs_publisher_did", "obs_collection", "access_url", "access_format", "access_estsize"),
    *("s_ra", "s_dec", "s_fov", "t_min", "t_max", "em_min", "em_max", "t_exptime"),
    *("facility_name", "instrument_name"),
)
OPTIONAL = ("obs_title", "obs_release_date", "data_rights")
"""Columns of ObsCore that are asked for; a service may lack those that are optional."""

SIMULATED = re.compile(r"simulat|\bmonte[ -]?carlo\b", re.IGNORECASE)


@dataclass(frozen=True)
class EventList:
    """One event list; None for what is not known. Units are those of ObsCore."""

    obs_publisher_did: str
    access_url: str
    obs_collection: str | None = None
    access_format: str | None = None
    access_estsize: int | None = None
    s_ra: float | None = None
    s_dec: float | None = None
    s_fov: float | None = None
    t_min: float | None = None
    t_max: float | None = None
    em_min: float | None = None
    em_max: float | None = None
    t_exptime: float | None = None
    facility_name: str | None = None
    instrument_name: str | None = None
    obs_title: str | None = None
    obs_release_date: str | None = None
    data_rights: str | None = None

    def is_public(self, now: datetime) -> bool:
        """Tell whether everybody may have it by now, as far as the service says.

        Parameters
        ----------
        now
            The time, with its zone.
        """
        rights = (self.data_rights or "public").lower()
        if rights == "secure":
            return False
        if self.obs_release_date is None:
            return rights != "proprietary"
        try:
            date = datetime.fromisoformat(self.obs_release_date)
        except ValueError:
            # Whatever it means, it is a reason not to publish.
            return False
        return date.replace(tzinfo=date.tzinfo or UTC) <= now

    @property
    def is_simulated(self) -> bool:
        """Whether what describes it says that it is not measured."""
        texts = (self.obs_collection, self.obs_title, self.facility_name, self.instrument_name)
        return any(SIMULATED.search(text) for text in texts if text)

    @property
    def is_linked(self) -> bool:
        """Whether its URL leads to a document of DataLink."""
        return bool(re.search(r"content\s*=\s*[\"']?datalink", self.access_format or "", re.IGNORECASE))


@dataclass(frozen=True)
class Offer:
    """What a service has.

    Attributes
    ----------
    lists
        The event lists that everybody may have, by identifier.
    closed
        How many there are beside these that not everybody may have.
    is_whole
        Whether these are all.
    """

    lists: list[EventList]
    closed: int = 0
    is_whole: bool = True

    def digest(self, *more: str) -> str:
        """Give a text that changes with the event lists, and with what else matters."""
        content = json.dumps([*more, self.is_whole, *(asdict(one) for one in self.lists)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


def ask(client: Client, service: str, now: datetime) -> Offer:
    """Ask a TAP service for its event lists.

    Parameters
    ----------
    client
        Asks.
    service
        URL of the service.
    now
        The time, with its zone.

    Returns
    -------
    Offer
        What it has.

    Raises
    ------
    ServiceError
        It does not answer, or has no ObsCore.
    """
    names = ", ".join(f"'{name}'" for name in TABLES)
    # All that is put in here is our own.
    schema = f"SELECT column_name FROM TAP_SCHEMA.columns WHERE table_name IN ({names})"  # noqa: S608
    known = _query(client, service, schema, 5000)
    columns = {str(row.get("column_name") or "").strip('"').lower() for row in known}
    if missing := [name for name in ("obs_publisher_did", "access_url") if name not in columns]:
        raise ServiceError(f"{service}: ivoa.obscore has no {' and no '.join(missing)}")
    asked = [name for name in (*NEEDED, *OPTIONAL) if name in columns]
    types = ", ".join(f"'{name}'" for name in TYPES)
    most = client.bounds.lists
    chosen = f"SELECT {', '.join(asked)} FROM ivoa.obscore WHERE dataproduct_type IN ({types})"  # noqa: S608
    rows = _query(client, service, f"{chosen} ORDER BY obs_publisher_did", most + 1)
    found = [_event_list(row) for row in rows if row.get("obs_publisher_did") and row.get("access_url")]
    open_ones = [one for one in found[:most] if one.is_public(now)]
    lists = sorted(open_ones, key=lambda one: one.obs_publisher_did)
    return Offer(lists, len(found[:most]) - len(lists), len(rows) <= most)


def _event_list(row: Row) -> EventList:
    values = {name: value for name, value in row.items() if name in EventList.__dataclass_fields__}
    for name in (*OPTIONAL, "obs_publisher_did", "access_url"):
        if values.get(name) is not None:
            values[name] = str(values[name])
    return EventList(**values)


def _query(client: Client, service: str, adql: str, most: int) -> list[Row]:
    form = {"REQUEST": "doQuery", "LANG": "ADQL", "RESPONSEFORMAT": "votable", "MAXREC": str(most)}
    with tempfile.TemporaryFile() as file:
        client.table(f"{service}/sync", form | {"QUERY": adql}, file)
        file.seek(0)
        try:
            answer = tables.read(file)
        except ValueError as error:
            raise ServiceError(f"{service} does not answer as a TAP service: {error}") from error
    if answer.status == "ERROR":
        raise ServiceError(f"{service} does not answer {adql!r}: {answer.message or 'it says nothing'}")
    return answer.rows
