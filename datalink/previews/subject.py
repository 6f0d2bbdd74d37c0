"""What a picture says besides what is in the file."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.times import TimeReference

VERSION = 1
"""Raise it whenever the pictures change: it is part of the key that they are cached under."""


@dataclass(frozen=True)
class Subject:
    """What is known of an event list or response; None for unknown.

    Attributes
    ----------
    title
        Headline, such as ``H.E.S.S. 20136, MSH 15-52``; cut where it is too long for the picture.
    provenance
        The line at the bottom, see `provenance_line`.
    simulated
        Whether the data are simulated; a file that says so in its headers is believed, too.
    target_name
        Name of the target.
    target_deg, pointing_deg
        ICRS positions (ra, dec) in degrees.
    fov_deg
        Diameter of the field of view in degrees.
    safe_energy_ev
        Lowest and highest energy of the safe range in eV.
    time_reference
        What the times in the file are relative to; None to read it from the file's headers.
    file_name
        For messages.
    """

    title: str
    provenance: str
    simulated: bool
    target_name: str | None = None
    target_deg: tuple[float, float] | None = None
    pointing_deg: tuple[float, float] | None = None
    fov_deg: float | None = None
    safe_energy_ev: tuple[float, float] | None = None
    time_reference: TimeReference | None = None
    file_name: str = "file"


def provenance_line(
    collection: str,
    obs_id: str,
    *,
    facility: str | None,
    publisher: str | None,
    software: str,
    simulated: bool,
) -> str:
    """Write the line at the bottom of a picture.

    Parameters
    ----------
    collection, obs_id
        What is shown.
    facility, publisher
        Who observed and who publishes it; None is left out.
    software
        Name and version of the software that publishes it.
    simulated
        Whether the data are simulated.
    """
    parts = [
        f"{collection} {obs_id}",
        facility,
        f"published by {publisher}" if publisher else None,
        software,
        "simulated data" if simulated else None,
    ]
    return " · ".join(part for part in parts if part)
