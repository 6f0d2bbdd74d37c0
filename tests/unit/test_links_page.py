"""What the links page says to whom, and that it is sound HTML that anybody can read."""

import datetime
import re
from dataclasses import replace
from itertools import pairwise

import pytest

from datalink import links_html, links_view, links_words
from datalink.files import ANONYMOUS, Access, Fault, File
from datalink.links_html import LONGEST_URL
from datalink.links_view import View
from tests.gadf_releases import REGISTRY, config
from tests.links_pages import (
    ADMIN,
    BASE,
    DID,
    EMBARGO,
    FITS,
    FOR_EVER,
    FRIEND,
    LONG,
    OPENED,
    STRANGER,
    VIEWS,
    hrefs,
    nasty,
    parsed,
    row,
    rows,
    section,
    texts,
    whole,
)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (95040, "95.0 kB"), (99949, "99.9 kB"),
        (99950, "100 kB"), (103680, "104 kB"), (999_499, "999 kB"), (999_500, "1.0 MB"),
        (2 * 10**9, "2.0 GB"), (5 * 10**15, "5000 TB"),
    ],
)  # fmt: skip
def test_sizes(size, text):
    assert links_words.size_text(size) == text


@pytest.mark.parametrize(
    ("start", "stop", "text"),
    [
        (51544.0, 51544.5, "2000-01-01 00:00:00 to 12:00:00 (TT)"),
        (51544.75, 51545.25, "2000-01-01 18:00:00 to 2000-01-02 06:00:00 (TT)"),
        (51543.999999, 51544.000012, "2000-01-01 00:00:00 to 00:00:01 (TT)"),
        (None, 51544.0, None),
    ],
)
def test_times(start, stop, text):
    assert links_words.times_text(start, stop) == text


def test_numbers_with_units():
    assert links_words.energies_text(2.92e11, 1e14) == "0.292 to 100 TeV"
    assert links_words.energies_text(None, 1e14) is None
    assert [links_words.duration_text(value) for value in (None, 119.4, 1580.4)] == [
        None,
        "119 s",
        "26.3 min",
    ]


@pytest.mark.parametrize("prefix", ["", "hea-"])
def test_links_are_in_groups_and_in_words(prefix):
    found = section(links=rows(prefix=prefix))
    assert [(group.heading, [link.text for link in group.links]) for group in found.groups] == [
        ("The event list", ["Events with good time intervals"]),
        ("Pictures", ["Counts map", "Event rate over time"]),
        ("Instrument responses", ["Effective area", "Size of the point-like cut"]),
        ("Everything in one file", [
            "Events, good time intervals and responses",
            "The same with index tables, terms of use and provenance",
        ]),
        ("Provenance", ["W3C PROV-JSON", "IVOA PROV-VOTable"]),
    ]  # fmt: skip


def test_links_of_unknown_kinds_have_their_own_words():
    odd = [row("#this", "/a.fits", "something"), row("#auxiliary", "/b.txt", None, "text/plain")]
    found = section(links=odd)
    assert [(group.heading, group.links[0].text) for group in found.groups] == [
        ("The file", odd[0]["description"]), ("Other links", odd[1]["description"]),
    ]  # fmt: skip


def test_facts_are_for_people_and_unknown_ones_left_out():
    facts = dict(section().facts)
    assert facts["Time"] == "2003-12-27 06:00:00 to 06:28:48 (TT)"
    assert facts["Energies"] == "0.292 to 100 TeV"
    assert facts["Pointing"] == "83.6300° -22.0100° (ICRS), field of view 5.0° across"
    assert facts["By"] == "The Testers"
    assert "Public" not in facts
    unknown = dict.fromkeys(
        ("target_name", "t_min", "energy_max", "s_ra", "ev_xel", "event_type", "obs_mode")
    )
    assert list(dict(section(**unknown).facts)) == ["Collection", "Live time", "By", "Identifier"]


def test_pictures_are_shown_in_small_and_lead_to_those_in_full():
    tree = parsed(whole())
    shown = {
        image.get("src"): anchor.get("href") for anchor in tree.iter("a") for image in anchor.iter("img")
    }
    assert shown.pop("/static/img/logo_medium.png") == "/"
    assert shown == {
        f"{BASE}_event-list_counts-map-small.png": f"{BASE}_event-list_counts-map.png",
        f"{BASE}_event-list_event-rate-small.png": f"{BASE}_event-list_event-rate.png",
        f"{BASE}_aeff-small.png": f"{BASE}_aeff.png",
        f"{BASE}_rad-max-small.png": f"{BASE}_rad-max.png",
    }
    assert {image.get("loading") for image in tree.iter("img") if "small" in image.get("src")} == {"lazy"}


