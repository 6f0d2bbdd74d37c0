"""Code that gets the same rows elsewhere."""

from __future__ import annotations

import shlex

from portal.server.models.search import Snippets
from portal.server.services.needs import ServiceSettings


def snippets(service: ServiceSettings, adql: str, rows: int) -> Snippets:
    """Write code that runs a query.

    Parameters
    ----------
    service
        The service.
    adql
        The query.
    rows
        Rows to get at most.

    Returns
    -------
    Snippets
        For pyVO, and for STILTS, TOPCAT's command line.
    """
    lines = adql.splitlines() or [""]
    quoted = "\n".join(f"    {line + end!r}" for line, end in zip(lines, _ends(len(lines)), strict=True))
    pyvo = (
        "import pyvo\n\n"
        f"service = pyvo.dal.TAPService({service.url!r})\n"
        f"query = (\n{quoted}\n)\n"
        "# pyVO warns if the service has more rows than maxrec.\n"
        f"rows = service.run_sync(query, maxrec={rows}).to_table()\n"
        "print(rows)\n"
    )
    topcat = (
        "# STILTS, TOPCAT's command line. In TOPCAT itself: VO, Table Access Protocol (TAP) Query.\n"
        f"stilts tapquery tapurl={shlex.quote(service.url)} sync=true maxrec={rows} \\\n"
        f"  adql={shlex.quote(adql)} \\\n"
        "  out=observations.vot ofmt=votable\n"
    )
    return Snippets(pyvo=pyvo, topcat=topcat)


def _ends(count: int) -> list[str]:
    return ["\n"] * (count - 1) + [""]
