"""What a release would publish: read and mapped file by file, without a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ingest import feed
from ingest.release import Release

NOBODY = "check.example"
"""Authority and server in the rows of a check; nothing of it is published."""


@dataclass
class Findings:
    """Result of a check."""

    report: feed.Report
    links: int = 0
    unknown: dict[str, int] = field(default_factory=dict)


def check(directory: Path, config: Release, collection: str, *, progress: bool) -> Findings:
    """Read and map all files of a release.

    Parameters
    ----------
    directory, config, collection
        The release's data directory, its configuration, the name of its schema.
    progress
        Draw a progress bar on standard error.

    Returns
    -------
    Findings
        Failures in ``report``; in ``unknown`` how many rows have NULL in a column.
    """
    found = Findings(feed.Report(collection))
    identity = feed.Identity(NOBODY, f"http://{NOBODY}", collection)
    for role, row in feed.rows(directory, config, identity, report=found.report, progress=progress):
        if role == "link":
            found.links += 1
            continue
        for name, value in row.items():
            if value is None:
                found.unknown[name] = found.unknown.get(name, 0) + 1
    return found


def show(found: Findings, console: Console) -> None:
    """Print what a check found."""
    report = found.report
    console.print(
        f"{report.collection}: {report.published} of {report.files} files can be published:"
        f" {report.events} events, {found.links} links"
    )
    sometimes = {name: n for name, n in found.unknown.items() if n < report.published}
    always = sorted(name for name, n in found.unknown.items() if n == report.published)
    if always:
        console.print(f"NULL in all rows: {', '.join(always)}")
    for name, number in sorted(sometimes.items()):
        console.print(f"NULL in {number} rows: {name}")
    for warning in report.warnings:
        console.print(f"note: {warning}")
    if report.failures:
        table = Table("file", "problem", title="Cannot be published")
        for failure in report.failures:
            table.add_row(failure["file"], failure["problem"])
        console.print(table)
