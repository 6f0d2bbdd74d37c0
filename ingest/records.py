"""What a GADF release says, as typed records: the seam between reading and mapping.

The reader (``ingest.gadf``) makes these from files, whatever facility wrote them; the mapping
(``ingest.mapping``) turns them into rows and never looks at a file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.arrays import FloatArray
from ingest.errors import KeywordError, printable, shown
from ingest.performance import Performance
from ingest.times import TimeReference

LONGEST_TEXT = 1000
"""Characters that a keyword's text may have: a card has 68, and some cards continue others."""

LONGEST_ID = 100
"""Characters that an OBS_ID may have: it becomes part of identifiers and of file names."""

RESPONSES = ("aeff", "edisp", "psf", "bkg", "rad_max")
"""Kinds of responses, in the order of a GADF file."""


@dataclass(frozen=True)
class Deviation:
    """Something in a file that is not as GADF has it, and what was made of it.

    Attributes
    ----------
    path
        The file.
    hdu, keyword
        Where; None if it concerns more than one HDU, or no single keyword or column.
    value
        What was found, as text; None if something is missing.
    assumed
        What it was taken for, as a phrase such as ``taken as UTC`` or ``left NULL``.
    """

    path: Path
    hdu: str | None
    keyword: str | None
    value: str | None
    assumed: str

    def __str__(self) -> str:
        where = [self.path.name]
        if self.hdu:
            where.append(f"HDU {self.hdu}")
        if self.keyword:
            where.append(self.keyword)
        return printable(f"{', '.join(where)}: {self.value or 'missing'}: {self.assumed}")

    @property
    def remark(self) -> str:
        """The same without the file, for the row that is made of it."""
        what = " ".join(part for part in (self.hdu, self.keyword) if part)
        return printable(f"{what or 'file'} {self.value or 'missing'}: {self.assumed}")


class Keywords(Mapping[str, Any]):
    """Header keywords under their canonical GADF names, with typed access that notes what is odd.

    Parameters
    ----------
    values
        Keyword to value, upper case, aliases resolved (``DATE_OBS`` is under ``DATE-OBS``).
    path, hdu
        Where they come from.
    notes
        Takes the deviations.
    """

    def __init__(self, values: Mapping[str, Any], path: Path, hdu: str, notes: list[Deviation]) -> None:
        self._values, self.path, self.hdu, self.notes = dict(values), path, hdu, notes

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def note(self, name: str, assumed: str) -> None:
        """Note that a keyword is missing or odd, and what is assumed."""
        value = self._values.get(name)
        found = Deviation(self.path, self.hdu, name, None if value is None else shown(value), assumed)
        if found not in self.notes:
            self.notes.append(found)

    def text(self, name: str) -> str | None:
        """Give a keyword as stripped text; None if it is missing, blank, not printable, or too long."""
        value = self._values.get(name)
        if value is None or not str(value).strip():
            return None
        found = str(value).strip()
        if not found.isprintable():
            self.note(name, "not printable, left NULL")
            return None
        if len(found) > LONGEST_TEXT:
            self.note(name, f"longer than {LONGEST_TEXT} characters, left NULL")
            return None
        return found

    def number(self, name: str, *, low: float = -math.inf, high: float = math.inf) -> float | None:
        """Give a keyword as a finite number in a range; None if it is missing or unusable, which is noted."""
        value = self._values.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        try:
            found = float(value)
        except (TypeError, ValueError):
            found = math.nan
        if isinstance(value, bool) or not math.isfinite(found) or not low <= found <= high:
            self.note(name, f"expected a number from {low:g} to {high:g}, left NULL")
            return None
        return found

    def require(self, name: str, *, low: float, high: float) -> float:
        """Give a keyword as a number in a range.

        Raises
        ------
        KeywordError
            It is missing or unusable.
        """
        found = self.number(name, low=low, high=high)
        if found is None:
            value = self._values.get(name)
            problem = f"{shown(value)}, expected a number from {low:g} to {high:g}"
            raise KeywordError(self.path, problem, hdu=self.hdu, keyword=name)
        return found


