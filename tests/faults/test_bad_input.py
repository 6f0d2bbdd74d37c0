"""Bad files among good ones: each is refused by itself, and what was published before stays."""

from __future__ import annotations

import html
import os
import shutil
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from instance.exits import EXIT_CHECK, EXIT_DATA, OK
from tests import gadf_files
from tests.corpus.worker import corpus
from tests.faults import census
from tests.faults.changing import Followed
from tests.faults.harness import Site
from tests.thorough import thorough

BAD = thorough(80, 100_000)
"""Files of the corpus that are put among the good ones, at most."""

OBS_ID = "4712<i>&\"'); DROP TABLE hess_dr.obscore; --"
OBJECT = "<script>alert(1)</script> ]]> &x; ' OR 1=1"
DAMAGED, REPLACED = 2, 6
"""Places among the release's files of one that is cut, and of one that another run's file replaces."""

EXTRA = "zz_"
"""How the names of files begin that are not the release's own."""


@dataclass
class Invaded:
    """A release with bad files, and what became of it.

    Attributes
    ----------
    site, data
        Who publishes it, and its directory.
    rows, links
        What was published before, by identifier.
    said, code
        What the ingestion said, and its exit code.
    bad
        Names of the bad files of the corpus.
    odd
        Names of what is no file.
    """

    site: Site
    data: Path
    rows: list[str]
    links: list[str]
    said: str
    code: int
    bad: list[str]
    odd: list[str]

    def refused(self) -> list[str]:
        """Give the lines about files that are not published."""
        return [line for line in self.said.splitlines() if "NOT published: " in line]


