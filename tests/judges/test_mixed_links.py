"""pyVO follows the links of data sets of several collections in one result."""

from __future__ import annotations

import pytest
import pyvo
from conftest import Instance

RUNS = "dataproduct_type = '{event_list}' AND data_rights = 'public'"


@pytest.fixture(scope="module")
def runs(instance: Instance, tap: pyvo.dal.TAPService) -> list[str]:
    """Identifiers of event lists, two of each collection."""
    condition = RUNS.format(event_list=instance.event_list)
    found = []
    for name in ("hess_dr", "ctao"):
        query = f"SELECT TOP 2 obs_publisher_did FROM {name}.obscore WHERE {condition} ORDER BY obs_id"
        found += [str(row["obs_publisher_did"]) for row in tap.search(query)]
    return found


def listed(runs: list[str]) -> str:
    return ", ".join(f"'{run}'" for run in runs)


@pytest.mark.parametrize(
    "columns",
    ["*", "obs_publisher_did", "obs_publisher_did, access_url, access_format", "obs_publisher_did, obs_id"],
)
@pytest.mark.parametrize("preserve_order", [False, True])
def test_iter_datalinks(
    tap: pyvo.dal.TAPService, runs: list[str], columns: str, preserve_order: bool
) -> None:
    query = f"SELECT {columns} FROM ivoa.obscore WHERE obs_publisher_did IN ({listed(runs)})"
    result = tap.search(query)
    found = {}
    for links in result.iter_datalinks(preserve_order=preserve_order):
        (identifier,) = {str(link["ID"]) for link in links}
        found[identifier] = {str(link.semantics) for link in links}
    assert found.keys() == set(runs)
    assert all({"#this", "#calibration", "#package"} <= semantics for semantics in found.values())


@pytest.mark.parametrize("columns", ["*", "obs_publisher_did"])
def test_getdatalink(tap: pyvo.dal.TAPService, runs: list[str], columns: str) -> None:
    query = f"SELECT {columns} FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea"
    result = tap.search(f"{query} WHERE obs_publisher_did IN ({listed(runs)})")
    assert len(result) == len(runs)
    for row in result:
        links = row.getdatalink()
        assert {str(link["ID"]) for link in links} == {str(row["obs_publisher_did"])}
        (this,) = links.bysemantics("#this", include_narrower=False)
        assert str(this.access_url).endswith(".fits")
