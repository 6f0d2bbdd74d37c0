"""FITS tables and PROV-VOTables written as text, against astropy."""

import io

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.io.votable import parse
from hypothesis import given, settings
from hypothesis import strategies as st

from datalink.bundles import index
from datalink.bundles.fits_table import Column, encoded, table_file
from datalink.prov_votable import rows_by_table, to_votable
from datalink.provenance import document
from ingest.provenance import Facts, Part, Source

NAMES = st.text(st.sampled_from("ABCXYZ_09"), min_size=1, max_size=12)
WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30).map(str.rstrip)
"""Blanks at the end have no meaning in FITS; astropy drops them in tables."""


def by_astropy(name, columns, keywords):
    table = fits.BinTableHDU.from_columns(
        [fits.Column(c.name, c.form, unit=c.unit, null=c.null, array=c.values) for c in columns], name=name
    )
    for keyword, value in keywords.items():
        table.header[keyword] = value
    primary = fits.PrimaryHDU()
    primary.header["EXTEND"] = True
    for hdu in (primary, table):
        hdu.add_checksum(when="of the HDU")
    buffer = io.BytesIO()
    fits.HDUList([primary, table]).writeto(buffer)
    return buffer.getvalue()


@st.composite
def tables(draw):
    names = draw(st.lists(NAMES, min_size=1, max_size=6, unique_by=str.upper))
    count = draw(st.integers(1, 5))
    columns = []
    for name in names:
        kind = draw(st.sampled_from("KDA"))
        unit = draw(st.sampled_from([None, "deg", "s"]))
        if kind == "K":
            values = draw(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=count, max_size=count))
            null = draw(st.sampled_from([None, -1, 10**12]))
            columns.append(Column(name, np.array(values, np.int64), unit, null))
        elif kind == "D":
            values = draw(st.lists(st.floats(), min_size=count, max_size=count))
            columns.append(Column(name, np.array(values, float), unit))
        else:
            values = draw(st.lists(WORDS, min_size=count, max_size=count))
            width = max(1, *map(len, values))
            columns.append(Column(name, np.array([v.encode() for v in values], f"S{width}"), unit))
    return columns


@settings(max_examples=30)
@given(tables(), st.one_of(WORDS, st.integers(-(10**9), 10**9), st.floats(-1e6, 1e6)))
def test_a_table_has_the_bytes_that_astropy_writes(columns, value):
    keywords = {"HDUCLASS": "GADF", "VALUE": value}
    assert table_file("SOME", columns, keywords) == by_astropy("SOME", columns, keywords)


@given(st.integers(0, 2**32 - 1))
def test_sums_are_encoded_as_in_astropy(value):
    assert encoded(value) == fits.PrimaryHDU()._char_encode(value)


@pytest.mark.parametrize(("ra", "dec"), [(0.0, 0.0), (83.63, 22.01), (359.999, -89.9), (266.4, -28.9)])
def test_galactic_coordinates_are_astropys(ra, dec):
    longitude, latitude = index._galactic([{"ra_pnt": ra, "dec_pnt": dec}])
    expected = SkyCoord(ra, dec, unit="deg").galactic
    assert longitude.values == pytest.approx([expected.l.deg], abs=1e-11)
    assert latitude.values == pytest.approx([expected.b.deg], abs=1e-11)


def test_unknown_positions_stay_unknown():
    columns = index._galactic([{"ra_pnt": None, "dec_pnt": 1.0}, {"ra_pnt": 1.0, "dec_pnt": 1.0}])
    assert [list(np.isnan(column.values)) for column in columns] == [[True, False]] * 2


@pytest.mark.parametrize("title", ["A run", 'R&D <of> "things"', "Größe"])
def test_astropy_reads_each_value_of_a_prov_votable(title):
    facts = Facts(
        authority="example.org",
        collection="some",
        dataset="ivo://example.org/~?some/1",
        title=title,
        simulated=False,
        sources=(Source(name="a & b.fits", software="tool <1>", observer="Ω"),),
        parts=(Part("ivo://example.org/~?some/1", "a & b.fits"),),
        configuration="some",
        software_version="1",
        ingested="2026-01-01T00:00:00Z",
    )
    made = document(facts)
    written = to_votable(made, title)
    votable = parse(io.BytesIO(written), verify="exception")
    assert votable.description.strip() == title
    expected = rows_by_table(made)
    found = {table.name: table for table in votable.iter_tables()}
    assert list(found) == list(expected)
    for name, rows in expected.items():
        assert len(found[name].array) == len(rows)
        for row, values in zip(found[name].array, rows, strict=True):
            for column in found[name].fields:
                assert str(row[column.name]) == values.get(column.name, "")
