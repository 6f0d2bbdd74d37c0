"""The links page as browsers get it: where it is, what it links, and to whom."""

import base64
import re
import urllib.parse
from collections.abc import Iterator
from itertools import pairwise

import html5lib
import pytest

from instance.bringup import Instance as Managed
from instance.settings import load

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"
PASSWORD = "only-for-tests"
GROUP = "ctao"


def page_of(answer):
    """Read an answer as HTML5, where any error is one."""
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    assert "Traceback" not in answer.text
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    return parser.parse(answer.body.decode("utf-8"))


def texts(tree):
    return " ".join("".join(tree.itertext()).split())


def places(tree):
    """Give all URLs that the page leads to or loads."""
    names = ("href", "src", "action")
    found = [element.get(name) for element in tree.iter() for name in names if element.get(name)]
    return [place for place in found if place.startswith("/")]


def query(*identifiers, **more):
    return urllib.parse.urlencode([*(("ID", identifier) for identifier in identifiers), *more.items()])


def basic(name, password=PASSWORD):
    return {"Authorization": f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"}


@pytest.fixture(scope="module")
def embargoed(instance):
    """The identifier of a run that is not public."""
    text = "SELECT TOP 1 obs_publisher_did FROM ctao.obscore WHERE data_rights = 'proprietary'"
    ((did,),) = instance.rows(text)
    return did


@pytest.fixture(scope="module")
def users() -> Iterator[tuple[str, str]]:
    """Two users; the first one may have what is proprietary in ctao."""
    names = ("tester_friend", "tester_stranger")
    dachs = Managed(load()).dachs
    try:
        for name in names:
            dachs.run("admin", "adduser", name, PASSWORD)
        dachs.run("admin", "addtogroup", names[0], GROUP)
        yield names
    finally:
        for name in names:
            dachs.run("admin", "deluser", name)


def test_browsers_are_sent_to_the_page(instance, obs_id):
    for where, page in (("/hess_dr/q", "/hess_dr/q"), ("/rd/access", "/rd/access")):
        answer = instance.get(f"{where}/dl/dlmeta?{query(obs_id)}", User_Agent=BROWSER)
        assert answer.status == 200
        assert f"{page}/page/custom/links.css" in places(page_of(answer))
        document = instance.get(f"{where}/dl/dlmeta?{query(obs_id)}")
        assert b"<VOTABLE" in document.body
        assert document.headers["Vary"] == "User-Agent, Authorization"
        asked = instance.get(
            f"{where}/dl/dlmeta?{query(obs_id, RESPONSEFORMAT='votable')}", User_Agent=BROWSER
        )
        assert b"<VOTABLE" in asked.body
        assert asked.headers["Content-Type"] == document.headers["Content-Type"]
        assert asked.headers["Vary"] == "User-Agent, Authorization"


def test_what_the_page_is_made_of_is_there(instance, obs_id):
    answer = instance.get(f"/hess_dr/q/page/custom?{query(obs_id)}")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Vary"] == "Authorization"
    head = page_of(answer).find("head")
    for place in places(head):
        asset = instance.get(place)
        assert asset.status == 200
        assert asset.headers["Content-Type"].split(";")[0] in (
            "text/css",
            "text/javascript",
            "application/javascript",
        )
    assert instance.get("/hess_dr/q/page/custom/links.py").status == 404
    assert instance.get("/hess_dr/q/page/custom/../links.css").status == 404


def test_all_links_of_the_document_are_on_the_page(instance, obs_id):
    ((did,),) = instance.rows(f"SELECT obs_publisher_did FROM hess_dr.obscore WHERE obs_id = '{obs_id}'")
    linked = instance.rows(f"SELECT access_url FROM datalink.response WHERE id = '{did}'")
    tree = page_of(instance.get(f"/hess_dr/q/page/custom?{query(did)}"))
    found = set(places(tree))
    assert len(linked) > 10
    for (url,) in linked:
        assert url.removeprefix(instance.url) in found
    assert did in texts(tree)
    assert ("Simulated data" in texts(tree)) is instance.simulated
    for place in sorted(found):
        if place.endswith((".fits", ".fits.gz", ".json", ".xml")) or "/dlmeta?" in place:
            assert instance.get(place, method="HEAD" if ".fits" in place else "GET").status == 200, place


@pytest.mark.parametrize("kind", ["aeff", "psf"])
@pytest.mark.parametrize("collection", ["hess_dr", "ctao"])
def test_a_response_has_a_page_of_its_own(instance, collection, kind):
    condition = f"dataproduct_type = '{kind}' AND data_rights = 'public'"
    columns = "obs_publisher_did, obs_title, access_url"
    ((did, title, url),) = instance.rows(
        f"SELECT TOP 1 {columns} FROM {collection}.companions WHERE {condition}"
    )
    tree = page_of(instance.get(f"/{collection}/q/page/custom?{query(did)}"))
    assert texts(next(tree.iter("h1"))) == title
    headings = [texts(element) for element in tree.iter("h2")]
    assert headings[:3] == ["The file", "Pictures", "Provenance"]
    path = url.removeprefix(instance.url)
    assert {path, path.replace(".fits", ".png"), path.replace(".fits", "-small.png")} <= set(places(tree))
    assert not list(tree.iter("form"))


def test_the_bundle_of_a_run_stands_for_its_event_lists(instance, obs_id):
    ((did,),) = instance.rows(f"SELECT obs_publisher_did FROM hess_dr.obscore WHERE obs_id = '{obs_id}'")
    tree = page_of(instance.get(f"/hess_dr/q/page/custom?{query(f'{did}/event-bundle')}"))
    assert did in texts(tree)
    assert "The event list" in [texts(element) for element in tree.iter("h2")]


def test_the_obs_id_of_several_event_lists(instance):
    found = instance.rows(
        "SELECT obs_id, COUNT(*) AS n FROM ctao.obscore GROUP BY obs_id HAVING COUNT(*) > 1 ORDER BY obs_id"
    )
    obs_id, number = found[0]
    tree = page_of(instance.get(f"/rd/access/page/custom?{query(obs_id)}"))
    sections = [element for element in tree.iter("section") if element.get("class") == "dataset"]
    assert len(sections) == int(number)
    assert texts(tree).startswith(f"{number} data sets and their files")


@pytest.mark.parametrize(
    ("identifiers", "status"),
    [
        (["nonsense"], 404), (["ivo://nowhere.example/~?x/1"], 404), (["ivo://"], 400),
        ([""], 400), ([], 200), (["nonsense", "ivo://"], 400),
        (["<script>alert(1)</script>"], 404), (["x" * 5000], 400), (["a\x00b"], 400),
    ],
)  # fmt: skip
def test_identifiers_that_lead_nowhere(instance, obs_id, identifiers, status):
    answer = instance.get(f"/rd/access/page/custom?{query(*identifiers)}")
    assert answer.status == status
    tree = page_of(answer)
    assert len(list(tree.iter("script"))) == 2
    assert "No data set" in texts(tree) or "no data set" in texts(tree) or not identifiers
    if identifiers:
        mixed = instance.get(f"/rd/access/page/custom?{query(*identifiers, obs_id)}")
        assert mixed.status == 200
        assert "What was not found" in texts(page_of(mixed))


def test_what_is_no_utf_8(instance):
    answer = instance.get("/rd/access/page/custom?ID=%ff%fe")
    assert answer.status == 400
    page_of(answer)


def test_another_collection_has_pages_of_its_own(instance, embargoed):
    assert instance.get(f"/hess_dr/q/page/custom?{query(embargoed)}").status == 404
    assert instance.get(f"/ctao/q/page/custom?{query(embargoed)}").status == 200


def test_more_than_a_page_takes(instance):
    asked = [str(number) for number in range(1, 61)]
    tree = page_of(instance.get(f"/rd/access/page/custom?{query(*asked)}"))
    assert len(list(next(tree.iter("ul")).iter("li"))) <= 50
    runs = [row[0] for row in instance.rows("SELECT obs_publisher_did FROM ctao.obscore")]
    tree = page_of(instance.get(f"/rd/access/page/custom?{query(*runs)}"))
    sections = [element for element in tree.iter("section") if element.get("class") == "dataset"]
    assert len(sections) == 50
    (rest,) = [anchor for anchor in tree.iter("a") if (anchor.text or "").startswith("The links of")]
    others = page_of(instance.get(rest.get("href")))
    sections += [element for element in others.iter("section") if element.get("class") == "dataset"]
    shown = [texts(next(found for found in section.iter("dl"))) for section in sections]
    assert len(sections) == len(runs)
    assert all(any(text.endswith(run) for text in shown) for run in runs)


def secrets(instance, did):
    """Give the paths of what is withheld of a run, pictures included."""
    found = instance.rows(f"SELECT access_url, semantics FROM datalink.response WHERE id = '{did}'")
    kinds = ("#this", "#preview-image", "#preview-plot", "#thumbnail", "#package")
    return [url.removeprefix(instance.url) for url, semantics in found if semantics in kinds]


def test_an_embargoed_run_is_described_but_not_linked(instance, embargoed):
    answer = instance.get(f"/ctao/q/page/custom?{query(embargoed)}")
    tree = page_of(answer)
    assert "These data are proprietary until" in texts(tree)
    assert embargoed in texts(tree)
    assert len(secrets(instance, embargoed)) > 5
    assert not set(places(tree)) & set(secrets(instance, embargoed))
    assert not list(tree.iter("form"))
    for place in places(tree):
        if place.endswith((".fits", ".json", ".xml")):
            assert instance.get(place).status == 200, place


def test_the_login_link_asks_for_a_password(instance, embargoed):
    tree = page_of(instance.get(f"/ctao/q/page/custom?{query(embargoed)}"))
    (login,) = [anchor.get("href") for anchor in tree.iter("a") if anchor.text == "Log in"]
    answer = instance.get(f"/ctao/q/page/custom{login}")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert not set(places(page_of(answer))) & set(secrets(instance, embargoed))


def test_whoever_has_the_right_finds_all(instance, embargoed, users):
    friend, stranger = users
    path = f"/ctao/q/page/custom?{query(embargoed, login='1')}"
    answer = instance.get(path, **basic(friend))
    assert answer.status == 200
    assert "private" in answer.headers["Cache-Control"]
    assert set(secrets(instance, embargoed)) <= set(places(page_of(answer)))
    (this,) = [place for place in secrets(instance, embargoed) if place.endswith("event-list.fits")]
    assert instance.get(this, **basic(friend)).status == 200
    other = instance.get(path, **basic(stranger))
    assert other.status == 200
    assert f"{stranger} has no right to them." in texts(page_of(other))
    assert not set(places(page_of(other))) & set(secrets(instance, embargoed))
    wrong = instance.get(path, **basic(friend, "wrong"))
    assert wrong.status == 401
    assert not set(places(page_of(wrong))) & set(secrets(instance, embargoed))


def test_head_and_post(instance, obs_id):
    path = f"/hess_dr/q/page/custom?{query(obs_id)}"
    head = instance.get(path, method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["Content-Length"]) == len(instance.get(path).body)


def form_of(instance, collection, condition):
    parameters = {"__nevow_form__": "genForm", "_FORMAT": "HTML", "MAXREC": "100", "submit": "Go"} | condition
    answer = instance.get(f"/{collection}/q/cone/form?{urllib.parse.urlencode(parameters)}")
    assert answer.status == 200
    return answer.text


def test_results_of_the_form_show_small_counts_maps(instance, obs_id, embargoed):
    ((picture, did),) = instance.rows(
        f"SELECT preview, obs_publisher_did FROM hess_dr.obscore WHERE obs_id = '{obs_id}'"
    )
    text = form_of(instance, "hess_dr", {"obs_id": obs_id})
    small = urllib.parse.urlsplit(picture).path.replace("counts-map.png", "counts-map-small.png")
    page = f"/hess_dr/q/page/custom?ID={urllib.parse.quote(did)}"
    shown = re.search(rf'<a href="{re.escape(page)}"><img [^>]*src="{re.escape(small)}"[^>]*>', text)
    assert shown
    assert f'alt="Counts map of {obs_id}"' in shown[0]

    held = embargoed.rpartition("/")[2]
    text = form_of(instance, "ctao", {"obs_id": held})
    assert f">{held}<" in text
    assert "<img" not in text[text.index(f">{held}<") :].partition("</tr>")[0]
    page = f"/ctao/q/page/custom?ID={urllib.parse.quote(embargoed)}"
    assert f'<a href="{page}">not public</a>' in text


def test_headings_do_not_skip_levels(instance, obs_id, embargoed):
    tree = page_of(instance.get(f"/rd/access/page/custom?{query(obs_id, embargoed, 'nonsense')}"))
    levels = [int(element.tag[1]) for element in tree.iter() if re.fullmatch("h[1-6]", str(element.tag))]
    assert levels[0] == 1
    assert max(levels) == 3
    assert all(after <= before + 1 for before, after in pairwise(levels))
