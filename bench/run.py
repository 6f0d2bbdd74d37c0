"""How fast this is, beside the stock way and the bound of the same machine: ``make bench``.

Makes an instance of its own, measures part after part, and writes the table into docs/performance.md.
``make bench-large`` goes to ten million rows, ``make bench-explorer`` measures the data explorer, on an
instance of its own, and writes a table of its own. ``bench/run.py scan queries`` measures some parts and
prints their table only.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import os
import platform
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))
sys.dont_write_bytecode = True

from instance import packages, settings  # noqa: E402

PARTS = ("scan", "ingest", "queries", "overlaps", "results", "loading", "datalink", "serving")
"""Modules with a function ``figures(bench)``, in this order: rows become more, never fewer.

``queries`` comes before all that needs many rows, since it begins with few.
"""

LARGE = "large"
"""The part with ten million rows, which comes last."""

EXPLORER = "explorer"
"""The part that is measured alone."""

PAGE = CHECKOUT / "docs" / "performance.md"
BEGIN, END = "<!-- begin of what {} wrote -->", "<!-- end of what {} wrote -->"
"""Marks in the page, with the name of the target."""


def enter_environment() -> None:
    """Go on in the project's test environment, which is made first if need be."""
    packages.ensure_packages()
    home = settings.home_of(settings.load())
    home.mkdir(parents=True, exist_ok=True)
    python = packages.ensure_venv(home / "test", "test")
    if Path(sys.prefix) != python.parent.parent:
        os.execv(python, [str(python), __file__, *sys.argv[1:]])


def machine() -> str:
    """Describe the machine and the versions of what runs on it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    models = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
    ]
    model = models[0].partition(":")[2].strip() if models else platform.machine()
    versions = [
        f"Python {platform.python_version()}",
        f"DaCHS {packages.installed_version('python3-gavo')}",
        f"PostgreSQL {packages.postgresql_version()}",
        f"nginx {packages.installed_version('nginx') or packages.installed_version('nginx-light')}",
    ]
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    today = datetime.datetime.now(datetime.UTC).date()
    return f"{cores} cores ({model}), {memory:.0f} GiB of memory; {system}; {', '.join(versions)}; {today}."


def measure(parts: list[str], failed: list[str]) -> Iterator[list[str]]:
    """Measure parts; gives the lines of the page after each of them.

    Parameters
    ----------
    parts
        Names of modules.
    failed
        Takes the name of each part that could not be measured to its end, with the reason.
    """
    from bench import explorer, harness, instance  # noqa: PLC0415 - the environment can import them

    figures: list[harness.Figure] = []
    with explorer.served() if parts == [EXPLORER] else instance.served() as bench:
        data = "the H.E.S.S. DL3 DR1 release" if bench.real else "the SIMULATED sample"
        for number, part in enumerate(parts, start=1):
            start = time.monotonic()
            try:
                for figure in importlib.import_module(f"bench.{part}").figures(bench):
                    figures.append(figure)
                    print(figure.row(), flush=True)
            except Exception as error:  # the other parts take an hour, and do not need this one
                traceback.print_exc()
                failed.append(f"`{part}` ended with {type(error).__name__}")
            print(f"-- {part}: {time.monotonic() - start:.0f} s", flush=True)
            missing = [*failed, *(f"`{name}` was not measured" for name in parts[number:])]
            incomplete = [f"**Not complete**: {'; '.join(missing)}.\n"] if missing else []
            yield [f"{machine()} Files: {data}.\n", *incomplete, harness.table(figures)]


def write(lines: list[str], target: str) -> None:
    """Put the lines into the page, between the marks of a target of make."""
    begin, end = BEGIN.format(target), END.format(target)
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    body = "\n".join(lines)
    PAGE.write_text(f"{before}{begin}\n{body}\n{end}{after}", encoding="utf-8")


def main() -> int:
    """Measure what is asked for; all of it goes into the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--large", action="store_true", help="go to ten million rows")
    parser.add_argument(
        "--explorer", action="store_true", help="measure the explorer, as the part 'explorer', for the page"
    )
    options = parser.parse_args()
    if unknown := set(options.parts) - {*PARTS, LARGE, EXPLORER}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if EXPLORER in options.parts and len(options.parts) > 1:
        parser.error(f"{EXPLORER} is measured alone")
    enter_environment()
    parts = [EXPLORER] if options.explorer else options.parts or list(PARTS)
    failed: list[str] = []
    lines: list[str] = []
    for lines in measure([*parts, LARGE] if options.large else parts, failed):
        if not options.parts:
            write(lines, "make bench-explorer" if options.explorer else "make bench")
    print("\n".join(lines))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
