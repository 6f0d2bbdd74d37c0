"""Links pages for tests: event lists, their links, and what is shown of them."""

import datetime
from dataclasses import replace

import html5lib

from datalink import links_html, links_view
from datalink.files import ANONYMOUS, Access, EventList, Fault, File, User
from datalink.links_html import Site
from datalink.links_view import View
from tests.gadf_releases import REGISTRY, config

BASE = "/test_dr/q/file/custom/4711/4711"
DID = "ivo://org.example/~?test_dr/4711"
SITE = Site("Here & There", "me@here.example")
NASTY = "<script>alert(1)</script> & \"quotes\" 'too' \N{GREEK SMALL LETTER ALPHA}"
EMBARGO = Access(("friends",), datetime.date(2999, 1, 31))
OPENED = Access(("friends",), datetime.date(2001, 1, 31))
FOR_EVER = Access(("friends",), None)
FRIEND = User("anna", frozenset({"anna", "friends"}))
STRANGER = User("bert", frozenset({"bert"}))
ADMIN = User("gavoadmin", admin=True)
LONG = f"{DID}{'x' * 500}"
FITS = "application/x-fits-gadf"


def row(semantics, path, qualifier=None, content_type=FITS, size=1000, access=None, local=None):
    """Give a row of a collection's ``datalinks``."""
    access = access or Access()
    return {
        "id": DID,
        "semantics": semantics,
        "access_path": path,
        "content_qualifier": qualifier,
        "content_type": content_type,
        "content_length": size,
        "local_semantics": local,
        "description": f"Something of observation 4711: {path}",
        "release_date": access.until,
        "access_groups": None if access.groups is None else " ".join(access.groups),
    }


def rows(access=None, prefix=""):
    """Give all rows of an event list, in the order of a document."""
    png = {"content_type": "image/png", "size": None, "access": access}
    return [
        row("#this", f"{BASE}_event-list.fits", f"{prefix}event-list", size=95040, access=access),
        row("#preview-image", f"{BASE}_event-list_counts-map.png", "preview", local="#counts-map", **png),
        row("#preview-plot", f"{BASE}_event-list_event-rate.png", "preview", local="#event-rate", **png),
        row("#thumbnail", f"{BASE}_event-list_counts-map-small.png", "preview", local="#counts-map", **png),
        row("#calibration", f"{BASE}_aeff.fits", "aeff"),
        row("#calibration", f"{BASE}_rad-max.fits", "rad-max"),
        row("#package", "/test_dr/q/file/custom/4711/r.fits.gz", f"{prefix}event-bundle", access=access),
        row("#package", "/rd/access/bundle/custom?ID=x", None, "application/x-tar", None, access, "#tar"),
        row("#documentation", f"{BASE}_provenance.json", None, "application/json"),
        row("#documentation", f"{BASE}_provenance.xml", None, "application/x-votable+xml"),
    ]


def events(access=None, **changes):
    """Give an event list."""
    obscore = {
        "obs_title": "TEST observation 4711 of Crab",
        "obs_collection": "TEST-DR1",
        "target_name": "Crab",
        "t_min": 53000.25,
        "t_max": 53000.27,
        "t_exptime": 1580.4,
        "energy_min": 2.92e11,
        "energy_max": 1e14,
        "s_ra": 83.63,
        "s_dec": -22.01,
        "s_fov": 5.0,
        "ev_xel": 12345,
        "event_type": "std",
        "obs_mode": "WOBBLE",
        "obs_creator_name": "The Testers",
        "obs_release_date": None,
    } | changes
    this = File(
        DID, "test_dr", "4711", "#this", "event-list", FITS, "", f"{BASE}_event-list.fits", "a", None, 1,
        (), access or Access(),
    )  # fmt: skip
    return EventList(DID, "test_dr", "4711", obscore, (this,))


def section(user=ANONYMOUS, access=None, *, release=None, links=None, **changes):
    given = rows(access) if links is None else links
    return links_view.event_list(events(access, **changes), given, release or config(), user)


def page(view, *, anonymous=True):
    return links_html.page(view, SITE, anonymous=anonymous).decode()


def parsed(view, **options):
    """Read the page as HTML5, where any error is one."""
    text = page(view, **options)
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)


def whole(user=ANONYMOUS, access=None, **changes):
    about = links_view.about("test_dr", {"one": config(registry=REGISTRY)})
    return View((section(user, access, **changes),), (), (about,), "test_dr")


def texts(tree):
    return " ".join("".join(tree.itertext()).split())


def hrefs(tree):
    return [anchor.get("href") for anchor in tree.iter("a")]


def nasty():
    odd = [
        {**found, "content_qualifier": None, "description": NASTY, "local_semantics": None}
        for found in rows()
    ]
    about = replace(
        links_view.about("test_dr", {"one": config(registry=REGISTRY)}),
        title=NASTY, creators=(NASTY,), rights=NASTY, attribution=NASTY, doi=NASTY,
        rights_uri="javascript:alert(1)", reference_url="javascript:alert(2)",
    )  # fmt: skip
    changed = section(links=odd, obs_title=NASTY, target_name=NASTY, obs_mode=NASTY)
    faults = (Fault(NASTY, "NotFoundFault", NASTY), Fault("", "UsageFault", "ID is no data set identifier"))
    return View((replace(changed, identifier=NASTY), section()), faults, (about,), "test_dr", (NASTY, "b"))


VIEWS = {
    "one": whole(),
    "embargoed": whole(access=EMBARGO),
    "nasty": nasty(),
    "two": View((section(), section()), (), (), None),
    "wrong": View((), (Fault("x", "NotFoundFault", "No data set with this identifier"),)),
    "none": View(()),
    "many": View(tuple(replace(section(), identifier=LONG) for _ in range(20)), (), (), None, ("a", "b")),
}
