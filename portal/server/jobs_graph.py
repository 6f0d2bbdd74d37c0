"""Provenance of jobs as a graph: from a document of the W3C's PROV, or from what UWS says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import unquote

from portal.server.models.account import Item
from portal.server.models.jobs import Job, ProvenanceEdge, ProvenanceGraph, ProvenanceNode

MAX_NODES = 2000
LONGEST = 500
Kind = Literal["entity", "activity", "agent"]
KINDS: tuple[Kind, ...] = ("entity", "activity", "agent")

RELATIONS = {
    "used": ("activity", "entity"),
    "wasGeneratedBy": ("entity", "activity"),
    "wasInvalidatedBy": ("entity", "activity"),
    "wasDerivedFrom": ("generatedEntity", "usedEntity"),
    "wasAssociatedWith": ("activity", "agent"),
    "wasAttributedTo": ("entity", "agent"),
    "wasInformedBy": ("informed", "informant"),
    "wasStartedBy": ("activity", "trigger"),
    "wasEndedBy": ("activity", "trigger"),
    "actedOnBehalfOf": ("delegate", "responsible"),
    "wasInfluencedBy": ("influencee", "influencer"),
    "specializationOf": ("specificEntity", "generalEntity"),
    "alternateOf": ("alternate1", "alternate2"),
    "hadMember": ("collection", "entity"),
}
"""Relations of PROV-JSON: whose attribute is the source of the edge, and whose its target."""


class NoProvenanceError(Exception):
    """A document is no PROV-JSON."""


def parse(content: bytes, place: Callable[[str], str | None]) -> ProvenanceGraph:
    """Read a document in PROV-JSON. This computes: call it in a thread.

    Parameters
    ----------
    content
        The document.
    place
        Gives the address of a result by its name; None if there is no such result.

    Returns
    -------
    ProvenanceGraph
        Its elements and relations; relations to what it does not describe are left out.

    Raises
    ------
    NoProvenanceError
        It is no such document, or a very large one.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NoProvenanceError("it is no JSON") from error
    if not isinstance(document, dict) or not set(document) & {*KINDS, "bundle"}:
        raise NoProvenanceError("it is no PROV-JSON")
    parts = [document, *_values(document.get("bundle"))]
    nodes: dict[str, ProvenanceNode] = {}
    for part in parts:
        for kind in KINDS:
            for name, attributes in _items(part.get(kind)):
                nodes.setdefault(name, _node(kind, name, attributes, place))
        if len(nodes) > MAX_NODES:
            raise NoProvenanceError(f"it has more than {MAX_NODES} elements")
    edges = dict.fromkeys(
        edge for part in parts for edge in _edges(part) if edge[0] in nodes and edge[1] in nodes
    )
    return ProvenanceGraph(
        nodes=list(nodes.values()),
        edges=[ProvenanceEdge(source=a, target=b, relation=relation) for a, b, relation in edges],
    )


def _values(part: Any) -> list[dict[str, Any]]:
    return [value for value in part.values() if isinstance(value, dict)] if isinstance(part, dict) else []


def _items(part: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Go through elements or relations; PROV-JSON has a list where a name comes several times."""
    if not isinstance(part, dict):
        return
    for name, value in part.items():
        for attributes in value if isinstance(value, list) else [value]:
            if isinstance(attributes, dict):
                yield name, attributes


def _edges(part: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for relation, (source, target) in RELATIONS.items():
        for _, attributes in _items(part.get(relation)):
            ends = attributes.get(f"prov:{source}"), attributes.get(f"prov:{target}")
            if isinstance(ends[0], str) and isinstance(ends[1], str):
                yield ends[0], ends[1], relation


def _node(
    kind: Kind, name: str, attributes: Mapping[str, Any], place: Callable[[str], str | None]
) -> ProvenanceNode:
    told = {key: _text(value) for key, value in attributes.items()}
    location = next((value for key, value in told.items() if key.rpartition(":")[2] == "location"), None)
    return ProvenanceNode(
        id=name,
        kind=kind,
        label=told.get("prov:label") or unquote(name.rpartition(":")[2]) or name,
        url=place(location) if location else None,
        attributes=told,
    )


def _text(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("$", "")
    if isinstance(value, list):
        return ", ".join(_text(each) for each in value)[:LONGEST]
    return str(value)[:LONGEST]


def minimal(job: Job, items: Sequence[Item], runner: str) -> ProvenanceGraph:
    """Make the graph of what the service of a job says of any job.

    Parameters
    ----------
    job, items, runner
        The job, what it was given, and who ran it.

    Returns
    -------
    ProvenanceGraph
        Data sets, the job with its parameters, the service, and results.
    """
    ends = {"started": job.started, "ended": job.ended}
    attributes = {name: time.isoformat() for name, time in ends.items() if time is not None}
    nodes = [
        ProvenanceNode(
            id="job",
            kind="activity",
            label=job.name,
            url=None,
            attributes={"phase": job.phase.value, **attributes, **job.parameters},
        ),
        ProvenanceNode(id="runner", kind="agent", label=runner, url=None, attributes={}),
    ]
    edges = [ProvenanceEdge(source="job", target="runner", relation="wasAssociatedWith")]
    for number, item in enumerate(items):
        told = {"obs_publisher_did": item.did, "service": item.service}
        name = f"input-{number}"
        nodes.append(
            ProvenanceNode(id=name, kind="entity", label=item.label or item.did, url=None, attributes=told)
        )
        edges.append(ProvenanceEdge(source="job", target=name, relation="used"))
    for result in job.results:
        name = f"result-{result.id}"
        told = {"content_type": result.content_type} if result.content_type else {}
        nodes.append(
            ProvenanceNode(id=name, kind="entity", label=result.label, url=result.url, attributes=told)
        )
        edges.append(ProvenanceEdge(source=name, target="job", relation="wasGeneratedBy"))
    return ProvenanceGraph(nodes=nodes, edges=edges)
