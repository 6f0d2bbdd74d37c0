import re

import pytest

from instance import doctor
from instance.bringup import Instance as Managed
from instance.settings import load

PAGES = [
    "/",
    "/hess_dr/q/cone/form",
    "/hess_dr/q/cone/info",
    "/tableinfo/hess_dr.obscore",
    "/tableinfo/ivoa.obscore_hea",
    "/tableinfo/datalink.response",
    "/browse/hess_dr/q",
    "/tap/examples",
    "/tap/capabilities",
    "/tap/tables",
    "/tap/availability",
    "/hess_dr/q/cone/scs.xml?RA=83.6&DEC=22&SR=1",
    "/oai.xml?verb=Identify",
]
NOT_THERE = [
    "/hess_dr/q/file/custom/",
    "/hess_dr/q/file/custom/none/none_aeff.fits",
    "/hess_dr/q/file/custom/{obs_id}/{obs_id}_gti.fits",
    "/hess_dr/q/file/custom/{obs_id}/../../../q.rd",
    "/hess_dr/q/file/custom/{obs_id}/%2e%2e/%2e%2e/release.toml",
    "/getproduct/hess_dr/q.rd",
    "/getproduct/hess_dr/release.toml",
]


@pytest.mark.parametrize("path", PAGES)
def test_pages(instance, path):
    answer = instance.get(path)
    assert answer.status == 200
    assert len(answer.body) > 200


@pytest.mark.parametrize("path", NOT_THERE)
def test_what_is_not_there(instance, obs_id, path):
    answer = instance.get(path.format(obs_id=obs_id))
    assert answer.status in (403, 404)
    assert "Traceback" not in answer.text
    assert "/dachs/inputs" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/tap/sync?LANG=ADQL&QUERY=SELECT+*+FROM+nowhere.nothing",
        "/tap/sync?LANG=ADQL&QUERY=SELECT+nothing+FROM+hess_dr.obscore",
        "/tap/sync?LANG=ADQL&QUERY=DROP+TABLE+hess_dr.obscore",
        "/tap/sync",
        "/hess_dr/q/cone/scs.xml?RA=x&DEC=22&SR=1",
        "/hess_dr/q/cone/scs.xml",
    ],
)
def test_bad_requests_get_error_documents(instance, path):
    answer = instance.get(path)
    assert answer.status == 400 if path.startswith("/tap") else answer.status < 500
    assert re.search(r'QUERY_STATUS" value="ERROR"|name="Error"', answer.text)
    assert "Traceback" not in answer.text


def test_errors_name_what_is_missing(instance):
    assert "nowhere.nothing" in instance.tap("SELECT * FROM nowhere.nothing").text
    assert "nosuchcolumn" in instance.tap("SELECT nosuchcolumn FROM hess_dr.obscore").text


@pytest.mark.parametrize("name", ["aeff", "event-list", "event-bundle"])
def test_files_can_be_fetched_in_pieces(instance, obs_id, name):
    query = f"SELECT access_url FROM datalink.response WHERE content_qualifier = '{name}'"
    urls = [row[0] for row in instance.rows(query)]
    path = next(url for url in urls if f"/{obs_id}/" in url).removeprefix(instance.url)
    whole = instance.get(path)
    assert whole.status == 200
    assert whole.headers["Content-Type"] == "application/x-fits-gadf"
    assert int(whole.headers["Content-Length"]) == len(whole.body)
    assert whole.headers["Last-Modified"]
    assert whole.headers["Content-Encoding"] is None
    piece = instance.get(path, Range="bytes=2880-2999")
    assert (piece.status, piece.body) == (206, whole.body[2880:3000])
    head = instance.get(path, method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == whole.headers["Content-Length"]
    assert instance.get(path, If_Modified_Since=whole.headers["Last-Modified"]).status == 304


def test_form_finds_observations(instance, obs_id):
    answer = instance.get(
        f"/hess_dr/q/cone/form?__nevow_form__=genForm&obs_id={obs_id}&_FORMAT=HTML&submit=Go"
    )
    assert answer.status == 200
    assert obs_id in answer.text
    assert "Internal Error" not in answer.text
    assert f"/hess_dr/q/page/custom?ID=ivo%3A//{instance.authority}/~%3Fhess_dr/{obs_id}" in answer.text
    # Times are TT, so nothing may look like UTC.
    assert re.search(r"\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\d<", answer.text)


@pytest.mark.parametrize("collection", ["hess_dr", "ctao"])
def test_simulated_data_are_labelled_wherever_they_are_described(instance, collection):
    records = instance.get("/oai.xml?verb=ListRecords&metadataPrefix=oai_dc").text.split("</oai:record>")
    table = f"{collection}.obscore"
    texts = [
        instance.tap(f"SELECT TOP 1 obs_title FROM {table}").text,
        instance.tap(f"SELECT TOP 1 obs_title FROM {collection}.companions").text,
        instance.tap(f"SELECT TOP 1 obs_collection FROM {table}").text,
        instance.get(f"/{collection}/q/cone/info").text,
        *(record for record in records if f"/{collection}/q/cone" in record),
        instance.tap(f"SELECT description FROM tap_schema.tables WHERE table_name = '{table}'").text,
    ]
    assert len(texts) > 5
    for text in texts:
        assert ("simulated" in text.lower()) is (instance.simulated or collection == "ctao"), text[:300]


def test_the_doctor_finds_nothing(instance):
    faults = [diagnosis for diagnosis in doctor.diagnose() if diagnosis.remedy]
    assert not faults


def test_an_unchanged_release_is_not_imported_again(instance):
    managed = Managed(load())
    before = managed.state.get("imported")
    report = (managed.home / "reports" / "hess_dr.json").stat().st_mtime_ns
    managed.bring_up()
    assert managed.state.get("imported") == before
    assert (managed.home / "reports" / "hess_dr.json").stat().st_mtime_ns == report
