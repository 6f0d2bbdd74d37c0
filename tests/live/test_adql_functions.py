"""The functions on time coverage and energies in ADQL, against mocpy and numpy."""

import csv
import io
import time
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from mocpy import TimeMOC

from instance.bringup import Instance as Managed
from instance.settings import load
from tests.live.time_coverage import common, ranges_of, rows_of, tcb_microseconds

EVENT_LISTS = (
    "obs_publisher_did LIKE 'ivo://%/~?hess_dr/%' AND obs_publisher_did NOT LIKE 'ivo://%/~?hess_dr/%/%'"
)
"""The rows of one collection's event lists, by their identifiers: all tables have these."""

TOGETHER = "SELECT {function}(t_intervals) AS result FROM ivoa.obscore_hea WHERE " + EVENT_LISTS


@pytest.fixture(scope="module")
def runs(instance):
    return rows_of(instance)


def test_definitions_can_be_run_again_while_indexes_use_them(instance):
    Managed(load()).dachs.run("imp", "rd/functions")
    indexes = instance.cluster.sql(
        "SELECT indexrelid::regclass FROM pg_index WHERE indrelid = 'hess_dr.obscore'::regclass"
        " AND indisvalid ORDER BY 1"
    )
    assert {"hess_dr.obscore_tmoc", "hess_dr.obscore_energy_range"} <= set(indexes)
    assert instance.tap(TOGETHER.format(function="COUNT")).status == 200


def sync(instance, query):
    answer = instance.tap(query)
    assert answer.status == 200, answer.text
    return list(csv.reader(io.StringIO(answer.text)))[1:]


def asynchronous(instance, query):
    """Run an asynchronous job; gives its phase and its result or error document."""
    create = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": query, "FORMAT": "csv"}).encode()
    with urllib.request.urlopen(f"{instance.url}/tap/async", data=create, timeout=60) as reply:
        job = reply.url.removeprefix(instance.url)
    with urllib.request.urlopen(f"{instance.url}{job}/phase", data=b"PHASE=RUN", timeout=60):
        pass
    deadline = time.monotonic() + 60
    while (phase := instance.get(f"{job}/phase").text) not in ("COMPLETED", "ERROR", "ABORTED"):
        assert time.monotonic() < deadline, phase
        time.sleep(0.2)
    return phase, instance.get(f"{job}/{'results/result' if phase == 'COMPLETED' else 'error'}").text


