"""The command line. ``--help`` is its documentation."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from ingest.errors import CherenkovVOError, InstanceError
from instance import packages
from instance.console import say
from instance.exits import EXIT_CHECK, EXIT_DATA, FAILURE, MEANINGS, OK
from instance.settings import CHECKOUT, Settings, describe, home_of, load

PROGRAM = "cherenkov-vo"


def parser() -> argparse.ArgumentParser:
    """Make the parser; each subcommand's function is its ``handle``."""
    variables = "\n".join(
        f"  {name:28} {text}{f' (default {default})' if default else ''}" for name, default, text in describe()
    )
    codes = "\n".join(f"  {code}  {meaning}" for code, meaning in MEANINGS.items())
    top = argparse.ArgumentParser(
        prog=PROGRAM,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Publish Cherenkov gamma-ray data in the Virtual Observatory with GAVO DaCHS.\n\n"
        "'serve' does everything: it installs what is missing, makes a private instance,\n"
        "imports the data, publishes them and serves them until you press Ctrl-C.",
        epilog=f"environment variables, or keys of {CHECKOUT.name}/cherenkov-vo.toml (in lower case, without\n"
        f"CHERENKOV_VO_):\n{variables}\n\nexit codes:\n{codes}\n",
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, handle: Callable[..., int], text: str, *, needs: str = "instance") -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        command.set_defaults(handle=handle, needs=needs)
        return command

    add("serve", do_serve, "bring the instance up and serve it in the foreground")
    add("up", do_up, "bring the instance up and serve it in the background")
    add("down", do_down, "stop what runs of the instance", needs="venv")
    status = add("status", do_status, "say whether the instance runs, and what it publishes", needs="venv")
    status.add_argument("--json", action="store_true", help="for programs")
    ingest = add("ingest", do_ingest, "import the releases again if they changed")
    ingest.add_argument("--force", action="store_true", help="import them even if nothing changed")
    add("publish", do_publish, "write coverage and registry records anew")
    check = add("check", do_check, "report what a release would publish, without a server")
    check.add_argument("directory", nargs="?", type=Path, help="the release (default: what would be served)")
    check.add_argument("--release", type=Path, help="its configuration (default: the H.E.S.S. release's)")
    add("doctor", do_doctor, "look for faults of the machine and the instance, with remedies", needs="nothing")
    add("fetch-data", do_fetch, "download the public H.E.S.S. release, or go on where it stopped")
    simulate = add("simulate", do_simulate, "write a simulated release into a directory")
    simulate.add_argument("directory", type=Path, help="a directory that is new or holds an older sample")
    simulate.add_argument("--runs", type=int, help="number of runs")
    simulate.add_argument("--seed", type=int, help="seed of the random numbers")
    simulate.add_argument("--facility", help="hess-like, ctao-north-like or ctao-south-like")
    clean = add("clean", do_clean, "remove the instance with its database and downloads", needs="venv")
    clean.add_argument("--yes", action="store_true", help="do not ask")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; gives the exit code."""
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        settings = load()
        _enter_environment(options, settings)
        return int(options.handle(settings, options))
    except InstanceError as error:
        say(f"{PROGRAM}: {error.problem}")
        if error.remedy:
            say(f"{' ' * len(PROGRAM)}  {error.remedy}")
        return error.exit_code
    except CherenkovVOError as error:
        say(f"{PROGRAM}: {error}")
        return FAILURE
    except OSError as error:
        say(f"{PROGRAM}: {error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        return FAILURE
    except KeyboardInterrupt:
        say("Interrupted.")
        return 128 + signal.SIGINT


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    # Cleaning up happens on the way out, in finally clauses.
    raise SystemExit(128 + number)


def _enter_environment(options: argparse.Namespace, settings: Settings) -> None:
    """Go on in the virtual environment, which is made first if the command needs it."""
    home = home_of(settings)
    python = packages.venv_python(home)
    if options.needs == "nothing":
        return
    if options.needs == "instance":
        packages.ensure_packages()
        if Path(sys.prefix) != python.parent.parent:
            _make_home(settings)
            packages.ensure_venv(home)
    elif not python.exists():
        raise InstanceError(f"There is no instance in {home}.", "'make serve' makes one.")
    if Path(sys.prefix) != python.parent.parent:
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        os.execve(python, [str(python), "-m", "instance", *sys.argv[1:]], environment)  # noqa: S606


def _make_home(settings: Settings) -> None:
    home = home_of(settings)
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o755)


def _instance(settings: Settings) -> Any:
    from instance.bringup import Instance

    return Instance(settings)


def do_serve(settings: Settings, options: argparse.Namespace) -> int:
    """Serve in the foreground."""
    from instance import server

    instance = _instance(settings)
    pid = server.running(instance)
    if pid is not None and server.answers(instance):
        say(f"Process {pid} serves this instance already; 'make down' stops it.")
        say(server.welcome(instance))
        return OK
    server.serve(instance)
    return OK


def do_up(settings: Settings, options: argparse.Namespace) -> int:
    """Serve in the background."""
    from instance import server

    instance = _instance(settings)
    if server.running(instance) is not None and server.answers(instance):
        say(server.welcome(instance))
        return OK
    server.up(instance)
    return OK


def do_down(settings: Settings, options: argparse.Namespace) -> int:
    """Stop."""
    from instance import server

    say("Stopped." if server.down(_instance(settings)) else "Nothing was running.")
    return OK


def do_status(settings: Settings, options: argparse.Namespace) -> int:
    """Show the status; the exit code is 0 only if the server answers."""
    from ingest import feed
    from instance import server
    from instance.bringup import COLLECTIONS

    instance = _instance(settings)
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
        say(f"{'up' if well else 'NOT up'}: {settings.url} (process {pid or 'none'}), instance in {instance.home}")
        say(f"data: {found['data'] or 'none yet'}")
        for name, report in reports.items():
            if report:
                say(f"{name}: {report.published} of {report.files} files published, {len(report.failures)} failed")
    return OK if well else FAILURE


def do_ingest(settings: Settings, options: argparse.Namespace) -> int:
    """Import, whether the server runs or not."""
    return _work(settings, force_import=options.force)


def do_publish(settings: Settings, options: argparse.Namespace) -> int:
    """Publish, whether the server runs or not."""
    return _work(settings, force_publish=True)


def _work(settings: Settings, **what: bool) -> int:
    from instance import server

    instance = _instance(settings)
    served = server.running(instance)
    try:
        instance.bring_up(**what)
    finally:
        if served is None and instance.cluster.ready_mark.exists():
            instance.cluster.stop()
    if served:
        server.reload(instance)
    return EXIT_DATA if instance.failures() else OK


def do_check(settings: Settings, options: argparse.Namespace) -> int:
    """Check a release."""
    from rich.console import Console

    from ingest import release
    from instance import check, releases
    from instance.bringup import fetch_release, simulate_sample

    instance = _instance(settings)
    directory, config = options.directory, options.release
    if directory is None:
        instance.make_home()
        choice = releases.choose(
            settings, instance.home, instance.account, first_time=False, fetch=fetch_release, simulate=simulate_sample
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


def do_doctor(settings: Settings, options: argparse.Namespace) -> int:
    """Diagnose."""
    from instance import doctor

    faults = 0
    for diagnosis in doctor.diagnose():
        say(f"{'FAULT' if diagnosis.remedy else 'ok':6} {diagnosis.what}: {diagnosis.finding}")
        if diagnosis.remedy:
            faults += 1
            say(f"       {diagnosis.remedy}")
    return EXIT_CHECK if faults else OK


def do_fetch(settings: Settings, options: argparse.Namespace) -> int:
    """Download the release."""
    say(f"The release is in {_instance(settings).fetch_data()}; 'make serve' or 'make ingest' publishes it.")
    return OK


def do_simulate(settings: Settings, options: argparse.Namespace) -> int:
    """Simulate a release."""
    from instance.bringup import write_sample

    number = write_sample(
        options.directory, runs=options.runs, seed=options.seed, facility=options.facility, progress=_bar()
    )
    say(f"{number} files of SIMULATED data are in {options.directory}")
    return OK


def _bar() -> Callable[[int, int], None] | None:
    if not sys.stderr.isatty():
        return None
    from rich.console import Console
    from rich.progress import Progress

    progress = Progress(console=Console(stderr=True))
    task = progress.add_task("Simulating", total=None)

    def advance(done: int, total: int) -> None:
        progress.start()
        progress.update(task, completed=done, total=total)
        if done == total:
            progress.stop()

    return advance


def do_clean(settings: Settings, options: argparse.Namespace) -> int:
    """Remove the instance."""
    from instance import server

    instance = _instance(settings)
    if not options.yes and sys.stdin.isatty() and input(f"Remove {instance.home}? [y/N] ").lower() != "y":
        return FAILURE
    server.down(instance)
    instance.remove()
    say(f"Removed {instance.home}")
    return OK
