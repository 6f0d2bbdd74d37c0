"""Tiles: those in FITS by ``reproject``, and pictures and coverage made of these."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from PIL import Image
from reproject.hips import reproject_to_hips

from portal.hips.counts import Cells, Counts

FRAME = "equatorial"
COVERAGE_ORDER = 8
"""Order of the coverage: cells of a quarter of a degree."""

OVERVIEW_ORDER, OVERVIEW_WIDTH = 3, 64
"""Order of the tiles in the overview of the whole sky, and pixels along the side of each."""

STOPS = (0.0, 0.25, 0.5, 0.75, 1.0)
COLOURS = ((13, 13, 44), (66, 28, 110), (176, 50, 106), (246, 137, 60), (255, 250, 200))
"""From no events to very many."""

Image2D = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Stretch:
    """How counts become colours, at all orders: linear for few, logarithmic for many.

    Attributes
    ----------
    typical
        Mean counts of a cell.
    top
        Counts that have the last colour.
    """

    typical: float
    top: float

    def paint(self, values: Image2D) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Give colours with opacity; what is NaN is transparent."""
        seen = np.isfinite(values)
        level = np.arcsinh(np.where(seen, values, 0) / self.typical) / np.arcsinh(self.top / self.typical)
        channels = [np.interp(level, STOPS, [colour[band] for colour in COLOURS]) for band in range(3)]
        return np.stack([*channels, np.where(seen, 255, 0)], axis=-1).round().astype(np.uint8)


def make(counts: Counts, directory: Path) -> Stretch:
    """Make all tiles, the overview and the coverage.

    Parameters
    ----------
    counts
        The counts; there are some.
    directory
        Where they go; it must not exist.

    Returns
    -------
    Stretch
        How they are painted.
    """
    with warnings.catch_warnings():
        # astropy tells how it reads the headers that reproject writes.
        warnings.simplefilter("ignore")
        reproject_to_hips(
            _whole_sky(),
            coord_system_out=FRAME,
            reproject_function=_Reader(counts),
            output_directory=str(directory),
            level=counts.order,
            tile_size=counts.width,
        )
    # It would load a program from another host.
    (directory / "index.html").unlink(missing_ok=True)
    stretch = _stretch(directory, counts.order)
    for _, _, path in tiles(directory):
        image = Image.fromarray(stretch.paint(_upright(path)), "RGBA")
        image.save(path.with_suffix(".png"), optimize=True)
    if counts.order >= OVERVIEW_ORDER:
        _write_overview(directory, stretch)
    write_coverage(counts, directory / "Moc.fits")
    return stretch


class _Reader:
    """Reads counts out for the pixels of a tile, in the place of an interpolation: these pixels are cells.

    Parameters
    ----------
    counts
        The counts.
    """

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        self._tiles = set(counts.tiles)

    def __call__(self, _: object, header: fits.Header) -> tuple[Image2D, Image2D]:
        """Give the counts in a tile, and 1 where there are some or might be."""
        shape = (self.counts.width, self.counts.width)
        tile = int(header["NPIX"])
        if tile not in self._tiles:
            return np.zeros(shape), np.zeros(shape)
        y, x = np.indices(shape)
        ra, dec = WCS(header).pixel_to_world_values(x.ravel(), y.ravel())
        values = np.full(ra.shape, np.nan)
        # Tiles at the border of the projection have pixels beyond it, or in another tile.
        good = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
        cells = self.counts.cells(ra[good], dec[good])
        mine = cells // self.counts.width**2 == tile
        values[good[mine]] = self.counts.values(cells[mine])
        image = values.reshape(shape)
        return image, np.isfinite(image).astype(float)