@pytest.fixture(scope="module")
def night(runs):
    """An interval that some runs overlap and others do not: two hours around one of them."""
    start, stop = runs[len(runs) // 2][1:]
    low, high = start - 0.04, stop + 0.04
    span = np.array([tcb_microseconds([low, high])])
    inside = [common(ranges_of(moc), span) / 1e6 for moc, _, _ in runs]
    assert 0 < sum(length > 0 for length in inside) < len(runs)
    return low, high, inside


CONDITIONS = {
    "1 = {}": True,
    "{} = 1": True,
    "0 != {}": True,
    "{} = 0": False,
    "1 != {}": False,
    "{} > 0": True,
}


@pytest.mark.parametrize(
    "table", ["hess_dr.obscore", "ivoa.obscore_hea", "ivoa.obscore NATURAL JOIN ivoa.obscore_hea"]
)
@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions_on_times_in_adql(instance, night, condition, table):
    low, high, inside = night
    function = condition.format(f"gavo_tmoc_overlaps(t_intervals, {low!r}, {high!r})")
    found = sync(instance, f"SELECT COUNT(*) AS n FROM {table} WHERE {function} AND {EVENT_LISTS}")
    wanted = CONDITIONS[condition]
    assert int(found[0][0]) == sum((length > 0) == wanted for length in inside)


def test_times_in_the_select_list_and_from_expressions(instance, night):
    low, high, inside = night
    query = (
        f"SELECT gavo_tmoc_overlaps(t_intervals, {low!r} + LOG10(1), POWER({high!r}, 1)) AS o,"
        f" gavo_tmoc_overlap_seconds(t_intervals, {low!r}, {high!r}) AS s,"
        " gavo_tmoc_overlap_seconds(t_intervals, t_intervals) AS whole,"
        " gavo_tmoc_overlaps(t_intervals, '61/' || '0') AS never, gavo_tmoc_overlaps(NULL, 1, 2) AS nothing"
        " FROM hess_dr.obscore ORDER BY t_min"
    )
    rows = sync(instance, query)
    assert [int(row[0]) for row in rows] == [int(length > 0) for length in inside]
    np.testing.assert_allclose([float(row[1]) for row in rows], inside, atol=1e-4)
    assert all(float(row[2]) > 60 for row in rows)
    assert {tuple(row[3:]) for row in rows} == {("0", "")}


def test_the_union_is_mocpys(instance, runs):
    whole = TimeMOC.from_string(runs[0][0])
    for moc, _, _ in runs[1:]:
        whole = whole.union(TimeMOC.from_string(moc))
    union = sync(instance, TOGETHER.format(function="gavo_tmoc_union"))[0][0]
    assert TimeMOC.from_string(union) == whole
    groups = sync(
        instance,
        "SELECT target_name, gavo_tmoc_union(t_intervals) AS tmoc, COUNT(*) AS n FROM hess_dr.obscore"
        " WHERE t_min > 0 GROUP BY target_name",
    )
    assert sum(int(n) for _, _, n in groups) == len(runs)
    again = TimeMOC.from_string(groups[0][1])
    for _, moc, _ in groups[1:]:
        again = again.union(TimeMOC.from_string(moc))
    assert again == whole
    nothing = "SELECT gavo_tmoc_union(t_intervals) AS tmoc FROM hess_dr.obscore WHERE obs_id = 'none'"
    assert sync(instance, nothing) in ([[""]], [[]])


@pytest.mark.parametrize("limits", [(1e12, 1e13), (1e-3, 1.0), (5e13, 1e15), (1e13, 1e12)])
def test_conditions_on_energies_in_adql(instance, limits):
    rows = sync(instance, f"SELECT energy_min, energy_max FROM ivoa.obscore_hea WHERE {EVENT_LISTS}")
    low, high = limits
    wanted = sum(low <= high and float(first) <= high and low <= float(last) for first, last in rows)
    call = f"gavo_energy_overlaps(energy_min, energy_max, {low!r}, {high!r})"
    count = f"SELECT COUNT(*) AS n FROM ivoa.obscore_hea WHERE 1 = {call} AND {EVENT_LISTS}"
    assert sync(instance, count) == [[str(wanted)]]
    assert sync(instance, f"SELECT SUM({call}) AS n FROM hess_dr.obscore") == [[str(wanted)]]


def test_asynchronous_jobs_know_the_functions(instance, night):
    low, high, inside = night
    overlaps = f"gavo_tmoc_overlaps(t_intervals, {low!r}, {high!r})"
    energies = "1 = ivo_hashlist_has(o_ucd, 'em.energy')"
    tables = "ivoa.obscore NATURAL JOIN ivoa.obscore_hea"
    query = f"SELECT COUNT(*) AS n FROM {tables} WHERE 1 = {overlaps} AND {energies} AND {EVENT_LISTS}"
    phase, text = asynchronous(instance, query)
    assert (phase, text.split()) == ("COMPLETED", ["n", str(sum(length > 0 for length in inside))])
    phase, text = asynchronous(
        instance, "SELECT gavo_tmoc_overlaps('32/x', t_min, t_max) AS n FROM hess_dr.obscore"
    )
    assert phase == "ERROR"
    assert "Not a time MOC: '32/x'" in text


def test_hash_lists_of_ucds(instance, runs):
    count = (
        "SELECT COUNT(*) AS n FROM ivoa.obscore WHERE {} = ivo_hashlist_has(o_ucd, '{}') AND " + EVENT_LISTS
    )
    assert sync(instance, count.format(1, "em.energy")) == [[str(len(runs))]]
    assert sync(instance, count.format(0, "em.ener")) == [[str(len(runs))]]


WRONG = {
    "gavo_tmoc_overlaps(t_intervals)": "expected 2 or 3 argument",
    "gavo_tmoc_overlaps(t_intervals, 1, 2, 3)": "expected 2 or 3 argument",
    "gavo_tmoc_overlap_seconds(t_intervals)": "expected 2 or 3 argument",
    "gavo_tmoc_union()": "expected 1 argument",
    "gavo_energy_overlaps(1, 2, 3)": "expected 4 argument",
    "gavo_tmoc_overlaps('32/nonsense', t_min, t_max)": "Not a time MOC: '32/nonsense'",
    "gavo_tmoc_overlap_seconds(obs_id, t_intervals)": "Not a time MOC",
}


@pytest.mark.parametrize("call", WRONG)
def test_wrong_calls_give_error_documents(instance, call):
    answer = instance.tap(f"SELECT {call} AS n FROM hess_dr.obscore", FORMAT="votable")
    infos = [info for info in ET.fromstring(answer.text).iter() if info.tag.endswith("INFO")]
    status = next(info for info in infos if info.get("name") == "QUERY_STATUS")
    assert status.get("value") == "ERROR"
    assert WRONG[call] in status.text


def test_results_say_what_they_are(instance):
    query = (
        "SELECT gavo_tmoc_overlaps(t_intervals, 1, 2) AS o,"
        " gavo_tmoc_overlap_seconds(t_intervals, 1, 2) AS s,"
        " gavo_energy_overlaps(energy_min, energy_max, 1, 2) AS e FROM hess_dr.obscore"
    )
    root = ET.fromstring(instance.tap(query, FORMAT="votable").text)
    fields = {field.get("name"): field for field in root.iter() if field.tag.endswith("FIELD")}
    described = {
        name: [field.get(key) for key in ("datatype", "unit", "ucd")] for name, field in fields.items()
    }
    assert described == {
        "o": ["int", None, "meta.code"],
        "s": ["double", "s", "time.duration"],
        "e": ["int", None, "meta.code"],
    }


def test_capabilities_have_signatures_and_texts(instance):
    root = ET.fromstring(instance.get("/tap/capabilities").text)
    texts = {form.findtext("form"): form.findtext("description") for form in root.iter("feature")}
    mine = {form: text for form, text in texts.items() if form.startswith(("gavo_tmoc_", "gavo_energy_"))}
    assert sorted(form.split("(")[0] for form in mine) == [
        "gavo_energy_overlaps",
        *["gavo_tmoc_overlap_seconds"] * 2,
        *["gavo_tmoc_overlaps"] * 2,
        "gavo_tmoc_union",
    ]
    assert all(len(text) > 60 for text in mine.values())
