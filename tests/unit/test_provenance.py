import datetime
import io
import json
import math

import numpy as np
import pytest
from astropy.io import votable
from astropy.io.fits import Header
from astropy.io.votable.ucd import check_ucd
from hypothesis import given
from hypothesis import strategies as st

from datalink import provenance
from ingest.identifiers import DatasetId, parse
from ingest.provenance import SETTINGS, Facts, Part, Source
from tests.provenances import (
    AEFF,
    EVENTS,
    FILE,
    NOW,
    PREFIX,
    RUN,
    made,
    ordered,
    reread,
    stated,
    tables,
)


def one(rows, **wanted):
    found = [row for row in rows if wanted.items() <= row.items()]
    assert len(found) == 1, (wanted, rows)
    return found[0]


def test_source_of_headers():
    assert made().sources == (
        Source(
            FILE,
            software="SASH FITS::EventListWriter",
            origin="H.E.S.S. Collaboration",
            observer="A. Shifter",
            created="2018-05-06T09:14:21Z",
            data_format="GADF 0.2",
            format_url="https://example.org/gadf",
            settings=(("CONFIG", "std_full"), ("EV_CLASS", "std"), ("EVTVER", "1.4")),
        ),
    )


def test_nothing_known_stays_unknown():
    blank = Header([("CREATOR", None), ("ORIGIN", ""), ("OBSERVER", "  ")])
    assert not isinstance(Header.fromstring(blank.tostring())["CREATOR"], str), "it is astropy's own object"
    assert Source.of("f", [Header.fromstring(blank.tostring()), {}]) == Source("f")
    assert Source.of("f", [{"CONFIG": "a\x7fb", "EVTVER": math.nan, "IRF": None}]) == Source("f")
    assert Source.of("f", []) == Source("f")


@pytest.mark.parametrize(
    ("creator", "version"),
    [
        ("ctobssim (1.4.0)", "1.4.0"),
        ("gammapy v1.2.dev3", "v1.2.dev3"),
        ("cherenkov-vo 0.1.0", "0.1.0"),
        ("ctools (v2)", "v2"),
        ("SASH FITS::EventListWriter", None),
        ("Phase 2", None),
        ("1.4.0", None),
        ("tool (beta)", None),
    ],
)
def test_version_of_the_software(creator, version):
    source = Source.of("f", [{"CREATOR": creator}])
    assert (source.software, source.software_version) == (creator, version)


@pytest.mark.parametrize(
    ("cards", "created"),
    [
        ({"DATE": "2018-05-06T09:14:21"}, "2018-05-06T09:14:21Z"),
        ({"DATE": "2018-05-06T09:14:21Z"}, "2018-05-06T09:14:21Z"),
        ({"DATE": "2018-05-06T09:14:21.5"}, "2018-05-06T09:14:21.500000Z"),
        ({"CREATED": "2018-05-06T09:14:21"}, "2018-05-06T09:14:21Z"),
        ({"DATE": "2018-05-06", "CREATED": "2018-05-06T09:14:21"}, "2018-05-06T09:14:21Z"),
        ({"DATE": "2018-05-06"}, None),
        ({"DATE": "2018-02-30T00:00:00"}, None),
        ({"DATE": "06/05/18"}, None),
        ({"DATE": 20180506}, None),
        ({}, None),
    ],
)
def test_date(cards, created):
    assert Source.of("f", [cards]).created == created


def test_data_format_is_of_one_hdu():
    assert Source.of("f", [{"HDUVERS": "0.2"}, {"HDUCLASS": "OGIP"}]).data_format == "OGIP"
    assert Source.of("f", [{"HDUDOC": "CAL/GEN/92-019"}]).format_url is None


def test_settings_of_hdus_that_differ():
    source = Source.of("f", [{"CALDB": "1dc", "IRF": "a"}, {"IRF": "b"}, {"IRF": "a"}])
    assert source.settings == (("CALDB", "1dc"), ("IRF", "a"), ("IRF", "b"))


def test_parts_lie_in_known_files():
    with pytest.raises(ValueError, match=r"parts lie in other\.fits, expected one of data/run 1"):
        made(parts=[(RUN, "other.fits")])


def test_times_need_a_zone():
    with pytest.raises(ValueError, match="no time zone"):
        made(ingested=datetime.datetime(2026, 1, 1))


def test_times_become_utc():
    zone = datetime.timezone(datetime.timedelta(hours=2))
    assert made(ingested=NOW.astimezone(zone)).ingested == "2026-01-02T03:04:05Z"


def test_text_and_back():
    facts = made()
    text = facts.to_text()
    assert Facts.from_text(text) == facts
    assert "null" not in text
    assert json.loads(text)["parts"][1]["dataset"] == f"{PREFIX}hess_dr/20136/aeff"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"authority": 1}', "\x00"])
def test_text_that_is_something_else(text):
    with pytest.raises(ValueError, match="holds no provenance facts"):
        Facts.from_text(text)


