"""What of a release has to be read again: what is new, what changed, and what depends on these.

Observations depend on each other in two ways only. An OBS_ID is whose comes first, and of the rows about
a shared file, which come with every observation that uses it, those of the first one are written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ingest import feed, gadf, listing, release
from ingest.feed import Identity
from ingest.ledger import FAILED, RELEASE, STALE, WHOLE, Entry, Ledger
from ingest.listing import Files
from ingest.naming import shared_ids
from ingest.release import Release
from ingest.workers import code_version

UNLISTED = ""
"""Context of what left an index while its files stayed: if it returns, it is read."""


@dataclass(frozen=True)
class Options:
    """What an operator may ask of an import.

    Attributes
    ----------
    force
        Read everything again.
    checksum
        Judge files by their contents, too.
    withdraw
        Take back what was published and is gone, or cannot be published as it is now.
    scheduler
        Address of a Dask scheduler; None for this machine.
    processes
        How many to start on this machine; 0 for as many as there are processors.
    """

    force: bool = False
    checksum: bool = False
    withdraw: bool = False
    scheduler: str | None = None
    processes: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A source as it is now, without what it is read from: there may be a million.

    Attributes
    ----------
    name, files, context
        As in the ledger.
    position
        Its place in the release.
    responses
        The files that it needs for responses only.
    """

    name: str
    files: str
    context: str
    position: int
    responses: tuple[Path, ...] = ()


@dataclass
class Survey:
    """A release as it is now.

    Attributes
    ----------
    candidates
        Its sources by name, in their order.
    shared
        Files that several observations use, with their names.
    whole
        The ledger's line about the release itself.
    sources
        Gives name and source of each candidate, in their order.
    """

    candidates: dict[str, Candidate]
    shared: dict[Path, str]
    whole: Entry
    sources: Callable[[], Iterator[tuple[str, gadf.Source]]]

    def users(self) -> dict[str, list[str]]:
        """Give the sources that use each shared file, by its name."""
        found: dict[str, list[str]] = {name: [] for name in self.shared.values()}
        for candidate in self.candidates.values():
            for path in candidate.responses:
                if path in self.shared:
                    found[self.shared[path]].append(candidate.name)
        return found


@dataclass
class Plan:
    """What is to be done about a release.

    Attributes
    ----------
    changed
        Names of sources to read.
    kept
        Ledger lines that stay.
    removed
        Ledger lines that go, with the rows they stand for.
    lost
        Names of shared files whose rows are to be written anew.
    """

    changed: set[str]
    kept: dict[str, Entry]
    removed: dict[str, Entry]
    lost: set[str] = field(default_factory=set)


def context_of(config: Release, identity: Identity, prefix: str) -> str:
    """Give a digest of what shapes all rows of a release, but for its files."""
    return listing.short_digest(code_version(), repr(identity), config.model_dump_json(), prefix)


def unchanged(directory: Path, identity: Identity, ledger: Ledger, *, withdraw: bool = False) -> bool:
    """Tell whether a collection is what its ledger says; files are looked at, and none is opened.

    Parameters
    ----------
    directory
        The collection's directory below the DaCHS inputs directory.
    identity
        Who publishes it, as what.
    ledger
        What is known.
    withdraw
        Take what was published and is gone for a change.
    """
    releases = release.of_collection(directory)
    if set(releases) != set(ledger.entries):
        return False
    return all(
        _release_unchanged(directory / "releases" / name / "files", config, identity, ledger, withdraw)
        for name, config in releases.items()
    )


def _release_unchanged(
    root: Path, config: Release, identity: Identity, ledger: Ledger, withdraw: bool
) -> bool:
    known = ledger.of_release(root.parent.name)
    whole = known.get(WHOLE)
    prefix = prefix_of(identity, root.parent.name)
    if whole is None or whole.context != context_of(config, identity, prefix):
        return False
    files = Files(root)
    if config.index is None:
        names = set(files.listed(config.files))
        if not names <= known.keys():
            return False
    elif not listing.same(whole.files, files.of_index(config.index)):
        return False
    entries = (entry for name, entry in known.items() if name != WHOLE)
    return all(_entry_unchanged(entry, files, withdraw=withdraw) for entry in entries)


