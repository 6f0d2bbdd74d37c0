"""Making the picture whole, or leaving what there is as it is."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from portal.hips import events, lists, properties, tiles
from portal.hips.asking import Client
from portal.hips.counts import ORDER, WIDTH, Counts
from portal.hips.errors import BusyError, HipsError, ListError, NotPublicError
from portal.hips.lists import EventList, Offer
from portal.hips.properties import Taken
from portal.hips.settings import Wanted

FORM = "1"
"""Changes when the same event lists give another picture."""

NAME = "own"
"""Of the picture, in the directory: a link, so that it changes at once and as a whole."""

VERSIONS, PARTIAL, NOTE = ".versions", "partial-", "note.json"
NUMBERS = ("lists", "events", "closed")
MOST_FAILURES = 0.1
"""Share of the event lists that may be unreadable; with more, something else is wrong."""


@dataclass(frozen=True)
class Outcome:
    """What was done.

    Attributes
    ----------
    state
        ``made``, ``unchanged``, or ``empty`` if there are no public event lists.
    lists, events, closed
        Event lists and events that are in it, and event lists that are not public.
    failures
        Why event lists are not in it, by identifier.
    """

    state: str
    lists: int = 0
    events: int = 0
    closed: int = 0
    failures: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        if self.state == "empty":
            return "there are no public event lists, so there is no picture"
        said = [f"{self.state}: {self.events} events of {self.lists} public event lists"]
        said += [f"{self.closed} are not public"] if self.closed else []
        said += [f"{len(self.failures)} could not be read"] if self.failures else []
        return "; ".join(said)


def run(wanted: Wanted, client: Client, now: datetime | None = None) -> Outcome:
    """Make the picture, if anything has changed.

    Parameters
    ----------
    wanted
        What is to be made.
    client
        Asks services.
    now
        The time; None for the clock's.

    Returns
    -------
    Outcome
        What was done.

    Raises
    ------
    HipsError
        Nothing could be made; what there was is still there.
    """
    now = now or datetime.now(UTC)
    versions = wanted.directory / VERSIONS
    versions.mkdir(parents=True, exist_ok=True)
    with _alone(wanted.directory):
        for left in versions.glob(f"{PARTIAL}*"):
            shutil.rmtree(left)
        offer = lists.ask(client, wanted.service, now)
        before = _note(wanted.directory)
        if before.get("digest") == offer.digest(*_circumstances(wanted)) and not wanted.again:
            lists_then, events_then, closed = (int(str(before[name])) for name in NUMBERS)
            return Outcome("unchanged", lists_then, events_then, closed)
        if not offer.lists:
            _take_away(wanted.directory)
            return Outcome("empty", closed=offer.closed)
        partial = Path(tempfile.mkdtemp(dir=versions, prefix=PARTIAL))
        try:
            return _make(wanted, client, offer, partial, now)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _circumstances(wanted: Wanted) -> tuple[str, ...]:
    programs = (metadata.version("reproject"), str(ORDER), str(WIDTH))
    return (FORM, *programs, wanted.service, wanted.creator_did, wanted.label, wanted.notice)


def _make(wanted: Wanted, client: Client, offer: Offer, partial: Path, now: datetime) -> Outcome:
    digest = offer.digest(*_circumstances(wanted))
    counts, taken, failures = count(client, offer)
    # It was made for this process alone.
    partial.chmod(0o755)
    if not taken.lists:
        _take_away(wanted.directory)
        return Outcome("empty", closed=taken.closed)
    look = tiles.make(counts, partial / "hips")
    client.check_time()
    properties.write(partial / "hips", wanted, taken, counts, top=look.top, now=now)
    numbers = (len(taken.lists), counts.events, taken.closed)
    # What could not be read is tried again the next time.
    note = dict(zip(NUMBERS, numbers, strict=True)) | {
        "digest": "" if failures else digest,
        "failures": dict(failures),
    }
    (partial / NOTE).write_text(json.dumps(note, indent=1), encoding="utf-8")
    _swap(wanted.directory, partial, f"{now:%Y%m%dT%H%M%S}-{digest[:12]}")
    return Outcome("made", *numbers, failures)


def count(client: Client, offer: Offer) -> tuple[Counts, Taken, tuple[tuple[str, str], ...]]:
    """Download the event lists one after the other, and count their events.

    Parameters
    ----------
    client
        Asks services.
    offer
        The event lists.

    Returns
    -------
    tuple of Counts, Taken and tuple
        The counts, of what they are, and which event lists could not be read, and why.

    Raises
    ------
    HipsError
        Too many cannot be read, or the time is over.
    """
    counts = Counts()
    taken: list[EventList] = []
    failures: list[tuple[str, str]] = []
    simulated, closed = 0, offer.closed
    for one in offer.lists:
        try:
            found = events.load(client, one)
        except NotPublicError:
            closed += 1
            continue
        except ListError as error:
            failures.append((one.obs_publisher_did, str(error)))
            continue
        counts.add(found.ra, found.dec)
        if one.s_ra is not None and one.s_dec is not None and one.s_fov:
            # A field of view is given by its diameter.
            counts.look(one.s_ra, one.s_dec, min(180.0, one.s_fov / 2))
        taken.append(one)
        simulated += one.is_simulated or found.is_simulated
    if failures and len(failures) > MOST_FAILURES * len(offer.lists):
        did, why = failures[0]
        raise HipsError(f"{len(failures)} of {len(offer.lists)} event lists cannot be read; {did}: {why}")
    whole = Taken(tuple(taken), simulated, closed, len(failures), offer.is_whole)
    return counts, whole, tuple(failures)


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    with (directory / f"{VERSIONS}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(f"another process makes the picture in {directory} already") from error
        yield


def _note(directory: Path) -> dict[str, object]:
    """Read what was noted of the picture that is served; nothing if there is none."""
    link = directory / NAME
    if not (link / "properties").is_file():
        return {}
    try:
        found = json.loads((link.resolve().parent / NOTE).read_text(encoding="utf-8"))
        return found if isinstance(found, dict) and set(NUMBERS) <= found.keys() else {}
    except (OSError, ValueError):
        return {}


def _swap(directory: Path, partial: Path, name: str) -> None:
    """Let the new picture take the place of the old one, in one step."""
    versions, link = directory / VERSIONS, directory / NAME
    made = versions / name
    if made.exists():
        made = Path(tempfile.mkdtemp(dir=versions, prefix=f"{name}-"))
    partial.replace(made)
    before = link.resolve().parent if link.is_symlink() else None
    new = versions / f"{PARTIAL}link"
    new.symlink_to(Path(VERSIONS, made.name, "hips"))
    os.replace(new, link)  # noqa: PTH105 - Path.replace does the same; this says what it is about
    for other in versions.iterdir():
        # Whoever reads the one before may read on until there is another one.
        if other not in {made, before}:
            shutil.rmtree(other)


def _take_away(directory: Path) -> None:
    """Remove the picture: nothing in it is public any more."""
    (directory / NAME).unlink(missing_ok=True)
    for other in (directory / VERSIONS).iterdir():
        shutil.rmtree(other)
