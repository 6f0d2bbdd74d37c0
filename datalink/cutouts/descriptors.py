"""What tells clients of event selection: parameters, and service descriptors in DataLink documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gavo import base, rscdef, svcs
from gavo.base import makeStruct
from gavo.protocols import datalink as dachs

from datalink.cutouts.limits import Limits
from datalink.cutouts.packing import Wanted
from datalink.cutouts.selection import Selection
from datalink.files import Access, EventList, User, today

FITS = "application/x-fits-gadf"
TAR = "application/x-tar"
PROV_JSON = "application/json"
PROV_VOTABLE = "application/x-votable+xml"
FORMATS = {
    FITS: "The selected events with their good times, and responses if asked for, as one GADF file",
    TAR: "An archive of these files with index tables, also for several IDs",
    PROV_JSON: "The provenance of the selected events as W3C PROV-JSON",
    PROV_VOTABLE: "The provenance of the selected events as PROV-VOTable",
}
"""Values of RESPONSEFORMAT and what they stand for."""


@dataclass(frozen=True)
class Parameter:
    """What a service descriptor says of a parameter: SODA 1.0, section 3, and our own."""

    name: str
    kind: str
    unit: str | None
    ucd: str
    xtype: str | None
    description: str


PARAMETERS = (
    Parameter(
        "CIRCLE", "double precision(3)", "deg", "pos.outline;obs", "circle",
        "Events in this circle on the sky: right ascension, declination, radius (ICRS).",
    ),
    Parameter(
        "POLYGON", "double precision(*)", "deg", "pos.outline;obs", "polygon",
        "Events in this polygon on the sky: right ascension and declination of each corner (ICRS).",
    ),
    Parameter(
        "TIME", "double precision[2]", "d", "time.interval;obs.exposure", "interval",
        "Events in this interval of time: MJD in TT. Good times are cut to it.",
    ),
    Parameter(
        "BAND", "double precision[2]", "m", "em.wl;stat.interval", "interval",
        "Events in this interval of wavelengths. The limits told are of the safe energy range; there"
        " are events outside of it, too.",
    ),
    Parameter(
        "ENERGY", "double precision[2]", "eV", "em.energy;stat.interval", "interval",
        "Events in this interval of energies. The limits told are the safe energy range; there are"
        " events outside of it, too.",
    ),
)  # fmt: skip


def closed(event_lists: Sequence[EventList], user: User, *, responses: bool) -> Access | None:
    """Give why the user may not have what is asked for; None if he may."""
    wanted = Wanted(Selection(), tuple(event_lists), responses)
    files = (file for events in event_lists for file in wanted.files(events))
    return next((file.access for file in files if not file.access.open_to(user, today())), None)


Limited = Mapping[str, tuple[str | None, str | None]]
"""Parameter to its limits, as `Limits.written` gives them."""


def input_keys(event_lists: Sequence[EventList], limits: Limited | None = None) -> Iterator[Any]:
    """Yield the parameters of the service, with the limits of an event list if it is one, or others."""
    if limits is None:
        limits = Limits.of(event_lists[0].row).written() if len(event_lists) == 1 else {}
    for parameter in PARAMETERS:
        low, high = limits.get(parameter.name, (None, None))
        more = {} if high is None else {"values": makeStruct(rscdef.Values, min=low, max=high)}
        yield makeStruct(
            svcs.InputKey,
            name=parameter.name,
            type=parameter.kind,
            unit=parameter.unit,
            ucd=parameter.ucd,
            xtype=parameter.xtype,
            description=parameter.description,
            multiplicity="forced-single",
            **more,
        )
    yield _options(
        "RESPONSES",
        "meta.code",
        "Whether the instrument responses go along: none, or all of them, as they are.",
        {"none": "Events and good times only", "all": "With all responses"},
    )
    yield _options("RESPONSEFORMAT", "meta.code.mime", "Format of the answer.", FORMATS)


def _options(name: str, ucd: str, description: str, options: Mapping[str, str]) -> Any:
    values = [makeStruct(rscdef.Option, content_=value, title=title) for value, title in options.items()]
    return makeStruct(
        svcs.InputKey,
        name=name,
        type="text",
        ucd=ucd,
        description=description,
        multiplicity="forced-single",
        values=makeStruct(rscdef.Values, options=values),
    )


class CutoutLink(dachs.ExternalProcLinkDef):  # type: ignore[misc]
    """A row of a DataLink document with the semantics #cutout, and the service descriptor behind it."""

    def asDict(self) -> dict[str, Any]:  # noqa: N802 - DaCHS's name
        """Give the row."""
        return dict(super().asDict()) | {"semantics": "#cutout", "content_type": FITS}


@dataclass(frozen=True)
class Selectable:
    """That events of an event list can be selected, in one of the two ways of SODA.

    Attributes
    ----------
    identifier
        What the document was asked for.
    events
        The event list.
    renderer, standard
        Last segment of the service's path, and which standard it follows.
    how, several
        Of its name: in which way, and the number of the event list among several, with a space.
    """

    identifier: str
    events: EventList
    renderer: str
    standard: str
    how: str
    several: str

    @property
    def name(self) -> str:
        """A name that no other one of the document has."""
        return f"cutout {self.identifier}{self.several} ({self.how})"

    @property
    def description(self) -> str:
        """What it does."""
        return f"Events of {self.events.obs_id} in a region, an interval of time or of energies ({self.how})"

    def link(self, limits: Limited | None = None) -> CutoutLink:
        """Give what DaCHS makes row and descriptor from; with other limits than those of the event list."""
        keys = [
            makeStruct(
                svcs.InputKey, name="ID", type="text", ucd="meta.ref.url;meta.curation",
                description="The event list", multiplicity="multiple", content_=self.events.did,
            ),
            *input_keys([self.events], limits),
        ]  # fmt: skip
        link = CutoutLink(
            self.identifier,
            keys,
            f"{base.getCurrentServerURL()}/rd/access/cutout/{self.renderer}",
            "Event selection",
            self.description,
            standardId=self.standard,
        )
        link.serviceDescriptor.name = self.name
        return link


WAYS = (("dlget", dachs.SYNC_STANDARD_ID, "at once"), ("dlasync", dachs.ASYNC_STANDARD_ID, "as a job"))


def selectable(identifier: str, event_lists: Sequence[EventList], user: User) -> Iterator[Selectable]:
    """Yield what tells clients that events can be selected, for the document of an identifier.

    Parameters
    ----------
    identifier
        As it was asked for.
    event_lists
        What it stands for; those without files, or closed to the user, are left out.
    user
        Who asks.
    """
    for number, events in enumerate(event_lists, start=1):
        if not events.files or closed([events], user, responses=False) is not None:
            continue
        several = f" {number}" if len(event_lists) > 1 else ""
        for renderer, standard, how in WAYS:
            yield Selectable(identifier, events, renderer, standard, how, several)
