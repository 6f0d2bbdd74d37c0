"""Provenance documents of an observation: W3C PROV-JSON, and IVOA PROV-VOTable.

The terms are those of the IVOA Provenance Data Model 1.0, which builds on W3C PROV-DM. Its own classes
are marked as the package voprov does it: an element has a ``prov:type`` of that class, and the relations
that W3C does not have are influences with such a type. So every PROV tool reads the documents.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

from prov.constants import PROV, PROV_LABEL, PROV_ROLE, PROV_TYPE
from prov.identifier import Namespace, QualifiedName
from prov.model import ProvActivity, ProvAgent, ProvDocument, ProvEntity, ProvRecord

from datalink.prov_votable import to_votable
from ingest.provenance import Facts, Source

VOPROV = Namespace("voprov", "http://www.ivoa.net/documents/ProvenanceDM/index.html#")
"""The IVOA's terms, as the package voprov writes them."""

SOFTWARE = "cherenkov-vo"
Attributes = dict[QualifiedName, str | QualifiedName]
SIMULATED = "Simulated data: no telescope took them."


def document(facts: Facts) -> ProvDocument:
    """Give the provenance of an observation's data sets.

    Its elements are named in the namespace ``ivo://<authority>/~?``, so that the data sets have their
    obs_publisher_did. Unknown facts are left out.
    """
    return Builder(facts).document


def prov_json(facts: Facts) -> bytes:
    """Give the provenance as a W3C PROV-JSON document, UTF-8."""
    return to_json(_remembered(facts))


def prov_votable(facts: Facts) -> bytes:
    """Give the provenance as a PROV-VOTable: one table per class and per relation."""
    return to_votable(_remembered(facts), f"Provenance of {facts.title}")


@lru_cache(maxsize=4)
def _remembered(facts: Facts) -> ProvDocument:
    """Give a document that nobody changes: it is often written in both ways, one after the other."""
    return document(facts)


def to_json(written: ProvDocument) -> bytes:
    """Write a provenance document as W3C PROV-JSON, UTF-8."""
    text: str = written.serialize(format="json", indent=1)  # type: ignore[assignment]
    return text.encode()


