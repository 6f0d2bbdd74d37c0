"""Registry metadata of a collection: from the configuration of its releases to DaCHS meta items."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from gavo import base, stc
from twisted.web.template import tags

from datalink import catalogue
from datalink.lengths import Lengths
from datalink.links_words import thumbnail_of
from ingest import access, feed, release
from ingest.errors import ConfigError
from ingest.mapping import position
from ingest.release import Registry
from ingest.vocabulary import Vocabulary

VOCABULARY_VARIABLE = "CHERENKOV_VO_VOCABULARY"
"""Environment variable that names the vocabulary profile of this site; without it, it is ``talk``."""

FAST_PATHS_VARIABLE = "CHERENKOV_VO_FAST_PATHS"
"""Environment variable: ``no`` leaves to DaCHS what this project does faster."""

MAIN_COLUMNS = ("s_ra", "s_dec", "obs_id")
"""What a cone search takes as position and identifier of a row."""

OWN_ACCESS = {"url": "access_url", "format": "access_format", "size": "access_estsize"}
"""SQL for the access columns of ivoa.obscore: those of the table that feeds it."""

PIXEL_AXES = ("s_xel1", "s_xel2", "t_xel", "em_xel", "pol_xel")
POSITION_COLUMNS = ("s_ra", "s_dec")
INDEXED_COLUMNS = (
    "obs_publisher_did",
    "obs_id",
    "target_name",
    "obs_collection",
    "s_fov",
    "s_region",
    "t_min",
    "t_max",
    "em_min",
    "em_max",
)
"""Columns of ivoa.obscore that have indexes in the tables that feed it (rd/tables.rd)."""

NULL_INTEGER = "-2147483648"
"""Stands for NULL in VOTables: the smallest integer, which no axis length is."""


def directory(collection: str) -> Path:
    """Give the directory of a collection below the DaCHS inputs directory."""
    return Path(base.getConfig("inputsDir")) / collection


def vocabulary() -> Vocabulary:
    """Give the terms that this site uses.

    Raises
    ------
    ConfigError
        The environment names a profile that there is not.
    """
    return Vocabulary.named(os.environ.get(VOCABULARY_VARIABLE, "talk"))


def record_of(collection: str) -> Registry:
    """Give the registry record of a collection."""
    record = release.registry(directory(collection)).registry
    if record is None:  # for the type checker: release.registry has looked
        raise ConfigError(f"{collection}: no registry record")
    return record


def items(collection: str) -> Iterator[dict[str, str]]:
    """Yield name and value of each meta item of a collection, for a ``LOOP``.

    Texts that belong to a record as a whole come from here; what every collection has in common
    (content level, waveband) stands in the RD.
    """
    record = record_of(collection)
    simulated = all(found.simulated for found in release.of_collection(directory(collection)).values())
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
        # Registries know the terms of IVOA's vocabulary only, and the Draft's are not in there yet.
        ("productTypeServed", Vocabulary.named("talk").event_list),
        ("dataSource", "artificial" if simulated else "observation"),
    ]
    pairs += [("subject", subject) for subject in record.subjects]
    pairs += [("creator.name", creator) for creator in record.creators]
    if record.version:
        # Answers to queries tell it as resource_version (Data Origin in the VO).
        pairs.append(("version", record.version))
    if record.rights_uri:
        pairs.append(("rights.rightsURI", record.rights_uri))
    if record.source_doi:
        pairs.append(("doi", record.source_doi))
    # A DOI will do, too, for what results say to cite (Data Origin in the VO, publication_id).
    source = record.source or (f"doi:{record.source_doi}" if record.source_doi else None)
    if source:
        pairs.append(("source", source))
    for name, value in pairs:
        yield {"name": name, "value": value}


def identity(collection: str) -> feed.Identity:
    """Give who publishes a collection, and as what: from DaCHS's configuration and the environment."""
    return feed.Identity(
        authority=base.getConfig("ivoa", "authority"),
        server=base.getConfig("web", "serverURL").rstrip("/"),
        collection=collection,
        vocabulary=vocabulary().name,
        access_url=_chosen("ACCESS_URL", access.IN_COLLECTIONS),
    )


