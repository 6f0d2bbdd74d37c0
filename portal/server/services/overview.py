"""What map, time line and histograms show: few values of many rows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import anyio

from portal.server.models.results import Cell, Counted, Footprint, Observed, Overview
from portal.server.services import asked, choices, coverage, features, footprints, links, pages
from portal.server.services.asked import Asked
from portal.server.services.errors import AskError, ServiceError
from portal.server.services.known import KEY, KILOBYTE, Column, Table
from portal.server.services.votable import Answer
from portal.server.services.writer import HC

WANTED = {
    "did": [KEY],
    "obs_id": ["obs_id"],
    "product": ["dataproduct_type"],
    "target_name": ["target_name"],
    "ra": ["s_ra"],
    "dec": ["s_dec"],
    "target_ra": ["ra_obj"],
    "target_dec": ["dec_obj"],
    "region": ["s_region"],
    "fov": ["s_fov"],
    "t_min": ["t_min"],
    "t_max": ["t_max"],
    "intervals": ["t_intervals"],
    "zenith": ["zen_pnt", "zen_mean"],
    "livetime": ["livetime", "t_exptime"],
    "events": ["ev_xel"],
    "size": ["access_estsize"],
    "format": ["access_format"],
}


AT_ONCE = 2
"""Overviews that are computed at the same time."""

_computing: WeakKeyDictionary[asyncio.AbstractEventLoop, anyio.Semaphore] = WeakKeyDictionary()


@dataclass(frozen=True)
class Chosen:
    """The columns that an overview takes from a table."""

    columns: dict[str, Column]
    is_wave: bool


async def overview(rows: Asked) -> Overview:
    """Get what map and plots show.

    Parameters
    ----------
    rows
        All rows.

    Returns
    -------
    Overview
        As many as the settings allow, and how many there are.

    Raises
    ------
    AskError
        If rows of people's own ADQL have no identifiers.
    """
    start = time.perf_counter()
    most = rows.context.settings.overview_rows
    chosen = choose(rows.table)
    if "did" not in chosen.columns:
        raise AskError(
            f"The answer has no column {KEY}, so that map and plots cannot tell its rows apart.",
            code="no_identifier",
        )
    columns = list({column.bare.lower(): column for column in chosen.columns.values()}.values())
    adql = rows.selecting(columns, rows.order([])[:2], most + 1)
    counted, answer = await _together(lambda: asked.recent_count(rows), lambda: rows.answer(adql, most + 1))
    async with _turns():
        observed, moc = await anyio.to_thread.run_sync(_observed, answer, chosen, most)
    if rows.own is None and "target_ra" not in chosen.columns:
        observed = await _with_targets(rows, observed)
    total = max(counted.count, len(observed))
    return Overview(
        rows=observed,
        total=total,
        truncated=total > len(observed),
        moc=moc,
        seconds=round(time.perf_counter() - start, 3),
    )


async def _with_targets(rows: Asked, observed: list[Observed]) -> list[Observed]:
    """Tell where targets are, as another table of the service has it by their names."""
    try:
        told = await choices.placed(rows.context, rows.service)
    except ServiceError:
        # Rows without targets are better than none.
        return observed
    places = {target.name: {"target_ra": target.ra, "target_dec": target.dec} for target in told}

    def place(row: Observed) -> Observed:
        # What has no pointing, such as a response, has no target beside it.
        found = None if row.ra is None else places.get(row.target_name or "")
        return row if found is None else row.model_copy(update=found)

    return await anyio.to_thread.run_sync(lambda: [place(row) for row in observed])


def _turns() -> anyio.Semaphore:
    """Give the turns of this loop: several at once would take no less time, and more memory."""
    return _computing.setdefault(asyncio.get_running_loop(), anyio.Semaphore(AT_ONCE))


async def _together(
    count: Callable[[], Awaitable[Counted]], fetch: Callable[[], Awaitable[Answer]]
) -> tuple[Counted, Answer]:
    """Do two things at once; if one fails, the other is ended, and the error is told as it is."""
    counted: list[Counted] = []
    answers: list[Answer] = []
    errors: list[Exception] = []
    async with anyio.create_task_group() as group:

        async def run(work: Callable[[], Awaitable[Any]], results: list[Any]) -> None:
            try:
                results.append(await work())
            except Exception as error:  # told below, outside of the group
                errors.append(error)
                group.cancel_scope.cancel()

        group.start_soon(run, count, counted)
        group.start_soon(run, fetch, answers)
    if errors:
        raise errors[0]
    return counted[0], answers[0]


def choose(table: Table) -> Chosen:
    """Choose the columns that an overview needs.

    Parameters
    ----------
    table
        The table.

    Returns
    -------
    Chosen
        Those that there are.
    """
    columns = {key: column for key, names in WANTED.items() if (column := table.first(names)) is not None}
    energies = features.energies(table)
    if energies is not None:
        columns["low"], columns["high"] = energies[0], energies[1]
    return Chosen(columns, energies is not None and energies[2])


def _observed(answer: Answer, chosen: Chosen, most: int) -> tuple[list[Observed], str | None]:
    names = [name.lower() for name in answer.names]
    places = {key: names.index(column.bare.lower()) for key, column in chosen.columns.items()}
    values: dict[str, list[Cell]] = {key: pages.in_tt(answer, place)[:most] for key, place in places.items()}
    count = min(len(answer), most)

    empty: list[Cell] = [None] * count
    column: dict[str, list[Cell]] = {key: values.get(key, empty) for key in (*WANTED, "low", "high")}
    regions = _regions(column, answer.xtypes[places["region"]] if "region" in places else None)
    intervals = coverage.intervals([v if isinstance(v, str) else None for v in column["intervals"]])
    low, high = [_number(v) for v in column["low"]], [_number(v) for v in column["high"]]
    if chosen.is_wave:
        low, high = [HC / v if v else None for v in high], [HC / v if v else None for v in low]
    observed = [
        Observed.model_construct(
            did=str(column["did"][i] or ""),
            obs_id=_text(column["obs_id"][i]),
            product=_text(column["product"][i]),
            target_name=_text(column["target_name"][i]),
            ra=_number(column["ra"][i]),
            dec=_number(column["dec"][i]),
            target_ra=_number(column["target_ra"][i]),
            target_dec=_number(column["target_dec"][i]),
            region=regions[i],
            t_min=_number(column["t_min"][i]),
            t_max=_number(column["t_max"][i]),
            intervals=intervals[i],
            energy_min=low[i],
            energy_max=high[i],
            zenith=_number(column["zenith"][i]),
            livetime=_number(column["livetime"][i]),
            events=_count(column["events"][i]),
            size=_bytes(column["size"][i], column["format"][i]),
        )
        for i in range(count)
    ]
    return observed, footprints.sky(regions)


def _regions(column: dict[str, list[Cell]], xtype: str | None) -> list[Footprint | None]:
    made = []
    for shape, ra, dec, fov in zip(*(column[key] for key in ("region", "ra", "dec", "fov")), strict=True):
        found = footprints.footprint(shape, xtype)
        made.append(found or footprints.circle(_number(ra), _number(dec), _number(fov)))
    return made


def _number(value: Cell) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _text(value: Cell) -> str | None:
    return None if value is None else str(value)


def _bytes(value: Cell, access_format: Cell) -> int | None:
    # Of a document of links, ObsCore tells that document's size, and not that of the data.
    if links.DATALINK_TYPE.search(str(access_format or "")):
        return None
    return round(value * KILOBYTE) if isinstance(value, (int, float)) and value >= 0 else None


def _count(value: Cell) -> int | None:
    # ObsCore has -1 where a number of elements does not apply.
    return int(value) if isinstance(value, (int, float)) and value >= 0 else None