@pytest.mark.parametrize("access", [EMBARGO, FOR_EVER])
@pytest.mark.parametrize("user", [ANONYMOUS, STRANGER])
def test_what_is_withheld_is_not_linked(access, user):
    tree = parsed(whole(user, access), anonymous=user is ANONYMOUS)
    places = [element.get(name) for element in tree.iter() for name in ("href", "src", "action")]
    secret = [
        found["access_path"] for found in rows(access)
        if found["access_groups"] is not None and found["access_path"].startswith("/test_dr")
    ]  # fmt: skip
    assert len(secret) == 5
    assert not set(places) & set(secret)
    assert not [place for place in places if place and ("bundle" in place or "cutout" in place)]
    assert f"{BASE}_aeff.fits" in places
    assert f"{BASE}_provenance.json" in places
    said = texts(tree)
    assert "These data are proprietary" in said
    assert ("until 2999-01-31 (UTC)" in said) is (access is EMBARGO)
    logins = [place for place in places if place and "login=1" in place]
    if user is ANONYMOUS:
        assert logins == ["?ID=ivo%3A%2F%2Forg.example%2F~%3Ftest_dr%2F4711&login=1"]
    else:
        assert not logins
        assert "bert has no right to them." in said


@pytest.mark.parametrize(
    ("user", "access"), [(FRIEND, EMBARGO), (FRIEND, FOR_EVER), (ADMIN, EMBARGO), (ANONYMOUS, OPENED)]
)
def test_whoever_has_the_right_gets_all(user, access):
    found = section(user, access)
    assert found.notice is None
    assert sum(len(group.links) for group in found.groups) == len(rows()) - 1
    assert found.cutout is not None
    assert "you have the right" in dict(found.facts).get("Public", "") or access is OPENED


def test_since_when_data_are_public():
    said = dict(section(access=OPENED, obs_release_date=datetime.datetime(2001, 1, 31)).facts)["Public"]
    assert said == "since 2001-01-31 (UTC)"
    assert dict(section(access=EMBARGO).facts)["Public"] == "not before 2999-01-31 (UTC)"
    assert dict(section(access=FOR_EVER).facts)["Public"] == "no"


def test_the_form_for_events_knows_the_run():
    (form,) = [form for form in parsed(whole()).iter("form") if form.get("action") == links_html.CUTOUT]
    assert form.get("method") == "get"
    fields = {field.get("name"): field for field in (*form.iter("input"), *form.iter("select"))}
    assert list(fields) == ["ID", "CIRCLE", "TIME", "ENERGY", "RESPONSES"]
    assert fields["ID"].get("value") == DID
    assert fields["CIRCLE"].get("placeholder") == "83.6300 -22.0100 0.5"
    assert fields["TIME"].get("placeholder") == "53000.25000 53000.27000"
    assert fields["ENERGY"].get("placeholder") == "2.92e+11 1e+14"
    assert [option.get("value") for option in fields["RESPONSES"].iter("option")] == ["all", "none"]


def test_without_events_there_is_no_form():
    bare = View((section(links=rows()[-2:], s_ra=None, t_min=None, energy_min=None),))
    assert not list(parsed(bare).iter("form"))


def test_examples_of_what_is_unknown_are_left_out():
    view = whole(s_ra=None, t_min=None, energy_min=None)
    boxes = [field for field in parsed(view).iter("input") if field.get("type") == "text"]
    assert [field.get("placeholder") for field in boxes] == ["", "", ""]
    assert "For example" not in texts(parsed(view))


def test_simulated_data_are_called_so():
    assert "Simulated data: no telescope took them." not in texts(parsed(whole()))
    simulated = config(simulated=True, obs_collection="TEST simulated")
    assert "Simulated data: no telescope took them." in texts(parsed(whole(release=simulated)))
    file = File(
        f"{DID}/aeff", "test_dr", "4711", "#this", "aeff", FITS, "Effective area of TEST (simulated)",
        f"{BASE}_aeff.fits", "a", None, 1, (), Access(),
    )  # fmt: skip
    own = [row("#this", f"{BASE}_aeff.fits", "aeff")]
    assert links_view.other_file(file, own, {"one": config()}, ANONYMOUS).simulated
    real = replace(file, description="Effective area of TEST")
    found = links_view.other_file(real, own, {"one": config(), "two": simulated}, ANONYMOUS)
    assert not found.simulated
    assert [group.heading for group in found.groups] == ["The file"]
    assert dict(found.facts)["Kind"] == "Effective area"


def test_the_release_of_a_row_is_found():
    releases = {"one": config(), "two": config(obs_collection="OTHER")}
    assert links_view.release_of({"obs_collection": "OTHER"}, releases) is releases["two"]


