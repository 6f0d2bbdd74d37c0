"""What must be on the machine: Debian packages and a virtual environment.

Only the standard library is used here: this runs on a bare machine. DaCHS has to be 2.13 or newer;
where the machine's own suites hold an older one, the DaCHS library packages alone are taken from a
newer suite of the same mirror.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from ingest.errors import InstanceError
from instance import apt
from instance.console import Step, say
from instance.exits import EXIT_ENVIRONMENT
from instance.settings import CHECKOUT
from instance.state import lock
from supply import environments
from supply.installed import TOO_OLD

SYSTEM_PYTHON = Path("/usr/bin/python3")
MINIMAL_DACHS = "2.13"
"""content_qualifier in DataLink, materialiseObscore and obs-radio came with this version."""

DACHS_PACKAGES = ("python3-gavo", "python3-gavo-stc", "python3-gavo-utils", "python3-gavo-votable")
"""The only packages that may come from a newer suite."""

PROXY = "nginx"
POLICY = Path("/usr/sbin/policy-rc.d")

BASE_PACKAGES = (
    "python3-gavo",
    "python3-venv",
    "python3-jaraco.text",
    "python3-platformdirs",
    "python3-multipart",
    "python3-requests",
    "postgresql",
    PROXY,
)
STORE = "redis-server"
"""Only the explorer needs it; it runs a process of its own, and Debian's service is not started."""

HASHED = ("--require-hashes", "--no-deps", "--only-binary", ":all:")
"""Options of pip: nothing but what is locked, and wheels only, since a build would fetch unlocked tools."""

INSTALL = ("-m", "pip", "install", "--quiet", "--no-warn-script-location", *HASHED, "--requirement")
"""Arguments of Python; a lock file follows."""

APT_SOURCE = Path("/etc/apt/sources.list.d/cherenkov-vo-dachs.sources")
APT_PREFERENCES = Path("/etc/apt/preferences.d/cherenkov-vo-dachs")


def installed_version(package: str) -> str | None:
    """Give the version of an installed Debian package, or None."""
    done = subprocess.run(
        ["dpkg-query", "-W", "-f=${db:Status-Abbrev}|${Version}", package],
        capture_output=True,
        text=True,
        check=False,
    )
    status, _, version = done.stdout.partition("|")
    return version if done.returncode == 0 and status.strip() == "ii" else None


def at_least(version: str | None, wanted: str) -> bool:
    """Compare Debian versions."""
    return (
        version is not None
        and subprocess.run(["dpkg", "--compare-versions", version, "ge", wanted], check=False).returncode == 0
    )


