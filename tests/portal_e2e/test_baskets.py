"""Baskets on their way: from the browser to the server, by a shared link, to disk."""

import json
import re
import tarfile
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.portal_e2e.pages import PATIENCE, Person
from tests.portal_e2e.place import Place

CRAB = {
    "cone": {"positions": [{"ra": 83.633, "dec": 22.014}], "radius": 2},
    "conditions": [{"kind": "among", "field": "dataproduct_type", "values": ["event-list"]}],
}


def put_page_into_basket(person: Person) -> int:
    search = person.page.evaluate("encodeURIComponent", json.dumps(CRAB))
    person.go(f"results?service=own&search={search}")
    heading = person.page.get_by_role("heading", level=1, name=re.compile("rows? found"))
    expect(heading).to_be_visible(timeout=PATIENCE)
    found = int((heading.text_content() or "").split()[0])
    person.page.locator("summary", has_text="Add to basket").click()
    person.press(re.compile(r"^This page"))
    person.sees(re.compile(rf"^{found} data sets? went to the basket"))
    return found


def test_browsers_basket_goes_along_at_login(person: Person) -> None:
    found = put_page_into_basket(person)
    person.go("basket")
    person.sees("This basket is kept in this browser.")
    person.sees(re.compile(rf"^{found} data sets?, "))
    person.shows("20-basket-in-browser")
    # It is there after the page was closed, and in another tab.
    other = person.page.context.new_page()
    other.goto(person.place.explorer + "basket")
    expect(other.get_by_text(re.compile(rf"^{found} data sets?, ")).first).to_be_visible(timeout=PATIENCE)
    other.close()
    person.log_in("ben")
    person.sees(re.compile(rf"^{found} data sets? from this browser (is|are) now in your basket"))
    person.shows("21-basket-after-login")
    person.page.reload()
    expect(person.page.get_by_role("heading", name="My basket", exact=True)).to_be_visible(timeout=PATIENCE)
    person.sees(re.compile(rf"^{found} data sets?, "))
    person.press(re.compile("^Delete the basket"))
    person.press("Delete the basket")
    expect(person.page.get_by_role("region", name="Basket My basket")).to_have_count(0, timeout=PATIENCE)


def test_removing_can_be_taken_back(person: Person) -> None:
    found = put_page_into_basket(person)
    person.go("basket")
    person.press(re.compile("^Remove "))
    person.sees(re.compile("was removed"))
    person.press("Undo")
    person.sees(re.compile(rf"^{found} data sets?, "))


def test_bundle_of_an_anonymous_basket(person: Person) -> None:
    put_page_into_basket(person)
    person.go("basket")
    # The browser's own way to choose a file cannot be driven; without it, the page keeps it in memory.
    person.page.evaluate("delete window.showSaveFilePicker")
    with person.page.expect_download(timeout=PATIENCE) as download:
        person.press(re.compile("^Download all"))
    with tarfile.open(Path(download.value.path())) as archive:
        assert any(name.endswith((".fits", ".fits.gz")) for name in archive.getnames())


def test_shared_basket(person: Person, browser: Browser, place: Place) -> None:
    found = put_page_into_basket(person)
    person.go("basket")
    person.log_in("ben")
    person.press(re.compile("^Share by link"))
    link = person.page.get_by_role("textbox", name=re.compile("^Whoever has this link"))
    address = link.input_value()
    assert address.startswith(place.explorer)
    context = browser.new_context()
    stranger = Person(context.new_page(), place, person.screen, person.shots)
    stranger.page.goto(address)
    stranger.sees(re.compile(rf"^{found} data sets?, "))
    assert stranger.page.get_by_role("button", name=re.compile("^Remove")).count() == 0
    stranger.shows("22-shared-basket")
    person.press(re.compile("^Stop sharing"))
    person.press("Stop sharing")
    person.sees("The link works no longer.")
    stranger.page.reload()
    stranger.sees(re.compile("shares no basket"))
    context.close()
    person.press(re.compile("^Delete the basket"))
    person.press("Delete the basket")
    expect(person.page.get_by_role("region", name="Basket My basket")).to_have_count(0, timeout=PATIENCE)