def _invade(data: Path) -> tuple[list[str], list[str]]:
    """Put bad files and odd ones into a directory; gives their names."""
    all_ = list(corpus())
    chosen = all_[:: max(1, len(all_) // BAD)]
    bad = []
    for number, damaged in enumerate(chosen):
        bad.append(f"{EXTRA}{number:05}.fits.gz")
        (data / bad[-1]).write_bytes(damaged.content)
    odd = [f"{EXTRA}{kind}.fits.gz" for kind in ("directory", "link", "loop", "pipe")]
    (data / odd[0]).mkdir()
    (data / odd[1]).symlink_to("nothing")
    (data / odd[2]).symlink_to(odd[2])
    os.mkfifo(data / odd[3])
    hostile = gadf_files.events(OBS_ID=OBS_ID, OBJECT=OBJECT)
    gadf_files.write(data / f"{EXTRA}hostile.fits.gz", hostile, gadf_files.gti())
    own = sorted(path for path in data.iterdir() if not path.name.startswith(EXTRA))
    whole = own[DAMAGED].read_bytes()
    own[DAMAGED].write_bytes(whole[: len(whole) // 2])
    shutil.copy(own[0], own[REPLACED])
    return bad, odd


@pytest.fixture(scope="module")
def invaded(harmed: tuple[Followed, object]) -> Iterator[Invaded]:
    """Let an instance ingest a release with bad files; afterwards it is as it was."""
    followed = harmed[0]
    followed.know("whole")
    followed.follow("whole")
    site, data = followed.site, followed.release.directory / "data"
    rows, links = census.tap(site, census.ROWS), census.tap(site, census.LINKS)
    bad, odd = _invade(data)
    try:
        done = site.run("ingest")
        yield Invaded(site, data, rows, links, done.stderr, done.returncode, bad, odd)
    finally:
        for path in data.glob(f"{EXTRA}*"):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        for path in (followed.release._original / "data").iterdir():
            shutil.copy2(path, data / path.name)
    followed.ingest()
    assert followed.differences() == []


def test_each_bad_file_is_told_of_once(invaded: Invaded) -> None:
    assert invaded.code == EXIT_DATA, invaded.said
    refused = [line.partition("NOT published: ")[2] for line in invaded.refused()]
    named = [line.split(",")[0].split(":")[0] for line in refused]
    assert len(named) == len(set(named))
    published = {row.rpartition("/")[2] for row in _new_paths(invaded)}
    for name in (*invaded.bad, *invaded.odd):
        assert (name in named) is not (name in published), name
    assert set(invaded.odd) <= set(named)
    assert "Traceback" not in invaded.said
    (last,) = [line for line in invaded.said.splitlines() if line.strip().startswith("in all")]
    assert last.split()[2] == str(len(refused))


def _new_paths(invaded: Invaded) -> list[str]:
    rows = invaded.site.instance.cluster.sql("SELECT DISTINCT source FROM hess_dr.links")
    return [path for path in rows if f"/{EXTRA}" in path]


def test_all_that_was_published_stays(invaded: Invaded) -> None:
    rows, links = census.tap(invaded.site, census.ROWS), census.tap(invaded.site, census.LINKS)
    assert [row for row in invaded.rows if row not in rows] == []
    assert [link for link in invaded.links if link not in links] == []
    own = sorted(path.name for path in invaded.data.iterdir() if not path.name.startswith(EXTRA))
    for place in (DAMAGED, REPLACED):
        (line,) = [line for line in invaded.refused() if f" {own[place]}" in line]
        assert line.endswith("what was published of it before stays")


def test_what_is_published_has_sound_numbers(invaded: Invaded) -> None:
    numbers = ("t_min", "t_max", "s_ra", "s_dec", "energy_min", "energy_max", "t_exptime")
    odd = " OR ".join(f"{name} IN ('NaN', 'Infinity', '-Infinity')" for name in numbers)
    cluster = invaded.site.instance.cluster
    assert cluster.sql(f"SELECT obs_id FROM hess_dr.obscore WHERE {odd} OR t_min > t_max OR t_min < 0") == []


def test_hostile_texts_are_data(invaded: Invaded) -> None:
    quoted = OBS_ID.replace("'", "''")
    cluster = invaded.site.instance.cluster
    query = f"SELECT target_name FROM hess_dr.obscore WHERE obs_id = '{quoted}'"
    assert cluster.sql(query) == [OBJECT]
    (line,) = census.tap(invaded.site, query)
    assert line.strip('"') == OBJECT
    (did,) = cluster.sql(f"SELECT obs_publisher_did FROM hess_dr.obscore WHERE obs_id = '{quoted}'")
    page = census.fetch(
        f"{invaded.site.url}/hess_dr/q/page/custom?ID={urllib.parse.quote(did, safe='')}"
    ).decode()
    assert "<script>alert" not in page
    assert html.escape(OBJECT.split("]", maxsplit=1)[0], quote=False).strip() in page
    document = census.fetch(
        f"{invaded.site.url}/hess_dr/q/dl/dlmeta?ID={urllib.parse.quote(did, safe='')}"
    ).decode()
    assert "<script>" not in document
    assert "#this" in document


def test_an_ingestion_after_that_finds_nothing_new(invaded: Invaded) -> None:
    done = invaded.site.run("ingest")
    assert done.returncode == EXIT_DATA
    assert "nothing changed" in done.stderr
    (last,) = [line for line in done.stderr.splitlines() if line.strip().startswith("in all")]
    assert last in invaded.said.splitlines()


def test_check_says_the_same(invaded: Invaded, workshop: Path) -> None:
    directory = workshop / "checked"
    shutil.copytree(invaded.data, directory / "data", symlinks=True, ignore=_not_to_be_copied)
    done = invaded.site.run("check", str(directory))
    assert done.returncode == EXIT_CHECK, done.stderr
    assert "Cannot be published" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    missing = [
        name
        for name in invaded.bad
        if name not in done.stdout and f"/{name}" not in "".join(_new_paths(invaded))
    ]
    assert missing == []
    good = workshop / "good"
    good.mkdir()
    for path in sorted(invaded.data.glob("*.fits.gz"))[:DAMAGED]:
        shutil.copy(path, good)
    assert invaded.site.run("check", str(good)).returncode == OK


def _not_to_be_copied(directory: str, names: list[str]) -> list[str]:
    return [name for name in names if name.startswith(EXTRA) and not Path(directory, name).is_file()]
