"""Time MOCs and times as mocpy and astropy have them, and asking the database about many of them."""

import warnings

import numpy as np
from astropy.time import Time
from mocpy import TimeMOC

SHORT = 90_000
"""Characters of a query on the command line of psql, where the kernel takes 128 kB."""

MICROSECONDS_PER_DAY = 86_400_000_000


def chunks(rows):
    """Divide rows of SQL expressions so that each part fits into a query."""
    part, size = [], 0
    for row in rows:
        length = sum(map(len, row)) + 2 * len(row) + 10
        if part and size + length > SHORT:
            yield part
            part, size = [], 0
        part.append(row)
        size += length
    yield part


def quoted(text):
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"


def numbered(rows):
    """Write rows of SQL expressions as a VALUES list with a number before each."""
    return ", ".join(f"({number}, {', '.join(row)})" for number, row in enumerate(rows))


def ask(instance, expression, names, rows):
    """Evaluate an SQL expression for many rows of arguments; gives a line of text for each."""
    found = []
    for part in chunks(rows):
        statement = (
            f"SELECT {expression} FROM (VALUES {numbered(part)}) AS v(number, {names}) ORDER BY number"
        )
        found += instance.cluster.sql(statement)
    assert len(found) == len(rows)
    return found


def ranges_of(moc):
    """Give the ranges of order 61 of a MOC in ASCII, shape (n, 2)."""
    return np.asarray(TimeMOC.from_string(moc).to_depth61_ranges, dtype=np.int64).reshape(-1, 2)


def multirange(ranges):
    return "{" + ",".join(f"[{start},{stop})" for start, stop in ranges) + "}"


def tcb_microseconds(mjd_tt):
    """Give the microseconds of TCB since JD 0, as mocpy defines them, of MJDs in TT."""
    with warnings.catch_warnings():
        # Beyond the known leap seconds, UT is uncertain; TCB is not.
        warnings.filterwarnings("ignore", message=".*dubious year")
        moments = Time(np.asarray(mjd_tt), format="mjd", scale="tt").tcb
    days = np.floor(moments.jd1).astype(np.int64)
    rest = (moments.jd1 - days + moments.jd2) * MICROSECONDS_PER_DAY
    return days * MICROSECONDS_PER_DAY + np.floor(rest).astype(np.int64)


def common(first, second):
    """Give the length that two sets of ranges have in common."""
    low = np.maximum(first[:, None, 0], second[None, :, 0])
    high = np.minimum(first[:, None, 1], second[None, :, 1])
    return int(np.clip(high - low, 0, None).sum())


def rows_of(instance):
    """Give all rows: time MOC, and start and end as MJD in TT."""
    lines = instance.cluster.sql("SELECT t_intervals, t_min, t_max FROM hess_dr.obscore ORDER BY t_min")
    rows = [line.split("|") for line in lines]
    assert len(rows) >= 24
    return [(moc, float(start), float(stop)) for moc, start, stop in rows]
