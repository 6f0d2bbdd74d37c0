"""Registry metadata of a collection: from its ``release.toml`` to DaCHS meta items."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gavo import base, stc

from ingest import feed, release
from ingest.release import Release
from ingest.vocabulary import Vocabulary

MAIN_COLUMNS = ("s_ra", "s_dec", "obs_id")
"""What a cone search takes as position and identifier of a row."""

PIXEL_AXES = ("s_xel1", "s_xel2", "t_xel", "em_xel", "pol_xel")
NULL_INTEGER = "-2147483648"
"""Stands for NULL in VOTables: the smallest integer, which no axis length is."""


def directory(collection: str) -> Path:
    """Give the directory of a collection below the DaCHS inputs directory."""
    return Path(base.getConfig("inputsDir")) / collection


def of(collection: str) -> Release:
    """Load the release configuration that a collection publishes."""
    return release.load(directory(collection) / "release.toml")


def items(collection: str) -> Iterator[dict[str, str]]:
    """Yield name and value of each meta item of a collection, for a ``LOOP``.

    Texts that belong to a record as a whole come from here; what every collection has in common
    (content level, waveband) stands in the RD.
    """
    config = of(collection)
    record = config.registry
    pairs = [
        ("title", record.title),
        ("shortName", record.short_name),
        ("description", f"{record.description.strip()}\n\n{record.attribution.strip()}"),
        ("creationDate", f"{record.creation_date.isoformat()}T00:00:00Z"),
        ("referenceURL", record.reference_url),
        ("rights", record.rights),
        ("facility", record.facility),
        ("instrument", record.instrument),
    ]
    pairs += [
        ("productTypeServed", Vocabulary.named(config.vocabulary).event_list),
        ("dataSource", "artificial" if config.simulated else "observation"),
    ]
    pairs += [("subject", subject) for subject in record.subjects]
    pairs += [("creator.name", creator) for creator in record.creators]
    if record.rights_uri:
        pairs.append(("rights.rightsURI", record.rights_uri))
    if record.source_doi:
        pairs.append(("doi", record.source_doi))
    if record.source:
        pairs.append(("source", record.source))
    for name, value in pairs:
        yield {"name": name, "value": value}


def rows(collection: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield all rows of a collection with their roles, for its grammar."""
    identity = feed.Identity(
        authority=base.getConfig("ivoa", "authority"),
        server=base.getConfig("web", "serverURL").rstrip("/"),
        collection=collection,
    )
    yield from feed.rows(directory(collection), of(collection), identity, progress=sys.stderr.isatty())


def obscore_columns() -> Iterator[dict[str, str]]:
    """Yield definitions of this site's ObsCore columns, as a collection's table has them.

    They are made from DaCHS's columns but not copied: those carry the value ranges of the whole
    site. The position and the identifier are marked as the table's main ones, because Simple Cone
    Search 1.03, section 2.2, needs exactly one of each. DaCHS's xtype for MJD is left out: DALI 1.1
    knows no such thing, and TIMESYS says it.
    """
    for column in base.resolveCrossId("//obscore#ObsCore"):
        main = ";meta.main" if column.name in MAIN_COLUMNS else ""
        yield {
            "name": column.name,
            "type": column.type,
            "unit": column.unit or "",
            "ucd": (column.ucd or "") + main,
            "utype": column.utype or "",
            "xtype": "" if column.xtype == "mjd" else column.xtype or "",
            "tablehead": column.tablehead or "",
            "description": " ".join(column.description.split()),
            "verbLevel": str(column.verbLevel),
            "displayHint": "type=url" if column.name == "access_url" else column.getDisplayHintAsString(),
        }


def date_and_time(mjd: float | None) -> str:
    """Write an MJD for people, without a time zone: DaCHS's own way would call a TT time UTC."""
    return "" if mjd is None else f"{stc.mjdToDateTime(mjd):%Y-%m-%d %H:%M:%S}"


def declare_null(table: Any) -> None:
    """Let clients of ivoa.obscore see an axis length of -1.

    DaCHS declares -1 as the value for NULL in these columns; in high-energy data it says that there
    are no pixels.
    """
    for name in PIXEL_AXES:
        table.getColumnByName(name).values.nullLiteral = NULL_INTEGER


def example(collection: str) -> Iterator[dict[str, str]]:
    """Yield the position of one observation of the release, if it has any files."""
    for observation in feed.observations(directory(collection), of(collection), feed.Report(collection)):
        yield {"ra": str(observation.events["RA_PNT"]), "dec": str(observation.events["DEC_PNT"])}
        return
