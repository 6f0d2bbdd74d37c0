"""Write the lock files: ``make lock``, or ``make lock UPGRADE=yes`` for the newest versions.

uv finds the versions, for each Python from 3.11 on, and writes them down with the hashes of all files that
the package index has of them. Versions that are locked already stay.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from ingest.errors import InstanceError
from supply import environments
from supply.ending import end_with
from supply.environments import CHECKOUT, Environment

UV = Path(sys.executable).with_name("uv")


def command(environment: Environment, *, upgrade: bool, target: Path | None = None) -> list[str]:
    """Give the command line of uv for one environment.

    Parameters
    ----------
    environment
        The environment.
    upgrade
        Whether versions that are locked may change.
    target
        Where to write; the environment's lock file if it is None.
    """
    found = [
        *(str(UV), "pip", "compile", "--quiet", "--no-config", "--universal", "--python-version", "3.11"),
        *("--generate-hashes", "--custom-compile-command", "make lock", "--no-annotate"),
        *("--output-file", str((target or environment.lock).relative_to(CHECKOUT))),
        *(part for extra in environment.extras for part in ("--extra", extra)),
        *(["--resolution", "lowest-direct"] if environment.lowest else []),
        *(["--upgrade"] if upgrade else []),
    ]
    if environment.on_debian:
        found += ["--constraint", "-"]
        found += [part for name in sorted(environment.from_debian()) for part in ("--no-emit-package", name)]
    if environment.like:
        like = environments.environment(environment.like).lock
        found += ["--constraint", str(like.relative_to(CHECKOUT))]
    source = str(environment.source.relative_to(CHECKOUT))
    return [*found, *(["--group", f"{source}:{environment.group}"] if environment.group else [source])]


def constraints(environment: Environment) -> str:
    """Give the versions of what Debian provides to an environment."""
    own = environment.own
    lines = environments.DEBIAN.read_text(encoding="utf-8").splitlines()
    return "".join(f"{line}\n" for line in lines if line.partition("==")[0] not in own)


def write(environment: Environment, *, upgrade: bool = False, target: Path | None = None) -> None:
    """Write the lock file of an environment.

    Raises
    ------
    InstanceError
        There are no versions that fit together, or the package index cannot be reached.
    """
    done = subprocess.run(
        command(environment, upgrade=upgrade, target=target),
        cwd=CHECKOUT,
        input=constraints(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise InstanceError(
            f"The lock file of {environment.name} cannot be made: {' '.join(done.stderr.split())}",
            "See which requirement in pyproject.toml or requirements/ does not fit.",
        )


def main() -> int:
    """Write the lock files; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="environments (default: all)")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    options = parser.parse_args()
    for environment in environments.ENVIRONMENTS:
        if not options.names or environment.name in options.names:
            write(environment, upgrade=options.upgrade)
            packages = len({entry.name for entry in environments.read_lock(environment.lock)})
            print(f"{environment.lock.relative_to(CHECKOUT)}: {packages} packages")
    return 0


if __name__ == "__main__":
    end_with(main)