def _entry_unchanged(entry: Entry, files: Files, *, withdraw: bool) -> bool:
    if withdraw and (entry.vanished or entry.outcome == STALE):
        return False
    before = listing.read(entry.files)
    now = [files.state(state.name, response=state.response) for state in before]
    if entry.vanished:
        return entry.context == UNLISTED or listing.vanished(entry.files, now)
    return all(one[:3] == other[:3] for one, other in zip(before, now, strict=True))


def prefix_of(identity: Identity, name: str) -> str:
    """Give the path of a release's files below the DaCHS inputs directory."""
    return f"{identity.collection}/releases/{name}/files"


def survey(
    root: Path,
    config: Release,
    identity: Identity,
    known: Mapping[str, Entry],
    *,
    options: Options,
    taken: Iterable[str],
) -> Survey:
    """Look at a release.

    Parameters
    ----------
    root, config, identity
        Its directory and configuration, and who publishes it, as what.
    known
        What is known of it: what was published and is gone still uses its files.
    options
        What the operator asks for.
    taken
        Names that other releases of the collection have.

    Raises
    ------
    GADFError
        Its index tables cannot be read.
    """
    files = Files(root, checksum=options.checksum)
    name = root.parent.name
    context = context_of(config, identity, prefix_of(identity, name))
    if config.index is None:
        found = {
            own: Candidate(own, listing.written([files.state(own)]), context, at)
            for at, own in enumerate(listing.names_of(files, config))
        }
        whole = Entry(name, WHOLE, "[]", context, None, RELEASE)
        return Survey(
            found, {}, whole, lambda: ((own, gadf.Source(Path(own).name, (root / own,))) for own in found)
        )
    states = files.of_index(config.index)  # before they are read: who changes them later is noticed

    def sources() -> Iterator[tuple[str, gadf.Source]]:
        for source in gadf.sources(root, config.files, config.index):
            yield source.name, source

    usage, present = Counter[Path](), set[str]()
    for own, source in sources():
        usage.update(feed.response_files(source))
        present.add(own)
    for entry in known.values():
        if entry.published and not options.withdraw and entry.source not in present:
            usage.update(root / state.name for state in listing.read(entry.files) if state.response)
    shared = shared_ids(root, (path for path, uses in usage.items() if uses > 1), taken)
    found, same = {}, dict[tuple[Path, ...], tuple[Path, ...]]()
    for at, (own, source) in enumerate(sources()):
        responses = tuple(sorted(feed.response_files(source)))
        responses = same.setdefault(responses, responses)
        digest = _source_context(context, source, root, shared)
        found[own] = Candidate(own, _indexed_states(files, root, source), digest, at, responses)
    return Survey(found, shared, Entry(name, WHOLE, states, context, None, RELEASE), sources)


def _indexed_states(files: Files, root: Path, source: gadf.Source) -> str:
    responses = feed.response_files(source)
    states = [
        files.state(path.relative_to(root).as_posix(), response=path in responses)
        for path in source.paths
        if path != source.index_path
    ]
    return listing.written(states)


def _source_context(context: str, source: gadf.Source, root: Path, shared: Mapping[Path, str]) -> str:
    hdus = [
        (hdu.kind, hdu.path.relative_to(root).as_posix(), hdu.hdu_name, shared.get(hdu.path))
        for hdu in source.hdus
    ]
    said = (sorted(source.row.items()), hdus, str(source.problem), [str(note) for note in source.notes])
    return listing.short_digest(context, repr(said))


