"""Harm to what files say: numbers that are none, times that cannot be, texts with hostile letters."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from astropy.io import fits

from tests import gadf_files
from tests.corpus.made import Damaged, cards, good, hdus, with_card, written

NUMBERS = ("NAN", "INF", "-1.0E300", "1E400", "-1.0", "'12:34'", "T", "")
TEXTS = {
    "sql": "x'); DROP TABLE hess_dr.obscore; --",
    "html": "<script>alert(1)</script>",
    "xml": "]]><!ENTITY x SYSTEM 'a'>&x;",
    "macro": "\\\\test{a} %(x)s {0}",
    "path": "../../../../etc/passwd",
    "url": "a?b=c&d=e#f%00%2f",
    "blank": "   ",
    "long": "x" * 3000,
}
STRUCTURE = (
    "SIMPLE",
    "XTENSION",
    "BITPIX",
    "NAXIS",
    "PCOUNT",
    "GCOUNT",
    "EXTEND",
    "TFIELDS",
    "TFORM",
    "TDIM",
)
CELLS = {"nan": np.nan, "inf": np.inf, "negative": -1.0, "huge": 1e38, "zero": 0.0}


def keywords() -> Iterator[Damaged]:
    """Give every keyword of each HDU that is no structure values that it cannot have."""
    content = good()["run"]
    for hdu in hdus(content)[1:]:
        for name, at in cards(content, hdu).items():
            if name.startswith(STRUCTURE):
                continue
            for value in NUMBERS if content[at + 10 : at + 11] != b"'" else ("'", "'\0'", "7", "NAN", ""):
                label = f"keyword/{hdu.name}/{name}/{value!r}"
                yield Damaged(label, with_card(content, at, value), hdu.name, name)
            yield Damaged(
                f"keyword/{hdu.name}/{name}/missing", with_card(content, at, "1", "MISSING"), hdu.name
            )


def texts() -> Iterator[Damaged]:
    """Texts with what other languages take for their own."""
    for name in ("OBS_ID", "OBJECT", "TELESCOP", "INSTRUME", "EV_CLASS", "OBS_MODE", "OBSERVER"):
        for label, text in TEXTS.items():
            hdu = gadf_files.events()
            hdu.header[name] = text
            yield Damaged(f"text/{name}/{label}", written(hdu, gadf_files.gti()), "EVENTS", name)


def cells() -> Iterator[Damaged]:
    """Fill each column of each table with numbers that mean nothing there."""
    for kind in ("run", "kings", "gaussians"):
        with fits.open(io.BytesIO(good()[kind])) as opened:
            shapes = [(number, hdu.name, hdu.columns.names) for number, hdu in enumerate(opened) if number]
        for number, hdu_name, names in shapes:
            for column in names:
                for label, value in CELLS.items():
                    yield Damaged(
                        f"cells/{kind}/{hdu_name}/{column}/{label}",
                        _filled(kind, number, column, value),
                        hdu_name,
                    )


def _filled(kind: str, number: int, column: str, value: float) -> bytes:
    with fits.open(io.BytesIO(good()[kind])) as opened:
        data = opened[number].data
        whole = np.issubdtype(data[column].dtype, np.integer)
        data[column][...] = int(np.nan_to_num(value, posinf=2**31 - 1)) % 2**31 if whole else value
        file = io.BytesIO()
        opened.writeto(file)
    return file.getvalue()


START, STOP = gadf_files.POINTING["TSTART"], gadf_files.POINTING["TSTOP"]
INTERVALS = {
    "none": (),
    "unsorted": ((START + 900, STOP), (START, START + 600)),
    "overlapping": ((START, START + 900), (START + 600, STOP)),
    "outside": ((START - 5e6, START - 4e6),),
    "reversed": ((STOP, START),),
    "negative": ((-STOP, -START),),
    "nan": ((np.nan, np.nan),),
    "half nan": ((START, np.nan), (START + 1, STOP)),
    "infinite": ((-np.inf, np.inf),),
    "empty": ((START, START),),
    "huge": ((1e30, 2e30),),
    "many": tuple((START + second, START + second + 0.5) for second in range(1600)),
}


def intervals() -> Iterator[Damaged]:
    """Good time intervals that are not good, and limits of runs that are not possible."""
    for label, some in INTERVALS.items():
        yield Damaged(f"intervals/{label}", written(gadf_files.events(), gadf_files.gti(some)), "GTI")
    for label, (start, stop) in {
        "reversed": (STOP, START),
        "negative": (-STOP, -START),
        "before 1858": (-1e13, -1e13 + 60),
        "after 2132": (1e13, 1e13 + 60),
        "same": (START, START),
    }.items():
        hdu = gadf_files.events(TSTART=start, TSTOP=stop)
        yield Damaged(f"limits/{label}", written(hdu, gadf_files.gti()), "EVENTS")


KINDS = (keywords, texts, cells, intervals)
