"""From the releases of a collection to the difference between what is published and what should be."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ingest import changes, feed, gadf, listing, release
from ingest.changes import Before, Candidate, Options, Plan, Survey
from ingest.copying import Layout, Spool
from ingest.difference import Difference
from ingest.errors import GADFError
from ingest.feed import MOST_DEVIATIONS, Identity
from ingest.ledger import FAILED, OTHER, PUBLISHED, STALE, WHOLE, Entry, Ledger, Noted, row_of
from ingest.release import Release
from ingest.spoiled import Spoiled, problem_of
from ingest.units import Complete, Unit, duplicate
from ingest.workers import ALONE, SHARE, Made, Share, Workers, code_version, workers

ROLES = ("observation", "companion", "link", "provenance")
LEDGER = "ledger"

log = logging.getLogger("cherenkov_vo.ingest")


class Collector:
    """Reads what changed in the releases of a collection.

    Parameters
    ----------
    directory
        The collection's directory below the DaCHS inputs directory.
    identity
        Who publishes it, as what.
    layouts
        The tables of `ROLES` and of the ledger.
    ledger
        What is known.
    options
        What the operator asks for.
    complete
        See `ingest.workers.Share`.
    progress
        Draw a progress bar on standard error.
    """

    def __init__(
        self,
        directory: Path,
        identity: Identity,
        layouts: Mapping[str, Layout],
        ledger: Ledger,
        options: Options,
        *,
        complete: Complete | None = None,
        progress: bool = False,
    ) -> None:
        self.complete = complete
        self.directory, self.identity, self.layouts = directory, identity, layouts
        self.ledger, self.options, self.progress = ledger, options, progress
        self.now = datetime.datetime.now(datetime.UTC)
        self.noted = Noted(self.now.replace(tzinfo=None))

    def collect(self, spool: Spool) -> Difference:
        """Read what changed, into a spool for `ROLES` and the ledger.

        Raises
        ------
        ConfigError
            A release's configuration cannot be used.
        CherenkovVOError
            Those who were asked to map cannot.
        """
        difference, before = Difference(spool), Before()
        releases = release.of_collection(self.directory)
        for name in sorted(self.ledger.entries.keys() - releases.keys()):
            for entry in self.ledger.of_release(name).values():
                difference.drop(entry)
                if entry.obs_id is not None:
                    before.freed.add(entry.obs_id)
        for name, config in releases.items():
            _Release(self, name, config, before, difference).collect()
        return difference


class _Release:
    """One release of a collection that is being collected."""

    def __init__(
        self, collector: Collector, name: str, config: Release, before: Before, difference: Difference
    ) -> None:
        self.collector, self.name, self.config = collector, name, config
        self.before, self.difference = before, difference
        self.known = collector.ledger.of_release(name)
        self.prefix = changes.prefix_of(collector.identity, name)
        self.root = Path(os.path.normpath(collector.directory / "releases" / name / "files"))

    def collect(self) -> None:
        """Read what changed; what was published stays if the index tables cannot be read."""
        options = self.collector.options
        try:
            survey = changes.survey(
                self.root,
                self.config,
                self.collector.identity,
                self.known,
                options=options,
                taken=self.before.seen,
            )
        except GADFError as error:
            self._fail(error)
            return
        made = changes.plan(survey, self.known, options, self.before)
        attempt = _Attempt(self, survey, made)
        while not attempt.run():
            changes.close(made, survey, self.known, self.before)
            attempt = _Attempt(self, survey, made)
        attempt.apply()

    def _fail(self, error: GADFError) -> None:
        """Note that the index tables cannot be read; what was published stays."""
        log.error("not published: %s", error)
        for entry in self.known.values():
            if entry.published and entry.obs_id is not None:
                self.before.seen[entry.obs_id] = f"{self.prefix}/{entry.source}"
        states = listing.Files(self.root).of_index(self.config.index or "")
        context = changes.context_of(self.config, self.collector.identity, self.prefix)
        self.difference.lines.add((self.name, WHOLE))
        self.write(
            Entry(self.name, WHOLE, states, context, None, FAILED), problem=problem_of(error.path, error)
        )

    def write(self, entry: Entry, **report: object) -> None:
        """Write a line of the ledger."""
        row = row_of(entry, self.collector.noted, **report)
        self.difference.spool.write(LEDGER, self.collector.layouts[LEDGER].line(row))


class _Attempt:
    """One try at a plan; it fails if what is read shows that more has to be read."""

    def __init__(self, release: _Release, survey: Survey, plan: Plan) -> None:
        self.release, self.survey, self.plan = release, survey, plan
        self.collector = release.collector
        self.holders = {entry.obs_id: entry for entry in plan.kept.values() if entry.published}
        self.taken = dict(release.before.seen)
        for path, name in survey.shared.items():
            self.taken[name] = f"{release.prefix}/{path.relative_to(release.root).as_posix()}"
        self.written = {
            key
            for entry in plan.kept.values()
            for name, keys in entry.owned.items()
            if name not in plan.lost
            for key in keys
        }
        self.spool = Spool([*ROLES, LEDGER]) if plan.changed else None
        self.claimed: dict[str, str] = {}
        self.spoiled = Spoiled(release.known)
        self.reading: set[str] = set()

    def run(self) -> bool:
        """Read; gives False, with a plan that has more in it, if that has to be done again."""
        ordered = [
            self.survey.candidates[name] for name in self.survey.candidates if name in self.plan.changed
        ]
        if not ordered:
            return True
        self.reading = {candidate.name for candidate in ordered}  # the plan grows meanwhile
        again = True
        options = self.collector.options
        try:
            with workers(len(ordered), scheduler=options.scheduler, processes=options.processes) as staff:
                again = not all([self._take(*read) for read in self._read(staff, ordered)])
        finally:
            if again and self.spool is not None:
                self.spool.close()
        return not again

    def _read(self, staff: Workers, ordered: Sequence[Candidate]) -> Iterator[tuple[Candidate, Made]]:
        shown = iter(
            feed.shown_progress(
                ordered, len(ordered), self.collector.identity.collection, shown=self.collector.progress
            )
        )
        for share in staff.map(self._shares(ordered)):
            for made in share:
                yield next(shown), made
        next(shown, None)  # for the progress bar to end

    def _shares(self, ordered: Sequence[Candidate]) -> Iterator[Share]:
        owner, collector = self.release, self.collector
        whole = feed.publication_of(
            owner.config,
            collector.identity,
            root=owner.root,
            prefix=owner.prefix,
            shared={},
            today=collector.now.date(),
        )
        size = min(SHARE, max(1, len(ordered) // ALONE))
        changed = self._sources(ordered)
        while sources := tuple(itertools.islice(changed, size)):
            shared = {
                path: self.survey.shared[path]
                for source in sources
                for path in feed.response_files(source)
                if path in self.survey.shared
            }
            names = dataclasses.replace(whole.names, shared=shared)
            publication = dataclasses.replace(whole, names=names)
            yield Share(
                sources, publication, collector.layouts, collector.now, code_version(), collector.complete
            )

    def _sources(self, ordered: Sequence[Candidate]) -> Iterator[gadf.Source]:
        found = ((name, source) for name, source in self.survey.sources() if name in self.reading)
        for candidate, (name, source) in itertools.zip_longest(ordered, found, fillvalue=(None, None)):
            if not isinstance(candidate, Candidate) or source is None or name != candidate.name:
                raise GADFError(self.release.root, "its index tables changed while they were read")
            yield source

    def _take(self, candidate: Candidate, made: Made) -> bool:
        """Take what came of a source into the books; gives False if others must be read again."""
        if made.other:
            self._note(candidate, None, OTHER)
            return True
        well = True
        if made.error is None and made.obs_id is not None:
            well = self._claim(candidate, made.obs_id)
            holder = self.claimed.get(made.obs_id) or self.taken.get(made.obs_id)
            if holder is not None:
                made.error = duplicate(Unit(made.path, made.obs_id), holder)
        if made.error is not None:
            log.error("not published: %s", made.error)
            before = self.release.known.get(candidate.name)
            if before is not None and before.published and not self.collector.options.withdraw:
                self.spoiled.found[candidate.name] = candidate, made
            else:
                self._fail(candidate, made)
            return well
        assert made.obs_id is not None
        self.claimed[made.obs_id] = (
            f"{self.release.prefix}/{made.path.relative_to(self.release.root).as_posix()}"
        )
        self._publish(candidate, made)
        return well

    def _fail(self, candidate: Candidate, made: Made) -> None:
        assert made.error is not None
        self._note(candidate, made.obs_id, FAILED, problem=problem_of(made.path, made.error))

    def _claim(self, candidate: Candidate, obs_id: str) -> bool:
        """Sort out whose OBS_ID it is if one who is not read again has it."""
        entry = self.holders.get(obs_id)
        if entry is None:
            return True
        other = self.survey.candidates.get(entry.source)
        if other is None or changes.lacks_files(entry, other):
            # It is gone, and this one has taken its place.
            del self.plan.kept[entry.source], self.holders[obs_id]
            if other is None:
                self.plan.removed[entry.source] = entry
            else:
                self.plan.changed.add(entry.source)
            return other is None and entry.shared is None
        if entry.outcome == STALE or other.position > candidate.position:
            del self.plan.kept[entry.source], self.holders[obs_id]
            self.plan.changed.add(entry.source)
            return False
        self.claimed.setdefault(obs_id, self._path_of(entry))
        return True

    def _path_of(self, entry: Entry) -> str:
        states = listing.read(entry.files)
        return f"{self.release.prefix}/{states[0].name if states else entry.source}"

    def _publish(self, candidate: Candidate, made: Made) -> None:
        assert self.spool is not None
        owned: dict[str, list[str]] = {}
        for role, line, key in made.lines:
            if key not in self.written:
                self.spool.write(role, line)
            if key is not None and key not in self.written:
                self.written.add(key)
                owned.setdefault(key.partition("\t")[0], []).append(key)
        texts = [str(deviation) for deviation in made.deviations]
        self._note(
            candidate,
            made.obs_id,
            PUBLISHED,
            shared=json.dumps(owned) if owned else None,
            events=made.events,
            deviation_count=len(texts),
            deviations=json.dumps(texts[:MOST_DEVIATIONS]) if texts else None,
        )

    def _note(
        self,
        candidate: Candidate,
        obs_id: str | None,
        outcome: str,
        *,
        shared: str | None = None,
        **report: object,
    ) -> None:
        assert self.spool is not None
        entry = Entry(
            self.release.name, candidate.name, candidate.files, candidate.context, obs_id, outcome, shared
        )
        row = row_of(entry, self.collector.noted, **report)
        self.spool.write(LEDGER, self.collector.layouts[LEDGER].line(row))

    def apply(self) -> None:
        """Take all of it into the difference."""
        difference, known = self.release.difference, self.release.known
        stale, kept = self._settle()
        replaced = [known[name] for name in self.plan.changed if name in known and name not in stale]
        for entry in (*replaced, *self.plan.removed.values()):
            difference.drop(entry)
            if entry.obs_id is not None:
                self.release.before.freed.add(entry.obs_id)
        difference.gone.update(self.plan.lost)
        difference.gone -= kept
        difference.kept += stale.values()
        if self.spool is not None:
            difference.spool.append(self.spool)
            self.spool.close()
        self._touch()
        for entry in (*self.plan.kept.values(), *stale.values()):
            if entry.published and entry.obs_id is not None:
                self.claimed.setdefault(entry.obs_id, self._path_of(entry))
        self.release.before.seen.update(self.taken | self.claimed)

    def _settle(self) -> tuple[dict[str, Entry], set[str]]:
        """See `Spoiled.settle`; who has rows no more is noted as failed."""
        anew = {key.partition("\t")[0] for key in self.written} & self.plan.lost
        taken = self.taken.keys() | self.claimed.keys()
        stale, kept = self.spoiled.settle(self.plan, self.survey, anew, taken)
        for name, (candidate, made) in self.spoiled.found.items():
            if name not in stale:
                self._fail(candidate, made)
        return stale, kept

    def _touch(self) -> None:
        """Write what is new about sources that were not read, and about the release."""
        difference = self.release.difference
        known = len(difference.kept)
        for name, entry in self.plan.kept.items():
            now = self._as_it_is(entry, self.survey.candidates.get(name))
            if now != entry:
                difference.kept.append(now)
        same = not self.plan.changed and not self.plan.removed and len(difference.kept) == known
        if not same or self.release.known.get(WHOLE) != self.survey.whole:
            difference.lines.add((self.release.name, WHOLE))
            self.release.write(self.survey.whole)

    def _as_it_is(self, entry: Entry, candidate: Candidate | None) -> Entry:
        owned = {name: keys for name, keys in entry.owned.items() if name not in self.plan.lost}
        shared = json.dumps(owned) if owned else None
        if owned == entry.owned:
            shared = entry.shared
        if candidate is not None and not (entry.published and changes.lacks_files(entry, candidate)):
            files = candidate.files if self.collector.options.checksum else entry.files
            return dataclasses.replace(entry, files=files, shared=shared, vanished=False)
        still = candidate is None and not self._files_gone(entry)
        context = changes.UNLISTED if still else entry.context
        return dataclasses.replace(entry, context=context, shared=shared, vanished=True)

    def _files_gone(self, entry: Entry) -> bool:
        files = listing.Files(self.release.root)
        return listing.vanished(entry.files, [files.state(state.name) for state in listing.read(entry.files)])
