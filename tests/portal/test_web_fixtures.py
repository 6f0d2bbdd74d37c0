"""The pages compare themselves with what astropy says now, not with what it said once."""

from __future__ import annotations

import json
import re
from pathlib import Path

from astropy.utils.iers import LeapSeconds

from tests.portal.fixtures import make_coordinates, make_times

LEAPS = Path(__file__).parents[2] / "portal" / "web" / "src" / "lib" / "time" / "leap.ts"


def test_times_are_as_astropy_has_them() -> None:
    """A new leap second, or a corrected astropy, shows up here first."""
    kept = json.loads(make_times.TIMES.read_text(encoding="utf-8"))
    assert kept["rows"] == make_times.moments()


def test_coordinates_are_as_astropy_has_them() -> None:
    """Figures may differ in the last digits between machines, spellings not at all."""
    kept = json.loads(make_coordinates.COORDINATES.read_text(encoding="utf-8"))["rows"]
    made = make_coordinates.places()
    assert len(kept) == len(made)
    for old, new in zip(kept, made, strict=True):
        assert old[4:] == new[4:]
        assert all(abs(float(a) - float(b)) < 1e-10 for a, b in zip(old[:4], new[:4], strict=True))


def test_table_of_leap_seconds_is_complete() -> None:
    """The pages' own table has every leap second that astropy's has."""
    rows = re.findall(r"\[(\d{5}), (\d{2})\]", LEAPS.read_text(encoding="utf-8"))
    table = LeapSeconds.from_iers_leap_seconds()
    known = [(int(row["mjd"]), int(row["tai_utc"])) for row in table]
    assert [(int(day), int(seconds)) for day, seconds in rows] == known
