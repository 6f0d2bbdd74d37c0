"""Provenance of a job as a document of W3C PROV."""

from __future__ import annotations

import platform
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from prov.model import ProvDocument

from portal.jobs.outputs import SIMULATED, Output
from portal.jobs.parameters import Parameters

NAME = "provenance.json"
SOFTWARE = ("gammapy", "astropy", "numpy", "regions", "scipy", "iminuit", "matplotlib", "prov")
JOB, VOPROV = "job", "voprov"


def versions() -> dict[str, str]:
    """Give the versions of what computes."""
    return {"python": platform.python_version()} | {name: version(name) for name in SOFTWARE}


def write_provenance(
    path: Path,
    *,
    job: str,
    creator: str,
    started: datetime,
    ended: datetime,
    parameters: Parameters,
    used: list[str],
    outputs: list[Output],
    simulated: bool,
) -> None:
    """Write what was used, what was done, and what came of it.

    Parameters
    ----------
    path
        Where the document (PROV-JSON) goes.
    job
        Identifier of the job.
    creator
        Name and version of this program.
    started, ended
        When the analysis ran.
    parameters, used, outputs
        What it was told, the `obs_publisher_did` of what it used, and its files.
    simulated
        Whether the inputs are simulated.
    """
    document = ProvDocument()
    document.add_namespace(JOB, f"urn:cherenkov-preview-job:{quote(job, safe='')}#")
    document.add_namespace(VOPROV, "http://www.ivoa.net/documents/ProvenanceDM/index.html#")
    software = versions()
    agent = document.agent(
        f"{JOB}:software",
        {"prov:type": "prov:SoftwareAgent", "prov:label": creator}
        | {f"{VOPROV}:version_{name}": number for name, number in software.items()},
    )
    comment: dict[str, Any] = {f"{VOPROV}:comment": SIMULATED} if simulated else {}
    activity = document.activity(
        f"{JOB}:analysis",
        started,
        ended,
        {"prov:label": f"Preview of {len(used)} event lists with Gammapy {software['gammapy']}"} | comment,
    )
    activity.wasAssociatedWith(agent)
    for number, (name, value) in enumerate(parameters.described().items()):
        entity = document.entity(
            f"{JOB}:parameter-{number}",
            {
                "prov:label": f"{name} = {value}",
                "prov:type": f"{VOPROV}:Parameter",
                f"{VOPROV}:name": name,
                f"{VOPROV}:value": str(value),
            },
        )
        activity.used(entity)
    inputs = []
    for number, did in enumerate(used):
        entity = document.entity(
            f"{JOB}:input-{number}",
            {"prov:label": did, f"{VOPROV}:obs_publisher_did": did, "prov:type": f"{VOPROV}:DatasetEntity"}
            | comment,
        )
        activity.used(entity)
        inputs.append(entity)
    for output in outputs:
        entity = document.entity(
            f"{JOB}:{quote(output.name, safe='')}",
            {
                "prov:label": output.label,
                "prov:type": f"{VOPROV}:DatasetEntity",
                f"{VOPROV}:location": output.name,
                f"{VOPROV}:contentType": output.content_type,
                f"{VOPROV}:size": output.size,
                f"{VOPROV}:sha256": output.sha256,
            }
            | comment,
        )
        entity.wasGeneratedBy(activity)
        entity.wasAttributedTo(agent)
        for source in inputs:
            entity.wasDerivedFrom(source)
    path.write_text(document.serialize(format="json", indent=1), encoding="utf-8")