def _whole_sky() -> tuple[Image2D, WCS]:
    """Give an image by which reproject sees that it is the whole sky whose tiles may be needed."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---CAR", "DEC--CAR"]
    wcs.wcs.crpix = [2.5, 1.5]
    wcs.wcs.crval = [0.0, 0.0]
    wcs.wcs.cdelt = [-90.0, 90.0]
    return np.zeros((2, 4)), wcs


def tiles(directory: Path) -> Iterator[tuple[int, int, Path]]:
    """Find the tiles in FITS.

    Parameters
    ----------
    directory
        The HiPS.

    Yields
    ------
    tuple of int, int and Path
        Order, number and file of each.
    """
    for path in sorted(directory.glob("Norder*/Dir*/Npix*.fits")):
        found = re.search(r"Norder(\d+)/Dir\d+/Npix(\d+)\.fits\Z", path.as_posix())
        if found:
            yield int(found[1]), int(found[2]), path


def _upright(path: Path) -> Image2D:
    """Read a tile as pictures have it: the first row on top."""
    data = fits.getdata(path)
    return np.asarray(data, dtype=np.float64)[::-1]


def _stretch(directory: Path, order: int) -> Stretch:
    total, seen, top = 0.0, 0, 1.0
    for found, _, path in tiles(directory):
        if found == order:
            values = _upright(path)
            good = values[np.isfinite(values)]
            total, seen = total + float(good.sum()), seen + len(good)
            # A few cells at bright sources must not make all others dark.
            if positive := good[good > 0].tolist():
                top = max(top, float(np.quantile(positive, 0.995)))
    return Stretch(typical=max(total / max(seen, 1), 1e-6), top=top)


def _write_overview(directory: Path, stretch: Stretch) -> None:
    across = int(np.sqrt(12 * 4**OVERVIEW_ORDER))
    down = -(-12 * 4**OVERVIEW_ORDER // across)
    whole = np.full((down * OVERVIEW_WIDTH, across * OVERVIEW_WIDTH), np.nan)
    for order, tile, path in tiles(directory):
        if order == OVERVIEW_ORDER:
            row, column = divmod(tile, across)
            place = np.s_[
                row * OVERVIEW_WIDTH : (row + 1) * OVERVIEW_WIDTH,
                column * OVERVIEW_WIDTH : (column + 1) * OVERVIEW_WIDTH,
            ]
            whole[place] = _smaller(_upright(path))
    image = Image.fromarray(stretch.paint(whole), "RGBA")
    image.save(directory / f"Norder{OVERVIEW_ORDER}" / "Allsky.png", optimize=True)


def _smaller(values: Image2D) -> Image2D:
    """Give means of blocks of a tile; what was not looked at does not count."""
    factor = max(1, len(values) // OVERVIEW_WIDTH)
    parts = values.reshape(OVERVIEW_WIDTH, factor, OVERVIEW_WIDTH, factor)
    seen = np.isfinite(parts).sum(axis=(1, 3))
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(seen > 0, np.nansum(parts, axis=(1, 3)) / seen, np.nan))


def write_coverage(counts: Counts, path: Path) -> None:
    """Write where something was looked at, as a MOC in FITS (MOC 1.1, NUNIQ).

    Parameters
    ----------
    counts
        The counts.
    path
        The file.
    """
    deepest = min(COVERAGE_ORDER, counts.order + counts.width.bit_length() - 1)
    column = fits.Column(name="UNIQ", format="1K", array=coverage(counts, deepest))
    table = fits.BinTableHDU.from_columns([column])
    values = {"PIXTYPE": "HEALPIX", "ORDERING": "NUNIQ", "COORDSYS": "C", "MOCORDER": deepest}
    for key, value in values.items():
        table.header[key] = value
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(path)


def coverage(counts: Counts, deepest: int) -> Cells:
    """Give where something was looked at, in as few cells as possible, as numbers with their order.

    Parameters
    ----------
    counts
        The counts.
    deepest
        Order of the smallest cells.
    """
    shift = 2 * (counts.order + counts.width.bit_length() - 1 - deepest)
    parts = [np.unique(cells >> shift) for cells in counts.seen()]
    cells = np.unique(np.concatenate(parts)) if parts else np.array([], dtype=np.int64)
    found = []
    for order in range(deepest, -1, -1):
        parents, numbers = np.unique(cells >> 2, return_counts=True)
        whole = parents[numbers == 4] if order else np.array([], dtype=np.int64)
        found.append(np.sort(cells[~np.isin(cells >> 2, whole)]) + 4 ** (order + 1))
        cells = whole
    return np.asarray(np.concatenate(found[::-1]), dtype=np.int64)
