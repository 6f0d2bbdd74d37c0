"""Pictures of the sky for the map."""

from __future__ import annotations

import re
from pathlib import Path

from portal.server.models.config import SurveyInfo
from portal.server.services import states
from portal.server.services.needs import Context

REMOTE = (
    ("CDS/P/DSS2/color", "Optical (DSS2)", "https://alasky.cds.unistra.fr/DSS/DSSColor"),
    ("CDS/P/Fermi/color", "Gamma rays (Fermi LAT)", "https://alasky.cds.unistra.fr/Fermi/Color"),
    ("CDS/P/Mellinger/color", "Milky Way (Mellinger)", "https://alasky.cds.unistra.fr/MellingerRGB"),
)
OFF = "Pictures from other hosts are switched off here."
PLACE = "hips"
"""Path below the explorer's at which local pictures are."""


NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")


def surveys(context: Context) -> list[SurveyInfo]:
    """Give the pictures of the sky. This reads files: call it in a thread.

    Parameters
    ----------
    context
        The server's context.

    Returns
    -------
    list of SurveyInfo
        Local ones first.
    """
    settings = context.settings
    state = states.YES if settings.remote_surveys else states.no(OFF)
    local = [] if settings.local_hips is None else _local(settings.local_hips, settings.root_path)
    return local + [
        SurveyInfo(id=key, label=label, url=url, is_local=False, state=state) for key, label, url in REMOTE
    ]


def _local(place: Path, root: str) -> list[SurveyInfo]:
    found = []
    directories = [place, *(p for p in sorted(place.iterdir()) if p.is_dir())] if place.is_dir() else []
    for directory in directories:
        properties = _properties(directory / "properties")
        if not properties:
            continue
        name = "" if directory == place else directory.name
        if name and not NAME.match(name):
            continue
        found.append(
            SurveyInfo(
                id=properties.get("creator_did") or f"local/{name or 'own'}",
                label=properties.get("obs_title") or name or "This archive",
                url=f"{root}/{PLACE}/{name}".rstrip("/"),
                is_local=True,
                state=states.YES,
            )
        )
    return found


def _properties(file: Path) -> dict[str, str]:
    """Read a HiPS's properties (HiPS 1.0, section 4.4.1)."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip() for key, _, value in pairs}