def postgresql_version() -> str | None:
    """Give the newest PostgreSQL whose server programs are installed, such as ``15``."""
    found = [int(path.parent.parent.name) for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    return str(max(found)) if found else None


def missing() -> list[str]:
    """List what is not installed, or too old."""
    absent = [name for name in BASE_PACKAGES if installed_version(name) is None]
    if "python3-gavo" not in absent and not at_least(installed_version("python3-gavo"), MINIMAL_DACHS):
        absent.append("python3-gavo")
    version = postgresql_version()
    extensions = [f"postgresql-{version}-{name}" for name in ("pgsphere", "q3c")] if version else []
    # Which PostgreSQL it will be is known only once it is there.
    if version is None and "postgresql" not in absent:
        absent.append("postgresql")
    return absent + [name for name in extensions if installed_version(name) is None]


def newer_suite_files(archive: apt.Archive, suite: str) -> tuple[str, str]:
    """Write apt source and preferences that offer only DaCHS from a newer suite.

    Returns
    -------
    tuple of str
        Contents of the ``.sources`` file and of the preferences file.
    """
    preferences = (
        f"Package: *\nPin: release a={suite}\nPin-Priority: -1\n\n"
        f"Package: {' '.join(DACHS_PACKAGES)}\nPin: release a={suite}\nPin-Priority: 600\n"
    )
    return archive.stanza(suite), preferences


VENV_PATIENCE = 1800.0
"""Seconds to wait for somebody else who makes the same environment: a slow download."""


class _RefusedError(Exception):
    """The package system, or the right to use it, refused something; the text says why."""


def ensure_packages() -> None:
    """Install the Debian packages that are missing.

    Raises
    ------
    InstanceError
        There is no right to install, or apt cannot; the message lists what to install by hand.
    """
    absent = missing()
    if not absent:
        return
    try:
        _check_right()
        with Step(f"Installing Debian packages: {', '.join(absent)}"):
            _install(absent)
    except _RefusedError as refused:
        raise InstanceError(
            f"Missing on this machine: {', '.join(missing())} ({refused}).",
            f"Install them (DaCHS {MINIMAL_DACHS} or newer), or run as root or with sudo.",
            exit_code=EXIT_ENVIRONMENT,
        ) from refused


def ensure_also(*names: str) -> None:
    """Install Debian packages that not everything needs, unless they are there.

    Raises
    ------
    InstanceError
        There is no right to install, or apt cannot.
    """
    absent = [name for name in names if installed_version(name) is None]
    if not absent:
        return
    try:
        _check_right()
        with Step(f"Installing Debian packages: {', '.join(absent)}"):
            _update()
            with _not_started(STORE) if STORE in absent else contextlib.nullcontext():
                _apt(["install", "--no-install-recommends", "-y", *absent])
    except _RefusedError as refused:
        raise InstanceError(
            f"Missing on this machine: {', '.join(absent)} ({refused}).",
            "Install them, or run as root or with sudo.",
            exit_code=EXIT_ENVIRONMENT,
        ) from refused


def _check_right() -> None:
    if not shutil.which("apt-get"):
        raise _RefusedError("this is no Debian system")
    if os.geteuid() == 0:
        return
    if not shutil.which("sudo"):
        raise _RefusedError("you are not root, and there is no sudo")
    # On a terminal sudo may ask for a password here, once.
    command = ["sudo", "-v"] if sys.stdin.isatty() else ["sudo", "-n", "true"]
    if subprocess.run(command, capture_output=not sys.stdin.isatty(), check=False).returncode:
        raise _RefusedError("you are not root, and sudo does not let you become root")


def _install(absent: list[str]) -> None:
    _update()
    if PROXY in absent:
        with _not_started(PROXY):
            _apt(["install", "--no-install-recommends", "-y", PROXY])
    if "python3-gavo" in absent and not at_least(_candidate("python3-gavo"), MINIMAL_DACHS):
        _offer_newer_dachs()
    _apt(["install", "--no-install-recommends", "-y", *absent])
    # The extensions' names carry the version of the PostgreSQL that just came.
    rest = missing()
    if rest:
        _apt(["install", "--no-install-recommends", "-y", *rest])
    if missing():
        raise _RefusedError("apt-get ended without them")


@contextlib.contextmanager
def _not_started(service: str) -> Iterator[None]:
    """While its package is installed, keep Debian from starting a service, now and later."""
    ours = not POLICY.exists()
    if ours:
        # invoke-rc.d(8) asks this program whether it may; 101 means no.
        _write_as_root(POLICY, f'#!/bin/sh\n[ "$1" = {service} ] && exit 101\nexit 0\n')
        _as_root(["chmod", "755", str(POLICY)])
    try:
        yield
    finally:
        if ours:
            _as_root(["rm", "-f", str(POLICY)])
    _as_root(["update-rc.d", service, "disable"])


def _offer_newer_dachs() -> None:
    archives = apt.debian_archives(apt.codename())
    if not archives:
        raise _RefusedError(f"no Debian archive among the apt sources offers DaCHS {MINIMAL_DACHS}")
    archive = archives[0]
    for suite in apt.NEWER_SUITES:
        source, preferences = newer_suite_files(archive, suite)
        say(f"  taking DaCHS, and nothing else, from Debian {suite}")
        _write_as_root(APT_SOURCE, source)
        _write_as_root(APT_PREFERENCES, preferences)
        _update()
        if at_least(_candidate("python3-gavo"), MINIMAL_DACHS):
            return
    raise _RefusedError(f"no suite of {archive.uri} has DaCHS {MINIMAL_DACHS} or newer")


def _candidate(package: str) -> str | None:
    done = subprocess.run(["apt-cache", "policy", package], capture_output=True, text=True, check=False)
    match = re.search(r"Candidate: (\S+)", done.stdout)
    return match[1] if match and match[1] != "(none)" else None


def _sudo() -> list[str]:
    if os.geteuid() == 0:
        return []
    return ["sudo"] if sys.stdin.isatty() else ["sudo", "-n"]


def _as_root(command: list[str], text: str | None = None) -> None:
    try:
        done = subprocess.run([*_sudo(), *command], input=text, capture_output=True, text=True, check=False)
    except OSError as error:
        raise _RefusedError(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("E:")] or lines
        raise _RefusedError(errors[-1] if errors else f"{command[0]} failed")


def _apt(arguments: list[str]) -> None:
    command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=120"]
    _as_root([*command, *arguments])


def _update() -> None:
    """Renew the package lists; a broken source of somebody else must not stop us."""
    try:
        _apt(["update"])
    except _RefusedError as refused:
        say(f"  apt-get update complained, going on with what there is: {refused}")


def _write_as_root(path: Path, text: str) -> None:
    _as_root(["tee", str(path)], text)


def requirements(*extras: str) -> list[str]:
    """Give what pyproject.toml says that a virtual environment needs: with these extras, or of one group."""
    content = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = content["dependency-groups"]

    def of_group(name: str) -> Iterator[str]:
        for entry in groups[name]:
            yield from [entry] if isinstance(entry, str) else of_group(entry["include-group"])

    if extras and extras[0] in groups:
        return list(of_group(extras[0]))
    wanted = list(content["project"]["dependencies"])
    for extra in extras:
        wanted += content["project"]["optional-dependencies"][extra]
    return wanted


def venv_python(home: Path) -> Path:
    """Give the interpreter of the instance's virtual environment."""
    return home / "venv" / "bin" / "python"


def venv_is_complete(home: Path) -> bool:
    """Say whether the instance's virtual environment was made to its end."""
    return (home / "venv" / "complete-base").exists() and venv_python(home).exists()


def environment_of(*extras: str) -> environments.Environment:
    """Give the environment with these extras, or that of a group."""
    return environments.environment("-".join(extras) or "instance")


def mark_of(home: Path, *extras: str) -> tuple[Path, str]:
    """Give the file that says that an environment is complete, and what stands in it if it is as wanted."""
    lock = environment_of(*extras).lock.read_text(encoding="utf-8")
    stamp = hashlib.sha256("\n".join([sys.version, *requirements(*extras), lock]).encode()).hexdigest()
    return home / "venv" / f"complete-{'-'.join(('base', *extras))}", stamp


def ensure_venv(home: Path, *extras: str) -> Path:
    """Make the virtual environment, on the system's Python, as the lock file says.

    Parameters
    ----------
    home
        The directory in which it is made.
    extras
        Extras of ``pyproject.toml``; or a group, which stands without Debian's packages.

    Returns
    -------
    Path
        Its interpreter.

    Raises
    ------
    InstanceError
        It cannot be made, for example because a package index cannot be reached, gives a file that is not
        the locked one, or because a package of Debian's is too old.
    """
    wanted, environment = requirements(*extras), environment_of(*extras)
    mark, stamp = mark_of(home, *extras)

    def complete() -> bool:
        return mark.exists() and mark.read_text(encoding="ascii") == stamp and venv_python(home).exists()

    if not complete():
        home.mkdir(parents=True, exist_ok=True)
        with lock(home / "venv.lock", VENV_PATIENCE, "making the virtual environment"):
            if not complete():  # nobody else has made it meanwhile
                _make_venv(home, wanted, environment)
                mark.write_text(stamp, encoding="ascii")
    return venv_python(home)


def _make_venv(home: Path, wanted: Sequence[str], environment: environments.Environment) -> None:
    locked, with_debian = environment.lock, ["--system-site-packages"] if environment.on_debian else []
    with Step(f"Making the virtual environment ({', '.join(wanted)})"):
        # A link leads to somebody else's environment, which is not ours to clear.
        if (home / "venv").is_symlink():
            (home / "venv").unlink()
        # What an earlier attempt left half made must not stay.
        _venv_command([SYSTEM_PYTHON, "-m", "venv", "--clear", *with_debian, home / "venv"])
        _venv_command([venv_python(home), *INSTALL, locked])
        # The lock leaves out what Debian provides: that it is new enough is seen only here.
        _venv_command([venv_python(home), CHECKOUT / "supply" / "installed.py", locked, *wanted])


def _venv_command(command: list[str | Path]) -> None:
    # Nobody is left who could use it when the one ends that wanted it.
    words = ["setpriv", "--pdeathsig", "TERM", "--", *map(str, command)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        reason = next((line for line in lines if "ERROR" in line), lines[-1] if lines else "no message")
        if any("DO NOT MATCH THE HASHES" in line for line in lines):
            raise InstanceError(
                f"The package index gave a file that is not the locked one: {_mismatch(lines)}.",
                "Do not install it. See which index or proxy pip is configured for; where a version was "
                "replaced on purpose, 'make lock' writes new lock files.",
                exit_code=EXIT_ENVIRONMENT,
            )
        if reason.startswith(TOO_OLD):
            raise InstanceError(
                f"The virtual environment cannot be made: {reason.strip()}",
                "Bring Debian's packages up to date ('apt-get upgrade'), then run the command again.",
                exit_code=EXIT_ENVIRONMENT,
            )
        raise InstanceError(
            f"The virtual environment cannot be made: {reason.strip()}",
            "Check that the Python package index can be reached, then run the command again.",
            exit_code=EXIT_ENVIRONMENT,
        )


def _mismatch(lines: list[str]) -> str:
    """Give the file that pip complains about, and both hashes."""
    start = next(number for number, line in enumerate(lines) if "DO NOT MATCH THE HASHES" in line)
    told = [line.strip() for line in lines[start + 1 :] if not line.startswith("WARNING")]
    return (
        "; ".join(line for line in told if re.match(r"\S+==|.*\bfrom https?:|Expected|Got", line)) or told[0]
    )
