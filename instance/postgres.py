"""PostgreSQL's settings, derived from the machine.

PostgreSQL's own defaults are for a small share of an old machine. Here it shares the machine with
DaCHS: an eighth of the memory is its own, and it may count on about half of it for the system's cache of
files. Everything else is for many small queries among few large ones.
"""

from __future__ import annotations

import os
from pathlib import Path

FILE_NAME = "cherenkov-vo.conf"
"""Beside postgresql.conf, which includes it."""

MEGABYTE = 2**20
MAX_CONNECTIONS = 200

_SHARE_OF_BUFFERS, _LEAST_BUFFERS, _MOST_BUFFERS = 8, 128, 16384
_SHARE_OF_MAINTENANCE, _LEAST_MAINTENANCE, _MOST_MAINTENANCE = 16, 64, 2048
_SHARE_OF_WORK, _LEAST_WORK, _MOST_WORK = 512, 4, 128


def memory() -> int:
    """Give the machine's memory in bytes, or what its control group leaves of it."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii"))
    except (OSError, ValueError):  # no such group, or "max"
        return total
    return min(total, limit)


def cores() -> int:
    """Give the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def settings(total: int, processors: int) -> dict[str, str]:
    """Give the settings for a machine.

    Parameters
    ----------
    total
        Its memory in bytes.
    processors
        The number of its cores.

    Returns
    -------
    dict
        Name to value, as postgresql.conf has them.
    """
    megabytes = total // MEGABYTE
    workers = max(1, processors // 2)
    return {
        "max_connections": str(MAX_CONNECTIONS),
        "shared_buffers": _size(megabytes // _SHARE_OF_BUFFERS, _LEAST_BUFFERS, _MOST_BUFFERS),
        "effective_cache_size": f"{max(megabytes // 2, _LEAST_BUFFERS)}MB",
        # For indexes that are made while a collection is loaded.
        "maintenance_work_mem": _size(
            megabytes // _SHARE_OF_MAINTENANCE, _LEAST_MAINTENANCE, _MOST_MAINTENANCE
        ),
        # Each sort of each of many queries at once may take so much.
        "work_mem": _size(megabytes // _SHARE_OF_WORK, _LEAST_WORK, _MOST_WORK),
        # Loading a million rows writes some gigabytes; checkpoints in the middle write pages twice.
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "wal_compression": "on",
        # Disks without moving parts: a page here is about as near as a page there.
        "random_page_cost": "1.1",
        "effective_io_concurrency": "200",
        # Compiling takes longer than most queries here, and cost estimates of pg_sphere mislead it.
        "jit": "off",
        "max_worker_processes": str(8 + processors),
        "max_parallel_workers": str(processors),
        "max_parallel_workers_per_gather": str(workers),
        "max_parallel_maintenance_workers": str(workers),
        # Source names and identifiers follow no simple distribution.
        "default_statistics_target": "200",
        "autovacuum_naptime": "30s",
        # Errors in strangers' queries are told to those; here they would be kept, with the queries.
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_timezone": "UTC",
    }


def _size(megabytes: int, least: int, most: int) -> str:
    return f"{min(max(megabytes, least), most)}MB"


def text() -> str:
    """Write the settings of this machine as a configuration file."""
    lines = [f"{name} = {value}" for name, value in settings(memory(), cores()).items()]
    return "\n".join(
        [
            "# Derived from this machine's memory and cores at each start. Put your own settings into",
            "# postgresql.conf, below the line that includes this file.",
            *lines,
            "",
        ]
    )
