"""SODA for event lists: the seam between DaCHS's datalink core and the cutting.

``rd/access.rd`` calls `describe`, `parameters` and `answer`. A request is looked at as a whole, with all its
IDs, before DaCHS looks at it: DaCHS's own core knows one ID, and answers with other errors than SODA has.
"""

from __future__ import annotations

import datetime
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gavo import base, svcs, utils
from gavo.base import makeStruct
from gavo.protocols import datalink as dachs
from gavo.protocols.soda import DatalinkFault
from twisted.web import http

from datalink import catalogue
from datalink.catalogue import Resolved
from datalink.cutouts.answers import Answer, Archive, JobFile
from datalink.cutouts.descriptors import FITS, FORMATS, PROV_VOTABLE, TAR, closed, input_keys
from datalink.cutouts.packing import Packer, Wanted, name_of
from datalink.cutouts.selection import PARAMETERS as SELECTING
from datalink.cutouts.selection import Selection
from datalink.files import EventList, Fault, File
from datalink.rights import asking_request, asking_user, challenge
from ingest.errors import CherenkovVOError, KeywordError, SelectionError
from ingest.provenance import Facts

MAX_IDS = 500
"""So many IDs in one request; more are to be asked for in several."""

RESPONSES = ("none", "all")

OTHERS = ("RUNID", "PHASE", "ACTION", "DESTRUCTION", "EXECUTIONDURATION")
"""Parameters of DALI 1.1 and UWS 1.1 that may come along: DaCHS hands all of a new job's on to its core."""


class RefusedError(base.ValidationError):  # type: ignore[misc]
    """A request cannot be answered: becomes an answer as SODA 1.0, section 5.2 has it.

    Parameters
    ----------
    label
        One of SODA's labels.
    message
        What is wrong.
    code
        The HTTP status.
    """

    def __init__(self, label: str, message: str, code: int = http.BAD_REQUEST) -> None:
        super().__init__(message, "ID")
        self.text = f"{label}: {message}"
        # DaCHS answers with these two.
        self.responseCode, self.responsePayload = code, f"{self.text}\n"

    def __str__(self) -> str:
        return self.text


@dataclass
class Cutout(dachs.DatalinkDescriptorMixin):  # type: ignore[misc]
    """What DaCHS calls a descriptor: one ID, and all that the request wants.

    Attributes
    ----------
    pubDID
        The ID.
    event_lists
        What it stands for.
    wanted, media_type
        What the whole request wants; None where only the service is to be described.
    """

    pubDID: str  # noqa: N815 - DaCHS's name
    event_lists: tuple[EventList, ...]
    wanted: Wanted | None = None
    media_type: str = FITS

    suppressAutoLinks = True  # noqa: N815 - DaCHS's name


def describe(identifier: str, arguments: Any) -> Any:
    """Make what DaCHS calls a descriptor.

    Parameters
    ----------
    identifier
        One of the IDs of the request.
    arguments
        All arguments as they came, name to list of texts; what they mean is kept there for the next ID.

    Returns
    -------
    Cutout or DatalinkFault
        The latter where links are asked for.

    Raises
    ------
    RefusedError
        Data are asked for, and the request makes no sense, or the user has no right to them.
    """
    known = getattr(arguments, "cherenkov_cutouts", None)
    if known is None:
        _check_text(arguments)
        for_links = utils.stealVar("renderer").name == "dlmeta"
        known = _links(arguments) if for_links else _request(arguments)
        arguments.cherenkov_cutouts = known
    return known[identifier]


def _check_text(arguments: Mapping[str, Sequence[Any]]) -> None:
    """See that all values are text: DaCHS has an object of its own for bytes that are not UTF-8."""
    for name, values in arguments.items():
        if not all(isinstance(value, str) for value in values):
            raise RefusedError("UsageError", f"{catalogue.shown(name)}: expected text in UTF-8")


