"""Who maps the observations: this process, several on this machine, or a Dask cluster.

Shares of a release go out, and what was made of them comes back in their order. Only a few are under
way at a time, so that memory does not grow with the release.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import hashlib
import multiprocessing
import multiprocessing.connection
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ingest import gadf
from ingest.copying import Layout
from ingest.errors import CherenkovVOError, ConfigError, GADFError
from ingest.mapping import Publication
from ingest.records import Deviation
from ingest.units import Complete, cores, make_units

SHARE = 64
"""Observations in one share, at most: the sky of many at once is quick."""

ALONE = 32
"""Observations that this process maps faster than others could be started."""

AHEAD = 3
"""Shares under way for each process."""

DASK_PATIENCE = 30.0
"""Seconds to wait for a scheduler, and for its first worker."""


class ClusterError(CherenkovVOError):
    """The cluster that is to map the observations cannot do it."""


@dataclass(frozen=True)
class Share:
    """Some observations of a release, with all that is needed to map them.

    Attributes
    ----------
    sources
        The observations.
    publication
        What the release says.
    layouts
        The tables, by the roles of their rows.
    now
        When they are mapped; with a time zone.
    version
        See `code_version`.
    complete
        Adds to the rows of one observation, given with their roles, what is no part of the mapping.
    """

    sources: tuple[gadf.Source, ...]
    publication: Publication
    layouts: Mapping[str, Layout]
    now: datetime.datetime
    version: str
    complete: Complete | None = None


@dataclass
class Made:
    """What came of one source, ready to be copied into tables; see `ingest.units.Unit`.

    Attributes
    ----------
    lines
        Role, line, and the key if the line is about a shared file.
    """

    path: Path
    obs_id: str | None
    lines: list[tuple[str, bytes, str | None]] = field(default_factory=list)
    events: int = 0
    deviations: list[Deviation] = field(default_factory=list)
    error: CherenkovVOError | None = None
    other: bool = False


@functools.cache
def code_version() -> str:
    """Give a digest of the code that makes rows out of files."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def work(share: Share, threads: int = 1) -> list[Made]:
    """Map a share; runs wherever there is somebody to do it.

    Parameters
    ----------
    share
        What to map.
    threads
        How many files are read at once.

    Raises
    ------
    ClusterError
        The code here is not that of whoever sent it.
    """
    if share.version != code_version():
        raise ClusterError(
            f"the worker {os.uname().nodename} runs other code than this machine: expected"
            f" {share.version[:12]}, found {code_version()[:12]}; update it, and start it again"
        )
    made = []
    for unit in make_units(share.sources, share.publication, share.now, threads=threads):
        lines: list[tuple[str, bytes, str | None]] = []
        unit.complete(share.complete)
        try:
            lines = [(role, share.layouts[role].line(row), key) for role, row, key in unit.rows]
        except ValueError as error:
            unit.fail(GADFError(unit.path, f"gives a row that no table takes ({error})"))
        except Exception as error:
            unit.fail(error)
        if unit.error is not None:
            lines = []
        made.append(Made(unit.path, unit.obs_id, lines, unit.events, unit.deviations, unit.error, unit.other))
    return made


class Workers(Protocol):
    """Somebody who maps shares."""

    def map(self, shares: Iterable[Share]) -> Iterator[list[Made]]:
        """Give what came of shares, in their order."""


class Alone:
    """Nobody but this process."""

    def map(self, shares: Iterable[Share]) -> Iterator[list[Made]]:
        """Give what came of shares, in their order."""
        return (work(share, cores()) for share in shares)


class Processes:
    """Processes on this machine.

    Parameters
    ----------
    pool
        They.
    number
        How many.
    """

    def __init__(self, pool: ProcessPoolExecutor, number: int) -> None:
        self.pool, self.number = pool, number

    def map(self, shares: Iterable[Share]) -> Iterator[list[Made]]:
        """Give what came of shares, in their order."""
        try:
            yield from _in_order(lambda share: self.pool.submit(work, share), shares, AHEAD * self.number)
        except BrokenProcessPool as error:
            raise ClusterError(
                "a process that read files ended by force, perhaps for want of memory; nothing was changed"
            ) from error


class Dask:
    """A Dask cluster.

    Parameters
    ----------
    client
        The connection to its scheduler.
    """

    def __init__(self, client: Any) -> None:
        self.client = client

    def map(self, shares: Iterable[Share]) -> Iterator[list[Made]]:
        """Give what came of shares, in their order; a share whose worker dies goes to another one."""
        threads = sum(self.client.nthreads().values())
        try:
            yield from _in_order(
                lambda share: self.client.submit(work, share, pure=False), shares, AHEAD * max(threads, 1)
            )
        except CherenkovVOError:
            raise
        except Exception as error:  # distributed has many, and workers without our code have theirs
            raise ClusterError(f"the Dask cluster failed: {type(error).__name__}: {error}") from error


def _in_order(submit: Callable[[Share], Any], shares: Iterable[Share], most: int) -> Iterator[list[Made]]:
    under_way: deque[Any] = deque()
    for share in shares:
        under_way.append(submit(share))
        if len(under_way) >= most:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, even by kill -9."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def processors() -> int:
    """Give the number of processors that this process may use."""
    return len(os.sched_getaffinity(0))


@contextlib.contextmanager
def workers(number: int, *, scheduler: str | None = None, processes: int = 0) -> Iterator[Workers]:
    """Get somebody to map observations.

    Parameters
    ----------
    number
        Of observations: for a few, nobody else is asked.
    scheduler
        Address of a Dask scheduler, such as ``tcp://head:8786``; None for this machine.
    processes
        How many to start here; 0 for as many as there are processors.

    Raises
    ------
    ConfigError
        There is no Dask here.
    ClusterError
        The scheduler does not answer, or has no workers.
    """
    if scheduler is not None:
        with _dask(scheduler) as client:
            yield Dask(client)
        return
    processes = processes or processors()
    if processes == 1 or number <= ALONE:
        yield Alone()
        return
    # Not by fork: whoever asks has a connection to the database, and threads.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ingest.workers"])
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_end_with_parent)
    try:
        yield Processes(pool, processes)
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _dask(address: str) -> Iterator[Any]:
    try:
        from distributed import Client  # noqa: PLC0415 - an extra that few want
    except ImportError as error:
        raise ConfigError(
            f"a Dask scheduler is named ({address}), but the package 'distributed' is not installed;"
            " install the project's extra 'dask'"
        ) from error
    try:
        client = Client(address, timeout=DASK_PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(f"no Dask scheduler answers at {address}: {error}") from error
    try:
        client.wait_for_workers(1, timeout=DASK_PATIENCE)
        yield client
    except TimeoutError as error:
        raise ClusterError(f"the Dask scheduler at {address} has no workers") from error
    finally:
        client.close()
