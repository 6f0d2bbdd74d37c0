"""Provenance for tests: facts, and what each form states of them."""

import datetime
import io

from astropy.io import votable
from prov.constants import PROV_LABEL, PROV_N_MAP, PROV_TYPE
from prov.identifier import QualifiedName
from prov.model import ProvDocument

from datalink import provenance
from ingest.identifiers import DatasetId
from ingest.provenance import Facts

RUN = DatasetId("org.example", "hess_dr", "20136")
AEFF = DatasetId("org.example", "hess_dr", "20136", "aeff")
PREFIX = "ivo://org.example/~?"
FILE = "data/run 1.fits.gz"
EVENTS = {
    "CREATOR": "SASH FITS::EventListWriter",
    "ORIGIN": "H.E.S.S. Collaboration",
    "OBSERVER": "A. Shifter",
    "DATE": "2018-05-06T09:14:21",
    "HDUCLASS": "GADF",
    "HDUDOC": "https://example.org/gadf",
    "HDUVERS": "0.2",
    "EVTVER": 1.4,
    "EV_CLASS": "std",
}
RESPONSE = {"CONFIG": "std_full", "EV_CLASS": "std", "ORIGIN": "somebody else", "HDUVERS": "0.3"}
NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)


def made(files=None, parts=None, **changes):
    files = {FILE: [EVENTS, RESPONSE]} if files is None else files
    parts = [(RUN, FILE), (AEFF, FILE)] if parts is None else parts
    settings = {
        "title": "H.E.S.S. observation 20136",
        "simulated": False,
        "configuration": "inputs/hess_dr/release.toml",
        "software_version": "0.1.0",
        "ingested": NOW,
        "publisher": "Example & Sons",
        "run": (NOW - datetime.timedelta(days=1), NOW - datetime.timedelta(hours=23)),
    }
    return Facts.of(RUN, files, parts, **(settings | changes))


def reread(facts):
    return ProvDocument.deserialize(content=provenance.prov_json(facts).decode(), format="json")


def tables(facts):
    """Every table of the VOTable as {name: [{column: value}]}, without what is empty."""
    read = votable.parse(io.BytesIO(provenance.prov_votable(facts)), verify="exception")
    found = {}
    for table in read.iter_tables():
        names = [field.name for field in table.fields]
        rows = [dict(zip(names, map(str, row), strict=True)) for row in table.array.tolist()]
        found[table.name] = [{name: value for name, value in row.items() if value} for row in rows]
    return found


def stated(document):
    """What a PROV document says, in the words of the VOTable, read from its records."""
    own = {
        "Parameter": "Parameter",
        "ConfigFile": "ConfigFile",
        "ActivityDescription": "ActivityDescription",
        "DatasetDescription": "DatasetDescription",
        "ConfigurationRelation": "wasConfiguredBy",
        "DescriptionRelation": "isDescribedBy",
    }
    found = {}
    for record in document.get_records():
        row = {"id": record.identifier.uri} if record.identifier else {}
        name = PROV_N_MAP[record.get_type()]
        name = name.capitalize() if name in ("entity", "agent", "activity") else name
        for attribute, value in record.attributes:
            if value is None or attribute == PROV_LABEL:
                continue
            if attribute == PROV_TYPE and value.localpart in own:
                name = own[value.localpart]
            elif attribute == PROV_TYPE:
                row["type"] = str(value)
            elif isinstance(value, QualifiedName):
                row[attribute.localpart] = value.uri
            elif isinstance(value, datetime.datetime):
                row[attribute.localpart] = value.isoformat().replace("+00:00", "Z")
            else:
                row[attribute.localpart] = str(value)
        found.setdefault(name, []).append(row)
    return found


def ordered(content):
    return {name: sorted(rows, key=lambda row: sorted(row.items())) for name, rows in content.items()}
