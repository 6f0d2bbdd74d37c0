"""Cut-outs as they are sent: one as a FITS file, several as a tar archive with index tables behind them."""

from __future__ import annotations

import datetime
import io
import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from astropy.io import fits

from datalink.bundles import index
from datalink.bundles.archive import BLOCK, Member, header
from datalink.cutouts import provenance
from datalink.cutouts.cut import Origin, cut
from datalink.cutouts.selection import Selection
from datalink.files import EventList, File
from ingest.fits_files import quiet
from ingest.hdus import locate
from ingest.intervals import seconds
from ingest.keywords import finite
from ingest.provenance import Facts
from ingest.times import TimeReference

DATES = {
    "date_obs": ("DATE-OBS", "DATE_OBS"),
    "time_obs": ("TIME-OBS", "TIME_OBS"),
    "date_end": ("DATE-END", "DATE_END"),
    "time_end": ("TIME-END", "TIME_END"),
}
"""Columns of an observation and the keywords of its event list that they come from."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes
    ----------
    selection
        Which events.
    event_lists
        Of which event lists; each has a file.
    responses
        Whether their responses go along.
    """

    selection: Selection
    event_lists: tuple[EventList, ...]
    responses: bool

    def files(self, events: EventList) -> list[File]:
        """Give the files that are needed for one event list, its own first."""
        kinds = ("#this", "#calibration") if self.responses else ("#this",)
        return [file for kind in kinds for file in events.files if file.semantics == kind]


@dataclass(frozen=True)
class Packer:
    """Makes what is sent.

    Attributes
    ----------
    wanted
        What is asked for.
    publisher
        Who publishes it.
    read
        Gives the bytes of a file; errors are its own.
    facts
        Gives the provenance of a run, None if it is not known.
    now
        When it is made, with a time zone.
    """

    wanted: Wanted
    publisher: str
    read: Callable[[File], bytes] = field(repr=False)
    facts: Callable[[EventList], Facts | None] = field(repr=False)
    now: datetime.datetime

    def cutout(self, events: EventList) -> bytes:
        """Give the cut-out of one event list, a FITS file.

        Raises
        ------
        GADFError
            The file is damaged, or does not have what the selection needs.
        """
        own, *responses = self.wanted.files(events)
        origin = Origin(
            publisher=self.publisher,
            dataset=events.did,
            name=own.name,
            responses=tuple(file.name for file in responses),
            created=self.now,
        )
        # One response after the other: a run may have large ones.
        carried = [self.read(file) for file in responses]
        return cut(self.read(own), self.wanted.selection, responses=carried, origin=origin)

    def provenance(self, events: EventList, *, votable: bool = False) -> bytes | None:
        """Give the provenance of the cut-out of an event list; None if that of the run is not known."""
        known = self.facts(events)
        if known is None:
            return None
        _, *responses = self.wanted.files(events)
        written = provenance.document(
            known,
            events.did,
            self.wanted.selection,
            [file.dataset for file in responses],
            when=self.now,
        )
        return provenance.prov_votable(written, known) if votable else provenance.prov_json(written)

    def archive(self) -> Iterator[bytes]:
        """Yield a tar archive: a folder per observation, and index tables if GADF has a number for each.

        One cut-out at a time is in memory.

        Raises
        ------
        GADFError
            As for `cutout`; what was yielded before is right, but the archive has no end.
        """
        modified = self.now.timestamp()
        numbers = index.numbers(events.obs_id for events in self.wanted.event_lists)
        entries: list[index.Entry] = []
        runs: list[index.Run] = []
        for events in self.wanted.event_lists:
            content, name = self.cutout(events), path_of(events)
            yield from _packed(Member.of_bytes(name, content, modified))
            document = self.provenance(events)
            if document is not None:
                beside = f"{name.removesuffix('.fits')}_provenance.json"
                yield from _packed(Member.of_bytes(beside, document, modified))
            if numbers is not None:
                rows, run = _indexed(numbers[events.obs_id], events.row, name, content)
                entries += rows
                runs.append(run)
        if runs:
            yield from _packed(Member.of_bytes(index.HDU_INDEX, index.hdu_index(entries), modified))
            yield from _packed(Member.of_bytes(index.OBS_INDEX, index.obs_index(runs), modified))
        yield bytes(2 * BLOCK)


def path_of(events: EventList) -> str:
    """Give the path of a cut-out within an archive."""
    return posixpath.join(events.obs_id.replace("/", "_"), name_of(events))


def name_of(events: EventList) -> str:
    """Give the name of a cut-out's file."""
    own = next(file for file in events.files if file.semantics == "#this")
    stem = own.name.removesuffix(".gz").removesuffix(".fits")
    return f"{stem}_cutout.fits"


def _packed(member: Member) -> Iterator[bytes]:
    yield header(member)
    yield from member.chunks(0, member.size)
    yield bytes(-member.size % BLOCK)


def _indexed(
    number: int, row: Mapping[str, Any], path: str, content: bytes
) -> tuple[list[index.Entry], index.Run]:
    """Give the rows of a cut-out in the index tables."""
    directory, _, name = path.rpartition("/")
    with quiet(), fits.open(io.BytesIO(content), disable_image_compression=True) as opened:
        hdus = [hdu for hdu, _ in locate(opened, Path(name), []) if hdu.kind in index.INDEXED]
    entries = [
        index.Entry(number, hdu.kind, hdu.form, directory, name, hdu.name, len(content)) for hdu in hdus
    ]
    events = next(hdu for hdu in hdus if hdu.kind == "events")
    return entries, index.Run(number, dict(row) | _changed(events.header))


def _changed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a cut changes of an observation's row, from the header of the cut-out."""
    found: dict[str, Any] = {"ev_xel": values["NAXIS2"]}
    found |= {name: finite(values, name.upper()) for name in ("ontime", "livetime")}
    found |= {
        name: next((values[key] for key in keywords if key in values), None)
        for name, keywords in DATES.items()
    }
    try:
        reference = TimeReference.from_header(values, lambda keyword, assumed: None)
    except (KeyError, ValueError):  # then there was no cut in time either
        return found
    for name, mjd in (("tstart", "t_min"), ("tstop", "t_max")):
        elapsed = finite(values, name.upper())
        if elapsed is not None:
            found[name] = seconds(elapsed, reference)
            found[mjd] = reference.mjd_tt(elapsed)
    return found
