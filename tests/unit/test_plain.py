"""Our own reading of FITS against astropy's: what is read is the same, and so are the errors."""

import gzip
import io
import re
import struct
import warnings
import zlib

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from ingest import cards, fits_files, gadf, hdus, plain, scan, unpacking
from ingest.checksums import with_checksum_cards
from tests import gadf_files, told

pytestmark = pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyWarning")

LONG = "a text that is far longer than one card can hold, with 'quotes' in it, and so it goes on " * 2
ODD_CARDS = [
    "HIERARCH CTA ARRAY NAME = 'South   ' / of a long name",
    "QUOTED  = 'it''s'",
    "QUOTED  = 'a'' / b'",
    "EMPTY   = ''",
    "BLANKS  = '    '",
    "LEADING = '  x '",
    "NOEND   = 'never closed",
    "EXPONENT=             1.25D-03 / as Fortran has it",
    "SMALL   =               1.5e3",
    "SPACED  =               + 1.5",
    "NOPOINT =                 1E5",
    "ENDING  =                  5.",
    "START   =                  .5",
    "HUGE    =  123456789012345678901234567890",
    "ZEROS   =                 007",
    "COMPLEX = (1.0, 2.0)",
    "NOTHING =",
    "NOTHING =                      / only a comment",
    "TRUE    =                    T",
    "TRUE    = F / free format",
    "TRUE    = Tx",
    "NUMBER  = 5 6",
    "NUMBER  = 5/6",
    "lower   =                    5",
    "NOVALUE   5",
    "SHORT= 5",
    "DP1     = 'AXIS.1: 1.5'",
    "URL     = 'https://example.org/: 5' / no record",
    "COMMENT = 'not a value'",
    "HISTORY of something",
    "        blank keyword",
    "CONTINUE  'lost'",
    "OBJECT  = 'second'",
    "OBJECT  =",
    "UNUSED  = 0x10",
    "ENDLESS = 1",
    "-DASH_1 =                   -1",
    "CHECKSUM= 'abc'",
    "checksum= 'abc'",
    "DATASUM = unquoted'",
]


