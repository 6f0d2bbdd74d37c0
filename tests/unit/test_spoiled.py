"""Files that cannot be published, or not any more: only they are concerned, and what was published stays."""

from __future__ import annotations

import json
import math
import os
import re
import socket
from operator import itemgetter

import pytest

from ingest import changes
from ingest.collecting import LEDGER
from ingest.copying import Layout
from ingest.spoiled import STAYS
from instance import imports
from tests import gadf_files
from tests.gadf_releases import identity, made
from tests.incremental import (
    COLUMNS,
    LAYOUTS,
    Collection,
    afresh,
    deploy_indexed,
    deploy_runs,
    rewrite,
    still_unchanged,
    write_run,
)


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "test_dr"


@pytest.fixture
def data(tmp_path, directory):
    return deploy_runs(directory, tmp_path / "data of one")


@pytest.fixture
def indexed(tmp_path, directory):
    return deploy_indexed(directory, tmp_path / "data of one")


def rows_of(made: Collection) -> dict[str, list[str]]:
    """Give the rows of all tables but the ledger."""
    return {role: rows for role, rows in made.content().items() if role != LEDGER}


def test_what_was_published_stays_when_its_file_breaks(data, directory):
    made = Collection(directory).update()
    before, path = rows_of(made), data / "data" / "run2.fits"
    whole = path.read_bytes()
    for harm in (whole[:5000], b"", b"no FITS at all"):
        path.write_bytes(harm)
        assert made.update().read == []
        assert rows_of(made) == before
        assert made.problems()["data/run2.fits"].endswith(f"; {STAYS}")
        still_unchanged(made)
    path.write_bytes(whole.replace(b"RA_PNT", b"RA_PNX"))
    assert made.update().read == ["data/run2.fits"]
    assert made.problems() == {}
    assert made.content() == afresh(directory)


def test_what_stays_can_be_taken_back(data, directory):
    made = Collection(directory).update()
    (data / "data" / "run2.fits").write_bytes(b"no FITS at all")
    made.update()
    assert "2" in made.ids()
    assert not changes.unchanged(directory, identity(), made.ledger, withdraw=True)
    assert made.update(withdraw=True).read == ["data/run2.fits"]
    assert "2" not in made.ids()
    assert made.content() == afresh(directory)
    still_unchanged(made)


def test_what_stays_makes_way_for_a_good_file_of_its_name(data, directory):
    made = Collection(directory).update()
    (data / "data" / "run2.fits").write_bytes(b"no FITS at all")
    write_run(data / "data" / "run9.fits", 2)
    made.update()
    assert made.content() == afresh(directory)
    assert list(made.problems()) == ["data/run2.fits"]


def test_what_stays_makes_way_for_a_good_file_that_comes_later(data, directory):
    made = Collection(directory).update()
    (data / "data" / "run2.fits").write_bytes(b"no FITS at all")
    made.update()
    write_run(data / "data" / "run9.fits", 2)
    made.update()
    assert made.content() == afresh(directory)


def test_a_file_that_takes_the_name_of_another_keeps_its_former_rows(data, directory):
    made = Collection(directory).update()
    before = rows_of(made)
    write_run(data / "data" / "run2.fits", 1)
    made.update()
    assert rows_of(made) == before
    assert "1 was already read from" in made.problems()["data/run2.fits"]
    write_run(data / "data" / "run1.fits", 8)
    made.update()
    assert made.ids() == ["1", "3", "4", "5", "6", "8"]
    assert made.content() == afresh(directory)


STRANGE_NAMES = (
    "new\nline.fits",
    "tab\there.fits",
    "\u00fcn\u00ef <b>.fits",
    "q'uote\\.fits",
    "100%20.fits",
    '";--.fits',
)


def test_strange_names_of_files(data, directory):
    for number, name in enumerate(STRANGE_NAMES, 100):
        write_run(data / "data" / name, number)
    write_run(data / "data" / "run0.fits", 200)
    (data / "data" / "run0.fits").rename(os.fsdecode(os.fsencode(data / "data") + b"/bad\xff.fits"))
    made = Collection(directory).update()
    assert len(made.ids()) == 6 + len(STRANGE_NAMES)
    assert made.problems() == {"data/bad\\xff.fits": "bad\\xff.fits: cannot be read (its name is not UTF-8)"}
    still_unchanged(made)


@pytest.mark.parametrize(
    "kind", ["link to itself", "link to nothing", "directory", "pipe", "socket", "links"]
)
def test_what_is_no_file_is_refused(data, directory, kind):
    """Each is told of, none is waited for, and the others are published."""
    path = data / "data" / "odd.fits"
    with socket.socket(socket.AF_UNIX) as bound:
        if kind == "directory":
            path.mkdir()
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "socket":
            bound.bind(os.path.relpath(path))
        elif kind == "links":
            path.symlink_to("other.fits")
            (data / "data" / "other.fits").symlink_to("odd.fits")
        else:
            path.symlink_to("odd.fits" if kind == "link to itself" else "nothing")
        made = Collection(directory).update()
        assert made.ids() == ["1", "2", "3", "4", "5", "6"]
        assert made.problems()["data/odd.fits"].startswith("odd.fits: cannot be read (")
        assert len(made.problems()) == (2 if kind == "links" else 1)
        still_unchanged(made)


