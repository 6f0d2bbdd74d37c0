"""The document of a preview job, with what DaCHS does not know."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from datalink.preview.running import LISTED, told_progress

UWS_NAMESPACE = "http://www.ivoa.net/xml/UWS/v1.0"
XLINK = "http://www.w3.org/1999/xlink"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
CUSTOM = "urn:uwscustom"
"""The namespace that the schema of UWS has for attributes of results that it does not know."""

PROGRESS = "urn:cherenkov-vo:progress"
for _prefix, _space in (("uws", UWS_NAMESPACE), ("xlink", XLINK), ("xsi", XSI), ("custom", CUSTOM)):
    ET.register_namespace(_prefix, _space)


def completed(job: Any, document: str | bytes) -> bytes:
    """Add to the document of a job what DaCHS does not know.

    Parameters
    ----------
    job
        DaCHS's.
    document
        As DaCHS writes it.

    Returns
    -------
    bytes
        The same, with more in it.
    """
    text = document.encode() if isinstance(document, str) else document
    root = ET.fromstring(text)  # noqa: S314 - written by DaCHS itself
    directory = Path(job.getWD())
    types = {each["resultName"]: each["resultType"] for each in job.getResults()}
    labels = _labels(directory)
    for result in root.iter(f"{{{UWS_NAMESPACE}}}result"):
        name = result.get("id", "")
        with suppress(OSError):
            result.set("size", str((directory / name).stat().st_size))
        if name in types:
            result.set("mime-type", types[name])
        if name in labels:
            result.set(f"{{{CUSTOM}}}label", labels[name])
    told = told_progress(directory) if job.phase == "EXECUTING" else None
    if told is not None:
        info = ET.SubElement(root, f"{{{UWS_NAMESPACE}}}jobInfo")
        progress = ET.SubElement(info, f"{{{PROGRESS}}}progress", fraction=f"{told[0]:g}")
        progress.text = told[1]
    preamble = text[: text.index(b"<uws:job")]
    return preamble + bytes(ET.tostring(root, encoding="utf-8"))


def _labels(directory: Path) -> dict[str, str]:
    try:
        listed = json.loads((directory / LISTED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {each["name"]: each["label"] for each in listed}
