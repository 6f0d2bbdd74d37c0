"""Pages of rows, sorted over the whole answer."""

from __future__ import annotations

import time

import anyio

from portal.server.models.results import Cell, Page, PageRequest
from portal.server.services import scales
from portal.server.services.asked import Asked
from portal.server.services.votable import Answer


async def page(rows: Asked, request: PageRequest) -> Page:
    """Get a page.

    Parameters
    ----------
    rows
        All rows.
    request
        Which of them.

    Returns
    -------
    Page
        The rows, in the answer's order. Times that the service declares to be in another scale are in TT.
    """
    start = time.perf_counter()
    columns = rows.columns(request.columns)
    answer, skipped, adql = await rows.page(columns, rows.order(request.sort), request.limit, request.offset)
    cells = await anyio.to_thread.run_sync(_cells, answer)
    described = {column.bare.lower(): column.info for column in columns}
    return Page(
        columns=[described.get(info.name.lower(), info) for info in answer.columns],
        rows=cells[skipped : skipped + request.limit],
        offset=request.offset,
        overflow=answer.overflow and len(answer) < skipped + request.limit,
        adql=adql,
        key_column=None if rows.key is None else rows.key.bare,
        seconds=round(time.perf_counter() - start, 3),
    )


def _cells(answer: Answer) -> list[list[Cell]]:
    columns = [in_tt(answer, index) for index in range(len(answer.columns))]
    return [list(row) for row in zip(*columns, strict=True)]


def in_tt(answer: Answer, index: int) -> list[Cell]:
    """Give a column's values, with times in TT if the service says that they are in another scale.

    Parameters
    ----------
    answer
        What the service answered.
    index
        The column's place.

    Returns
    -------
    list
        Plain values.
    """
    values = answer.column(index)
    info = answer.columns[index]
    scale = answer.scales.get(info.name.lower())
    if scale is None or scale == "TT" or info.unit != "d" or info.datatype != "double":
        return values
    times: list[float | None] = [value if isinstance(value, float) else None for value in values]
    return list(scales.to_tt(times, scale))
