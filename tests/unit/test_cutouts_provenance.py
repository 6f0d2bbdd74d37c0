import datetime
import io

from astropy.io import votable
from prov.model import ProvDocument

from datalink.cutouts import provenance
from datalink.cutouts.selection import Selection
from ingest.identifiers import DatasetId
from ingest.provenance import Facts

RUN = DatasetId("org.example", "test", "4711")
AEFF = DatasetId("org.example", "test", "4711", "aeff")
FILE = "run.fits"
NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
SELECTION = Selection.parse({"CIRCLE": ["83.6 22.0 0.5"], "ENERGY": ["1e12 +Inf"]})
NAME = "ivo://org.example/~?test/4711#selection/"


def facts(**changes):
    settings = {
        "title": "Observation 4711", "simulated": False, "configuration": "release.toml",
        "software_version": "0.1.0", "ingested": NOW, "publisher": "Example",
    }  # fmt: skip
    headers = {"CREATOR": "writer 1.0", "ORIGIN": "somebody"}
    return Facts.of(RUN, {FILE: [headers]}, [(RUN, FILE), (AEFF, FILE)], **(settings | changes))


def rows(written, run):
    read = votable.parse(io.BytesIO(provenance.prov_votable(written, run)), verify="exception")
    found = {}
    for table in read.iter_tables():
        names = [field.name for field in table.fields]
        found[table.name] = [dict(zip(names, map(str, row), strict=True)) for row in table.array.tolist()]
    return found


def made(responses=(), **changes):
    run = facts(**changes)
    return rows(provenance.document(run, str(RUN), SELECTION, responses, when=NOW), run)


def test_the_selection_is_an_activity_between_event_list_and_cut_out():
    found = made()
    activity = next(row for row in found["Activity"] if row["id"].startswith(NAME))
    assert activity["name"] == "Event selection from Observation 4711"
    assert activity["endTime"] == "2026-01-02T03:04:05Z"
    cutout = f"{activity['id']}/cutout"
    assert cutout in [row["id"] for row in found["Entity"]]
    used = [row["entity"] for row in found["used"] if row["activity"] == activity["id"]]
    assert used == [str(RUN)]
    assert [row["activity"] for row in found["wasGeneratedBy"] if row["entity"] == cutout] == [activity["id"]]
    derived = [row["usedEntity"] for row in found["wasDerivedFrom"] if row["generatedEntity"] == cutout]
    assert derived == [str(RUN)]
    assert [row["agent"] for row in found["wasAttributedTo"] if row["entity"] == cutout] == [
        "ivo://org.example/~?test#publisher/Example"
    ]
    software = [row["agent"] for row in found["wasAssociatedWith"] if row["activity"] == activity["id"]]
    assert [name.partition("#")[2].split("/")[:2] for name in software] == [["software", "cherenkov-vo"]]


def test_its_parameters_are_those_of_the_request():
    found = made()
    own = {row["name"]: row["value"] for row in found["Parameter"] if row["id"].startswith(NAME)}
    assert own == SELECTION.parameters() == {"CIRCLE": "83.6 22.0 0.5", "ENERGY": "1000000000000.0 +Inf"}
    configured = [row["influencer"] for row in found["wasConfiguredBy"] if row["influencee"].startswith(NAME)]
    assert len(configured) == 2


def test_responses_that_go_along_are_sources_too():
    found = made([str(AEFF)])
    activity = next(row["id"] for row in found["Activity"] if row["id"].startswith(NAME))
    assert [row["entity"] for row in found["used"] if row["activity"] == activity] == [str(RUN), str(AEFF)]
    own = {row["name"]: row["value"] for row in found["Parameter"] if row["id"].startswith(NAME)}
    assert own["RESPONSES"] == "all"
    assert activity != next(row["id"] for row in made()["Activity"] if row["id"].startswith(NAME))


def test_the_run_s_own_provenance_is_in_it():
    found = made(simulated=True)
    assert f"{RUN}#ingestion" in [row["id"] for row in found["Activity"]]
    cutout = next(row for row in found["Entity"] if row["id"].startswith(NAME))
    assert "Simulated" in cutout["comment"]


def test_the_json_says_the_same():
    written = provenance.document(facts(), str(RUN), SELECTION, when=NOW)
    again = ProvDocument.deserialize(content=provenance.prov_json(written).decode(), format="json")
    assert again == written
