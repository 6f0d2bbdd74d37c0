"""The mapping table is complete, and right where this can be seen without reading."""

import re
from pathlib import Path

import pytest

from ingest import columns, mapping
from ingest.vocabulary import PROFILES
from tests.gadf_releases import made

PAGE = Path(__file__).resolve().parents[2] / "docs" / "mapping.md"
SECTIONS = {
    "obscore": "ObsCore columns",
    "hea": "High-Energy extension",
    "context": "Context",
    "response": "Responses",
}
OBSCORE_UNITS = {
    "s_ra": "deg", "s_dec": "deg", "s_fov": "deg", "s_region": "deg", "s_resolution": "arcsec", "t_min": "d",
    "t_max": "d", "t_exptime": "s", "t_resolution": "s", "em_min": "m", "em_max": "m",
    "access_estsize": "kbyte", "file_estsize": "kbyte",
}  # fmt: skip


def tables(section):
    """Give the rows of all tables of a section, cells stripped, as column name to (header, cells)."""
    text = re.split(rf"^## {re.escape(section)}\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1]
    text = re.split(r"^## ", text, flags=re.MULTILINE)[0]
    found, header = {}, []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            header = []
        elif not header:
            header = cells
        elif not set(line) <= set("|-"):
            assert len(cells) == len(header), line
            for name in cells[0].split(", "):
                assert name not in found or header[0] != "column", f"{name} stands there twice"
                found[name] = dict(zip(header, cells, strict=True))
    return found


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return made(tmp_path_factory.mktemp("docs"))


@pytest.mark.parametrize("group", sorted({column.group for column in columns.load()}))
def test_every_column_of_the_column_table_stands_there_with_its_unit(group):
    rows = tables(SECTIONS[group])
    for column in columns.in_group(group):
        assert rows[column.name]["unit"] == column.unit, column.name
        assert rows[column.name]["NULL"], column.name


def test_every_column_of_the_mapping_stands_there(result):
    extension = {column.name for group in ("hea", "context") for column in columns.in_group(group)}
    rows = tables(SECTIONS["obscore"])
    produced = set(result.only()) - extension
    assert {name for name, row in rows.items() if "column" in row} == produced
    units = {name: rows[name]["unit"] for name in produced if rows[name]["unit"]}
    assert units == OBSCORE_UNITS | {"em_resolution": "m"}


def test_nothing_stands_there_that_is_not_published():
    for group, section in SECTIONS.items():
        if group != "obscore":
            documented = {name for name, row in tables(section).items() if "column" in row}
            assert documented == {column.name for column in columns.in_group(group)}


@pytest.mark.parametrize(("role", "section"), [("link", "Links"), ("provenance", "Provenance")])
def test_columns_of_other_tables(result, role, section):
    documented = {name for name, row in tables(section).items() if "column" in row}
    assert documented == set(result.of(role)[0])


def test_columns_of_companions(result):
    text = PAGE.read_text(encoding="utf-8")
    surplus = set(result.companions[0]) - set(result.only())
    said = re.search(r"`<collection>\.companions` has (.*?) with the same\s+meaning", text, re.DOTALL)[1]
    assert set(re.findall(r"`(\w+)`", said)) == surplus


def test_what_never_is_null_is_not(result):
    rows = tables(SECTIONS["obscore"]) | tables(SECTIONS["hea"])
    for row in result.observations + result.companions:
        for name, documented in rows.items():
            if documented.get("NULL") == "never" and documented["response"] != "NULL":
                assert row[name] is not None, name
            if documented.get("NULL") == "always":
                assert row[name] is None, name
            kind = row["dataproduct_type"].upper()
            own = documented.get("response", "=")
            if kind in ("AEFF", "EDISP", "PSF") and (
                own == "NULL" or (": =; others: NULL" in own and kind not in own)
            ):
                assert row[name] is None, (kind, name)


def test_modes():
    rows = tables(SECTIONS["hea"])
    for mode, scan in mapping.SCAN_MODES.items():
        assert rows[mode]["scan_mode"] == scan
        tracking = rows[mode]["tracking_mode (and tracking_type)"]
        assert tracking == mapping.TRACKING_MODES.get(mode, "sidereal")
    documented = {name for name, row in rows.items() if "OBS_MODE" in row} - {"others", "or none"}
    assert documented == set(mapping.SCAN_MODES)


def test_vocabulary_profiles():
    text = PAGE.read_text(encoding="utf-8")
    for line, attribute in (("event lists", "event_list"), ("bundles", "event_bundle")):
        terms = " | ".join(f"`{getattr(PROFILES[name], attribute)}`" for name in ("talk", "draft"))
        assert f"| {line}: dataproduct_type, content_qualifier | {terms} |" in text