def test_a_row_that_no_table_takes_is_the_fault_of_its_file_alone(data, directory, monkeypatch):
    columns = [(name, "smallint" if name == "obs_id" else kind) for name, kind in COLUMNS["observation"]]
    monkeypatch.setitem(LAYOUTS, "observation", Layout("observation", tuple(columns)))
    write_run(data / "data" / "run9.fits", 40_000)
    made = Collection(directory).update()
    problem = "gives a row that no table takes (obs_id = '40000': no integer of 16 bits)"
    assert made.problems() == {"data/run9.fits": f"run9.fits: {problem}"}


def test_whoever_told_of_a_shared_file_breaks(indexed, directory):
    made = Collection(directory).update()
    before = rows_of(made)
    (indexed / "runs" / "1.fits").write_bytes(b"broken")
    made.update()
    assert rows_of(made) == before
    assert list(made.problems()) == ["1"]
    still_unchanged(made)
    made.update(withdraw=True)
    assert made.ids() == ["2", "3"]
    assert made.content() == afresh(directory)


def test_what_all_share_breaks(indexed, directory):
    """Nobody is left to write the rows about the shared file anew: they stay, too."""
    made = Collection(directory).update()
    before = rows_of(made)
    (path,) = indexed.glob("irf/*")
    saved = path.read_bytes()
    path.write_bytes(saved[: len(saved) // 2])
    made.update()
    assert rows_of(made) == before
    assert list(made.problems()) == ["1", "2", "3"]
    still_unchanged(made)
    (indexed / "runs" / "2.fits").write_bytes(b"broken")
    assert rows_of(made.update()) == before
    rewrite(indexed, (2, 3))  # the first, to which those rows belonged, leaves
    made.update()
    assert rows_of(made) == before
    path.write_bytes(saved)
    write_run(indexed / "runs" / "2.fits", 2)
    made.update()
    assert list(made.problems()) == made.vanished() == ["1"]
    made.update(withdraw=True)
    assert made.content() == afresh(directory)


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        ("text", "a\0b", "a NUL in a text"),
        ("smallint", 1 << 15, "no integer of 16 bits"),
        ("integer", -(1 << 31) - 1, "no integer of 32 bits"),
        ("bigint", 1 << 63, "no integer of 64 bits"),
        ("bigint", math.inf, "cannot convert float infinity to integer"),
        ("real", 1e39, "no number of single precision"),
        ("double precision", "late", "could not convert string to float"),
    ],
)
def test_values_that_end_a_copy_are_refused_before(kind, value, problem):
    with pytest.raises(ValueError, match=rf"^x = .*: {problem}"):
        Layout("t", (("x", kind),)).line({"x": value})


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        ("smallint", (1 << 15) - 1, b"32767\n"),
        ("bigint", -(1 << 63), b"-9223372036854775808\n"),
        ("real", 1e-60, b"0.0\n"),  # PostgreSQL refuses it, too
        ("real", -1.5, b"-1.5\n"),
        ("double precision", 1e300, b"1e+300\n"),
        ("text", "a\tb", b"a\\tb\n"),
    ],
)
def test_values_at_the_edge_are_written(kind, value, written):
    assert Layout("t", (("x", kind),)).line({"x": value}) == written


def test_an_import_ends_with_a_table_of_what_failed(data, directory):
    made = Collection(directory).update()
    for number in (2, 3):
        (data / "data" / f"run{number}.fits").write_bytes(b"no FITS at all")
    write_run(data / "data" / "run4.fits", 4, OBS_ID=None)
    write_run(data / "data" / "run9.fits", 1)
    made.update()
    failures = [json.loads(str(row["problem"])) for row in made.tables[LEDGER] if row["problem"]]
    lines = [re.split(r" {2,}", line) for line in imports.summary(sorted(failures, key=itemgetter("file")))]
    assert lines == [
        ["why not", "number", "first"],
        ["cannot be read as FITS, or damaged", "2", "run2.fits"],
        ["keyword or column missing or senseless", "1", "run4.fits"],
        ["not to be published for another reason", "1", "run9.fits"],
        ["in all", "4", "3 of them keep what was published before"],
    ]
    assert imports.summary([]) == []


@pytest.mark.parametrize(
    "rows",
    [((1e8, 1e300),), ((1e8, 1.7e308),), ((-1.7e308, 1e8),), ((1e8, 1e8 + 60), (1e8 + 61, 1e308))],
)
@pytest.mark.parametrize("reference", [51910, 55000])
def test_times_with_which_nothing_can_be_computed_are_refused(tmp_path, rows, reference):
    found = made(tmp_path, gadf_files.events(), gadf_files.gti(rows, MJDREFI=reference))
    assert "HDU GTI: an interval reaches from" in found.problem()
