"""The DataLink service descriptor in results of TAP and cone searches."""

import time
import urllib.parse
import xml.etree.ElementTree as ET

import pytest

VOTABLE = "{http://www.ivoa.net/xml/VOTable/v1.3}"
LINKS = "ivo://ivoa.net/std/datalink#links-1.1"
SITE, HESS, CTAO = "/rd/access/dl/dlmeta", "/hess_dr/q/dl/dlmeta", "/ctao/q/dl/dlmeta"
FORMATS = ["votable", "votable/td", "votable/b2", "application/x-votable+xml", "text/xml"]


def descriptors(instance, document):
    """Give path of the service, column of the identifiers, of each DataLink service in a VOTable."""
    root = ET.fromstring(document)
    names = {field.get("ID"): field.get("name") for field in root.iter(f"{VOTABLE}FIELD") if field.get("ID")}
    found = []
    for resource in root.iter(f"{VOTABLE}RESOURCE"):
        if resource.get("utype") != "adhoc:service":
            continue
        params = {param.get("name"): param for param in resource.iter(f"{VOTABLE}PARAM")}
        if params["standardID"].get("value").lower() == LINKS:
            path = params["accessURL"].get("value").removeprefix(instance.url)
            found.append((path, names[params["ID"].get("ref")]))
    return sorted(found)


@pytest.mark.parametrize(
    ("select", "services"),
    [
        ("* FROM ivoa.obscore", [SITE]),
        ("* FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea", [SITE]),
        ("obs_publisher_did, ev_xel FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea", [SITE]),
        ("o.obs_publisher_did FROM ivoa.obscore AS o", [SITE]),
        ("* FROM hess_dr.obscore", [HESS]),
        ("target_name, obs_publisher_did FROM hess_dr.obscore", [HESS]),
        ("* FROM ctao.companions", [CTAO]),
        ("c.* FROM ctao.obscore AS c JOIN ivoa.obscore AS o USING (obs_publisher_did)", [CTAO, SITE]),
        # Without the identifiers there is nothing to give to the service.
        ("obs_id FROM ivoa.obscore", []),
        ("obs_id FROM hess_dr.obscore", []),
        ("obs_publisher_did AS did FROM ivoa.obscore", []),
    ],
)
def test_tap(instance, select, services):
    answer = instance.tap(f"SELECT TOP 2 {select}", FORMAT="votable")
    assert answer.status == 200
    assert descriptors(instance, answer.body) == [(service, "obs_publisher_did") for service in services]


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_of_votable(instance, form):
    answer = instance.tap("SELECT TOP 2 * FROM ivoa.obscore", FORMAT=form)
    assert descriptors(instance, answer.body) == [(SITE, "obs_publisher_did")]


def test_asynchronous_jobs(instance):
    query = "SELECT TOP 2 * FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea"
    parameters = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": query})
    # The answer is the job itself: creating it redirects there.
    job = instance.get(f"/tap/async?{parameters}", method="POST")
    identifier = ET.fromstring(job.body).findtext("{http://www.ivoa.net/xml/UWS/v1.0}jobId")
    instance.get(f"/tap/async/{identifier}/phase?PHASE=RUN", method="POST")
    for _ in range(100):
        phase = instance.get(f"/tap/async/{identifier}/phase").text
        if phase not in ("PENDING", "QUEUED", "EXECUTING"):
            break
        time.sleep(0.3)
    assert phase == "COMPLETED"
    document = instance.get(f"/tap/async/{identifier}/results/result")
    assert descriptors(instance, document.body) == [(SITE, "obs_publisher_did")]


@pytest.mark.parametrize(("collection", "service"), [("hess_dr", HESS), ("ctao", CTAO)])
def test_cone_searches(instance, collection, service):
    query = f"SELECT TOP 1 s_ra, s_dec FROM {collection}.obscore WHERE s_ra IS NOT NULL"
    ((ra, dec),) = instance.rows(query)
    answer = instance.get(f"/{collection}/q/cone/scs.xml?RA={ra}&DEC={dec}&SR=1")
    assert descriptors(instance, answer.body) == [(service, "obs_publisher_did")]


def test_the_service_takes_data_sets_of_all_collections(instance):
    runs = [
        instance.rows(f"SELECT TOP 1 obs_publisher_did FROM {name}.obscore WHERE data_rights = 'public'")[0][
            0
        ]
        for name in ("hess_dr", "ctao")
    ]
    query = urllib.parse.urlencode([("ID", run) for run in runs] + [("RESPONSEFORMAT", "votable/td")])
    root = ET.fromstring(instance.get(f"{SITE}?{query}").body)
    table = root.find(f".//{VOTABLE}TABLE")
    first = [next(row.iter(f"{VOTABLE}TD")).text for row in table.iter(f"{VOTABLE}TR")]
    assert set(first) == set(runs)
    assert min(first.count(run) for run in runs) > 10
