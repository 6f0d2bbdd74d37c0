"""What a job on a basket is told: which data sets, and parameters that fit them."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portal.jobs.errors import ParameterError
from portal.jobs.parameters import BY_NAME, DEFINITIONS, Definition, read_parameters
from portal.server.errors import BadRequestError, ConflictError, PortalError
from portal.server.models.account import Item
from portal.server.models.jobs import JobForm, Parameter
from portal.server.services import capabilities, identifiers, tap
from portal.server.services.known import Table

if TYPE_CHECKING:
    from portal.server.context import Context
    from portal.server.settings import RunnerSettings, ServiceSettings

ASKED = 500
"""Data sets that are looked up: more than a job takes, so that some may turn out to be none for it."""
TEV_METRES = 1.239841984332e-18
"""Photon energy times wavelength."""
PREFILLED = ("ra", "dec", "energy_min", "energy_max")
RESERVED = {"ID", "PHASE", "RUNID", "WAIT", "ACTION", "EXECUTIONDURATION", "DESTRUCTION", "UPLOAD"}
"""Parameters that are UWS's, or made here."""


@dataclass
class Facts:
    """What the archive says of data sets.

    Attributes
    ----------
    kinds
        Their `dataproduct_type`; None where it is NULL. Those that are not in it are unknown to the service.
    lowest, highest
        Energies in TeV that any of them reaches; None if unknown.
    target
        Position of the object that most of them name; None if unknown.
    """

    kinds: dict[str, str | None] = field(default_factory=dict)
    lowest: float | None = None
    highest: float | None = None
    target: tuple[float, float] | None = None


@dataclass(frozen=True)
class Chosen:
    """What a job takes of a basket.

    Attributes
    ----------
    items, left_out
        What it takes, and why it does not take others.
    facts
        What is known; None if the archive could not be asked.
    """

    items: list[Item]
    left_out: list[str]
    facts: Facts | None


async def choose(context: Context, runner: RunnerSettings, items: Sequence[Item]) -> Chosen:
    """Choose the data sets of a basket that a job takes.

    Parameters
    ----------
    context
        What the server has.
    runner
        Who is to run it. The own one takes data sets of the own services only.
    items
        The basket's.

    Returns
    -------
    Chosen
        What it takes.
    """
    left_out: list[str] = []
    mine = list(items)
    if runner.is_own:
        mine = [item for item in items if _is_own(context, item.service)]
        if others := len(items) - len(mine):
            left_out.append(
                f"{_many(others)} of other services: {runner.label} works on this archive's only."
            )
    facts = None
    try:
        facts = await look_up(context, mine[:ASKED])
    except PortalError as error:
        left_out.append(f"The archive could not be asked about the data sets: {error.message}")
    if facts is not None and runner.is_own:
        mine = _event_lists(mine[:ASKED], facts, left_out) + mine[ASKED:]
    allowed = context.settings.job_items
    if len(mine) > allowed:
        left_out.append(f"{_many(len(mine) - allowed)}: a job takes {allowed}.")
    return Chosen(mine[:allowed], left_out, facts)


def _is_own(context: Context, key: str) -> bool:
    service = context.settings.service(key)
    return service is not None and service.is_own


def _many(number: int) -> str:
    return "1 data set" if number == 1 else f"{number:,} data sets"


def _event_lists(items: Sequence[Item], facts: Facts, left_out: list[str]) -> list[Item]:
    unknown = [item for item in items if item.did not in facts.kinds]
    if unknown:
        left_out.append(f"{_many(len(unknown))} that the archive no longer has, such as {unknown[0].did}.")
    kept = []
    others: Counter[str] = Counter()
    for item in items:
        kind = facts.kinds.get(item.did, "")
        if kind is None or "event" in kind:
            kept.append(item)
        elif kind:
            others[kind] += 1
    left_out += [f"{_many(number)} of type {kind}: no events." for kind, number in others.items()]
    return kept


async def look_up(context: Context, items: Sequence[Item]) -> Facts:
    """Ask the services about data sets.

    Parameters
    ----------
    context
        What the server has.
    items
        The data sets.

    Returns
    -------
    Facts
        What they say together.

    Raises
    ------
    PortalError
        If one cannot be asked.
    """
    facts = Facts()
    places: Counter[tuple[float, float]] = Counter()
    for key in dict.fromkeys(item.service for item in items):
        service = context.settings.service(key)
        if service is None:
            continue
        dids = [item.did for item in items if item.service == key]
        tables = await capabilities.tables(context, service)
        await _describe(context, service, tables[0], dids, facts)
        for table in tables:
            if table.find("ra_obj") and table.find("dec_obj") and table.find("obs_publisher_did"):
                places += await _places(context, service, table, dids)
    if places:
        facts.target = places.most_common(1)[0][0]
    return facts


def _among(dids: Sequence[str]) -> str:
    return ", ".join(identifiers.literal(did) for did in dids)


