"""Releases that change: what is read again, and that it comes out as an import from nothing does."""

from __future__ import annotations

import os
import shutil

import pytest

from ingest import changes
from tests.gadf_releases import REGISTRY_TOML, identity, write_indexed
from tests.incremental import (
    COLUMNS,
    Collection,
    afresh,
    deploy,
    deploy_indexed,
    deploy_runs,
    in_one_go,
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


def test_the_first_time_everything_is_read(data, directory):
    (data / "data" / "irf.fits").write_bytes(b"nothing")
    made = Collection(directory).update()
    assert made.ids() == ["1", "2", "3", "4", "5", "6"]
    assert "irf.fits" in made.problems()["data/irf.fits"]
    rows = in_one_go(directory)
    for role, found in rows.items():
        texts = [name for name, kind in COLUMNS[role] if kind == "text"]
        assert sorted(repr([row[name] for name in texts]) for row in made.tables[role]) == found
    still_unchanged(made)


def test_what_is_new_is_read_alone(data, directory):
    made = Collection(directory).update()
    write_run(data / "data" / "run0.fits", 10)
    assert not changes.unchanged(directory, identity(), made.ledger)
    assert made.update().read == ["data/run0.fits"]
    assert made.content() == afresh(directory)
    still_unchanged(made)


def test_what_changed_is_read_alone(data, directory):
    made = Collection(directory).update()
    write_run(data / "data" / "run3.fits", 33)
    assert made.update().read == ["data/run3.fits"]
    assert "3" not in made.ids()
    assert made.content() == afresh(directory)


def test_a_file_that_broke_comes_back(data, directory):
    made = Collection(directory).update()
    path = data / "data" / "run3.fits"
    whole = path.read_bytes()
    path.write_bytes(whole[:4000])
    made.update(withdraw=True)
    assert made.content() == afresh(directory)
    assert "3" not in made.ids()
    still_unchanged(made)
    path.write_bytes(whole)
    assert made.update().ids() == ["1", "2", "3", "4", "5", "6"]
    assert made.content() == afresh(directory)


def test_vanished_files_stay_until_they_are_withdrawn(data, directory):
    made = Collection(directory).update()
    path = data / "data" / "run3.fits"
    path.rename(data / "elsewhere.fits")
    assert made.update().read == []
    assert made.vanished() == ["data/run3.fits"]
    assert made.ids() == ["1", "2", "3", "4", "5", "6"]
    still_unchanged(made)
    assert not changes.unchanged(directory, identity(), made.ledger, withdraw=True)
    assert made.update(withdraw=True).ids() == ["1", "2", "4", "5", "6"]
    assert made.content() == afresh(directory)
    still_unchanged(made)


def test_a_vanished_file_that_returns_is_not_read_again(data, directory):
    made = Collection(directory).update()
    (data / "data" / "run3.fits").rename(data / "elsewhere.fits")
    made.update()
    (data / "elsewhere.fits").rename(data / "data" / "run3.fits")
    assert made.update().read == []
    assert made.content() == afresh(directory)


def test_renamed_files_are_the_same_observations(data, directory):
    made = Collection(directory).update()
    (data / "data" / "run3.fits").rename(data / "data" / "run9.fits")
    assert made.update().read == ["data/run9.fits"]
    assert made.ids() == ["1", "2", "3", "4", "5", "6"]
    assert made.vanished() == []
    assert made.content() == afresh(directory)


def test_of_two_with_the_same_name_the_first_counts(data, directory):
    made = Collection(directory).update()
    write_run(data / "data" / "run0.fits", 3)
    write_run(data / "data" / "run8.fits", 5)
    made.update()
    assert made.content() == afresh(directory)
    assert set(made.problems()) == {"data/run3.fits", "data/run8.fits"}
    assert "3 was already read from test_dr/releases/one/files/data/run0.fits" in str(made.problems())
    still_unchanged(made)
    (data / "data" / "run0.fits").unlink()
    made.update(withdraw=True)
    assert made.content() == afresh(directory)
    assert set(made.problems()) == {"data/run8.fits"}


def test_touched_files_are_read_again_unless_their_checksums_say_no(data, directory):
    made = Collection(directory).update(checksum=True)
    path = data / "data" / "run2.fits"
    os.utime(path, ns=(1, 1))
    assert not changes.unchanged(directory, identity(), made.ledger)
    assert made.update(checksum=True).read == []
    still_unchanged(made)
    changed = bytearray(path.read_bytes())
    at = changed.index(b"RA_PNT")
    changed[at : at + 6] = b"RA_PNX"
    path.write_bytes(changed)
    os.utime(path, ns=(1, 1))
    assert changes.unchanged(directory, identity(), made.ledger)  # the same size and time
    assert made.update(checksum=True).read == ["data/run2.fits"]
    os.utime(path, ns=(2, 2))
    assert made.update().read == ["data/run2.fits"]


def test_configuration_changes_everything_of_a_release(tmp_path, data, directory):
    second = deploy(directory, "two", tmp_path / "two", text='files = "*.fits"\n')
    write_run(second / "7.fits", 7)
    made = Collection(directory).update()
    deploy(directory, "two", second, text='files = "*.fits"\nbib_reference = "2026x"\n')
    assert not changes.unchanged(directory, identity(), made.ledger)
    assert made.update().read == ["7.fits"]
    assert made.content() == afresh(directory)


def test_code_changes_everything(data, directory, monkeypatch):
    made = Collection(directory).update()
    monkeypatch.setattr(changes, "code_version", lambda: "another")
    assert not changes.unchanged(directory, identity(), made.ledger)
    assert len(made.update().read) == 6
    assert made.content() == afresh(directory)


def test_a_release_that_is_taken_away_goes_without_a_word(tmp_path, data, directory):
    second = deploy(directory, "two", tmp_path / "two", text='files = "*.fits"\n')
    for number in (3, 7):
        write_run(second / f"{number}.fits", number)
    made = Collection(directory).update()
    assert made.ids() == ["1", "2", "3", "4", "5", "6", "7"]
    assert list(made.problems()) == ["3.fits"]
    saved = (directory / "releases" / "two" / "release.toml").read_text()
    shutil.rmtree(directory / "releases" / "one")
    (directory / "releases" / "two" / "release.toml").write_text(saved + REGISTRY_TOML)
    assert not changes.unchanged(directory, identity(), made.ledger)
    made.update()
    assert made.ids() == ["3", "7"]
    assert made.content() == afresh(directory)


def test_what_an_earlier_release_takes_a_later_one_loses(tmp_path, data, directory):
    second = deploy(directory, "two", tmp_path / "two", text='files = "*.fits"\n')
    write_run(second / "7.fits", 7)
    made = Collection(directory).update()
    write_run(data / "data" / "run7.fits", 7)
    made.update()
    assert list(made.problems()) == ["7.fits"]
    assert made.content() == afresh(directory)
    (data / "data" / "run7.fits").unlink()
    made.update(withdraw=True)
    assert made.problems() == {}
    assert made.content() == afresh(directory)


# Index tables, and files that observations share.


def test_a_new_run_of_an_index_is_read_alone(indexed, directory):
    made = Collection(directory).update()
    rewrite(indexed, (1, 2, 3, 4))
    assert made.update().read == ["4"]
    assert made.content() == afresh(directory)
    still_unchanged(made)


def test_a_file_becomes_shared_and_unshared(tmp_path, directory):
    root = write_indexed(tmp_path / "data of one", (2,))
    deploy(directory, "one", root, text='index = "."\n' + REGISTRY_TOML)
    made = Collection(directory).update()
    assert {row["obs_id"] for row in made.tables["companion"]} == {"2"}
    rewrite(root, (2, 3))
    assert made.update().read == ["2", "3"]
    assert {row["obs_id"] for row in made.tables["companion"]} == {"2", "3", "irf.irf"}
    assert made.content() == afresh(directory)
    still_unchanged(made)
    rewrite(root, (1, 2, 3))  # it comes first: rows about the shared file are its rows now
    made.update()
    assert made.content() == afresh(directory)
    rewrite(root, (3,))
    made.update()
    assert made.ids() == ["1", "2", "3"]
    assert len(made.vanished()) == 2
    still_unchanged(made)
    made.update(withdraw=True)
    assert {row["obs_id"] for row in made.tables["companion"]} == {"3"}
    assert made.content() == afresh(directory)


def test_whoever_told_of_a_shared_file_is_withdrawn(indexed, directory):
    made = Collection(directory).update()
    rewrite(indexed, (2, 3))
    made.update(withdraw=True)
    assert made.ids() == ["2", "3"]
    assert made.content() == afresh(directory)


def test_a_file_of_responses_that_vanishes(indexed, directory):
    made = Collection(directory).update()
    (path,) = indexed.glob("irf/*")
    saved = path.rename(indexed / "saved")
    assert made.update().read == []
    assert made.vanished() == ["1", "2", "3"]
    still_unchanged(made)
    saved.rename(path)
    assert made.update().read == []
    assert made.content() == afresh(directory)
    path.unlink()
    made.update(withdraw=True)
    assert made.ids() == ["1", "2", "3"]
    assert made.content() == afresh(directory)


def test_a_broken_index_takes_nothing_away(indexed, directory):
    made = Collection(directory).update()
    before = made.content()["observation"]
    for path in indexed.glob("*index*"):
        path.write_bytes(b"broken")
    assert made.update().content()["observation"] == before
    assert len(made.problems()) == 1
    still_unchanged(made)
    rewrite(indexed, (1, 2, 3))
    made.update()
    assert made.problems() == {}
    assert made.content() == afresh(directory)