def test_the_story_of_an_observation():
    """Who, what, when, from what: each as a line of the VOTable."""
    found = tables(made())
    base = f"{PREFIX}hess_dr"
    file, making = f"{base}#file/data/run%201.fits.gz", f"{base}#production/data/run%201.fits.gz"
    run, ingestion = f"{base}/20136#observation", f"{base}/20136#ingestion"
    agents = {row["name"]: row["id"] for row in found["Agent"]}
    assert set(agents) == {
        "SASH FITS::EventListWriter",
        "H.E.S.S. Collaboration",
        "A. Shifter",
        "cherenkov-vo",
        "Example & Sons",
    }
    assert one(found["Agent"], name="cherenkov-vo")["version"] == "0.1.0"
    assert "type" not in one(found["Agent"], name="A. Shifter")
    one(found["Entity"], id=file, name=FILE, generatedAtTime="2018-05-06T09:14:21Z")
    one(found["wasGeneratedBy"], entity=file, activity=making, time="2018-05-06T09:14:21Z")
    one(found["wasAssociatedWith"], activity=making, agent=agents["SASH FITS::EventListWriter"])
    one(found["wasAttributedTo"], entity=file, agent=agents["H.E.S.S. Collaboration"], role="creator")
    one(found["Activity"], id=run, startTime="2026-01-01T03:04:05Z", endTime="2026-01-01T04:04:05Z")
    one(found["wasInformedBy"], informed=making, informant=run)
    one(found["wasAssociatedWith"], activity=run, agent=agents["A. Shifter"], role="observer")
    assert {row["name"]: row["value"] for row in found["Parameter"]} == {
        "CONFIG": "std_full",
        "EV_CLASS": "std",
        "EVTVER": "1.4",
    }
    for row in found["Parameter"]:
        one(found["wasConfiguredBy"], influencee=making, influencer=row["id"], artefactType="Parameter")
    (format_row,) = found["DatasetDescription"]
    assert (format_row["name"], format_row["docurl"]) == ("GADF 0.2", "https://example.org/gadf")
    one(found["isDescribedBy"], influencee=file, influencer=format_row["id"])
    one(found["Activity"], id=ingestion, endTime="2026-01-02T03:04:05Z")
    one(found["used"], activity=ingestion, entity=file)
    (config,) = found["ConfigFile"]
    assert config["location"] == "inputs/hess_dr/release.toml"
    one(found["wasConfiguredBy"], influencee=ingestion, influencer=config["id"], artefactType="ConfigFile")
    one(found["wasAssociatedWith"], activity=ingestion, agent=agents["cherenkov-vo"], role="software")
    for dataset in (str(RUN), str(AEFF)):
        one(found["Entity"], id=dataset)
        assert parse(dataset).collection == "hess_dr"
        one(found["wasGeneratedBy"], entity=dataset, activity=ingestion, time="2026-01-02T03:04:05Z")
        one(found["wasDerivedFrom"], generatedEntity=dataset, usedEntity=file)
        one(found["wasAttributedTo"], entity=dataset, agent=agents["Example & Sons"], role="publisher")
    assert "Simulat" not in provenance.prov_json(made()).decode()


def test_simulated_data_say_so():
    creator = {"CREATOR": "ctobssim (1.4.0)", "OBSERVER": "CTA Consortium"}
    found = tables(made(files={FILE: [creator]}, simulated=True))
    assert all(row["comment"] == provenance.SIMULATED for row in found["Entity"])
    (method,) = found["ActivityDescription"]
    assert (method["type"], method["version"]) == ("Simulation", "1.4.0")
    assert "wasInformedBy" not in found
    assert not [row for row in found["Activity"] if row["id"].endswith("#observation")]
    observer = one(found["Agent"], name="CTA Consortium")["id"]
    one(found["wasAssociatedWith"], agent=observer, role="observer")


def test_without_facts_little_is_said():
    found = tables(made(files={FILE: [{}]}, publisher=None, run=None))
    assert [row["name"] for row in found["Agent"]] == ["org.example", "cherenkov-vo"]
    assert not {"Parameter", "ActivityDescription", "DatasetDescription", "isDescribedBy"} & set(found)
    assert one(found["Activity"], id=f"{PREFIX}hess_dr/20136#observation").keys() == {"id", "name"}
    (file,) = [row for row in found["Entity"] if "#file/" in row["id"]]
    assert "generatedAtTime" not in file


def test_parts_of_several_files():
    """Responses out of a calibration database: made by the same software, told once, used by two."""
    files = {"events.fits": [EVENTS], "irf.fits": [EVENTS | {"EVTVER": "2", "OBSERVER": "X"}]}
    facts = made(files=files, parts=[(RUN, "events.fits"), (AEFF, "irf.fits")])
    found = tables(facts)
    assert len(found["Agent"]) == len({row["id"] for row in found["Agent"]}) == 5
    assert len(found["ActivityDescription"]) == 1
    one(found["wasDerivedFrom"], generatedEntity=str(AEFF), usedEntity=f"{PREFIX}hess_dr#file/irf.fits")
    (informed,) = found["wasInformedBy"]
    assert informed["informed"].endswith("#production/events.fits")
    assert len(found["used"]) == 2


