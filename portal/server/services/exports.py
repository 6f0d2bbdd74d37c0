"""All rows of an answer as a file, fetched and sent in pieces."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import anyio

from portal.server.models.results import ExportRequest
from portal.server.services import asked, formats
from portal.server.services.asked import Asked
from portal.server.services.errors import ChangedError, TooManyRowsError
from portal.server.services.identifiers import literal
from portal.server.services.known import Column
from portal.server.services.queries import Order
from portal.server.services.votable import Answer

LOG = logging.getLogger("portal.services")
PIECE = 10_000


@dataclass(frozen=True)
class Export:
    """A file that is being made."""

    content: AsyncGenerator[bytes, None]
    media_type: str
    filename: str
    rows: int
    truncated: bool


async def export(rows: Asked, request: ExportRequest) -> Export:
    """Begin to make a file of rows; the first piece has been fetched when this returns.

    Parameters
    ----------
    rows
        All rows.
    request
        Format, columns and order.

    Returns
    -------
    Export
        The file.

    Raises
    ------
    TooManyRowsError
        If there are more rows than are exported, and the format cannot say that some are missing; or if the
        service cannot give them in pieces.
    """
    columns = list(rows.table.columns) if request.columns is None else rows.columns(request.columns)
    order = rows.order(request.sort)
    total = (await asked.count(rows)).count
    most = rows.context.settings.export_rows
    if total > most and request.format != "votable":
        raise TooManyRowsError(
            f"The answer has {total} rows, but at most {most} are exported, and a file of this format "
            "cannot say that some are missing. Narrow the search, or take VOTable, which says so.",
            detail={"count": total, "export_rows": most},
        )
    pieces = _pieces(rows, columns, order, bool(request.sort), total)
    first = await anext(pieces)
    writer = formats.writer(request.format)
    return Export(
        content=_content(rows, writer, first, pieces, wanted=min(total, most), overflow=total > most),
        media_type=writer.media_type,
        filename=f"observations.{writer.ending}",
        rows=min(total, most),
        truncated=total > most,
    )


async def _content(
    rows: Asked,
    writer: formats.Writer,
    first: Answer,
    pieces: AsyncGenerator[Answer, None],
    *,
    wanted: int,
    overflow: bool,
) -> AsyncGenerator[bytes, None]:
    given, piece = 0, first
    yield await anyio.to_thread.run_sync(writer.start, first)
    try:
        while True:
            piece.cut(wanted - given)
            given += len(piece)
            yield await anyio.to_thread.run_sync(writer.piece, piece)
            if given >= wanted:
                break
            following = await anext(pieces, None)
            if following is None:
                break
            piece = following
    finally:
        await pieces.aclose()
    if given != wanted:
        # The answer is broken off here, so that nobody takes the file for whole.
        LOG.error("%s: an export has %d rows instead of %d", rows.service.key, given, wanted)
        raise ChangedError(f"{rows.service.label} gave {given} rows, but had counted {wanted}.")
    yield await anyio.to_thread.run_sync(writer.end, overflow)


def _pieces(
    rows: Asked, columns: Sequence[Column], order: Sequence[Order], is_sorted: bool, total: int
) -> AsyncGenerator[Answer, None]:
    if total > PIECE and not is_sorted and rows.own is None and rows.key is not None and rows.key.is_text:
        return _by_key(rows, columns, order, rows.key)
    if total > PIECE and not rows.language.has_offset:
        raise TooManyRowsError(
            f"{rows.service.label} cannot skip rows, so that no more than {PIECE} rows can be exported "
            "in this order. Export them without sorting, or narrow the search.",
            status=422,
        )
    return _by_offset(rows, columns, order)


async def _by_offset(
    rows: Asked, columns: Sequence[Column], order: Sequence[Order]
) -> AsyncGenerator[Answer, None]:
    offset = 0
    while True:
        answer = await rows.answer(rows.selecting(columns, order, PIECE, offset), PIECE + 1)
        if offset and not len(answer):
            return
        offset += len(answer)
        is_last = len(answer) < PIECE and not answer.overflow
        yield answer
        if is_last:
            return


async def _by_key(
    rows: Asked, columns: Sequence[Column], order: Sequence[Order], key: Column
) -> AsyncGenerator[Answer, None]:
    """Fetch each piece by where the last one ended, which is quick wherever there is an index."""
    selected = list(columns)
    place = next((i for i, c in enumerate(selected) if c.bare.lower() == key.bare.lower()), None)
    if place is None:
        selected, place = [*selected, key], len(selected)
    after: str | None = None
    while True:
        extra = None if after is None else f"{key.sql} > {literal(after)}"
        answer = await rows.answer(rows.selecting(selected, order, PIECE, extra=extra), PIECE + 1)
        if after is not None and not len(answer):
            return
        is_last = len(answer) < PIECE and not answer.overflow
        keys = answer.column(place)
        if not is_last and keys:
            # Rows of the last data set may go on in the next piece, so all of them go there.
            whole = next((i for i in range(len(keys) - 1, -1, -1) if keys[i] != keys[-1]), -1) + 1
            if whole == 0:
                raise ChangedError(f"{rows.service.label} has too many rows of one identifier.")
            answer.cut(whole)
            after = str(keys[whole - 1])
        yield answer
        if is_last:
            return
