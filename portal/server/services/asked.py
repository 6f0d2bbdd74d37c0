"""The rows that are asked for, by a search or by people's own ADQL: how to count, sort and cut them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from portal.server.models.results import Counted, SortKey
from portal.server.models.search import Ask, Search
from portal.server.services import cache, capabilities, identifiers, queries, tap, writer
from portal.server.services.errors import AnswerError, AskError, QueryRefusedError, TooManyRowsError
from portal.server.services.known import KEY, Column, Known, Language, Table
from portal.server.services.needs import Context, ServiceSettings
from portal.server.services.queries import Cut, Order
from portal.server.services.votable import Answer

FORMAT = "access_format"
RECENT = 10
"""Seconds that a number of rows is good for what is looked at, though not for files."""

MOST_SKIPPED = 100_000
"""Rows that are fetched and thrown away at most where a service cannot skip them."""


@dataclass(frozen=True)
class Asked:
    """Rows of a service."""

    context: Context
    service: ServiceSettings
    language: Language
    table: Table
    where: writer.Where = field(default_factory=writer.Where)
    own: str | None = None

    @property
    def key(self) -> Column | None:
        """The column that tells data sets apart."""
        return self.table.find(KEY)

    @property
    def response_format(self) -> str:
        """The VOTable that the service gives with the least loss."""
        return self.language.binary2 or tap.VOTABLE

    async def answer(self, adql: str, maxrec: int) -> Answer:
        """Run a query on the service.

        Parameters
        ----------
        adql
            The query.
        maxrec
            Rows at most.

        Returns
        -------
        Answer
            Its rows.
        """
        return await tap.query(self.context, self.service, adql, maxrec, self.response_format)

    def counting(self) -> str:
        """Write the query that counts the rows.

        Returns
        -------
        str
            ADQL.
        """
        tables = queries.source(self.table, self.own, self.where, [])
        return f"SELECT COUNT(*) AS row_count\nFROM {tables}{self.where.text}"

    def columns(self, names: Sequence[str] | None) -> list[Column]:
        """Give columns by their names; the key goes along.

        Parameters
        ----------
        names
            Names; None for all that the service calls principal.

        Returns
        -------
        list of Column
            Each once.

        Raises
        ------
        AskError
            If there is none of a name.
        """
        if names is None:
            found = [column for column in self.table.columns if column.principal] or list(self.table.columns)
        else:
            found = [self._column(name) for name in names]
        if self.key is not None:
            found.append(self.key)
        return list({column.bare.lower(): column for column in found}.values())

    def order(self, sort: Sequence[SortKey]) -> list[Order]:
        """Give a total order, so that pages neither overlap nor lose rows.

        Parameters
        ----------
        sort
            What is wanted first.

        Returns
        -------
        list of Order
            That, and what decides between rows that are equal in it.

        Raises
        ------
        AskError
            If rows cannot be sorted by a column.
        """
        wanted = [Order(self._column(key.column), key.descending) for key in sort]
        for order in wanted:
            if not order.column.is_sortable:
                raise AskError(
                    f"Rows cannot be sorted by {order.column.bare}: it has no plain numbers or texts."
                )
        # A data set may have a row for its file and one for its links; people's own joins may give more.
        names = [KEY, FORMAT] if self.own is None else [KEY]
        ties = [column for name in names if (column := self.table.find(name)) is not None]
        if self.own is not None or self.key is None:
            ties += [column for column in self.table.columns if column.is_sortable]
        every: dict[str, Order] = {}
        for order in [*wanted, *(Order(column) for column in ties)]:
            every.setdefault(order.column.bare.lower(), order)
        return list(every.values())

    def selecting(
        self,
        columns: Sequence[Column],
        order: Sequence[Order],
        limit: int,
        offset: int = 0,
        extra: str | None = None,
    ) -> str:
        """Write the query that gives rows.

        Parameters
        ----------
        columns
            What to select.
        order
            What to sort by.
        limit
            Rows at most.
        offset
            Rows to skip.
        extra
            A further condition.

        Returns
        -------
        str
            ADQL.
        """
        cut = Cut(limit, offset, extra)
        return queries.selecting(self.table, self.own, self.where, columns, order=order, cut=cut)

    async def page(
        self, columns: Sequence[Column], order: Sequence[Order], limit: int, offset: int
    ) -> tuple[Answer, int, str]:
        """Get rows from the middle of the sorted answer.

        Parameters
        ----------
        columns
            What to select.
        order
            What to sort by.
        limit
            Rows at most.
        offset
            Rows before them.

        Returns
        -------
        tuple
            The answer, how many of its first rows belong to earlier pages, and the query.

        Raises
        ------
        TooManyRowsError
            If the service cannot skip rows, and they would be too many to be thrown away.
        """
        if self.language.has_offset or offset == 0:
            adql = self.selecting(columns, order, limit, offset)
            return await self.answer(adql, limit + 1), 0, adql
        if offset + limit > MOST_SKIPPED:
            raise TooManyRowsError(
                f"{self.service.label} cannot skip rows, so that no rows after the first {MOST_SKIPPED} "
                "can be shown. Narrow the search, or sort the other way round.",
                status=422,
            )
        adql = self.selecting(columns, order, offset + limit)
        return await self.answer(adql, offset + limit + 1), offset, adql

    def _column(self, name: str) -> Column:
        column = self.table.find(name)
        if column is None:
            what = "the query's result" if self.own is not None else f"the table {self.table.key}"
            raise AskError(f"There is no column '{name[:100]}' in {what}.")
        return column


async def asked(context: Context, service: ServiceSettings, ask: Ask) -> Asked:
    """Find out which rows are meant.

    Parameters
    ----------
    context
        The server's context.
    service
        The service.
    ask
        A search, or ADQL.

    Returns
    -------
    Asked
        The rows, none of which has been fetched yet.

    Raises
    ------
    AskError
        If it is neither or both, or if the ADQL is not one SELECT.
    ImpossibleError
        If a part of the search is impossible.
    QueryRefusedError
        If the service refuses the ADQL.
    """
    if (ask.search is None) == (ask.adql is None):
        raise AskError("Either a search or ADQL has to be given, and not both.")
    if ask.adql is not None:
        return await own(context, service, ask.adql)
    assert ask.search is not None
    return await searched(context, service, ask.search)


async def searched(context: Context, service: ServiceSettings, search: Search) -> Asked:
    """Find out which rows a search means.

    Parameters
    ----------
    context
        The server's context.
    service
        The service.
    search
        The search.

    Returns
    -------
    Asked
        The rows.
    """
    known = await capabilities.known(context, service, search.table)
    return of_known(context, service, known, writer.possible(known, search))


def of_known(context: Context, service: ServiceSettings, known: Known, where: writer.Where) -> Asked:
    """Give the rows of a known table that meet conditions.

    Parameters
    ----------
    context
        The server's context.
    service
        The service.
    known
        The table.
    where
        The conditions.

    Returns
    -------
    Asked
        The rows.
    """
    return Asked(context, service, known.language, known.table, where)


async def own(context: Context, service: ServiceSettings, adql: str) -> Asked:
    """Find out which rows ADQL means.

    Parameters
    ----------
    context
        The server's context.
    service
        The service.
    adql
        What people wrote.

    Returns
    -------
    Asked
        The rows.
    """
    text = identifiers.checked(adql)
    language = await capabilities.language(context, service)
    # The service itself tells what columns come of it, or why it cannot be done.
    table = await cache.kept(
        context, ("own", service.url, text), Table, lambda: _result(context, service, text), seconds=60
    )
    return Asked(context, service, language, table, own=text)


async def _result(context: Context, service: ServiceSettings, adql: str) -> Table:
    answer = await tap.query(context, service, adql, 0)
    if not answer.columns:
        raise AnswerError(f"{service.label} does not tell what columns come of the query.")
    columns = [
        Column(
            **info.model_dump(exclude={"datatype", "description"}),
            table="q",
            datatype=info.datatype.lower(),
            description=info.description,
            arraysize=arraysize,
            xtype=xtype,
        )
        for info, arraysize, xtype in zip(answer.columns, answer.arraysizes, answer.xtypes, strict=True)
    ]
    return Table(key="q", label="ADQL", description=None, has_extension=False, columns=columns)


async def count(rows: Asked) -> Counted:
    """Count rows, exactly.

    Parameters
    ----------
    rows
        The rows.

    Returns
    -------
    Counted
        How many there are.

    Raises
    ------
    AnswerError
        If the service's answer is no number.
    """
    start = time.perf_counter()
    adql = rows.counting()
    try:
        answer = await rows.answer(adql, 2)
        values = answer.rows()
    except QueryRefusedError:
        if rows.own is None:
            raise
        # The service took the query itself, so it must be the query around it that it refuses.
        values = [[await _count_by_fetching(rows)]]
        adql = rows.own
    if len(values) != 1 or not isinstance(values[0][0], int):
        raise AnswerError(
            f"{rows.service.label} did not answer a question for a number of rows with a number."
        )
    return Counted(count=values[0][0], seconds=round(time.perf_counter() - start, 3), adql=adql)


async def recent_count(rows: Asked) -> Counted:
    """Count rows, or say how many there were some seconds ago: several parts of a page ask at once.

    Parameters
    ----------
    rows
        The rows.

    Returns
    -------
    Counted
        How many there are.
    """
    words = ("count", rows.service.url, rows.counting())
    return await cache.kept(rows.context, words, Counted, lambda: count(rows), seconds=RECENT)


async def _count_by_fetching(rows: Asked) -> int:
    assert rows.own is not None
    most = rows.context.settings.overview_rows
    answer = await rows.answer(rows.own, most)
    if answer.overflow or len(answer) > most:
        raise TooManyRowsError(
            f"{rows.service.label} cannot count the rows of a query inside another one, "
            f"and there are more than {most}. Narrow the query, or write it with COUNT(*).",
            status=422,
        )
    return len(answer)
