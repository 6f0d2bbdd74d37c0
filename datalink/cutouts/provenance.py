"""Provenance of a cut-out: that of the run, and the event selection that made the cut-out."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence

from prov.constants import PROV, PROV_ROLE
from prov.model import ProvDocument

from datalink.cutouts.selection import Selection
from datalink.prov_votable import to_votable
from datalink.provenance import SIMULATED, SOFTWARE, VOPROV, Builder, to_json
from ingest import PROJECT_VERSION
from ingest.provenance import Facts


def document(
    facts: Facts,
    dataset: str,
    selection: Selection,
    responses: Sequence[str] = (),
    *,
    when: datetime.datetime,
    version: str = PROJECT_VERSION,
) -> ProvDocument:
    """Give the provenance of a cut-out.

    Parameters
    ----------
    facts
        Those of the run.
    dataset
        The event list's obs_publisher_did.
    selection
        Which events were selected.
    responses
        Identifiers of the responses that went along.
    when
        When, with a time zone.
    version
        Of this software.
    """
    builder = Builder(facts)
    written, here = builder.document, builder.here
    name = f"{dataset.removeprefix(here.uri)}#selection/{_digest(selection, responses)}"
    selecting = written.activity(
        here[name], when, when, builder.attributes(f"Event selection from {facts.title}")
    )
    software = builder.agent("software", SOFTWARE, PROV["SoftwareAgent"], version)
    written.wasAssociatedWith(selecting, software, other_attributes={PROV_ROLE: "software"})
    for parameter, value in _parameters(selection, responses).items():
        entity = written.entity(
            here[f"{name}/{parameter}"], builder.attributes(parameter, VOPROV["Parameter"], value=value)
        )
        builder.configured(selecting, entity, "Parameter")
    comment = SIMULATED if facts.simulated else None
    cutout = written.entity(
        here[f"{name}/cutout"],
        builder.attributes(f"Selected events of {facts.title}", VOPROV["DatasetEntity"], comment=comment),
    )
    for source in (dataset, *responses):
        entity_name = here[source.removeprefix(here.uri)]
        written.used(selecting, entity_name, other_attributes={PROV_ROLE: "input"})
        written.wasDerivedFrom(cutout, entity_name)
    written.wasGeneratedBy(cutout, selecting, time=when, other_attributes={PROV_ROLE: "output"})
    written.wasAttributedTo(cutout, builder.publisher, other_attributes={PROV_ROLE: "publisher"})
    return written


def prov_json(written: ProvDocument) -> bytes:
    """Write the provenance of a cut-out as W3C PROV-JSON, UTF-8."""
    return to_json(written)


def prov_votable(written: ProvDocument, facts: Facts) -> bytes:
    """Write the provenance of a cut-out as a PROV-VOTable."""
    return to_votable(written, f"Provenance of selected events of {facts.title}")


def _parameters(selection: Selection, responses: Sequence[str]) -> dict[str, str]:
    return selection.parameters() | ({"RESPONSES": "all"} if responses else {})


def _digest(selection: Selection, responses: Sequence[str]) -> str:
    """Name a selection, the same one the same."""
    text = "\n".join(f"{name}={value}" for name, value in _parameters(selection, responses).items())
    return hashlib.sha256(text.encode()).hexdigest()[:12]