def _chosen(variable: str, known: tuple[str, ...]) -> str:
    """Give a setting that the environment has; without it, it is the first of those known."""
    name = f"CHERENKOV_VO_{variable}"
    return access.checked(name, os.environ.get(name, known[0]), known)


def obscore_access(collection: str) -> list[dict[str, str]]:
    """Give SQL for the access columns of a collection's event lists in ivoa.obscore.

    Returns
    -------
    list of dict
        ``url``, ``format`` and ``size`` of the rows that every event list has there; where it has two
        rows, those of the second one, with the file, too.
    """
    server = base.getConfig("web", "serverURL").rstrip("/")
    document = {
        "url": f"'{server}/{collection}/q/dl/dlmeta?ID=' || gavo_urlescape(obs_publisher_did)",
        "format": f"'{access.DATALINK_FORMAT}'",
        "size": str(access.DATALINK_ESTSIZE),
    }
    file = {"url": "file_url", "format": "file_format", "size": "file_estsize"}
    chosen = _chosen("OBSCORE_ACCESS_URL", access.IN_OBSCORE)
    return {access.DATALINK: [document], access.FILE: [file], access.BOTH: [document, file]}[chosen]


def fast_paths() -> bool:
    """Tell whether this project's own ways are to be taken where DaCHS's are slow."""
    return os.environ.get(FAST_PATHS_VARIABLE, "yes") == "yes"


