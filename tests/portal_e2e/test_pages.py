"""Each page as somebody finds it who comes by its address: logged in or not, with nothing in it."""

import re

import pytest
from playwright.sync_api import expect

from tests.portal_e2e.harm import wait_until
from tests.portal_e2e.pages import PATIENCE, Person

PAGES = {
    "search": "Search",
    "results": "Results",
    "basket": "My Basket",
    "jobs": "Preview Jobs",
    "queries": "Query Store",
    "profile": "Profile",
}


@pytest.mark.parametrize("path", PAGES)
def test_page_of_a_stranger(person: Person, path: str) -> None:
    person.go(path)
    heading = person.page.get_by_role("heading", level=1, name=PAGES[path])
    expect(heading).to_be_visible(timeout=PATIENCE)
    person.shows(f"30-{path}-stranger")


def test_pages_of_a_user_with_nothing(person: Person) -> None:
    person.go("profile")
    person.log_in("ben")
    for path, title in PAGES.items():
        person.go(path)
        expect(person.page.get_by_role("heading", level=1, name=title)).to_be_visible(timeout=PATIENCE)
        expect(person.page.get_by_role("status").get_by_text(re.compile("^Loading"))).to_have_count(0)
        person.shows(f"31-{path}-user")


def test_address_that_no_page_has(person: Person) -> None:
    person.go("nowhere/at/all")
    person.sees("There is no such page")
    person.shows("32-missing")


def test_works_with_the_keyboard(person: Person) -> None:
    person.go("basket")
    expect(person.page.get_by_role("heading", level=1)).to_be_visible(timeout=PATIENCE)
    person.page.keyboard.press("Tab")
    skip = person.page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    person.page.keyboard.press("Enter")
    assert person.page.url.endswith("#content")


GRID = "document.querySelector('.results-sky').aladin.getGridOptions().enabled"


def test_map_keeps_up_with_the_hand(person: Person) -> None:
    person.go("results?service=own&search={}")
    heading = person.page.get_by_role("heading", level=1, name=re.compile(r"\d rows? found"))
    expect(heading).to_be_visible(timeout=PATIENCE)
    person.view("Map")
    layer = person.page.locator(".results-layer")
    expect(layer).to_be_visible(timeout=PATIENCE)
    layer.scroll_into_view_if_needed()
    wait_until(lambda: person.page.evaluate(GRID), "the grid is there")
    box = layer.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = person.page.evaluate("document.querySelector('.results-sky').aladin.getRaDec()")
    person.page.mouse.move(x, y)
    person.page.mouse.down()
    is_left_out = False
    for step in range(1000):
        person.page.mouse.move(x + step % 100, y)
        if is_left_out := not person.page.evaluate(GRID):
            break
    # Software draws here: the grid is left out on the way, and is there again once the map rests.
    assert is_left_out
    person.page.mouse.up()
    wait_until(lambda: person.page.evaluate(GRID), "the grid is there again")
    assert person.page.evaluate("document.querySelector('.results-sky').aladin.getRaDec()") != before
