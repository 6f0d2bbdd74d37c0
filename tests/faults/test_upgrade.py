"""The release before this one, with data and users, is taken over by this one while it serves.

``release-0.1.0.tar`` is a backup of an instance that it made. Where the history of the project reaches back
to it, its own program serves that instance at first; else this is said, and it is upgraded from rest.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from instance import archive, version
from instance.cluster import port_is_free
from instance.exits import OK
from tests.faults import belongings, census
from tests.faults.harness import CHECKOUT, Site

RELEASE = Path(__file__).with_name("release-0.1.0.tar")
COMMIT = "a905dac"
"""The last one of version 0.1.0."""


@pytest.fixture
def previous_program(workshop: Path) -> Path | None:
    """Give the program of the release before, or None if the history does not have it."""
    done = subprocess.run(["git", "archive", COMMIT], cwd=CHECKOUT, capture_output=True, check=False)
    if done.returncode:
        return None
    target = workshop / "release-0.1.0"
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        tar.extractall(target)
    return target / "bin" / "cherenkov-vo"


@pytest.fixture
def site(new_site: Callable[..., Site], reference: Site) -> Iterator[Site]:
    """Give an instance as the release before left it."""
    site = new_site("upgraded")
    port = int(archive.verify(RELEASE)["settings"]["CHERENKOV_VO_PORT"])
    site.port = port if port_is_free(port) else site.port
    site.take_environment_of(reference)
    done = site.run("restore", str(RELEASE))
    assert done.returncode == OK, done.stderr
    yield site
    site.run("down")


def _job(site: Site) -> str:
    site.instance.cluster.start()
    found = site.instance.cluster.sql("SELECT jobid FROM tap_schema.tapjobs WHERE phase = 'COMPLETED'")
    return f"/tap/async/{found[0]}"


def _stamp(checkout: Path) -> str:
    """Give what version 0.1.0 writes into a virtual environment that it has made."""
    project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return hashlib.sha256("\n".join([sys.version, *project["dependencies"]]).encode()).hexdigest()


def _neutral(found: census.Census) -> dict[str, object]:
    """Leave out what tells the version."""
    return {
        "rows": found.rows,
        "links": [line for line in found.links if "provenance" not in line],
        "counts": {name: number for name, number in found.counts.items() if "tap_schema" not in name},
        "identifiers": [line for line in found.internal["resources"]],
    }


def test_an_instance_of_the_release_before(site: Site, previous_program: Path | None) -> None:
    assert version.noted(site.instance.state) == "0.1.0"
    if previous_program is None:
        said = f"{COMMIT} is not in this clone: the old program did NOT run, its data were upgraded from rest"
        print(said, file=sys.__stderr__)
        accounts_before = None
    else:
        site.run("down")
        mark = site.home / "venv" / "complete-base"
        ours = mark.read_text(encoding="ascii")
        # The old program would make an environment of its own, from the network.
        mark.write_text(_stamp(previous_program.parents[1]), encoding="ascii")
        # Python looks for modules in its working directory first; of an explorer that version knows nothing.
        place = str(previous_program.parents[1])
        begin = ["env", "-u", "CHERENKOV_VO_EXPLORER", "-C", place, str(previous_program), "serve"]
        with site.serving(*begin) as old:
            old.up()
            mark.write_text(ours, encoding="ascii")
            job = _job(site)
            accounts_before = belongings.take(site, job), census.take(site)
            assert accounts_before[0].job == "COMPLETED"
            refused = site.run("serve")
            assert refused.returncode != OK
            assert "of version 0.1.0, serves this instance" in refused.stderr
            done = site.run("up", timeout=400.0)
            assert done.returncode == OK, done.stderr
            assert "takes over" in done.stderr
            assert old.process.wait(10) == 0
    if previous_program is None:
        done = site.run("up", timeout=400.0)
        assert done.returncode == OK, done.stderr
    job = _job(site)
    after, published = belongings.take(site, job), census.take(site)
    assert version.noted(site.instance.state) == version.VERSION
    assert [line.split("|")[0] for line in after.accounts] == [belongings.USER]
    assert len(after.groups) == 4
    assert (after.closed_without, after.closed_with, after.job) == (401, 200, "COMPLETED")
    assert after.result.count(b"\n") > 10
    assert "2020-02-02T02:02:02Z" in after.withdrawn[0]
    if accounts_before is not None:
        before, published_before = accounts_before
        assert (after.accounts, after.groups) == (before.accounts, before.groups)
        assert after.result == before.result
        assert after.withdrawn == before.withdrawn
        assert _neutral(published) == _neutral(published_before)
