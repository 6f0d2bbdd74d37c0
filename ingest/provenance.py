"""What is known of how a data set came about: collected at ingestion, kept as text in the database.

``datalink.provenance`` writes the documents. What a file does not say stays unknown here and is left
out there.
"""

from __future__ import annotations

import datetime
import math
import numbers
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ingest.identifiers import DatasetId

SETTINGS = ("CONFIG", "EV_CLASS", "CALDB", "IRF", "CAL_VER", "ANA_VER", "DST_VER", "EVTVER")
"""Keywords that say with which settings and versions a file was made."""

_VERSION = re.compile(r"(?P<name>.*\S)\s+(?:\((?P<inner>v?\d[\w.+-]*)\)|(?P<last>v?\d+\.[\w.+-]*))")
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z?")


@dataclass(frozen=True)
class Source:
    """What a file says about its making; None for what it does not say.

    Attributes
    ----------
    name
        The file, relative to the release's directory.
    software, software_version
        CREATOR; the version is set if CREATOR ends with one, as in ``ctobssim (1.4.0)``.
    origin
        ORIGIN, the organisation.
    observer
        OBSERVER, a person or an organisation.
    created
        DATE (or CREATED) as ISO 8601 in UTC, with a Z at its end; None without a time of day.
    data_format
        HDUCLASS and HDUVERS, such as ``GADF 0.2``.
    format_url
        HDUDOC, if it is a URL.
    settings
        Pairs of keyword and value from `SETTINGS`; several values where the file's HDUs differ.
    """

    name: str
    software: str | None = None
    software_version: str | None = None
    origin: str | None = None
    observer: str | None = None
    created: str | None = None
    data_format: str | None = None
    format_url: str | None = None
    settings: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def of(name: str, headers: Sequence[Mapping[str, Any]]) -> Source:
        """Collect what the headers of a file say.

        Parameters
        ----------
        name
            The file, relative to the release's directory.
        headers
            Keyword to value, of one HDU each; the first one that has a keyword is believed.
        """
        software = _first(headers, "CREATOR")
        version = _VERSION.fullmatch(software) if software else None
        url = _first(headers, "HDUDOC")
        return Source(
            name=name,
            software=software,
            software_version=(version["inner"] or version["last"]) if version else None,
            origin=_first(headers, "ORIGIN"),
            observer=_first(headers, "OBSERVER"),
            created=_utc(_first(headers, "DATE")) or _utc(_first(headers, "CREATED")),
            data_format=_data_format(headers),
            format_url=url if url and re.match(r"https?://\S+$", url) else None,
            settings=tuple(
                (keyword, value)
                for keyword in SETTINGS
                for value in dict.fromkeys(_text(header.get(keyword)) for header in headers)
                if value is not None
            ),
        )


@dataclass(frozen=True)
class Part:
    """A published data set of an observation.

    Attributes
    ----------
    dataset
        Its identifier.
    file
        `Source.name` of the file it is in.
    """

    dataset: str
    file: str


@dataclass(frozen=True)
class Facts:
    """How an observation's data sets came about.

    Attributes
    ----------
    authority
        The publisher's IVOA authority, without ``ivo://``.
    collection
        Name of the collection's schema, such as ``hess_dr``.
    dataset
        Identifier of the event list (obs_publisher_did).
    title
        The observation's obs_title.
    simulated
        Whether no telescope took these data.
    sources
        The files, that of the event list first.
    parts
        The published data sets, the event list among them.
    publisher
        Name of the publisher; None if not configured.
    configuration
        The release configuration, as a path within the project.
    software_version
        Version of cherenkov-vo.
    ingested
        When it was imported, ISO 8601 in UTC, with a Z at its end.
    start, stop
        First and last moment of the run, ISO 8601 in UTC, with a Z at its end; None if unknown.
    """

    authority: str
    collection: str
    dataset: str
    title: str
    simulated: bool
    sources: tuple[Source, ...]
    parts: tuple[Part, ...]
    configuration: str
    software_version: str
    ingested: str
    publisher: str | None = None
    start: str | None = None
    stop: str | None = None

    @staticmethod
    def of(
        dataset: DatasetId,
        files: Mapping[str, Sequence[Mapping[str, Any]]],
        parts: Iterable[tuple[DatasetId, str]],
        *,
        title: str,
        simulated: bool,
        configuration: str,
        software_version: str,
        ingested: datetime.datetime,
        publisher: str | None = None,
        run: tuple[datetime.datetime, datetime.datetime] | None = None,
    ) -> Facts:
        """Collect the facts of an observation.

        Parameters
        ----------
        dataset
            Identity of the event list.
        files
            File, relative to the release's directory, to its HDUs' headers (keyword to value); the file,
            and in it the header, of the event list first.
        parts
            The published data sets, each with its file, a key of `files`.
        run
            First and last moment of the run; times need a time zone. The rest is as in the class.

        Raises
        ------
        ValueError
            A part's file is not among the files, or a time has no time zone.
        """
        listed = tuple(Part(str(part), file) for part, file in parts)
        lost = sorted({part.file for part in listed} - set(files))
        if lost:
            raise ValueError(f"{dataset}: parts lie in {', '.join(lost)}, expected one of {', '.join(files)}")
        return Facts(
            authority=dataset.authority,
            collection=dataset.collection,
            dataset=str(dataset),
            title=title,
            simulated=simulated,
            sources=tuple(Source.of(name, headers) for name, headers in files.items()),
            parts=listed,
            configuration=configuration,
            software_version=software_version,
            ingested=_iso(ingested),
            publisher=publisher,
            start=_iso(run[0]) if run else None,
            stop=_iso(run[1]) if run else None,
        )

    def to_text(self) -> str:
        """Give the facts as compact JSON, without what is unknown; `from_text` reads it."""
        return _FACTS.dump_json(self, exclude_defaults=True).decode()

    @staticmethod
    def from_text(text: str) -> Facts:
        """Read what `to_text` wrote.

        Raises
        ------
        ValueError
            It is not that.
        """
        try:
            return _FACTS.validate_json(text)
        except ValidationError as error:
            raise ValueError(f"{text[:80]!r} holds no provenance facts: {error}") from error


_FACTS = TypeAdapter(Facts)


def _text(value: Any) -> str | None:
    """Give a keyword's value as stripped text, None without one or if it is not printable."""
    # astropy has an object of its own for a keyword without a value, and tables have NaN.
    known = isinstance(value, str) or (isinstance(value, numbers.Real) and math.isfinite(value))
    found = str(value).strip() if known else ""
    return found if found and found.isprintable() else None


def _first(headers: Sequence[Mapping[str, Any]], keyword: str) -> str | None:
    found = (_text(header.get(keyword)) for header in headers)
    return next((value for value in found if value is not None), None)


def _data_format(headers: Sequence[Mapping[str, Any]]) -> str | None:
    """Name the format by class and version of one and the same HDU, the first that has a class."""
    for header in headers:
        named = _text(header.get("HDUCLASS"))
        if named is not None:
            version = _text(header.get("HDUVERS"))
            return f"{named} {version}" if version else named
    return None


def _utc(date: str | None) -> str | None:
    """Give a FITS date, which is in UTC (FITS standard 4.0, section 9), as ISO 8601 with a Z."""
    if date is None or not _DATE.fullmatch(date):
        return None
    try:
        return _iso(datetime.datetime.fromisoformat(date.removesuffix("Z") + "+00:00"))
    except ValueError:
        return None


def _iso(moment: datetime.datetime) -> str:
    if moment.utcoffset() is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    return moment.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")
