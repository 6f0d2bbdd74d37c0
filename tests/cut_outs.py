"""Event lists to cut, and cut-outs opened again."""

from __future__ import annotations

import io
import warnings

import numpy as np
from astropy.io import fits
from astropy.time import Time, TimeDelta

from datalink.cutouts.cut import Origin, cut
from datalink.cutouts.selection import Selection
from tests import gadf_files

N = 200
START, STOP = gadf_files.POINTING["TSTART"], gadf_files.POINTING["TSTOP"]
ORIGIN = Origin("ivo://org.example", "ivo://org.example/~?test/4711", "4711_events.fits")
ZERO = Time(51910, 0.000742870370370241, format="mjd", scale="tt")
GTIS = ((START, START + 600.0), (START + 700.0, STOP))


def events(**cards):
    """An event list with places, times and energies all over."""
    random = np.random.default_rng(3)
    columns = [
        fits.Column("EVENT_ID", "K", array=np.arange(N)),
        fits.Column("TIME", "D", unit="s", array=np.sort(random.uniform(START, STOP, N))),
        fits.Column("RA", "E", unit="deg", array=random.uniform(82.0, 85.0, N)),
        fits.Column("DEC", "E", unit="deg", array=random.uniform(21.0, 24.0, N)),
        fits.Column("ENERGY", "E", unit="TeV", array=10 ** random.uniform(-1, 2, N)),
    ]
    given = {"HDUCLASS": "GADF", "HDUCLAS1": "EVENTS", "OBS_ID": 4711, "DEADC": 0.9, "TELAPSE": 0.0}
    return gadf_files.table("EVENTS", columns, given | gadf_files.TIMES | gadf_files.POINTING | cards)


def written(*hdus, checksum=False):
    memory = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(memory, checksum=checksum)
    return memory.getvalue()


def opened(content):
    """Open a cut-out; its structure and checksums must leave nothing to warn of."""
    assert len(content) % 2880 == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fits.open(io.BytesIO(content), checksum=True, memmap=False)
        found.verify("exception")
        for hdu in found:
            assert {"CHECKSUM", "DATASUM"} <= set(hdu.header)
    return found


def select(content, **parameters):
    selection = Selection.parse({name: [value] for name, value in parameters.items()})
    return opened(cut(content, selection, origin=ORIGIN))


def numbers(found):
    return found["EVENTS"].data["EVENT_ID"].tolist()


def mjd(elapsed):
    return (ZERO + TimeDelta(elapsed, format="sec")).mjd
