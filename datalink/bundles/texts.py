"""The texts in a bundle: README, terms of use, and what was left out."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from datalink.bundles.selection import LeftOut, Selection
from datalink.files import File
from ingest.release import Registry, Release

README, TERMS, LEFT_OUT = "README.txt", "TERMS.txt", "LEFT-OUT.txt"

WIDTH = 78

NEEDED = frozenset(("aeff", "edisp", "psf", "bkg"))
"""The responses without which Gammapy leaves out a run if it is not told otherwise."""

SIMULATED = "SIMULATED: no telescope took these data."

Releases = Mapping[str, Mapping[str, Release]]
"""Collection to name to configuration of its releases."""


@dataclass(frozen=True)
class Layout:
    """What the README tells of a bundle beside its selection.

    Attributes
    ----------
    top
        Its directory.
    indexes
        Directory to number of runs in its index tables; the first is ``''``, the top itself. None
        without runs.
    numbered
        Whether OBS_ID was made up, as obs_id is no number.
    """

    top: str
    indexes: Mapping[str, int]
    numbered: bool


def readme(selection: Selection, layout: Layout, releases: Releases) -> str:
    """Write ``README.txt``."""
    parts = [_title(selection, releases), *_contents(selection, releases)]
    if layout.indexes:
        parts += ["How to read it", *_reading(selection, layout)]
    parts += ["What is where", *_places(selection, layout)]
    if selection.left_out:
        count = len(selection.left_out)
        what = "1 data set that was" if count == 1 else f"{count} data sets that were"
        parts.append(f"This bundle is not complete: {LEFT_OUT} names {what} left out, and why.")
    return _text(parts)


def _title(selection: Selection, releases: Releases) -> str:
    simulated = [_simulated(name, releases) for name in _counts(selection)]
    simulated += [_all_simulated(file.collection, releases) for file in _others(selection)]
    title = "A bundle of Cherenkov data"
    if all(simulated):
        return f"{title} - {SIMULATED}"
    return f"{title} - in part SIMULATED" if any(simulated) else title


def _counts(selection: Selection) -> dict[tuple[str, str], int]:
    """Give the number of runs for each collection and obs_collection."""
    found = Counter(
        (run.events.collection, str(run.events.row.get("obs_collection"))) for run in selection.runs
    )
    return dict(sorted(found.items()))


def _simulated(name: tuple[str, str], releases: Releases) -> bool:
    collection, obs_collection = name
    return any(
        release.simulated
        for release in releases[collection].values()
        if release.obs_collection == obs_collection
    )


def _contents(selection: Selection, releases: Releases) -> list[str]:
    lines = []
    for name, count in _counts(selection).items():
        what = "1 event list" if count == 1 else f"{count} event lists"
        mark = f" ({SIMULATED})" if _simulated(name, releases) else ""
        lines.append(f"{what} of {name[1]}{mark}")
    for file in _others(selection):
        mark = f" ({SIMULATED})" if _all_simulated(file.collection, releases) else ""
        lines.append(f"{file.description}{mark}")
    return lines


def _others(selection: Selection) -> list[File]:
    """Give the files that were asked for by themselves."""
    own = {file.path for run in selection.runs for file in run.files}
    return [file for file in selection.files if file.path not in own]


def _all_simulated(collection: str, releases: Releases) -> bool:
    return all(release.simulated for release in releases[collection].values())


def _reading(selection: Selection, layout: Layout) -> list[str]:
    lacking = any(NEEDED - {place.hdu.kind for place in run.places} for run in selection.runs)
    option = 'required_irf="all-optional"' if lacking else ""
    code = [
        "    from gammapy.data import DataStore",
        "",
        f'    store = DataStore.from_dir("{layout.top}")',
        f"    observations = store.get_observations({option})",
    ]
    parts = ["\n".join(code)]
    if lacking:
        parts.append("Some runs do not have all responses; without the option Gammapy leaves them out.")
    if layout.numbered:
        parts.append(
            "GADF and Gammapy want numbers in OBS_ID, and not all runs here are called by one: OBS_ID"
            " counts them, OBS_NAME in the observation index has their names."
        )
    further = {name: count for name, count in layout.indexes.items() if name}
    if further:
        parts.append(
            "Index tables have one event list for each OBS_ID. Those beside the top directory's, such as"
            " further types of events of the same run, have index tables of their own, to be opened by"
            " the name of their directory:"
        )
        parts.append("\n".join(f"    {layout.top}/{name}  ({count})" for name, count in further.items()))
    unnamed = sorted({file.dataset for run in selection.runs for file in run.unnamed})
    if unnamed:
        parts.append("Files with HDUs that the index tables cannot name:")
        parts.append("\n".join(f"    {dataset}" for dataset in unnamed))
    return parts


def _places(selection: Selection, layout: Layout) -> list[str]:
    lines = [(TERMS, "terms of use, and how to acknowledge the data")]
    if layout.indexes:
        lines.insert(0, ("hdu-index.fits.gz, obs-index.fits.gz", "index tables (GADF)"))
    lines.append(("provenance/", "how the data came about (W3C PROV-JSON)"))
    lines += [(f"{name}/", "data files") for name in sorted({file.collection for file in selection.files})]
    if selection.left_out:
        lines.append((LEFT_OUT, "what is not here"))
    listing = "\n".join(f"    {name:<40}{what}" for name, what in lines)
    shared = "Data files lie below the name of their observation; what several runs share is there once."
    return [listing, shared]


def terms(selection: Selection, releases: Releases) -> str:
    """Write ``TERMS.txt``: the terms of use of each collection, in its own words."""
    written = []
    for collection in sorted({file.collection for file in selection.files}):
        known = list(releases[collection].values())
        records = [release.registry for release in known if release.registry is not None]
        written += [_text(_terms_of(record, known)) for record in records]
    return "\n\n".join(written)


def _terms_of(record: Registry, releases: Sequence[Release]) -> list[str]:
    parts = [record.title]
    simulated = [release.obs_collection for release in releases if release.simulated]
    if len(simulated) == len(releases):
        parts.append(SIMULATED)
    elif simulated:
        parts.append(f"Of these data, {', '.join(simulated)} are {SIMULATED}")
    parts += ["Terms of use", record.rights.strip()]
    if record.rights_uri:
        parts.append(record.rights_uri)
    parts += ["Acknowledgement", record.attribution.strip()]
    if record.source_doi:
        parts.append(f"doi:{record.source_doi}")
    parts.append(f"More: {record.reference_url}")
    return parts


def left_out(found: Iterable[LeftOut]) -> str:
    """Write ``LEFT-OUT.txt``: a line for each data set that was asked for and is not in the bundle."""
    lines = "\n".join(f"{left.identifier}\t{left.reason}" for left in found)
    return f"Asked for, but not in this bundle: identifier and reason\n\n{lines}\n"


_HEADINGS = ("How to read it", "What is where", "Terms of use", "Acknowledgement")


def _text(parts: Sequence[str]) -> str:
    """Set paragraphs: headings underlined, what is indented as it is, the rest in lines of a fit length."""
    written = []
    for number, part in enumerate(parts):
        if number == 0:
            written.append(f"{part}\n{'=' * len(part)}")
        elif part in _HEADINGS:
            written.append(f"{part}\n{'-' * len(part)}")
        elif part.startswith("    "):
            written.append(part)
        else:
            written.append("\n\n".join(_filled(paragraph) for paragraph in part.split("\n\n")))
    return "\n\n".join(written) + "\n"


def _filled(paragraph: str) -> str:
    plain = " ".join(paragraph.split())
    return textwrap.fill(plain, WIDTH, break_long_words=False, break_on_hyphens=False)
