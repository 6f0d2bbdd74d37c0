"""Writes results in both ways, DaCHS's and ours; runs with the instance's own Python and environment.

Reads cases from standard input as JSON, and writes what came out to a directory: ``CASE.KEY.ours`` and
``CASE.KEY.stock``, each the file or, behind ``error:``, the exception. Unless a case is ``whole``, what
changes from time to time is taken out.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from pathlib import Path

from gavo import base, rsc, rscdesc  # noqa: F401 - as DaCHS's own processes do
from gavo.formats import common, csvtable, fitstable, texttable, votablewrite  # noqa: F401
from gavo.protocols import adqlglue, taprunner

from results import registry

VOLATILE = re.compile(rb'name="request_date"[^>]*>|<TABLE name="[aeioubdghlmnpstw]{7,16}"')
"""When it was asked, and the names of tables without one: DaCHS writes addresses in memory with these letters
(``utils.intToFunnyWord``)."""


def table_of(case):
    connection = base.getDBConnection("untrustedquery")
    if "adql" in case:
        return adqlglue.runTAPQuery(case["adql"], 60, connection, [], case["maxrec"])
    columns = [{"name": name, "type": kind} for name, kind in case["columns"]]
    table = rsc.QueryTable.fromColumns(columns, case["sql"], connection, rd=base.caches.getRD("//tap"))
    table.tableDef.overflowLimit = case["maxrec"]
    table.tableDef.parent = base.caches.getRD("//tap")
    return table


def written(case, key, write):
    target = io.BytesIO()
    try:
        write(key, taprunner._makeDataFor(table_of(case)), target)
    except Exception as error:
        return b"error: " + type(error).__name__.encode()
    return target.getvalue() if case.get("whole") else VOLATILE.sub(b"", target.getvalue())


@contextlib.contextmanager
def stock_writers():
    writers = common.FORMATS_REGISTRY.writerRegistry
    ours = dict(writers)
    writers.update(registry._stock)
    try:
        yield
    finally:
        writers.update(ours)


def main():
    directory, cases = Path(sys.argv[1]), json.load(sys.stdin)
    registry.register()
    for case in cases:
        for key in case["keys"]:
            ours = written(case, key, taprunner.writeResultTo)
            with stock_writers():
                stock = written(case, key, taprunner.writeResultTo)
            (directory / f"{case['name']}.{key}.ours").write_bytes(ours)
            (directory / f"{case['name']}.{key}.stock").write_bytes(stock)


if __name__ == "__main__":
    main()
