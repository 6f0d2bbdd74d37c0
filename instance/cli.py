"""The command line. ``--help`` is its documentation."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

from ingest.errors import CherenkovVOError, ConfigError, InstanceError
from instance import doctor, packages, systemd
from instance.console import say
from instance.exits import EXIT_CHECK, EXIT_DISK, FAILURE, MEANINGS, OK, USAGE
from instance.settings import CHECKOUT, Settings, describe, home_of, load
from instance.state import make_home

PROGRAM = "cherenkov-vo"


class NoInstanceError(InstanceError):
    """There is nothing that could be stopped, shown or removed."""

    def __init__(self, home: Path) -> None:
        super().__init__(f"There is no instance in {home}.", "'make serve' makes one.")


def parser() -> argparse.ArgumentParser:
    """Make the parser; ``needs`` says what a command must find."""
    variables = "\n".join(
        f"  {name:28} {text}" + (f" (default {default})" if default else "")
        for name, default, text in describe()
    )
    codes = "\n".join(f"  {code}  {meaning}" for code, meaning in MEANINGS.items())
    top = argparse.ArgumentParser(
        prog=PROGRAM,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Publish Cherenkov gamma-ray data in the Virtual Observatory with GAVO DaCHS.\n\n"
        "'serve' does everything: it installs what is missing, makes a private instance,\n"
        "imports the data, publishes them and serves them until you press Ctrl-C.",
        epilog="environment variables; or keys of the file cherenkov-vo.toml in the project's directory,\n"
        f"in lower case and without CHERENKOV_VO_:\n{variables}\n\nexit codes:\n{codes}\n",
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, text: str, *, needs: str = "instance") -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        command.set_defaults(command=name, needs=needs)
        return command

    add("serve", "bring the instance up and serve it in the foreground")
    add("up", "bring the instance up and serve it in the background")
    add("down", "stop what runs of the instance", needs="venv")
    status = add("status", "say whether the instance runs, and what it publishes", needs="venv")
    status.add_argument("--json", action="store_true", help="for programs")
    ingest = add("ingest", "import what changed in the releases")
    ingest.add_argument("--force", action="store_true", help="read all files again")
    ingest.add_argument(
        "--checksum",
        action="store_true",
        help="judge files by their contents, too, not by size and time only",
    )
    ingest.add_argument(
        "--withdraw", action="store_true", help="take back what was published and is gone from the releases"
    )
    ingest.add_argument(
        "--scheduler",
        metavar="URL",
        help="read the files on the Dask cluster with this scheduler (tcp://...)",
    )
    add("publish", "write coverage and registry records anew")
    check = add("check", "report what a release would publish, without a server")
    check.add_argument("directory", nargs="?", type=Path, help="the release (default: what would be served)")
    check.add_argument(
        "--release", type=Path, help="its configuration (default: its release.toml, or what is found in it)"
    )
    check.add_argument("--all", action="store_true", help="list every deviation from GADF")
    backup = add(
        "backup",
        "write all that cannot be made again into one file, while the instance is served",
        needs="venv",
    )
    backup.add_argument("--to", type=Path, help="the file, or its directory (default: beside the instance)")
    backup.add_argument("--data", action="store_true", help="with the releases that lie in the instance")
    restore = add("restore", "make the instance from what 'backup' wrote")
    restore.add_argument("source", type=Path, metavar="FILE", help="what 'backup' wrote")
    restore.add_argument("--force", action="store_true", help="move an instance aside that is there")
    add("doctor", "look for faults of the machine and the instance, with remedies", needs="nothing")
    add("fetch-data", "download the public H.E.S.S. release, or go on where it stopped")
    add("unit", "print a unit for systemd that serves the instance with these settings", needs="nothing")
    simulate = add("simulate", "write a simulated release into a directory")
    simulate.add_argument("directory", type=Path, help="a directory that is new or holds an older sample")
    simulate.add_argument("--runs", type=int, help="number of runs")
    simulate.add_argument("--seed", type=int, help="seed of the random numbers")
    simulate.add_argument(
        "--facility", help="hess-like, ctao-north-like, ctao-south-like, or ctao-like (both)"
    )
    simulate.add_argument(
        "--metadata-only", action="store_true", help="indexes and responses, no events (ctao-like)"
    )
    clean = add("clean", "remove the instance with its database and downloads", needs="venv")
    clean.add_argument("--all", action="store_true", help="the Python environments, too")
    clean.add_argument("--yes", action="store_true", help="do not ask")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; gives the exit code."""
    options = parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores one
            signal.signal(number, _terminated)
    os.umask(0o022)  # the services' user reads what we write; secrets have modes of their own
    try:
        settings = load()
        _enter_environment(options, settings)
        return _handler(options.command)(settings, options)
    except NoInstanceError as error:
        say(f"{error.problem} {error.remedy}")
        return FAILURE if options.command == "status" else OK
    except InstanceError as error:
        say(f"{PROGRAM}: {error.problem}", "error")
        if error.remedy:
            say(f"{' ' * len(PROGRAM)}  {error.remedy}")
        return error.exit_code
    except CherenkovVOError as error:
        say(f"{PROGRAM}: {error}")
        return USAGE if isinstance(error, ConfigError) else FAILURE
    except OSError as error:
        say(f"{PROGRAM}: {error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        return EXIT_DISK if error.errno == errno.ENOSPC else FAILURE
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
            make_home(home)
            packages.ensure_venv(home)
            if settings.explorer and settings.fast_paths and options.command in ("serve", "up"):
                _try_to_install_store()
    elif not packages.venv_is_complete(home):
        raise NoInstanceError(home)
    if Path(sys.prefix) != python.parent.parent:
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        os.execve(python, [str(python), "-m", "instance", *sys.argv[1:]], environment)  # noqa: S606


def _try_to_install_store() -> None:
    """Install what only the explorer needs; all else goes on without."""
    try:
        packages.ensure_also(packages.STORE)
    except InstanceError as error:
        say(f"  There will be no explorer: {error.problem} {error.remedy}", "warning")


def _handler(command: str) -> Callable[[Settings, argparse.Namespace], int]:
    if command == "doctor":
        return _doctor
    if command == "unit":
        return _unit
    from instance import commands  # noqa: PLC0415 - only the virtual environment can import it

    handlers: dict[str, Callable[[Settings, argparse.Namespace], int]] = {
        "serve": commands.serve,
        "up": commands.up,
        "down": commands.down,
        "status": commands.status,
        "ingest": commands.ingest,
        "publish": commands.publish,
        "backup": commands.backup,
        "restore": commands.restore,
        "check": commands.check_release,
        "fetch-data": commands.fetch_data,
        "simulate": commands.simulate,
        "clean": commands.clean,
    }
    return handlers[command]


def _unit(settings: Settings, options: argparse.Namespace) -> int:
    """Print a unit for systemd."""
    print(systemd.unit(settings), end="")
    return OK


def _doctor(settings: Settings, options: argparse.Namespace) -> int:
    """Diagnose."""
    faults = 0
    for diagnosis in doctor.diagnose():
        say(f"{'FAULT' if diagnosis.remedy else 'ok':6} {diagnosis.what}: {diagnosis.finding}")
        if diagnosis.remedy:
            faults += 1
            say(f"       {diagnosis.remedy}")
    return EXIT_CHECK if faults else OK