async def _describe(
    context: Context, service: ServiceSettings, table: Table, dids: Sequence[str], facts: Facts
) -> None:
    did, kind = table.find("obs_publisher_did"), table.find("dataproduct_type")
    if did is None:
        return
    names = [kind, table.find("em_min"), table.find("em_max")]
    columns = [column for column in names if column is not None]
    selected = ", ".join(column.sql for column in [did, *columns])
    source = table.source([did], columns)
    adql = f"SELECT {selected} FROM {source} WHERE {did.sql} IN ({_among(dids)})"  # noqa: S608 (quoted)
    answer = await tap.query(context, service, adql, 4 * len(dids))
    for row in answer.records():
        word = row.get("dataproduct_type") if kind is not None else None
        facts.kinds[str(row[did.bare.lower()])] = None if word is None else str(word)
        if word is not None and "event" not in str(word):
            continue
        low, high = (_energy(row.get(name)) for name in ("em_max", "em_min"))
        facts.lowest = _least(facts.lowest, low)
        facts.highest = -least if (least := _least(_minus(facts.highest), _minus(high))) is not None else None


def _minus(value: float | None) -> float | None:
    return None if value is None else -value


def _least(a: float | None, b: float | None) -> float | None:
    return b if a is None else a if b is None else min(a, b)


def _energy(wavelength: object) -> float | None:
    if not isinstance(wavelength, int | float) or not wavelength > 0:
        return None
    return TEV_METRES / wavelength


async def _places(
    context: Context, service: ServiceSettings, table: Table, dids: Sequence[str]
) -> Counter[tuple[float, float]]:
    did, ra, dec = (table.find(name) for name in ("obs_publisher_did", "ra_obj", "dec_obj"))
    assert did is not None and ra is not None and dec is not None
    adql = (  # all values are quoted
        f"SELECT {ra.sql} AS ra, {dec.sql} AS de, COUNT(*) AS n FROM {table.source([did], [ra, dec])} "  # noqa: S608
        f"WHERE {did.sql} IN ({_among(dids)}) AND {ra.sql} IS NOT NULL AND {dec.sql} IS NOT NULL "
        f"GROUP BY {ra.sql}, {dec.sql}"
    )
    answer = await tap.query(context, service, adql, len(dids))
    return Counter(
        {(float(str(row["ra"])), float(str(row["de"]))): int(str(row["n"])) for row in answer.records()}
    )


def form(runner: RunnerSettings, chosen: Chosen) -> JobForm:
    """Make the form of a job.

    Parameters
    ----------
    runner, chosen
        Who runs it, and what it takes.

    Returns
    -------
    JobForm
        Parameters with what is known filled in.
    """
    filled = _filled(chosen.facts)
    definitions = DEFINITIONS if runner.is_own else [BY_NAME[name] for name in PREFILLED]
    return JobForm(
        runner=runner.key,
        parameters=[_parameter(each, filled.get(each.name), runner) for each in definitions],
        items=len(chosen.items),
        left_out=chosen.left_out,
    )


def _parameter(definition: Definition, value: str | None, runner: RunnerSettings) -> Parameter:
    description = definition.description
    if not runner.is_own:
        description = f"Sent to {runner.label} as {definition.name}, if given."
        value = value or ""
    return Parameter(
        name=definition.name,
        label=definition.label,
        kind=definition.kind,
        unit=definition.unit,
        value=(value if value is not None else definition.default) or None,
        low=definition.low,
        high=definition.high,
        choices=None if definition.choices is None else list(definition.choices),
        description=description,
    )


def _filled(facts: Facts | None) -> dict[str, str]:
    filled: dict[str, str] = {}
    if facts is None:
        return filled
    if facts.target is not None:
        filled["ra"], filled["dec"] = (repr(round(value, 6)) for value in facts.target)
    # Two digits are enough, and the range must not lose events by rounding.
    for name, value, to in (
        ("energy_min", facts.lowest, math.floor),
        ("energy_max", facts.highest, math.ceil),
    ):
        if value is not None:
            step = 10.0 ** (math.floor(math.log10(value)) - 1)
            low, high = BY_NAME[name].low, BY_NAME[name].high
            assert low is not None and high is not None
            filled[name] = f"{min(max(to(round(value / step, 3)) * step, low), high):.3g}"
    return filled


_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_SHELL = re.compile(r'["$`\\\x00-\x1f\x7f]')
"""What a shell takes for its own within quotes. OPUS writes values into the script of a job as they are."""


def check(runner: RunnerSettings, parameters: Mapping[str, str], items: Sequence[Item]) -> None:
    """Check what a job is told, before any service is asked.

    Parameters
    ----------
    runner, parameters, items
        Who runs it, and what it gets.

    Raises
    ------
    BadRequestError
        If a parameter makes no sense.
    ConflictError
        If there is nothing to work on.
    """
    if not items:
        raise ConflictError("Nothing in the basket can be used by this job.", code="basket_empty")
    if runner.is_own:
        try:
            read_parameters(parameters)
        except ParameterError as error:
            raise BadRequestError(f"{error}.", code="bad_parameter") from error
        return
    for name, value in parameters.items():
        if not _NAME.fullmatch(name) or name.upper() in RESERVED or len(value) > 4000:
            raise BadRequestError(f"No job can be told a parameter {name[:80]!r}.", code="bad_parameter")
    for value in (*parameters.values(), *(item.did for item in items)):
        if found := _SHELL.search(value):
            raise BadRequestError(
                f"{found[0]!r} in {value[:80]!r}: other services could take that for a command.",
                code="bad_parameter",
            )
