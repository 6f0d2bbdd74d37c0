"""Where objects are: by the archive's own targets, and by CDS's Sesame."""

from __future__ import annotations

from typing import Literal
from urllib.parse import quote
from xml.etree.ElementTree import Element

import anyio
import httpx

from portal.server.models.config import ResolverInfo
from portal.server.models.results import Resolved, ResolveRequest
from portal.server.services import cache, choices, states, xml
from portal.server.services.errors import (
    AnswerError,
    NameUnknownError,
    ResolverOffError,
    ServiceDownError,
    ServiceError,
    ServiceSlowError,
)
from portal.server.services.needs import Context, ServiceSettings, allowed

Resolver = Literal["own", "simbad", "ned", "vizier", "any"]

LETTERS = {"simbad": "S", "ned": "N", "vizier": "V", "any": "SNV"}
NAMES = {"simbad": "SIMBAD", "ned": "NED", "vizier": "VizieR", "any": "SIMBAD, NED and VizieR"}
MAX_ALIASES = 50
MAX_ALIKE = 5
MAX_BYTES = 2 * 2**20
SECONDS = 15.0
KEPT = 24 * 3600
OFF = (
    "Looking up names elsewhere is switched off here. "
    "Give coordinates, or the name of a target of this archive."
)


def infos(context: Context) -> list[ResolverInfo]:
    """Give the resolvers and whether they can be asked.

    Parameters
    ----------
    context
        The server's context.

    Returns
    -------
    list of ResolverInfo
        The archive's own targets first.
    """
    state = states.YES if context.settings.resolver_url else states.no(OFF)
    return [
        ResolverInfo(name="own", label="Targets of this archive", state=states.YES),
        ResolverInfo(name="simbad", label="SIMBAD", state=state),
        ResolverInfo(name="ned", label="NED", state=state),
        ResolverInfo(name="vizier", label="VizieR", state=state),
    ]


async def resolve(context: Context, request: ResolveRequest) -> Resolved:
    """Find an object.

    Parameters
    ----------
    context
        The server's context.
    request
        Its name, and who is to be asked.

    Returns
    -------
    Resolved
        Where it is, and who says so.

    Raises
    ------
    NameUnknownError
        If nobody who was asked knows it.
    ResolverOffError
        If nobody else may be asked.
    ServiceError
        If the resolver does not answer.
    """
    name = " ".join(request.name.split())
    if not name:
        raise NameUnknownError("An empty name stands for nothing.")
    trouble: ServiceError | None = None
    if request.resolver in {"own", "any"}:
        service = allowed(
            context, request.service or context.settings.default_service or context.settings.services[0].key
        )
        try:
            found = await _own(context, service, name)
        except ServiceError as error:
            if request.resolver == "own":
                raise
            # The archive's being down does not keep others from knowing the name.
            found, trouble = None, error
        if found is not None:
            return found
        if request.resolver == "own":
            told = f"{service.label} has no target called '{name}'."
            raise NameUnknownError(told + await _alike(context, service, name))
        if not context.settings.resolver_url and trouble is None:
            told = f"No target of the archive is called '{name}', and names are not looked up elsewhere here."
            raise ResolverOffError(told + await _alike(context, service, name))
    if not context.settings.resolver_url:
        raise ResolverOffError(OFF)
    return await _sesame(context, name, request.resolver)


async def _own(context: Context, service: ServiceSettings, name: str) -> Resolved | None:
    target = await choices.find_target(context, service, name)
    if target is None:
        return None
    return Resolved(
        name=target.name, ra=target.ra, dec=target.dec, resolver="own", object_type=None, aliases=[]
    )


async def _alike(context: Context, service: ServiceSettings, name: str) -> str:
    """Tell which own targets have the name as a part of theirs; nothing if none has."""
    found = await choices.targets(context, service, None, name)
    names = [target.name for target in found.values]
    if not names:
        return ""
    more = f" and {len(names) - MAX_ALIKE} more" if len(names) > MAX_ALIKE else ""
    return f" With this in their names there are: {', '.join(names[:MAX_ALIKE])}{more}."


async def _sesame(context: Context, name: str, resolver: Resolver) -> Resolved:
    words = ("sesame", str(context.settings.resolver_url), resolver, name)
    found = await cache.kept(
        context, words, Resolved | None, lambda: _ask(context, name, resolver), seconds=KEPT
    )
    if found is None:
        raise NameUnknownError(f"{NAMES[resolver]} do{'' if resolver == 'any' else 'es'} not know '{name}'.")
    return found


async def _ask(context: Context, name: str, resolver: Resolver) -> Resolved | None:
    base = str(context.settings.resolver_url).rstrip("/")
    url = f"{base}/-oxI/{LETTERS[resolver]}?{quote(name, safe='')}"
    with context.metrics.asking("resolver", "sesame"):
        content = await _get(context, url)
    return await anyio.to_thread.run_sync(parse, content, name)


async def _get(context: Context, url: str) -> bytes:
    content = bytearray()
    try:
        with anyio.fail_after(SECONDS):
            async with context.http.stream("GET", url, follow_redirects=False, timeout=SECONDS) as response:
                if response.status_code != 200:
                    raise ServiceDownError(
                        f"The resolver of names answered with status {response.status_code}. "
                        "Try again later, or give coordinates."
                    )
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > MAX_BYTES:
                        raise AnswerError("The resolver's answer is too long to be one.")
    except (TimeoutError, httpx.TimeoutException) as error:
        raise ServiceSlowError(
            f"The resolver of names did not answer within {SECONDS:g} seconds. "
            "Try again later, or give coordinates."
        ) from error
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise ServiceDownError(
            "The resolver of names cannot be reached at the moment. Try again later, or give coordinates."
        ) from error
    return bytes(content)


def parse(content: bytes, name: str) -> Resolved | None:
    """Read Sesame's answer.

    Parameters
    ----------
    content
        XML of Sesame 4.
    name
        The name that was asked for.

    Returns
    -------
    Resolved or None
        What the first resolver says that knows the object.

    Raises
    ------
    AnswerError
        If it is no answer of Sesame's.
    """
    root = xml.read(content)
    if root.tag != "Sesame":
        raise AnswerError("The resolver's answer is none of Sesame's.")
    resolvers = list(root.iter("Resolver"))
    for element in resolvers:
        ra, dec = _degrees(element, "jradeg"), _degrees(element, "jdedeg")
        if ra is None or dec is None or not (0 <= ra <= 360 and -90 <= dec <= 90):
            continue
        aliases = [text for alias in element.iter("alias") if (text := xml.text(alias))]
        return Resolved(
            name=xml.text(element.find("oname")) or name,
            ra=ra % 360,
            dec=dec,
            resolver=_name(element.get("name") or ""),
            object_type=xml.text(element.find("otype")),
            aliases=aliases[:MAX_ALIASES],
        )
    errors = [text for element in root.iter("ERROR") if (text := xml.text(element))]
    if errors and not resolvers:
        raise ServiceDownError(f"The resolver of names reports: {errors[0][:300]}")
    return None


def _degrees(element: Element, tag: str) -> float | None:
    try:
        return float(xml.text(element.find(tag)) or "")
    except ValueError:
        return None


def _name(told: str) -> str:
    # Sesame writes such as "S=Simbad (via url)".
    lowered = told.partition("=")[2].lower() or told.lower()
    return next(
        (name for name in ("simbad", "ned", "vizier") if lowered.startswith(name)), lowered or "sesame"
    )