@pytest.mark.parametrize("name", VIEWS)
def test_the_page_is_sound(name):
    tree = parsed(VIEWS[name])
    root = tree if tree.tag == "html" else tree.find("html")
    assert root.get("lang") == "en"
    ids = [element.get("id") for element in tree.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for element in tree.iter():
        for name_of_id in ("aria-labelledby", "aria-describedby", "for"):
            if element.get(name_of_id):
                assert element.get(name_of_id) in ids
        assert not [key for key in element.keys() if key.startswith("on") or key == "style"]  # noqa: SIM118
    labelled = {label.get("for") for label in tree.iter("label")}
    for field in (*tree.iter("input"), *tree.iter("select")):
        assert field.get("type") == "hidden" or field.get("id") in labelled
    assert all(image.get("alt") for image in tree.iter("img"))
    assert all(texts(anchor) or anchor.find("img") is not None for anchor in tree.iter("a"))
    levels = [int(element.tag[1]) for element in tree.iter() if re.fullmatch("h[1-6]", str(element.tag))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("name", VIEWS)
def test_nothing_comes_from_elsewhere_and_nothing_is_inline(name):
    tree = parsed(VIEWS[name])
    sources = [element.get("src") for element in tree.iter() if element.get("src")]
    sources += [element.get("href") for element in tree.iter("link")]
    sources += [form.get("action") for form in tree.iter("form") if form.get("action")]
    assert all(re.match(r"/(?!/)", source) for source in sources)
    assert not list(tree.iter("style"))
    scripts = list(tree.iter("script"))
    assert len(scripts) == 2
    assert not any(texts(script) for script in scripts)
    assert not [href for href in hrefs(tree) if href and href.startswith("javascript:")]


def test_what_others_wrote_is_text():
    tree = parsed(nasty())
    assert texts(tree).count("<script>alert(1)</script>") > 10
    assert "(empty): ID is no data set identifier." in texts(tree)


@pytest.mark.parametrize(
    ("sections", "kinds", "status"),
    [
        (1, [], 200), (1, ["NotFoundFault"], 200), (1, ["UsageFault"], 200), (0, [], 200),
        (0, ["NotFoundFault", "NotFoundFault"], 404), (0, ["UsageFault"], 400),
        (0, ["NotFoundFault", "UsageFault"], 400),
    ],
)  # fmt: skip
def test_status(sections, kinds, status):
    faults = tuple(Fault("x", kind, "wrong") for kind in kinds)
    assert View((section(),) * sections, faults).status == status


def test_several_data_sets_are_fetched_together():
    tree = parsed(VIEWS["two"])
    bundle = f"{links_html.BUNDLE}?" + "&".join(["ID=ivo%3A%2F%2Forg.example%2F~%3Ftest_dr%2F4711"] * 2)
    assert bundle in hrefs(tree)
    together = [href for href in hrefs(tree) if href.startswith("/rd/access/dl/dlmeta?ID=")]
    assert together[0].count("ID=") == 2
    assert together[0].endswith("RESPONSEFORMAT=votable")
    assert not [form for form in tree.iter("form") if form.get("method") == "post"]


def test_too_many_for_a_url_are_sent_by_a_form():
    tree = parsed(VIEWS["many"])
    assert max(len(href) for href in hrefs(tree)) <= LONGEST_URL
    (form,) = [form for form in tree.iter("form") if form.get("method") == "post"]
    assert form.get("action") == links_html.BUNDLE
    assert [field.get("value") for field in form.iter("input")] == [LONG] * 20
    assert "/rd/access/page/custom?ID=a&ID=b" in hrefs(tree)


def test_embargoed_runs_are_not_in_the_common_archive():
    held = replace(section(access=EMBARGO), identifier="ivo://org.example/~?test_dr/held")
    tree = parsed(View((section(), section(), held)))
    (bundle,) = [href for href in hrefs(tree) if href.startswith(f"{links_html.BUNDLE}?ID=ivo")]
    assert "held" not in bundle
    assert "Everything of 2 event lists in one archive, without 1 that you may not have" in texts(tree)
    assert not [
        href for href in hrefs(parsed(View((section(), held)))) if f"{links_html.BUNDLE}?ID=ivo" in href
    ]


def test_what_can_be_sent_to_other_programs():
    tree = parsed(whole())
    sent = {anchor.get("href").partition("?")[0]: anchor.get("data-mtype") for anchor in tree.iter("a")}
    assert {href: mtype for href, mtype in sent.items() if mtype} == {
        f"{BASE}_event-list.fits": "table.load.fits",
        f"{BASE}_aeff.fits": "table.load.fits",
        f"{BASE}_rad-max.fits": "table.load.fits",
        "/test_dr/q/file/custom/4711/r.fits.gz": "table.load.fits",
        "/test_dr/q/dl/dlmeta": "table.load.votable",
    }


def test_terms_of_use_are_on_the_page():
    tree = parsed(whole())
    for text in (REGISTRY["rights"], REGISTRY["attribution"], *REGISTRY["creators"]):
        assert text in texts(tree)
    assert "#about-test_dr" in hrefs(tree)
    assert links_view.about("test_dr", {"one": config()}) is None
