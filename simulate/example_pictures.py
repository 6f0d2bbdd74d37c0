"""Draw a picture of each kind from simulated data: ``python -m simulate.example_pictures docs/previews``."""

from __future__ import annotations

import argparse
import io
import tempfile
from pathlib import Path

import numpy as np
from astropy.io import fits

from datalink.previews import EVENT_KINDS, RESPONSE_KINDS, SIZES, Subject, draw, provenance_line
from datalink.previews.containment import containment
from datalink.previews.tables import opened
from ingest.constants import EV_PER_TEV
from simulate import SimulationConfig, simulate_release

RUNS = 4
"""The fourth run of the sample has a gap between its good time intervals."""
FOV_DEG = 5.0


def main(directory: Path) -> list[Path]:
    """Write the pictures, ``<kind>.png`` and ``<kind>-small.png``.

    Parameters
    ----------
    directory
        Where they go; made if it is missing.

    Returns
    -------
    list of Path
        The files.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        release = simulate_release(Path(place) / "release", SimulationConfig(runs=RUNS))
        content = with_cut(release[RUNS - 1])
    subject = subject_of(content)
    written = []
    for kind in (*EVENT_KINDS, *RESPONSE_KINDS.values()):
        for size in SIZES:
            path = directory / (f"{kind}.png" if size == "full" else f"{kind}-{size}.png")
            path.write_bytes(draw(kind, content, subject, size))
            written.append(path)
    return written


def with_cut(path: Path) -> bytes:
    """Give a run with a directional cut, which the simulator does not write: the 68 % radius of its PSF."""
    content = path.read_bytes()
    with opened(content, path.name) as tables:
        psf = tables.first("psf")
        radii = np.nan_to_num(containment(psf, None).radius_deg[0])
        axes = [f"{name}_{side}" for name in ("ENERG", "THETA") for side in ("LO", "HI")]
        columns = [psf.hdu.columns[name].copy() for name in axes]
        for column, name in zip(columns, axes, strict=True):
            column.array = psf.hdu.data[name].copy()
        shape = f"({radii.shape[1]},{radii.shape[0]})"
        columns.append(fits.Column("RAD_MAX", f"{radii.size}E", unit="deg", dim=shape, array=radii[None]))
        cut = fits.BinTableHDU.from_columns(columns, name="RAD_MAX")
        classes = {
            "HDUCLASS": "GADF",
            "HDUCLAS1": "RESPONSE",
            "HDUCLAS2": "RAD_MAX",
            "HDUCLAS4": "RAD_MAX_2D",
        }
        cut.header.update({**classes, "HDUCLAS3": "POINT-LIKE", "SIMULATE": True})
        with fits.open(path) as run:
            memory = io.BytesIO()
            fits.HDUList([*run, cut]).writeto(memory)
    return memory.getvalue()


def subject_of(content: bytes) -> Subject:
    """Describe the simulated run by its headers."""
    with opened(content, "run.fits") as tables:
        events, area = tables.first("events").header, tables.first("aeff").header
    return Subject(
        title=f"Run {events['OBS_ID']}, {events['OBJECT']}",
        provenance=provenance_line(
            "sample",
            str(events["OBS_ID"]),
            facility=str(events["INSTRUME"]),
            publisher=None,
            software=str(events["CREATOR"]),
            simulated=True,
        ),
        simulated=True,
        target_name=str(events["OBJECT"]),
        target_deg=(float(events["RA_OBJ"]), float(events["DEC_OBJ"])),
        pointing_deg=(float(events["RA_PNT"]), float(events["DEC_PNT"])),
        fov_deg=FOV_DEG,
        safe_energy_ev=(float(area["LO_THRES"]) * EV_PER_TEV, float(area["HI_THRES"]) * EV_PER_TEV),
        file_name="run.fits",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, help="where the pictures go")
    for made in main(parser.parse_args().directory):
        print(made)