class Builder:
    """Makes the document; every method adds one kind of thing.

    Parameters
    ----------
    facts
        What is known of the observation.

    Attributes
    ----------
    document
        What has been made; others may add to it.
    here
        The namespace of the identifiers.
    run
        The event list's identifier in it.
    publisher
        The agent who publishes.
    """

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.document = ProvDocument()
        self.here = self.document.add_namespace("ivo", f"ivo://{facts.authority}/~?")
        self.document.add_namespace(VOPROV)
        self.run = facts.dataset.removeprefix(self.here.uri)
        self.publisher = self.agent("publisher", facts.publisher or facts.authority, PROV["Organization"])
        files = [self._source(source) for source in facts.sources]
        if files and not facts.simulated:
            self._observation(files[0][1])
        self._ingestion({source.name: file for source, (file, _) in zip(facts.sources, files, strict=True)})

    def attributes(self, name: str, kind: QualifiedName | None = None, **more: str | None) -> Attributes:
        """Give attributes of the IVOA's, without the unknown ones; the name is W3C's label, too."""
        attributes: Attributes = {PROV_LABEL: name, VOPROV["name"]: name}
        if kind is not None:
            attributes[PROV_TYPE] = kind
        return attributes | {VOPROV[key]: value for key, value in more.items() if value is not None}

    def agent(
        self, role: str, name: str, kind: QualifiedName | None, version: str | None = None
    ) -> ProvAgent:
        """Add an agent unless it is there; one without a kind is a person or an organisation."""
        identifier = self.here[f"{self.facts.collection}#{role}/{_path(name, version)}"]
        known = [agent for agent in self._known(identifier) if isinstance(agent, ProvAgent)]
        return (
            known[0]
            if known
            else self.document.agent(identifier, self.attributes(name, kind, version=version))
        )

    def _known(self, identifier: QualifiedName) -> list[ProvRecord]:
        return [record for record in self.document.get_records() if record.identifier == identifier]

    def _source(self, source: Source) -> tuple[ProvEntity, ProvActivity]:
        """Add a file, the activity that made it, and who and what took part."""
        name = quote(source.name)
        file = self.document.entity(
            self.here[f"{self.facts.collection}#file/{name}"],
            self.attributes(
                source.name,
                VOPROV["DatasetEntity"],
                location=source.name,
                generatedAtTime=source.created,
                comment=SIMULATED if self.facts.simulated else None,
            ),
        )
        making = self.document.activity(
            self.here[f"{self.facts.collection}#production/{name}"],
            other_attributes=self.attributes(f"Production of {source.name}"),
        )
        self.document.wasGeneratedBy(file, making, time=source.created)
        if source.software:
            software = self.agent("software", source.software, PROV["SoftwareAgent"], source.software_version)
            self.document.wasAssociatedWith(making, software, other_attributes={PROV_ROLE: "software"})
            self._method(making, source.software, source)
        if source.origin:
            origin = self.agent("origin", source.origin, PROV["Organization"])
            self.document.wasAttributedTo(file, origin, other_attributes={PROV_ROLE: "creator"})
        if source.observer and self.facts.simulated:
            self._observer(making, source.observer)
        self._format(file, source)
        self._settings(making, source)
        return file, making

    def _settings(self, making: ProvActivity, source: Source) -> None:
        """Say with which settings the activity ran."""
        name = quote(source.name)
        for number, (keyword, value) in enumerate(source.settings):
            parameter = self.document.entity(
                self.here[f"{self.facts.collection}#parameter/{name}/{number}"],
                self.attributes(keyword, VOPROV["Parameter"], value=value),
            )
            self.configured(making, parameter, "Parameter")

    def _method(self, making: ProvActivity, software: str, source: Source) -> None:
        """Say by a description which software the activity was a run of."""
        identifier = self.here[f"{self.facts.collection}#method/{_path(software, source.software_version)}"]
        known = [method for method in self._known(identifier) if isinstance(method, ProvEntity)]
        method = (
            known[0]
            if known
            else self.document.entity(
                identifier,
                self.attributes(
                    software,
                    VOPROV["ActivityDescription"],
                    version=source.software_version,
                    type="Simulation" if self.facts.simulated else None,
                ),
            )
        )
        self._described(making, method)

    def _format(self, file: ProvEntity, source: Source) -> None:
        if source.data_format is None:
            return
        described = self.document.entity(
            self.here[f"{self.facts.collection}#format/{quote(source.name)}"],
            self.attributes(
                source.data_format,
                VOPROV["DatasetDescription"],
                contentType="application/fits",
                docurl=source.format_url,
            ),
        )
        self._described(file, described)

    def _observation(self, making: ProvActivity) -> None:
        """Add the run itself, which the making of the event list follows."""
        facts = self.facts
        run = self.document.activity(
            self.here[f"{self.run}#observation"],
            facts.start,
            facts.stop,
            self.attributes(facts.title),
        )
        self.document.wasInformedBy(making, run)
        if facts.sources[0].observer:
            self._observer(run, facts.sources[0].observer)

    def _observer(self, activity: ProvActivity, name: str) -> None:
        observer = self.agent("observer", name, None)
        self.document.wasAssociatedWith(activity, observer, other_attributes={PROV_ROLE: "observer"})

    def _ingestion(self, files: dict[str, ProvEntity]) -> None:
        """Add our own part: the import of the files, whose output are the published data sets."""
        facts = self.facts
        ingestion = self.document.activity(
            self.here[f"{self.run}#ingestion"],
            endTime=facts.ingested,
            other_attributes=self.attributes(f"Publication of {facts.title}"),
        )
        software = self.agent("software", SOFTWARE, PROV["SoftwareAgent"], facts.software_version)
        self.document.wasAssociatedWith(ingestion, software, other_attributes={PROV_ROLE: "software"})
        self.document.wasAssociatedWith(ingestion, self.publisher, other_attributes={PROV_ROLE: "publisher"})
        configuration = self.document.entity(
            self.here[f"{facts.collection}#configuration"],
            self.attributes("release configuration", VOPROV["ConfigFile"], location=facts.configuration),
        )
        self.configured(ingestion, configuration, "ConfigFile")
        for file in files.values():
            self.document.used(ingestion, file, other_attributes={PROV_ROLE: "input"})
        for part in facts.parts:
            name = facts.title
            if part.dataset != facts.dataset:
                name += f": {part.dataset.rpartition('/')[2]}"
            published = self.document.entity(
                self.here[part.dataset.removeprefix(self.here.uri)],
                self.attributes(
                    name, VOPROV["DatasetEntity"], comment=SIMULATED if facts.simulated else None
                ),
            )
            self.document.wasGeneratedBy(
                published, ingestion, time=facts.ingested, other_attributes={PROV_ROLE: "output"}
            )
            self.document.wasDerivedFrom(published, files[part.file])
            self.document.wasAttributedTo(
                published, self.publisher, other_attributes={PROV_ROLE: "publisher"}
            )

    def configured(self, activity: ProvActivity, artefact: ProvEntity, kind: str) -> None:
        """Say that an activity ran with a parameter or a configuration file."""
        attributes: Attributes = {PROV_TYPE: VOPROV["ConfigurationRelation"], VOPROV["artefactType"]: kind}
        self.document.wasInfluencedBy(activity, artefact, other_attributes=attributes)

    def _described(self, thing: ProvActivity | ProvEntity, description: ProvEntity) -> None:
        attributes = {PROV_TYPE: VOPROV["DescriptionRelation"]}
        self.document.wasInfluencedBy(thing, description, other_attributes=attributes)


def _path(name: str, version: str | None) -> str:
    """Give the end of an identifier: name and version with all that is special percent-encoded."""
    return "/".join(quote(part, safe="") for part in (name, version) if part is not None)