def plan(found: Survey, known: Mapping[str, Entry], options: Options, before: Before) -> Plan:
    """Decide what is to be done about a release.

    Parameters
    ----------
    found, known
        The release as it is, and as its ledger says.
    options
        What the operator asks for.
    before
        What other releases of the collection have.
    """
    made = Plan(set(), {}, {})
    for name, candidate in found.candidates.items():
        entry = known.get(name)
        if entry is None:
            made.changed.add(name)
        elif entry.published and not options.withdraw and lacks_files(entry, candidate):
            made.kept[name] = entry
        elif (
            options.force
            or (options.withdraw and entry.outcome == STALE)
            or entry.context != candidate.context
            or not listing.same(entry.files, candidate.files, checksum=options.checksum)
        ):
            made.changed.add(name)
        else:
            made.kept[name] = entry
    for name, entry in known.items():
        if name != WHOLE and name not in found.candidates:
            (made.kept if entry.published and not options.withdraw else made.removed)[name] = entry
    close(made, found, known, before)
    return made


def lacks_files(entry: Entry, candidate: Candidate) -> bool:
    """Tell whether a source lacks a file that it had."""
    return entry.files != candidate.files and listing.vanished(entry.files, listing.read(candidate.files))


@dataclass
class Before:
    """What the releases before one have.

    Attributes
    ----------
    seen
        OBS_ID, or name of a shared file, to its path.
    freed
        OBS_IDs that were taken and may be free now.
    """

    seen: dict[str, str] = field(default_factory=dict)
    freed: set[str] = field(default_factory=set)


def close(made: Plan, found: Survey, known: Mapping[str, Entry], before: Before) -> None:
    """Add to a plan what depends on what it has, until nothing is missing."""
    users: dict[str, list[str]] | None = None
    names = set(found.shared.values())
    while True:
        old = [known[name] for name in made.changed if name in known] + list(made.removed.values())
        freed = before.freed | {entry.obs_id for entry in old if entry.obs_id is not None}
        owners = _owners(made, found)
        made.lost = {name for entry in old for name in entry.owned} | _early(made, found, owners)
        if made.lost and users is None:
            users = found.users()
        more = {user for name in made.lost for user in (users or {}).get(name, ())}
        more |= {
            name
            for name, entry in made.kept.items()
            if (entry.outcome == FAILED and entry.obs_id in freed)
            or (entry.outcome == STALE and freed)
            or (entry.published and (entry.obs_id in before.seen or entry.obs_id in names))
        }
        gone = {name for name in more if name in made.kept and _is_gone(made.kept[name], found)}
        for name in gone:
            if made.kept[name].obs_id in before.seen:
                made.removed[name] = made.kept.pop(name)
        more = {name for name in more - gone if name in made.kept}
        if not more:
            return
        for name in more:
            del made.kept[name]
        made.changed |= more


def _is_gone(entry: Entry, found: Survey) -> bool:
    """Tell whether there is nothing, or not enough, to read an entry again from."""
    candidate = found.candidates.get(entry.source)
    return candidate is None or (entry.published and lacks_files(entry, candidate))


def _owners(made: Plan, found: Survey) -> dict[str, int]:
    """Give the last of the places of those from whom the rows about each shared file come."""
    owners: dict[str, int] = {}
    for name, entry in made.kept.items():
        if entry.shared:
            place = found.candidates[name].position if name in found.candidates else -1
            for shared in entry.owned:
                owners[shared] = max(place, owners.get(shared, -1))
    return owners


def _early(made: Plan, found: Survey, owners: Mapping[str, int]) -> set[str]:
    """Give the shared files that are used by a source to be read before an owner."""
    early: set[str] = set()
    if not owners:
        return early
    for name in made.changed:
        candidate = found.candidates[name]
        for path in candidate.responses:
            shared = found.shared.get(path)
            if shared is not None and shared in owners and candidate.position < owners[shared]:
                early.add(shared)
    return early
