"""DaCHS's users survive what the rest of the database does not have to."""

import json

import pytest

from ingest.errors import InstanceError
from instance import kept
from instance.bringup import Instance as Managed
from instance.settings import load

NAME = 'o\'brien \\ "quoted"'

RECORDS = "SELECT t::text FROM dc.resources AS t UNION ALL SELECT t::text FROM dc.sets AS t ORDER BY 1"


@pytest.fixture
def managed(instance):
    managed = Managed(load())
    managed.cluster.sql("INSERT INTO dc.users VALUES ($u$" + NAME + "$u$, 'scrypt:x', NULL)")
    managed.cluster.sql("INSERT INTO dc.groups VALUES ($u$" + NAME + "$u$, 'ctao')")
    yield managed
    remove(managed)


def remove(managed):
    for table in ("groups", "users"):
        managed.cluster.sql(f"DELETE FROM dc.{table} WHERE username = $u${NAME}$u$")


def known(managed):
    found = managed.cluster.sql("SELECT username, groupname FROM dc.users NATURAL JOIN dc.groups")
    return sorted(line for line in found if line.startswith("o'brien"))


def test_users_and_groups_are_kept(managed, tmp_path):
    before, saved = known(managed), tmp_path / "users.json"
    records = managed.cluster.sql(RECORDS)
    kept.save(managed.cluster, saved)
    assert saved.stat().st_mode & 0o077 == 0
    remove(managed)
    assert (len(before), known(managed)) == (1, [])
    kept.restore(managed.cluster, saved)
    assert known(managed) == before
    assert not saved.exists()
    assert managed.cluster.sql(RECORDS) == records  # they were there all the time


def test_what_an_attempt_saved_that_did_not_end_is_not_overwritten(managed, tmp_path):
    saved = tmp_path / "users.json"
    saved.write_text(json.dumps({"dc.users": "", "dc.groups": ""}))
    kept.save(managed.cluster, saved)
    assert json.loads(saved.read_text()) == {"dc.users": "", "dc.groups": ""}


def test_nothing_saved_is_nothing_restored(managed, tmp_path):
    before = known(managed)
    kept.restore(managed.cluster, tmp_path / "none.json")
    assert known(managed) == before


def test_a_user_that_the_database_does_not_take_is_an_error(managed, tmp_path):
    saved = tmp_path / "users.json"
    saved.write_text(json.dumps({"dc.groups": json.dumps([{"username": "nobody", "groupname": "x"}])}))
    with pytest.raises(InstanceError):
        kept.restore(managed.cluster, saved)
    assert saved.exists()