def test_two_versions_of_one_software_are_two_agents():
    """Our own simulator's files may be older than what publishes them."""
    source = Source("f", software="cherenkov-vo", software_version="0.0.9")
    found = tables(
        Facts(
            "org.example", "hess_dr", str(RUN), "t", True, (source,), (Part(str(RUN), "f"),), "c", "0.1.0",
            "2026-01-02T03:04:05Z",
        )
    )  # fmt: skip
    agents = [row for row in found["Agent"] if row["name"] == "cherenkov-vo"]
    assert {row["version"] for row in agents} == {"0.0.9", "0.1.0"}


def test_votable_is_described():
    read = votable.parse(io.BytesIO(provenance.prov_votable(made())), verify="exception")
    assert read.version == "1.4"
    identifiers = []
    for table in read.iter_tables():
        assert table.utype == f"voprov:{table.name}"
        for field in table.fields:
            assert field.utype == f"voprov:{table.name}.{field.name}"
            assert check_ucd(field.ucd, check_controlled_vocabulary=True)
            assert (field.xtype == "timestamp") == field.name.lower().endswith("time")
            identifiers.append(field.ID)
    assert len(set(identifiers)) == len(identifiers) > 30
    (resource,) = read.resources
    infos = {info.name: info.value for info in resource.infos}
    assert infos["QUERY_STATUS"] == "OK"
    assert infos["prefix_ivo"] == PREFIX
    assert infos["prefix_voprov"] == provenance.VOPROV.uri


printable = st.text(min_size=1, max_size=30).map(str.strip).filter(lambda text: text and text.isprintable())
values = st.one_of(printable, st.sampled_from(["<&>]]>", "ü\u4e2d\U0001f52d", "\"'", "a:b/c?d#e%20", "NULL"]))
moments = st.datetimes(
    min_value=datetime.datetime(1990, 1, 1),
    max_value=datetime.datetime(2099, 1, 1),
    timezones=st.just(datetime.UTC),
)
stamps = moments.map(lambda moment: moment.isoformat().replace("+00:00", "Z"))
sources = st.builds(
    Source,
    name=values,
    software=st.none() | values,
    software_version=st.none() | values,
    origin=st.none() | values,
    observer=st.none() | values,
    created=st.none() | stamps,
    data_format=st.none() | values,
    format_url=st.none() | values,
    settings=st.lists(st.tuples(st.sampled_from(SETTINGS), values), max_size=3).map(tuple),
)


@st.composite
def many_facts(draw):
    files = draw(st.lists(sources, min_size=1, max_size=3, unique_by=lambda source: source.name))
    dataset = DatasetId("org.example", "some", draw(values))
    kinds = draw(st.lists(st.sampled_from(["aeff", "edisp", "psf"]), unique=True))
    names = st.sampled_from([source.name for source in files])
    parts = [Part(str(DatasetId("org.example", "some", dataset.obs_id, kind)), draw(names)) for kind in kinds]
    return Facts(
        authority="org.example",
        collection="some",
        dataset=str(dataset),
        title=draw(values),
        simulated=draw(st.booleans()),
        sources=tuple(files),
        parts=(Part(str(dataset), files[0].name), *parts),
        configuration=draw(values),
        software_version=draw(values),
        ingested=draw(stamps),
        publisher=draw(st.none() | values),
        start=draw(st.none() | stamps),
        stop=draw(st.none() | stamps),
    )


@given(facts=many_facts())
def test_all_forms_state_the_same(facts):
    """Text, PROV-JSON and PROV-VOTable come back as what they were, whatever the facts."""
    assert Facts.from_text(facts.to_text()) == facts
    document = provenance.document(facts)
    assert reread(facts) == document
    assert ordered(tables(facts)) == ordered(stated(reread(facts)))
    names = [record.identifier for record in document.get_records() if record.identifier]
    assert len(names) == len(set(names))
    known = {name.uri for name in names}
    for rows in tables(facts).values():
        for row in rows:
            links = [value for key, value in row.items() if key in LINKS]
            assert set(links) <= known


LINKS = {
    "entity", "activity", "agent", "informed", "informant", "influencee", "influencer", "generatedEntity",
    "usedEntity",
}  # fmt: skip


@given(
    headers=st.lists(
        st.dictionaries(st.sampled_from([*EVENTS, *SETTINGS]), st.text() | st.floats()), max_size=3
    )
)
def test_any_header_gives_documents(headers):
    facts = made(files={FILE: headers})
    assert reread(facts) == provenance.document(facts)
    assert len(tables(facts)["Entity"]) == 3


def test_values_out_of_a_table():
    """Values as FITS tables give them count as well as those of headers."""
    values = {"EVTVER": np.int16(2), "CONFIG": np.str_("x"), "ANA_VER": np.float64(1.5)}
    assert Source.of("f", [values]).settings == (("CONFIG", "x"), ("ANA_VER", "1.5"), ("EVTVER", "2"))
