"""Several event lists of one run: their labels, and what belongs to which."""

import pytest

from ingest import gadf
from tests import gadf_files


def read(tmp_path, *tables):
    return gadf.read(gadf_files.write(tmp_path / "run.fits", *tables)).event_lists


def named(hdu, name):
    hdu.name = name
    return hdu


@pytest.mark.parametrize(
    ("cards", "labels"),
    [
        (({"EVTYPE": "MST"}, {"EVTYPE": "LST"}), ["MST", "LST"]),
        (({"EV_CLASS": None, "EVCLASS": "MST"}, {"EV_CLASS": None, "EVCLASS": "LST"}), ["MST", "LST"]),
        (({"EV_CLASS": "a", "EXTVER": 1}, {"EV_CLASS": "b", "EXTVER": 2}), ["a", "b"]),
        (({"EVTYPE": "same", "EXTVER": 1}, {"EVTYPE": "same", "EXTVER": 2}), ["1", "2"]),
        (({"EVTYPE": "MST"}, {}), ["EVENTS (1)", "EVENTS (2)"]),
        (({"EXTNAME": "EVENTS_SOFT"}, {"EXTNAME": "EVENTS_HARD"}), ["EVENTS_SOFT", "EVENTS_HARD"]),
    ],
)
def test_labels(tmp_path, cards, labels):
    found = read(tmp_path, *(gadf_files.events(**one) for one in cards))
    assert [events.label for events in found] == labels


def test_the_response_of_a_list_wins_over_the_shared_one(tmp_path):
    found = read(
        tmp_path,
        gadf_files.events(EVTYPE="MST"),
        gadf_files.events(EVTYPE="LST"),
        gadf_files.aeff(),
        gadf_files.aeff(reach=1.0, EVTYPE="LST", LO_THRES=0.6),
        gadf_files.psf(),
        gadf_files.edisp(EVTYPE="SST"),
    )
    assert [events.performance.fov_deg for events in found] == [4.0, 2.0]
    assert [len(events.responses) for events in found] == [3, 3]
    assert [events.safe_energy_tev for events in found] == [(0.4, 80.0), (0.6, 80.0)]


def test_responses_numbered_like_the_lists(tmp_path):
    found = read(
        tmp_path,
        named(gadf_files.events(), "EVENTS_1"),
        named(gadf_files.events(), "EVENTS_2"),
        named(gadf_files.aeff(), "AEFF_1"),
        named(gadf_files.aeff(reach=1.0), "AEFF_2"),
    )
    assert [events.performance.fov_deg for events in found] == [4.0, 2.0]


def test_one_version_number_of_all_responses_tells_nothing(tmp_path):
    found = read(tmp_path, *(gadf_files.events(EXTVER=n) for n in (1, 2)), gadf_files.aeff(EXTVER=1))
    assert [events.performance.fov_deg for events in found] == [4.0, 4.0]


def spans(found):
    return [events.intervals[0, 1] - events.intervals[0, 0] for events in found]


def intervals(seconds, **cards):
    return gadf_files.gti(((100_000_000.0, 100_000_000.0 + seconds),), **cards)


def test_each_list_has_the_gti_of_its_label(tmp_path):
    lists = [gadf_files.events(EVTYPE=label) for label in ("MST", "LST")]
    times = [intervals(10.0, EVTYPE="LST"), intervals(20.0, EVTYPE="MST")]
    assert spans(read(tmp_path, *lists, *times)) == [20.0, 10.0]


def test_each_list_has_the_gti_of_its_version(tmp_path):
    lists = [gadf_files.events(EVTYPE=label, EXTVER=n) for n, label in ((1, "MST"), (2, "LST"))]
    times = [intervals(10.0, EXTVER=2), intervals(20.0, EXTVER=1)]
    assert spans(read(tmp_path, *lists, *times)) == [20.0, 10.0]


def test_each_list_has_the_gti_behind_it(tmp_path):
    one, other = (gadf_files.events(EVTYPE=label) for label in ("MST", "LST"))
    assert spans(read(tmp_path, one, intervals(10.0), other, intervals(20.0))) == [10.0, 20.0]


def test_all_lists_share_the_only_gti(tmp_path):
    one, other = (gadf_files.events(EVTYPE=label) for label in ("MST", "LST"))
    assert spans(read(tmp_path, intervals(30.0), one, other)) == [30.0, 30.0]