def rows(collection: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield all rows of a collection with their roles, for its grammar.

    There are none unless DaCHS is to feed them one by one: ``rd.loading`` does it for all at once.
    """
    if not fast_paths():
        complete = lengths_of(collection)
        yield from feed.rows(
            directory(collection), identity(collection), complete=complete, progress=sys.stderr.isatty()
        )


def lengths_of(collection: str) -> Lengths:
    """Give what computes the lengths of what is made for a collection only when it is asked for."""
    return Lengths(collection, catalogue.releases(collection), catalogue.inputs(), catalogue.origin())


def serve_links_fast(collection: str) -> None:
    """Have DataLink documents made the fast way, in a process that is a web server.

    Parameters
    ----------
    collection
        Whose service has just been read.
    """
    if "gavo.web.root" in sys.modules:
        from datalink import links_fast  # noqa: PLC0415 - no other process needs it

        links_fast.install(collection)


def obscore_columns(*, main: bool = False) -> Iterator[dict[str, str]]:
    """Yield definitions of this site's ObsCore columns, as a collection's tables have them.

    They are made from DaCHS's columns but not copied: those carry the value ranges of the whole
    site. DaCHS's xtype for MJD is left out: DALI 1.1 knows no such thing, and TIMESYS says it.

    Parameters
    ----------
    main
        Mark the position and the identifier as the table's main ones: Simple Cone Search 1.03, section
        2.2, needs exactly one of each.
    """
    for column in base.resolveCrossId("//obscore#ObsCore"):
        mark = ";meta.main" if main and column.name in MAIN_COLUMNS else ""
        yield {
            "name": column.name,
            "type": column.type,
            "unit": column.unit or "",
            "ucd": (column.ucd or "") + mark,
            "utype": column.utype or "",
            "xtype": "" if column.xtype == "mjd" else column.xtype or "",
            "tablehead": column.tablehead or "",
            "description": " ".join(column.description.split()),
            "verbLevel": str(column.verbLevel),
            "statistics": "no" if column.type == "timestamp" else "yes",  # see withhold_dates
            "displayHint": "type=url" if column.name == "access_url" else column.getDisplayHintAsString(),
        }


def date_and_time(mjd: float | None) -> str:
    """Write an MJD for people, without a time zone: DaCHS's own way would call a TT time UTC."""
    return "" if mjd is None else f"{stc.mjdToDateTime(mjd):%Y-%m-%d %H:%M:%S}"


def withhold_dates(table: Any) -> None:
    """Have no value ranges computed for dates: DaCHS writes them as MJD, though the values are ISO 8601."""
    for column in table:
        if column.type == "timestamp":
            column.setProperty("statistics", "no")


def declare_null(table: Any) -> None:
    """Let clients of ivoa.obscore see an axis length of -1.

    DaCHS declares -1 as the value for NULL in these columns; in high-energy data it says that there
    are no pixels.
    """
    for name in PIXEL_AXES:
        table.getColumnByName(name).values.nullLiteral = NULL_INTEGER


def declare_indexes(table: Any) -> None:
    """Say which columns of ivoa.obscore have indexes below it, and of which kind.

    DaCHS takes positions to be indexed by Q3C, and would write queries for that; these are indexed as
    pg_sphere's points, which is quicker.
    """
    table.indices = [index for index in table.indices if index.kind != "q3c"]
    for name in POSITION_COLUMNS:
        table.indexedColumns[name] = {"spoint"}
    for name in INDEXED_COLUMNS:
        table.indexedColumns.setdefault(name, set()).add("straight")


def state_all_columns(table: Any) -> None:
    """Give ivoa.obscore a first definition with as many columns as it has on this site.

    DaCHS's own has those of plain ObsCore; where ivoa.obscore is to be a table, PostgreSQL gets to see it.
    """
    nulls = ", ".join(f"CAST(NULL AS {column.type})" for column in table.columns)
    table.viewStatement = f"CREATE VIEW \\qName (\\colNames) AS (SELECT {nulls} WHERE FALSE)"


def lead_to_links(table: Any) -> None:
    """Have results from ivoa.obscore declare this site's own DataLink service in place of DaCHS's."""
    key = "_associatedDatalinkService"
    table.delMeta(key)
    table.addMeta(key, None)
    table.addMeta(f"{key}.serviceId", "rd/access#dl")
    table.addMeta(f"{key}.idColumn", "obs_publisher_did")


def state_versions(table: Any) -> None:
    """Have results from ivoa.obscore tell the versions of all collections, as those of a collection do."""
    found, faults = release.versions(Path(base.getConfig("inputsDir")))
    for fault in faults:
        base.ui.notifyWarning(f"ivoa.obscore tells no version of a collection: {fault}")
    if found:
        table.addMeta("version", ", ".join(f"{name} {version}" for name, version in found.items()))


def links_for_people(collection: str, identifier: str, text: Any) -> Any:
    """Give a link to the links page of a data set, for a table of results."""
    return tags.a(href=f"/{collection}/q/page/custom?ID={quote(identifier)}")(text)


def thumbnail(collection: str, row: Mapping[str, Any]) -> Any:
    """Give what a table of results shows in place of a picture's URL: the picture in small, with a link.

    Parameters
    ----------
    collection
        The collection's schema.
    row
        ``thumbnail`` is the picture's URL, empty where not everybody may see it, None where there is none.
    """
    if row["thumbnail"] is None:
        return ""
    shown: Any = "not public"
    if row["thumbnail"]:
        path = thumbnail_of(urlsplit(row["thumbnail"]).path)
        shown = tags.img(src=path, alt=f"Counts map of {row['obs_id']}", width="96", loading="lazy")
    return links_for_people(collection, row["obs_publisher_did"], shown)


def example(collection: str) -> Iterator[dict[str, str]]:
    """Yield the position of one observation of the collection, if there is any that can be read."""
    place = directory(collection)
    for name, config in release.of_collection(place).items():
        found = feed.observations(place / "releases" / name / "files", config, feed.Report(collection))
        for observation in found:
            at = position(observation.event_lists[0])
            if at is not None:
                yield {"ra": str(at[0]), "dec": str(at[1])}
                return