@dataclass(frozen=True)
class HDU:
    """Where one HDU lies and what it is.

    Attributes
    ----------
    path
        The file that holds it.
    name
        EXTNAME, or ``PRIMARY``.
    kind
        ``events``, ``gti``, one of `RESPONSES`, or ``other``.
    form
        GADF's HDU class in lower case: ``events``, ``gti``, ``aeff_2d``, ``edisp_2d``,
        ``psf_table``, ``psf_3gauss``, ``psf_king``, ``psf_gtpsf``, ``bkg_2d``, ``bkg_3d``, ``rad_max_2d``;
        None if it is none of them.
    offset, size
        First byte and number of bytes, header and padding included, in the unpacked file.
    header
        Keyword to value; commentary cards are left out.
    checked_size
        Number of bytes once its header has checksums: more than `size` if they need another block.
    """

    path: Path
    name: str
    kind: str
    form: str | None
    offset: int
    size: int
    header: Mapping[str, Any] = field(repr=False)
    checked_size: int = 0

    @property
    def version(self) -> int:
        """EXTVER, 1 if it is missing or no number."""
        value = self.header.get("EXTVER", 1)
        return value if isinstance(value, int) else 1


@dataclass(frozen=True)
class Response:
    """One instrument response.

    Attributes
    ----------
    hdu
        Where it lies.
    enclosure
        ``full-enclosure`` or ``point-like``, None where not said.
    energy_tev
        Range of its energy axis in TeV; None where it has none.
    offset_deg
        Range of its offset axis in degrees; None where it has none.
    """

    hdu: HDU
    enclosure: str | None = None
    energy_tev: tuple[float, float] | None = None
    offset_deg: tuple[float, float] | None = None


@dataclass(frozen=True)
class EventList:
    """One event list of an observation; most observations have one.

    Attributes
    ----------
    label
        What tells it from the observation's other event lists: an event type or class; None if it
        is the only one.
    keywords
        Its header, filled up from the observation index.
    events, gti
        HDUs; None where there is none (a release of metadata has no events).
    n_events
        Rows of the event list; None if there is no file and no index that says it.
    event_energy_tev
        Lowest and highest finite energy of the events in TeV; None without any.
    safe_energy_tev
        Safe energy range in TeV (LO_THRES and HI_THRES of the effective area, or of the index).
    event_box_deg
        ``(ra_low, ra_high, dec_low, dec_high)`` in degrees, a box around most events; RA runs upwards
        from ra_low (in [0, 360)) to ra_high (below 720), and None means events all around or none.
    time_reference
        Zero point and scale of all times.
    intervals
        Good time intervals, shape (n, 2), mission elapsed time.
    responses
        Those that belong to this event list.
    performance
        What they say at the reference energy and offset.
    """

    label: str | None
    keywords: Keywords = field(repr=False)
    events: HDU | None
    gti: HDU | None
    n_events: int | None
    event_energy_tev: tuple[float, float] | None
    safe_energy_tev: tuple[float, float] | None
    event_box_deg: tuple[float, float, float, float] | None
    time_reference: TimeReference
    intervals: FloatArray = field(repr=False)
    responses: tuple[Response, ...]
    performance: Performance


@dataclass(frozen=True)
class Observation:
    """One run of a release.

    Attributes
    ----------
    obs_id
        OBS_ID as text.
    path
        The file with its first event list; without one, the observation index.
    file_size
        Size of that file on disk in bytes.
    hdus
        All HDUs of that file, in its order; empty if there are no events.
    event_lists
        At least one.
    deviations
        What was not as GADF has it; the list grows while the observation is mapped.
    """

    obs_id: str
    path: Path
    file_size: int
    hdus: tuple[HDU, ...] = field(repr=False)
    event_lists: tuple[EventList, ...]
    deviations: list[Deviation] = field(repr=False)
