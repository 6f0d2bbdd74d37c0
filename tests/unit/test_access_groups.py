"""Who may have the files of a release, by its configuration."""

import pytest

from tests.gadf_releases import config, made_of


def access(tmp_path, proposal=None, **release):
    """Give who may have an event list's file, and the ObsCore row of it."""
    keywords = {"PROP_ID": proposal} if proposal else {}
    result = made_of(tmp_path, {"keywords": {"proposal_id": "PROP_ID"}, **release}, **keywords)
    link = result.links[0]
    return link["release_date"], link["access_groups"], result.only()


def test_public_files_need_no_right(tmp_path):
    day, groups, row = access(tmp_path)
    assert (day, groups, row["data_rights"]) == (None, None, "public")


def test_proprietary_files_are_for_groups(tmp_path):
    templates = ["{collection}", "pi:{proposal_id}", "staff"]
    day, groups, row = access(tmp_path, "2026 A/7", data_rights="secure", access_groups=templates)
    assert (day, groups, row["data_rights"]) == (None, "test_dr pi:2026_A/7 staff", "secure")


def test_groups_of_unknown_proposals_do_not_count(tmp_path):
    day, groups, row = access(
        tmp_path, release_date="2999-01-01", access_groups=["{proposal_id}", "{collection}"]
    )
    assert (str(day), groups, row["data_rights"]) == ("2999-01-01", "test_dr", "proprietary")


def test_a_day_that_has_come_makes_files_public(tmp_path):
    day, _, row = access(tmp_path, data_rights="proprietary", release_date="2020-01-01")
    assert (str(day), row["data_rights"]) == ("2020-01-01", "public")


@pytest.mark.parametrize("group", ["{nobody}", "{", "{proposal_id"])
def test_groups_are_checked(group):
    with pytest.raises(ValueError, match="access_groups"):
        config(access_groups=[group])
