"""What a release would publish: read and mapped observation by observation, without a server."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ingest import feed
from ingest.records import Deviation
from ingest.release import Release, load
from ingest.vocabulary import Vocabulary

NOBODY = "check.example"
"""Authority and server in the rows of a check; nothing of it is published."""

NO_COLLECTION = "check"
"""Name of the collection for releases that belong to none of ours."""

INDEX_NAMES = ("hdu-index.fits", "hdu-index.fits.gz")
FILES_NAMED = 3
"""Files that are named for each group of deviations."""


@dataclass
class Collected(feed.Report):
    """A report that keeps all deviations as they are, with the number of observations that have each."""

    found: Counter[Deviation] = field(default_factory=Counter)

    def note(self, deviations: list[Deviation]) -> None:
        """Note what was not as GADF has it."""
        self.deviation_count += len(deviations)
        self.found.update(deviations)


@dataclass
class Findings:
    """Result of the check of one release.

    Attributes
    ----------
    name
        The release, for people.
    report
        Counts, failures and deviations.
    rows
        Kind of data set, in the plural, to number of rows.
    unknown
        Column to number of event lists that have NULL there.
    """

    name: str
    report: Collected
    rows: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)

    @property
    def well(self) -> bool:
        """Whether there is something to publish, and nothing that cannot be."""
        return bool(self.report.published) and not self.report.failures


@dataclass(frozen=True)
class Group:
    """Deviations of one kind: the same HDU, keyword and assumption."""

    hdu: str
    keyword: str
    assumed: str
    values: tuple[str, ...]
    times: int
    files: tuple[str, ...]


def configurations(directory: Path, config: Path | None) -> dict[str, Release]:
    """Give the configurations with which to check a directory, by a name for people.

    Parameters
    ----------
    directory
        The root of a release.
    config
        A release configuration; without one, ``release.toml`` in the directory is taken, and without
        that, what can be found: the index tables, or else all FITS files with events.

    Raises
    ------
    ConfigError
        The configuration cannot be used.
    """
    own = directory / "release.toml"
    if config is not None or own.is_file():
        return {str(directory): load(config or own)}
    places = sorted({path.parent for name in INDEX_NAMES for path in directory.rglob(name)})
    if not places:
        return {str(directory): _generic(directory, None)}
    return {str(place): _generic(directory, place.relative_to(directory).as_posix()) for place in places}


def _generic(directory: Path, index: str | None) -> Release:
    name = directory.resolve().name or "release"
    content = {"obs_collection": name, "simulated": False, "creator_name": "not given"}
    return Release.model_validate(content | {"files": "**/*.fits*", "index": index})


def check(
    directory: Path,
    config: Release,
    identity: feed.Identity,
    *,
    name: str,
    seen: dict[str, str] | None = None,
    progress: bool = False,
) -> Findings:
    """Read and map all observations of a release.

    Parameters
    ----------
    directory, config
        The root of the release's files, and its configuration.
    identity
        Who would publish it, as what.
    name
        What to call it.
    seen
        What other releases of the collection have: OBS_ID to file; it grows.
    progress
        Draw a progress bar on standard error.

    Returns
    -------
    Findings
        Failures and deviations are in ``report``.
    """
    found = Findings(name, Collected(identity.collection))
    bundle = Vocabulary.named(identity.vocabulary).event_bundle
    prefix = f"{identity.collection}/releases/{NO_COLLECTION}/files"
    made = feed.release_rows(
        directory, config, identity, prefix=prefix, report=found.report, seen=seen, progress=progress
    )
    for role, row in made:
        if role == "companion":
            found.rows["event bundles" if row["dataproduct_type"] == bundle else "responses"] += 1
        elif role == "link":
            found.rows["links"] += 1
        elif role == "observation":
            found.rows["event lists"] += 1
            found.unknown.update(column for column, value in row.items() if value is None)
    return found


def groups(found: Counter[Deviation]) -> list[Group]:
    """Put deviations together that differ in file, value and numbers only; the most frequent come first."""
    kinds: dict[tuple[str, str, str], list[Deviation]] = {}
    for deviation in found:
        pattern = re.sub(r"\d[\d.]*(e[+-]?\d+)?", "...", deviation.assumed)
        kinds.setdefault((deviation.hdu or "", deviation.keyword or "", pattern), []).append(deviation)
    made = []
    for (hdu, keyword, pattern), alike in kinds.items():
        texts = {deviation.assumed for deviation in alike}
        made.append(
            Group(
                hdu,
                keyword,
                texts.pop() if len(texts) == 1 else pattern,
                tuple(dict.fromkeys(deviation.value or "missing" for deviation in alike)),
                sum(found[deviation] for deviation in alike),
                tuple(dict.fromkeys(deviation.path.name for deviation in alike)),
            )
        )
    return sorted(made, key=lambda group: (-group.times, group.hdu, group.keyword, group.assumed))


def show(found: Findings, console: Console, *, every: bool) -> None:
    """Print what a check found; ``every`` lists deviations one by one."""
    report, rows = found.report, found.rows
    kinds = ", ".join(
        f"{rows[kind]} {kind}" for kind in ("event lists", "responses", "event bundles", "links")
    )
    # As plain text: file names and values may look like rich's markup.
    console.print(Text(found.name, style="bold"))
    console.print(f"{report.published} of {report.files} observations can be published", end=": ")
    console.print(f"{kinds}; {report.events} events")
    always = sorted(name for name, n in found.unknown.items() if n == rows["event lists"])
    if always:
        console.print(f"NULL in all event lists: {', '.join(always)}")
    for name, number in sorted(found.unknown.items()):
        if name not in always:
            console.print(f"NULL in {number} event lists: {name}")
    for warning in report.warnings:
        console.print(Text(f"note: {warning}"))
    if report.found:
        _show_deviations(report, console, every=every)
    if report.failures:
        _show_table(
            "Cannot be published",
            ("file", "problem"),
            [(failure["file"], failure["problem"]) for failure in report.failures],
            console,
        )


def _show_deviations(report: Collected, console: Console, *, every: bool) -> None:
    if every:
        console.print(f"{report.deviation_count} deviations from GADF:")
        for deviation, times in report.found.items():
            console.print(Text(f"  {deviation}{f' (in {times} observations)' if times > 1 else ''}"))
        return
    rows = []
    for group in groups(report.found):
        values = _first(group.values, 1)
        rows.append(
            (
                str(group.times),
                group.hdu,
                group.keyword,
                values,
                group.assumed,
                _first(group.files, FILES_NAMED),
            )
        )
    title = f"{report.deviation_count} deviations from GADF (--all lists each)"
    _show_table(title, ("times", "HDU", "keyword", "found", "assumed", "files"), rows, console)


def _first(texts: tuple[str, ...], number: int) -> str:
    more = f" and {len(texts) - number} more" if len(texts) > number else ""
    return ", ".join(texts[:number]) + more


def _show_table(
    title: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], console: Console
) -> None:
    table = Table(*heads, title=title, title_justify="left")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)