def with_cards(path, *texts, hdu=b"EVENTS"):
    """Write a run whose event list has these cards, just before its END."""
    content = gadf_files.write(path).read_bytes()
    at = content.index(b"EXTNAME = '" + hdu) // 2880 * 2880
    end = next(end for end in range(at, len(content), 80) if content[end : end + 80].rstrip() == b"END")
    head = content[at:end] + b"".join(text.encode().ljust(80) for text in texts) + b"END".ljust(80)
    behind = end - end % 2880 + 2880
    path.write_bytes(content[:at] + head.ljust(-(-len(head) // 2880) * 2880) + content[behind:])
    return path


def same(path, monkeypatch):
    """Check that both ways of reading say the same; give what they say."""
    by_astropy = told.by_astropy(monkeypatch, lambda: gadf.read(path))
    assert told.outcome(lambda: gadf.read(path)) == by_astropy
    return by_astropy


@pytest.mark.parametrize("card", ODD_CARDS)
def test_odd_cards(tmp_path, monkeypatch, card):
    same(with_cards(tmp_path / "run.fits", card), monkeypatch)


def test_cards_over_several_lines(tmp_path, monkeypatch):
    image = str(fits.Card("LONG", LONG, "a comment"))
    texts = [image[at : at + 80] for at in range(0, len(image), 80)]
    assert len(texts) > 3
    path = with_cards(tmp_path / "run.fits", *texts, "CONTINUE  'more'", "AFTER   = 1")
    same(path, monkeypatch)
    found = gadf.read(path).hdus[1].header["LONG"]
    assert found == fits.getheader(path, "EVENTS")["LONG"]
    assert found.endswith("more")
    assert told.is_plain(path, path.read_bytes())


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=70))
def test_what_a_card_says_is_what_astropy_says(text):
    image = f"KEY     = {text}"[:80].ljust(80)
    card, found = fits.Card.fromstring(image), cards._read(image.encode())
    try:
        expected = card.value
    except fits.VerifyError:
        assert found == ("KEY", None, str(card.image))
        return
    if isinstance(expected, fits.card.Undefined):
        assert found == ("KEY", None, "")
    else:
        assert found == (card.keyword, expected, None)
        assert type(found.value) is type(expected)


def columns(**changes):
    """Give an event list with other columns in place of its own."""
    own = {column.name: column for column in gadf_files.events().columns} | changes
    return gadf_files.table("EVENTS", list(own.values()), dict(gadf_files.events().header))


NUMBERS = np.array([1, 5, 40])
COLUMNS = [
    fits.Column("ENERGY", "E", unit="GeV", array=NUMBERS),
    fits.Column("ENERGY", "I", unit="TeV", array=NUMBERS, null=5),
    fits.Column("ENERGY", "I", unit="TeV", array=NUMBERS.astype(np.uint16), bzero=2**15),
    fits.Column("ENERGY", "J", unit="TeV", array=NUMBERS.astype(np.uint32), bzero=2**31),
    fits.Column("ENERGY", "K", unit="TeV", array=NUMBERS.astype(np.uint64), bzero=2**63),
    fits.Column("ENERGY", "B", unit="TeV", array=NUMBERS),
    fits.Column("ENERGY", "2E", unit="TeV", array=np.tile(NUMBERS, (2, 1)).T),
    fits.Column("ENERGY", "4D", unit="TeV", dim="(2,2)", array=np.ones((3, 2, 2))),
    fits.Column("ENERGY", "PE()", unit="TeV", array=np.array([[1.0], [2.0, 3.0], [4.0]], dtype=object)),
    fits.Column("ENERGY", "5A", unit="TeV", array=["1.5", "2", "3e2"]),
    fits.Column("ENERGY", "L", array=[True, False, True]),
    fits.Column("ENERGY", "3X", array=np.ones((3, 3), dtype=bool)),
    fits.Column("ENERGY", "C", unit="TeV", array=NUMBERS + 1j),
    fits.Column("ENERGY", "D", unit="no unit", array=NUMBERS),
]


@pytest.mark.parametrize(
    "column", COLUMNS, ids=[f"{one.format} {one.bzero or one.null or one.unit}" for one in COLUMNS]
)
def test_columns(tmp_path, monkeypatch, column):
    same(gadf_files.write(tmp_path / "run.fits", columns(ENERGY=column), gadf_files.gti()), monkeypatch)


STRUCTURES = {
    "TSCAL": ("TSCAL5  = 2.5", "TZERO5  = -1"),
    "TSCAL of text": ("TSCAL5  = 'two'",),
    "TDIM that does not fit": ("TDIM5   = '(2,3)'",),
    "TNULL of floats": ("TNULL5  = 5",),
    "TFORM twice": ("TFORM5  = '1D'",),
    "EXTNAME twice": ("EXTNAME = 'OTHER'",),
    "no TUNIT": ("TUNIT3  =",),
    "EXTVER": ("EXTVER  = 'two'",),
    "THEAP": ("THEAP   = 5000000",),
}


@pytest.mark.parametrize("texts", STRUCTURES.values(), ids=STRUCTURES)
def test_structural_keywords(tmp_path, monkeypatch, texts):
    same(with_cards(tmp_path / "run.fits", *texts), monkeypatch)


CHANGED = {
    "row width": (b"NAXIS1  =                   28", b"NAXIS1  =                   27"),
    "rows": (b"NAXIS2  =                    3", b"NAXIS2  =              3000000"),
    "no rows": (b"NAXIS2  =                    3", b"NAXIS2  =                   -3"),
    "format": (b"TFORM5  = '1E      '", b"TFORM5  = '1Z      '"),
    "fields": (b"TFIELDS =                    5", b"TFIELDS =                    4"),
    "lower case": (b"TTYPE5  = 'ENERGY  '", b"TTYPE5  = 'Energy  '"),
    "columns of one name": (b"TTYPE5  = 'ENERGY  '", b"TTYPE5  = 'RA      '"),
    "no name": (b"TTYPE5  = 'ENERGY  '", b"XTYPE5  = 'ENERGY  '"),
    "extension": (b"XTENSION= 'BINTABLE'", b"XTENSION= 'A3DTABLE'"),
    "foreign extension": (b"XTENSION= 'BINTABLE'", b"XTENSION= 'FOREIGN '"),
    "not simple": (b"SIMPLE  =                    T", b"SIMPLE  =                    F"),
    "groups": (b"EXTEND  =                    T", b"GROUPS  =                    T"),
    "bits": (b"BITPIX  =                    8", b"BITPIX  =                    9"),
    "heap": (b"PCOUNT  =                    0", b"PCOUNT  =                 2880"),
    "end": (b"END" + b" " * 77, b"END." + b" " * 76),
    "no end": (b"END" + b" " * 77, b"EVE" + b" " * 77),
    "control character": (b"'EVENT_ID'", b"'EVENT\x01ID'"),
    "not ASCII": (b"'EVENT_ID'", b"'EVENT\xe9ID'"),
}


@pytest.mark.parametrize(("old", "new"), CHANGED.values(), ids=CHANGED)
def test_structures_that_are_odd_or_damaged(tmp_path, monkeypatch, old, new):
    path = gadf_files.write(tmp_path / "run.fits")
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    same(path, monkeypatch)


def test_other_hdus(tmp_path, monkeypatch):
    image = fits.ImageHDU(np.arange(5000, dtype=">i2").reshape(50, 100), name="IMAGE")
    packed = fits.CompImageHDU(np.arange(5000, dtype="i4").reshape(50, 100), name="PACKED")
    own = gadf_files.events(), gadf_files.gti(), gadf_files.bkg("BKG_3D"), gadf_files.rad_max()
    path = gadf_files.write(tmp_path / "run.fits", image, *own, packed, *gadf_files.psf_gtpsf())
    same(path, monkeypatch)
    assert told.is_plain(path, path.read_bytes())
    text = fits.TableHDU.from_columns([fits.Column("START", "F10.2", array=[1.0])], name="ASCII")
    path = gadf_files.write(tmp_path / "ascii.fits", text, *own)
    same(path, monkeypatch)
    assert not told.is_plain(path, path.read_bytes())


@pytest.mark.parametrize("form", [gadf_files.psf, gadf_files.psf_king, gadf_files.psf_3gauss])
def test_responses_without_dimensions_or_of_other_types(tmp_path, monkeypatch, form):
    table = form((1.0, 0.1)) if form is gadf_files.psf_3gauss else form()
    for number in range(1, len(table.columns) + 1):
        table.header.pop(f"TDIM{number}", None)
    own = gadf_files.events(), gadf_files.gti(), table, gadf_files.edisp(), gadf_files.aeff()
    path = gadf_files.write(tmp_path / "run.fits", *own)
    assert "psf_deg" in repr(same(path, monkeypatch))


@pytest.mark.parametrize("cut", [1, 2000, 2880, 2881, 9000, 20000])
@pytest.mark.parametrize("packed", [False, True])
def test_cut_and_longer_files(tmp_path, monkeypatch, cut, packed):
    whole = gadf_files.write(tmp_path / "run.fits").read_bytes()
    for name, content in (
        ("cut", whole[:-cut]),
        ("blank", whole + b"\0" * cut),
        ("more", whole + b"x" * cut),
    ):
        path = tmp_path / f"{name}.fits"
        path.write_bytes(gzip.compress(content) if packed else content)
        same(path, monkeypatch)


def test_places_and_checksum_sizes_are_astropys(tmp_path):
    path = gadf_files.write(tmp_path / "run.fits")
    content = path.read_bytes()
    for checked in (False, True):
        with fits.open(path) as opened:
            for hdu in opened:
                if checked:
                    hdu.add_checksum()
            opened.writeto(path, overwrite=True)
        content = path.read_bytes()
        found = list(plain.hdus(plain.Whole(content)))
        with fits.open(path) as opened:
            assert len(found) == len(opened)
            for own, hdu in zip(found, opened, strict=True):
                info = hdu.fileinfo()
                assert (own.name, own.offset, own.data_offset) == (hdu.name, info["hdrLoc"], info["datLoc"])
                assert own.size == info["datLoc"] + info["datSpan"] - info["hdrLoc"]
                header = content[info["hdrLoc"] : info["datLoc"]]
                assert own.checked_size == len(with_checksum_cards(header)) + info["datSpan"]
                assert own.header.values == hdus.header_of(hdu, path, [])


def test_files_are_read_in_ranges(tmp_path, monkeypatch):
    """A large file that is not packed is read in pieces, and not where nothing is needed."""
    big = gadf_files.table("OTHER", [fits.Column("X", "D", array=np.zeros(700_000))], {})
    own = gadf_files.events(), gadf_files.gti(), gadf_files.aeff(), big, gadf_files.edisp(), gadf_files.psf()
    path = gadf_files.write(tmp_path / "run.fits", *own)
    size = path.stat().st_size
    assert size > fits_files.SMALL_FILE
    expected = told.by_astropy(monkeypatch, lambda: gadf.read(path))
    ranges = []
    real = plain.storage.read_range
    monkeypatch.setattr(plain.storage, "read_range", lambda *place: ranges.append(place[1:]) or real(*place))
    monkeypatch.setattr(fits_files, "_unpacked", None)
    assert told.outcome(lambda: gadf.read(path)) == expected
    assert sum(stop - start for start, stop in ranges) < 0.2 * size


def stream(*members, trailer=b""):
    return b"".join(gzip.compress(member, 6, mtime=number) for number, member in enumerate(members)) + trailer


CONTENT = bytes(range(256)) * 20
STREAMS = {
    "one member": stream(CONTENT),
    "two members of one size": stream(CONTENT, CONTENT[::-1]),
    "the same member twice": stream(CONTENT, CONTENT),
    "a small one last": stream(CONTENT, b"x"),
    "a large one last": stream(b"x", CONTENT),
    "an empty one last": stream(CONTENT, b""),
    "empty": stream(b""),
    "zeros behind": stream(CONTENT, trailer=bytes(100)),
    "rubbish behind": stream(CONTENT, trailer=b"rubbish"),
    "a wrong size": stream(CONTENT)[:-4] + struct.pack("<I", 9999),
    "a size too large": stream(CONTENT)[:-4] + struct.pack("<I", 2**32 - 1),
    "a size of nothing": stream(CONTENT)[:-4] + bytes(4),
    "a wrong checksum": stream(CONTENT)[:-8] + bytes(4) + struct.pack("<I", len(CONTENT)),
    "cut": stream(CONTENT)[:-20],
    "cut in the header": stream(CONTENT)[:5],
    "damaged": stream(CONTENT)[:30] + b"\xff\xff\xff" + stream(CONTENT)[33:],
}


@pytest.mark.parametrize("packed", STREAMS.values(), ids=STREAMS)
def test_gzip_streams_are_unpacked_as_python_does(packed):
    def attempt(function):
        try:
            return bytes(function(packed))
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            return type(error), str(error)

    def whole(packed):
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            return file.read()

    assert attempt(lambda stream: unpacking.gunzip(stream, 1 << 20)) == attempt(whole)


def test_a_stream_that_unpacks_to_too_much_is_left():
    for packed in (stream(CONTENT), stream(CONTENT, CONTENT), stream(b"x", CONTENT)):
        with pytest.raises(unpacking.TooLargeError):
            unpacking.gunzip(packed, len(CONTENT) - 1)


@given(st.binary(min_size=1, max_size=300), st.binary(max_size=12))
def test_a_member_is_the_whole_stream_only_if_nothing_follows(content, behind):
    packed = gzip.compress(content, mtime=0)
    assert unpacking._is_whole(packed, bytearray(content))
    assert not unpacking._is_whole(packed + behind + packed[-8:], bytearray(content))


def test_what_is_no_fits_says_so(tmp_path):
    path = tmp_path / "large.fits"
    path.write_bytes(b"hello" + bytes(fits_files.SMALL_FILE))
    with pytest.raises(gadf.UnreadableFileError, match=re.escape("starts with b'hello\\x00', expected")):
        scan.scan(path, 1.0, 0.5)


def test_units_that_take_more_than_a_factor():
    values = np.array([1.0, 10.0])
    assert fits_files.convert(values, "TeV", "GeV").tolist() == [1000.0, 10000.0]
    assert fits_files.convert(values, "mag", "TeV") is None
    assert fits_files.convert(values, "no unit", "TeV") is None
    assert fits_files.convert(values, None, "TeV") is values


@pytest.mark.parametrize("threads", [1, 3])
def test_several_files_at_once(tmp_path, threads):
    paths = [
        gadf_files.write(tmp_path / f"run{number}.fits", gadf_files.events(OBS_ID=number))
        for number in range(12)
    ]
    paths[2].write_bytes(b"damaged")
    paths[4].unlink()
    sources = [gadf.Source(path.name, (path,)) for path in paths]
    filters = list(warnings.filters)
    found = list(gadf.read_sources(sources, threads=threads))
    for path, result in zip(paths, found, strict=True):
        expected = told.outcome(lambda path=path: gadf.read(path))
        if isinstance(result, Exception):
            assert (type(result), str(result)) == _raised(lambda path=path: gadf.read(path))
        else:
            assert told.outcome(lambda result=result: result) == expected
    assert [isinstance(result, Exception) for result in found] == [n in (2, 4) for n in range(12)]
    assert warnings.filters == filters


def _raised(function):
    with pytest.raises(Exception) as raised:
        function()
    return type(raised.value), str(raised.value)
