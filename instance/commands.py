"""What the commands do; called inside the virtual environment (see ``instance.cli``)."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable

from rich.console import Console
from rich.progress import Progress

from ingest import feed, release
from ingest.errors import InstanceError
from instance import check, releases, server
from instance.bringup import COLLECTIONS, Instance, fetch_release, simulate_sample, write_sample
from instance.console import say
from instance.exits import EXIT_CHECK, EXIT_DATA, FAILURE, OK
from instance.settings import CHECKOUT, Settings


def serve(settings: Settings, options: argparse.Namespace) -> int:
    """Serve in the foreground."""
    instance = Instance(settings)
    pid = server.running(instance)
    if pid is not None and server.answers(instance):
        say(f"Process {pid} serves this instance already; 'make down' stops it.")
        say(server.welcome(instance))
        return OK
    server.serve(instance)
    return OK


def up(settings: Settings, options: argparse.Namespace) -> int:
    """Serve in the background."""
    instance = Instance(settings)
    if server.running(instance) is not None and server.answers(instance):
        say(server.welcome(instance))
        return OK
    server.up(instance)
    return OK


def down(settings: Settings, options: argparse.Namespace) -> int:
    """Stop."""
    say("Stopped." if server.down(Instance(settings)) else "Nothing was running.")
    return OK


def status(settings: Settings, options: argparse.Namespace) -> int:
    """Show the status; the exit code is 0 only if the server answers."""
    instance = Instance(settings)
    pid, well = server.running(instance), server.answers(instance)
    reports = {name: feed.Report.load(instance.home / "reports", name) for name in COLLECTIONS}
    found = {
        "instance": str(instance.home),
        "url": settings.url,
        "server": pid,
        "answers": well,
        "data": instance.state.get("data"),
        "published": {name: report.published for name, report in reports.items() if report},
        "failed": {name: len(report.failures) for name, report in reports.items() if report},
    }
    if options.json:
        print(json.dumps(found, indent=1))
    else:
        say(f"{'up' if well else 'NOT up'}: {settings.url} (process {pid or 'none'})")
        say(f"instance: {instance.home}")
        say(f"data: {found['data'] or 'none yet'}")
        for name, report in reports.items():
            if report:
                failed = len(report.failures)
                say(f"{name}: {report.published} of {report.files} files published, {failed} failed")
    return OK if well else FAILURE


def ingest(settings: Settings, options: argparse.Namespace) -> int:
    """Import, whether the server runs or not."""
    return _work(settings, force_import=options.force)


def publish(settings: Settings, options: argparse.Namespace) -> int:
    """Publish, whether the server runs or not."""
    return _work(settings, force_publish=True)


def _work(settings: Settings, **what: bool) -> int:
    instance = Instance(settings)
    instance.renew(**what)
    server.reload(instance)
    return EXIT_DATA if instance.failures() else OK


def check_release(settings: Settings, options: argparse.Namespace) -> int:
    """Check a release."""
    instance = Instance(settings)
    directory, config = options.directory, options.release
    if directory is None:
        instance.make_home()
        choice = releases.choose(
            settings,
            instance.home,
            instance.account,
            first_time=False,
            fetch=fetch_release,
            simulate=simulate_sample,
        )
        directory = choice.directory
        config = config or CHECKOUT / "inputs" / "hess_dr" / choice.config
        say(choice.why)
    elif not directory.is_dir():
        raise InstanceError(f"{directory} is no directory.", "Name the release's.", exit_code=EXIT_DATA)
    loaded = release.load(config or CHECKOUT / "inputs" / "hess_dr" / "release.toml")
    found = check.check(directory, loaded, "hess_dr", progress=sys.stderr.isatty())
    check.show(found, Console(soft_wrap=True))
    return OK if found.report.published and not found.report.failures else EXIT_CHECK


def fetch_data(settings: Settings, options: argparse.Namespace) -> int:
    """Download the release."""
    say(f"The release is in {Instance(settings).fetch_data()}; 'make serve' or 'make ingest' publishes it.")
    return OK


def simulate(settings: Settings, options: argparse.Namespace) -> int:
    """Simulate a release."""
    number = write_sample(
        options.directory, runs=options.runs, seed=options.seed, facility=options.facility, progress=_bar()
    )
    say(f"{number} files of SIMULATED data are in {options.directory}")
    return OK


def _bar() -> Callable[[int, int], None] | None:
    if not sys.stderr.isatty():
        return None

    progress = Progress(console=Console(stderr=True))
    task = progress.add_task("Simulating", total=None)

    def advance(done: int, total: int) -> None:
        progress.start()
        progress.update(task, completed=done, total=total)
        if done == total:
            progress.stop()

    return advance


def clean(settings: Settings, options: argparse.Namespace) -> int:
    """Remove the instance."""
    instance = Instance(settings)
    if not options.yes and sys.stdin.isatty() and input(f"Remove {instance.home}? [y/N] ").lower() != "y":
        return FAILURE
    server.down(instance)
    instance.remove(environments=options.all)
    kept = "" if options.all else " (but for the Python environments; 'clean --all' removes these, too)"
    say(f"Removed {instance.home}{kept}")
    return OK
