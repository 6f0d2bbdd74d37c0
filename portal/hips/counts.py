"""Events counted in HEALPix cells, tile by tile: those of overlapping fields add up, whatever their order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from astropy import units
from astropy.coordinates import angular_separation
from astropy_healpix import HEALPix

from portal.hips.events import Degrees

ORDER, WIDTH = 3, 256
"""Order of the deepest tiles, and cells along the side of a tile: cells of 0.03 degrees.

That is a third of the resolution of Cherenkov telescopes, and three is the order from which clients of HiPS
take whole-sky overviews.
"""

AROUND = 256
"""Cells along the side of a base pixel that count as looked at, as a whole, because events are in them.

Fields of view that services name do not always hold all events; single events alone would have a brightness.
"""

LARGE = 64
"""Cells along the side of a base pixel when a field is looked for."""

Cells = np.ndarray[Any, np.dtype[np.int64]]


class Counts:
    """The counts; the sky takes 240 MB at most.

    Parameters
    ----------
    order, width
        Order of the tiles, and cells along their side, a power of two.
    """

    def __init__(self, order: int = ORDER, width: int = WIDTH) -> None:
        self.order, self.width = order, width
        self.grid = HEALPix(nside=width * 2**order, order="nested")
        self.events = 0
        self._counts: dict[int, np.ndarray[Any, np.dtype[np.uint32]]] = {}
        self._seen: dict[int, np.ndarray[Any, np.dtype[np.bool_]]] = {}

    @property
    def tiles(self) -> list[int]:
        """Numbers of the tiles in which something was seen."""
        return sorted(self._seen)

    def cells(self, ra: Degrees, dec: Degrees) -> Cells:
        """Give the cells in which directions (degrees) are."""
        found = self.grid.lonlat_to_healpix(ra * units.deg, dec * units.deg)
        return np.asarray(found, dtype=np.int64)

    def add(self, ra: Degrees, dec: Degrees) -> None:
        """Count events; where they are, a small part of the sky was looked at."""
        self.events += len(ra)
        found = self.cells(ra, dec)
        for tile, cells in self._by_tile(found):
            counts = self._tile(tile)
            counts += np.bincount(cells, minlength=len(counts)).astype(counts.dtype)
        parts = (self.grid.nside // min(AROUND, self.grid.nside)) ** 2
        around = np.unique(found // parts)[:, None] * parts + np.arange(parts)
        self._see(around.ravel())

    def look(self, ra: float, dec: float, radius: float) -> None:
        """Note that a field was looked at: where no events are in it, there are none.

        Parameters
        ----------
        ra, dec, radius
            Centre and radius in degrees.
        """
        self._see(self._within(ra, dec, radius))

    def _within(self, ra: float, dec: float, radius: float) -> Cells:
        """Give the cells whose centres are in a circle: first large ones, for the search takes its time."""
        large = HEALPix(nside=min(LARGE, self.grid.nside), order="nested")
        reach = radius + 1.5 * np.degrees(np.sqrt(4 * np.pi / large.npix))
        found = large.cone_search_lonlat(ra * units.deg, dec * units.deg, min(180.0, reach) * units.deg)
        parts = (self.grid.nside // large.nside) ** 2
        cells = (np.asarray(found, dtype=np.int64)[:, None] * parts + np.arange(parts)).ravel()
        lon, lat = self.grid.healpix_to_lonlat(cells)
        near = angular_separation(ra * units.deg, dec * units.deg, lon, lat) <= radius * units.deg
        return np.asarray(cells[near], dtype=np.int64)

    def values(self, cells: Cells) -> Degrees:
        """Give the counts in cells; NaN where nothing was looked at."""
        found = np.full(len(cells), np.nan)
        tiles = cells // self.width**2
        for tile in np.unique(tiles):
            if int(tile) in self._seen:
                here = tiles == tile
                inside = cells[here] % self.width**2
                seen = self._seen[int(tile)][inside]
                found[here] = np.where(seen, self._counts[int(tile)][inside], np.nan)
        return found

    def seen(self) -> Iterator[Cells]:
        """Give the cells at which something was looked, tile by tile."""
        for tile in self.tiles:
            yield tile * self.width**2 + np.flatnonzero(self._seen[tile])

    def densest(self) -> tuple[float, float]:
        """Give the centre, in degrees, of the part of the sky with most events: a 64th of a tile."""
        part = self.width**2 // 64
        sums = {tile: counts.reshape(-1, part).sum(axis=1) for tile, counts in self._counts.items()}
        tile = max(sorted(sums), key=lambda one: int(sums[one].max()))
        grid = HEALPix(nside=2 ** (self.order + 3), order="nested")
        lon, lat = grid.healpix_to_lonlat(np.array([tile * 64 + int(sums[tile].argmax())]))
        return float(lon.to_value(units.deg)[0]), float(lat.to_value(units.deg)[0])

    def _see(self, found: Cells) -> None:
        for tile, cells in self._by_tile(found):
            self._tile(tile)
            self._seen[tile][cells] = True

    def _tile(self, tile: int) -> np.ndarray[Any, np.dtype[np.uint32]]:
        if tile not in self._counts:
            self._counts[tile] = np.zeros(self.width**2, dtype=np.uint32)
            self._seen[tile] = np.zeros(self.width**2, dtype=np.bool_)
        return self._counts[tile]

    def _by_tile(self, cells: Cells) -> Iterator[tuple[int, Cells]]:
        cells = np.sort(cells)
        tiles = cells // self.width**2
        found, starts = np.unique(tiles, return_index=True)
        for tile, part in zip(found, np.split(cells, starts[1:]), strict=True):
            yield int(tile), part % self.width**2
