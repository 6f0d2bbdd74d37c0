"""What the commands do; called inside the virtual environment (see ``instance.cli``)."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from ingest import feed, release
from ingest.changes import Options
from ingest.errors import ConfigError, InstanceError
from instance import backups, check, restoring, server, supervisor
from instance.bringup import AS_NEEDED, Instance, fetch_release, write_sample
from instance.console import record, say
from instance.exits import EXIT_CHECK, EXIT_DATA, FAILURE, OK
from instance.releases import COLLECTIONS
from instance.settings import CHECKOUT, Settings

WIDTH = 160
"""Columns of what ``check`` prints to a file or another program."""


def serve(settings: Settings, options: argparse.Namespace) -> int:
    """Serve in the foreground."""
    instance = Instance(settings)
    pid = server.running(instance)
    if pid is not None and server.answers(instance):
        server.require_same_version(instance)
        say(f"Process {pid} serves this instance already; 'make down' stops it.")
        say(server.welcome(instance))
        return OK
    record(instance.home / "log", "supervisor")
    supervisor.serve(instance)
    return OK


def up(settings: Settings, options: argparse.Namespace) -> int:
    """Serve in the background; what an older version serves is taken over."""
    instance = Instance(settings)
    server.take_over(instance)
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
    reports = instance.reports(COLLECTIONS)
    if options.json:
        found = {
            "instance": str(instance.home),
            "url": settings.url,
            "server": pid,
            "answers": well,
            "processes": server.processes(instance),
            "metrics_port": server.metrics_port(instance),
            "explorer": server.explorer(instance),
            "vocabulary": settings.vocabulary,
            "served": instance.served(),
            "data": instance.state.get("data"),
            "published": {name: report.published for name, report in reports.items()},
            "failed": {name: len(report.failures) for name, report in reports.items()},
        }
        print(json.dumps(found, indent=1))
        return OK if well else FAILURE
    say(f"{'up' if well else 'NOT up'}: {settings.url} (process {pid or 'none'})")
    for name, doing in server.processes(instance).items():
        say(f"{name}: {doing}")
    port = server.metrics_port(instance)
    say(f"metrics: {f'http://127.0.0.1:{port}/metrics' if port else 'none'}")
    explorer = server.explorer(instance)
    say(f"explorer: {explorer['doing']}")
    if "picture" in explorer:
        say(f"explorer's picture of events: {explorer['picture']}")
    if explorer["metrics_port"]:
        say(f"explorer's metrics: http://127.0.0.1:{explorer['metrics_port']}/metrics")
    say(f"instance: {instance.home}")
    for line in server.data_lines(instance) or ["  no data yet"]:
        say(line.strip())
    for name, report in reports.items():
        counts = f"{report.published} of {report.files} observations published"
        say(f"{name}: {counts}, {len(report.failures)} failed, {report.deviation_count} deviations")
    return OK if well else FAILURE


def ingest(settings: Settings, options: argparse.Namespace) -> int:
    """Import, whether the server runs or not."""
    asked = Options(
        force=options.force,
        checksum=options.checksum,
        withdraw=options.withdraw,
        scheduler=options.scheduler,
    )
    return _work(settings, asked)


def publish(settings: Settings, options: argparse.Namespace) -> int:
    """Publish, whether the server runs or not."""
    return _work(settings, force_publish=True)


def _work(settings: Settings, asked: Options = AS_NEEDED, *, force_publish: bool = False) -> int:
    instance = Instance(settings)
    record(instance.home / "log", "ingest")
    instance.renew(asked, force_publish=force_publish)
    server.reload(instance)
    return EXIT_DATA if instance.failures() else OK


def backup(settings: Settings, options: argparse.Namespace) -> int:
    """Back up."""
    target = backups.make(Instance(settings), options.to, data=options.data)
    say(f"{target} ({target.stat().st_size / 1e6:.1f} MB); keep it on another machine, it holds passwords")
    return OK


def restore(settings: Settings, options: argparse.Namespace) -> int:
    """Restore."""
    instance = Instance(settings)
    instance.make_home()
    for line in restoring.restore(instance, options.source.absolute(), force=options.force):
        say(f"  {line}")
    say(f"{instance.home} is restored; 'make serve' or 'make up' serves it.")
    return OK


def check_release(settings: Settings, options: argparse.Namespace) -> int:
    """Check a release, or all that would be served."""
    if options.directory is None:
        found = _check_served(settings, options.release)
    else:
        found = _check_directory(settings, options.directory, options.release)
    console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else WIDTH)
    for number, release_found in enumerate(found):
        if number:
            console.print()
        check.show(release_found, console, every=options.all)
    return OK if all(release_found.well for release_found in found) else EXIT_CHECK


def _check_served(settings: Settings, config: Path | None) -> list[check.Findings]:
    if config is not None:
        raise ConfigError(f"--release {config}: name the release's directory, too")
    instance = Instance(settings)
    instance.make_home()
    found = []
    for collection in COLLECTIONS:
        seen: dict[str, str] = {}
        identity = _nobody(settings, collection)
        for choice in instance.choices(collection, fetch=fetch_release):
            loaded = release.load(CHECKOUT / "inputs" / collection / choice.config)
            name = f"{collection}: {choice.why}"
            found.append(
                check.check(
                    choice.directory, loaded, identity, name=name, seen=seen, progress=sys.stderr.isatty()
                )
            )
    return found


def _check_directory(settings: Settings, directory: Path, config: Path | None) -> list[check.Findings]:
    if not directory.is_dir():
        raise InstanceError(f"{directory} is no directory.", "Name the release's.", exit_code=EXIT_DATA)
    identity = _nobody(settings, check.NO_COLLECTION)
    return [
        check.check(directory, loaded, identity, name=name, progress=sys.stderr.isatty())
        for name, loaded in check.configurations(directory, config).items()
    ]


def _nobody(settings: Settings, collection: str) -> feed.Identity:
    return feed.Identity(check.NOBODY, f"http://{check.NOBODY}", collection, settings.vocabulary)


def fetch_data(settings: Settings, options: argparse.Namespace) -> int:
    """Download the release."""
    say(f"The release is in {Instance(settings).fetch_data()}; 'make serve' or 'make ingest' publishes it.")
    return OK


def simulate(settings: Settings, options: argparse.Namespace) -> int:
    """Simulate a release."""
    number = write_sample(
        options.directory,
        runs=options.runs,
        seed=options.seed,
        facility=options.facility,
        metadata_only=options.metadata_only,
        progress=_bar(),
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
