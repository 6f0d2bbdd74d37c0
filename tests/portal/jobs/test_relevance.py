"""What is said of a source, by its counts alone."""

from __future__ import annotations

import math

import pytest
from astropy.table import Table

from portal.jobs.counting import Counts
from portal.jobs.relevance import judged

TABLE = Table({"exposure": [1e9, math.nan]})


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (Counts(on=200, off=100, background=10.0, alpha=0.1), "is detected with"),
        (Counts(on=5, off=100, background=10.0, alpha=0.1), "There is no excess"),
        (Counts(on=5, off=0, background=math.nan, alpha=math.nan), "There are no off regions"),
    ],
    ids=["detected", "no excess", "no off regions"],
)
def test_a_time_for_a_detection_is_told_only_where_there_is_one(counts: Counts, words: str) -> None:
    """A null in its place was shown as "not known", below the words that the source is detected."""
    found = judged(TABLE, [counts], 3600.0)
    assert words in found["words"]
    assert "livetime_for_detection_s" not in found
    assert None not in found.values()


def test_a_hint_takes_more_time() -> None:
    counts = Counts(on=18, off=100, background=10.0, alpha=0.1)
    found = judged(TABLE, [counts], 3600.0)
    expected = 3600 * (5 / counts.significance) ** 2
    assert math.isclose(found["livetime_for_detection_s"], expected)
    assert f"5 sigma take {expected / 3600:.1f} h instead of 1.0 h" in found["words"]
