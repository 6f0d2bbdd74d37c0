"""What a service's language can do, as its capabilities say (TAPRegExt)."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

import anyio

from portal.server.models.config import Availability, Feature
from portal.server.services import http, states, xml
from portal.server.services.errors import AnswerError
from portal.server.services.known import Column, Language, Table
from portal.server.services.needs import Context, ServiceSettings

FEATURES = "ivo://ivoa.net/std/tapregext#features-"
BINARY2 = "ivo://ivoa.net/std/tapregext#output-votable-binary2"
NOCASE = "ivo_nocasematch"
REGEX = "gavo_match"
TMOC = ("ivo_tmoc_overlaps", "gavo_tmoc_overlaps")
ENERGIES = ("ivo_energy_overlaps", "gavo_energy_overlaps")


async def read(context: Context, service: ServiceSettings) -> Language:
    """Read the capabilities of a service.

    Parameters
    ----------
    context
        The server's context.
    service
        The service.

    Returns
    -------
    Language
        What its ADQL can do.

    Raises
    ------
    AnswerError
        If they cannot be read.
    """
    reply = await http.fetch(
        context,
        service,
        service.url.rstrip("/") + "/capabilities",
        headers={"Accept": "application/xml, text/xml"},
    )
    if reply.status != 200:
        raise AnswerError(
            f"{service.label} does not tell what it can do: its capabilities gave status {reply.status}. "
            "Is there a TAP service at its address?"
        )
    return await anyio.to_thread.run_sync(parse, reply.content)


def parse(content: bytes) -> Language:
    """Read a document of capabilities.

    Parameters
    ----------
    content
        The document.

    Returns
    -------
    Language
        What ADQL can do there.

    Raises
    ------
    AnswerError
        If there is no TAP in it.
    """
    root = xml.read(content)
    tap = next(
        (
            c
            for c in root.iter("capability")
            if (c.get("standardID") or "").lower() == "ivo://ivoa.net/std/tap"
        ),
        None,
    )
    if tap is None:
        raise AnswerError("The service's capabilities have no TAP in them.")
    groups: dict[str, list[str]] = {}
    for language in tap.iter("language"):
        if (xml.text(language.find("name")) or "").upper() != "ADQL":
            continue
        for features in language.iter("languageFeatures"):
            kind = (features.get("type") or "").lower().removeprefix(FEATURES)
            groups.setdefault(kind, []).extend(xml.text(form) or "" for form in features.iter("form"))
    strings = {form.upper() for form in groups.get("adql-string", []) + groups.get("adql-strings", [])}
    return Language(
        functions=sorted({_function(form) for form in groups.get("udf", [])} - {""}),
        geometry=sorted({form.upper() for form in groups["adqlgeo"]}) if "adqlgeo" in groups else None,
        has_offset=any(form.upper() == "OFFSET" for form in groups.get("adql-offset", [])),
        has_lower="LOWER" in strings,
        has_ilike="ILIKE" in strings,
        binary2=_binary2(tap),
        hard_limit=_hard_limit(tap),
    )


def _function(form: str) -> str:
    match = re.match(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*\(", form)
    return match.group(1).lower() if match else ""


def _binary2(tap: Element) -> str | None:
    for output in tap.iter("outputFormat"):
        mime = xml.text(output.find("mime"))
        if mime and ((output.get("ivo-id") or "").lower() == BINARY2 or "serialization=BINARY2" in mime):
            return mime
    return None


def _hard_limit(tap: Element) -> int | None:
    for limit in tap.iter("outputLimit"):
        hard = limit.find("hard")
        if hard is not None and hard.get("unit", "row") == "row" and (xml.text(hard) or "").isdigit():
            return int(xml.text(hard) or "")
    return None


def cone(table: Table, language: Language) -> Availability:
    """Tell whether rows can be found by the position of the pointing.

    Parameters
    ----------
    table
        The table.
    language
        What the service's ADQL can do.

    Returns
    -------
    Availability
        With the reason if not.
    """
    if not language.has_geometry("POINT", "CIRCLE", "CONTAINS"):
        return states.no("The service does not offer ADQL's POINT, CIRCLE and CONTAINS.")
    return _columns(table, "s_ra", "s_dec")


def region(table: Table, language: Language) -> Availability:
    """Tell whether rows can be found by their field of view.

    Parameters
    ----------
    table
        The table.
    language
        What the service's ADQL can do.

    Returns
    -------
    Availability
        With the reason if not.
    """
    if not language.has_geometry("CIRCLE", "INTERSECTS"):
        return states.no("The service does not offer ADQL's CIRCLE and INTERSECTS.")
    return _columns(table, "s_region")


def time(table: Table, scale: str | None) -> Availability:
    """Tell whether rows can be found by time.

    Parameters
    ----------
    table
        The table.
    scale
        The time scale that the table declares.

    Returns
    -------
    Availability
        With a reason if not, and with a warning if the scale is not told.
    """
    state = _columns(table, "t_min", "t_max")
    if state.available and scale is None:
        return Availability(
            available=True,
            reason="The service does not say in which time scale its times are. TT is assumed; "
            "if they are UTC, limits are off by about a minute.",
        )
    return state


def intervals(table: Table, language: Language) -> Availability:
    """Tell whether rows can be found by their good time intervals.

    Parameters
    ----------
    table
        The table.
    language
        What the service's ADQL can do.

    Returns
    -------
    Availability
        With the reason if not.
    """
    if table.find("t_intervals") is None:
        return states.no("The table has no column t_intervals with the observations' time coverage.")
    if language.function(*TMOC) is None:
        return states.no(f"The service has no function that compares time coverages ({' or '.join(TMOC)}).")
    return states.YES


def energy(table: Table) -> Availability:
    """Tell whether rows can be found by energy.

    Parameters
    ----------
    table
        The table.

    Returns
    -------
    Availability
        With the reason if not.
    """
    if energies(table) is not None:
        return states.YES
    return states.no("The table has neither the columns energy_min and energy_max nor em_min and em_max.")


def energies(table: Table) -> tuple[Column, Column, bool] | None:
    """Give the columns with the limits in energy.

    Parameters
    ----------
    table
        The table.

    Returns
    -------
    tuple or None
        The columns, and whether they are wavelengths: then the first belongs to the highest energy.
    """
    for low, high, is_wave in (("energy_min", "energy_max", False), ("em_min", "em_max", True)):
        first, second = table.find(low), table.find(high)
        if first is not None and second is not None and first.is_number and second.is_number:
            return first, second, is_wave
    return None


def nocase(language: Language) -> Availability:
    """Tell whether texts can be searched whatever their case.

    Parameters
    ----------
    language
        What the service's ADQL can do.

    Returns
    -------
    Availability
        With the reason if not.
    """
    if language.function(NOCASE) or language.has_ilike or language.has_lower:
        return states.YES
    return states.no(
        "The service cannot compare texts without regard to upper and lower case "
        "(it has none of ivo_nocasematch, ILIKE and LOWER)."
    )


def all_of(table: Table, language: Language, scale: str | None) -> list[Feature]:
    """Give all features of a table.

    Parameters
    ----------
    table
        The table.
    language
        What the service's ADQL can do.
    scale
        The time scale that the table declares.

    Returns
    -------
    list of Feature
        Each with its state.
    """
    offset = (
        states.YES
        if language.has_offset
        else states.no("The service cannot skip rows (OFFSET), so that pages far behind take longer.")
    )
    return [
        Feature(key="cone", state=cone(table, language)),
        Feature(key="region", state=region(table, language)),
        Feature(key="time", state=time(table, scale)),
        Feature(key="intervals", state=intervals(table, language)),
        Feature(key="energy", state=energy(table)),
        Feature(key="offset", state=offset),
        Feature(key="nocase", state=nocase(language)),
    ]


def _columns(table: Table, *names: str) -> Availability:
    missing = [name for name in names if table.find(name) is None]
    if missing:
        return states.no(f"The table has no column {' and no column '.join(missing)}.")
    return states.YES