def _links(arguments: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    identifiers = list(dict.fromkeys(arguments.get("ID") or []))
    user, found = asking_user(), {}
    for identifier, what in catalogue.resolve(identifiers[:MAX_IDS]).items():
        if isinstance(what, Fault):
            make = getattr(DatalinkFault, what.kind)
            found[identifier] = make(what.identifier, what.message, semantics="#cutout")
            continue
        shut = closed(what.event_lists, user, responses=False)
        if not what.event_lists or not all(events.files for events in what.event_lists):
            found[identifier] = DatalinkFault.UsageFault(identifier, _NO_EVENTS, semantics="#cutout")
        elif shut is not None:
            kind = "AuthenticationFault" if user.name is None else "AuthorizationFault"
            found[identifier] = getattr(DatalinkFault, kind)(identifier, shut.reason, semantics="#cutout")
        else:
            found[identifier] = Cutout(identifier, what.event_lists)
    for identifier in identifiers[MAX_IDS:]:
        found[identifier] = DatalinkFault.UsageFault(
            catalogue.shown(identifier), _TOO_MANY, semantics="#cutout"
        )
    return found


_NO_EVENTS = "No event list; events can be selected from event lists only"
_TOO_MANY = f"More than {MAX_IDS} IDs in one request"


def _request(arguments: Mapping[str, Sequence[str]]) -> dict[str, Cutout]:
    identifiers = list(dict.fromkeys(arguments.get("ID") or []))
    if len(identifiers) > MAX_IDS:
        raise RefusedError("UsageError", _TOO_MANY)
    try:
        selection = Selection.parse(arguments)
        responses = _choice("RESPONSES", arguments, RESPONSES) == "all"
        media_type = _choice("RESPONSEFORMAT", arguments, tuple(FORMATS))
    except SelectionError as error:
        raise RefusedError(error.label, str(error)) from error
    resolved = catalogue.resolve(identifiers)
    event_lists = _event_lists(resolved)
    media_type = media_type or (FITS if len(event_lists) == 1 else TAR)
    if len(event_lists) > 1 and media_type != TAR:
        message = f"{len(event_lists)} event lists make no {media_type}; expected one, or {TAR}"
        raise RefusedError("UsageError", f"RESPONSEFORMAT: {message}")
    _check_rights(event_lists, responses=responses)
    wanted = Wanted(selection, event_lists, responses)
    return {
        identifier: Cutout(identifier, what.event_lists, wanted, media_type)
        for identifier, what in resolved.items()
        if isinstance(what, Resolved)
    }


def _choice(name: str, arguments: Mapping[str, Sequence[str]], options: Sequence[str]) -> str | None:
    values = [value.strip() for key, given in arguments.items() if key.upper() == name for value in given]
    values = [value for value in values if value]
    if len(values) > 1:
        label = "MultiValuedParamNotSupported"
        raise SelectionError(name, ", ".join(values), f"{len(values)} values, expected one", label=label)
    if values and values[0].lower() not in options:
        raise SelectionError(name, values[0], f"expected one of {', '.join(options)}")
    return values[0].lower() if values else None


def _event_lists(resolved: Mapping[str, Resolved | Fault]) -> tuple[EventList, ...]:
    found: dict[str, EventList] = {}
    for identifier, what in resolved.items():
        if isinstance(what, Fault):
            code = http.NOT_FOUND if what.kind == "NotFoundFault" else http.BAD_REQUEST
            raise RefusedError("UsageError", f"ID = {what.identifier}: {what.message}", code)
        if not what.event_lists or not all(events.files for events in what.event_lists):
            raise RefusedError("UsageError", f"ID = {catalogue.shown(identifier)}: {_NO_EVENTS}")
        found |= {events.did: events for events in what.event_lists}
    return tuple(found.values())


def _check_rights(event_lists: Sequence[EventList], *, responses: bool) -> None:
    user, request = asking_user(), asking_request()
    for events in event_lists:
        shut = closed([events], user, responses=responses)
        if shut is None:
            continue
        message = f"ID = {events.did}: {shut.reason}"
        if user.name is not None:
            raise RefusedError(
                "AuthorizationError", f"{message} {user.name} has no right to them.", http.FORBIDDEN
            )
        if request is not None:
            request.setHeader("www-authenticate", challenge())
        raise RefusedError("AuthenticationError", f"{message} Log in to get them.", http.UNAUTHORIZED)


def parameters(found: Cutout) -> Iterator[Any]:
    """Yield the parameters of the service: described, or as they came if data are wanted.

    In the latter case they have been read, and DaCHS is not to read them again: it would refuse what lies
    beyond the limits of the last ID.
    """
    if found.wanted is None:
        yield from input_keys(found.event_lists)
        return
    for name in (*SELECTING, "RESPONSES", "RESPONSEFORMAT", *OTHERS):
        yield makeStruct(svcs.InputKey, name=name, type="text", multiplicity="multiple")


def answer(found: Cutout) -> Any:
    """Make the answer, in DaCHS's thread or in the process of a job.

    Returns
    -------
    tuple or twisted.web.resource.Resource
        Media type and bytes for a job; what twisted renders else.

    Raises
    ------
    RefusedError
        The data are not there, or do not have what the selection needs.
    """
    packer = _packer(found)
    request = asking_request()
    try:
        if found.media_type == TAR:
            _check_files(packer.wanted)
            return _archive(packer) if request is not None else _archive_of_job(packer)
        content, name = _single(packer, found.media_type)
    except KeywordError as error:
        raise RefusedError("UsageError", f"This event list cannot be selected from so: {error}") from error
    except CherenkovVOError as error:
        base.ui.notifyError(f"cut-out: {error}")
        message = "The archive has a problem with this event list"
        raise RefusedError("ServiceUnavailable", message, http.SERVICE_UNAVAILABLE) from error
    if request is None:
        return found.media_type, content
    return Answer(found.media_type, name, content)


def _packer(found: Cutout) -> Packer:
    if found.wanted is None:  # DaCHS makes data for dlget only
        raise RefusedError("UsageError", "nothing was asked for")

    def read(file: File) -> bytes:
        return catalogue.bytes_of(file).read()

    def facts(events: EventList) -> Facts | None:
        return catalogue.facts(events.collection, [events.obs_id]).get(events.obs_id)

    return Packer(found.wanted, catalogue.origin(), read, facts, datetime.datetime.now(datetime.UTC))


def _check_files(wanted: Wanted) -> None:
    """See that all files are there before a long answer begins."""
    for events in wanted.event_lists:
        for file in wanted.files(events):
            catalogue.bytes_of(file)


def _single(packer: Packer, media_type: str) -> tuple[bytes, str]:
    events = packer.wanted.event_lists[0]
    name = name_of(events)
    if media_type == FITS:
        return packer.cutout(events), name
    votable = media_type == PROV_VOTABLE
    document = packer.provenance(events, votable=votable)
    if document is None:
        raise RefusedError("UsageError", f"The provenance of {events.did} is not known", http.NOT_FOUND)
    suffix = ".xml" if votable else ".json"
    return document, f"{name.removesuffix('.fits')}_provenance{suffix}"


def _archive(packer: Packer) -> Archive:
    # The first cut-out is made before anything is sent: what goes wrong there becomes a proper error.
    chunks = packer.archive()
    first = next(chunks)

    def all_chunks() -> Generator[bytes, None, None]:
        yield first
        yield from chunks

    return Archive(TAR, "cutouts.tar", all_chunks())


def _archive_of_job(packer: Packer) -> JobFile:
    """Write the archive to a file of the job, so that an error makes the job fail."""
    path = Path(utils.stealVar("job").getWD()) / "cutouts.part"
    try:
        with path.open("wb") as opened:
            for chunk in packer.archive():
                opened.write(chunk)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return JobFile(path, TAR)
