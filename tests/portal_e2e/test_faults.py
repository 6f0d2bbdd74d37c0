"""What people see when a part fails, and that they lose nothing and go on without loading a page anew."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.portal_e2e import harm
from tests.portal_e2e.pages import PATIENCE, Person
from tests.portal_e2e.place import Place

pytestmark = pytest.mark.parametrize("person", ["wide"], indirect=True)

OF_SERVERS = re.compile(r"^status 50\d of |^error told to the console: Failed to load resource")
"""What browsers say of the faults that are made here. Everything else stays a fault of the page."""

CRAB = {"positions": [{"ra": 83.633, "dec": 22.014}]}
EVENTS = {"kind": "among", "field": "dataproduct_type", "values": ["event-list"]}


@pytest.fixture
def witness(person: Person) -> Iterator[Person]:
    """Somebody who sees servers fail."""
    yield person
    person.faults[:] = [fault for fault in person.faults if not OF_SERVERS.search(fault)]


def never_reloads(person: Person) -> None:
    """Mark the page: what is loaded anew has no mark."""
    person.page.evaluate("window.isMarked = true")


def was_not_reloaded(person: Person) -> bool:
    return bool(person.page.evaluate("window.isMarked === true"))


def address(person: Person, radius: float, path: str = "results", service: str = "own") -> str:
    search = {"cone": {**CRAB, "radius": radius}, "conditions": [EVENTS]}
    return f"{path}?service={service}&search={person.page.evaluate('encodeURIComponent', json.dumps(search))}"


def found_rows(person: Person) -> Locator:
    return person.page.get_by_role("heading", level=1, name=re.compile(r"\d rows? found"))


def says_failure(person: Person, words: str) -> Locator:
    """Wait for a message that has these words and a way to try again; gives that."""
    told = person.page.get_by_role("alert").filter(has_text=re.compile(words)).first
    expect(told).to_be_visible(timeout=PATIENCE)
    return told.get_by_role("button", name="Try again")


def radius_field(person: Person) -> Locator:
    return person.page.get_by_label("Radius", exact=True)


def side(person: Person) -> Locator:
    return person.page.get_by_role("complementary", name="Count and query")


def counted(person: Person) -> Locator:
    return side(person).get_by_text(re.compile(r"^\d[\d,]* data sets?$")).first


def tap_answers(place: Place) -> bool:
    query = {"LANG": "ADQL", "QUERY": "SELECT COUNT(*) AS n FROM tap_schema.schemas"}
    return harm.answers(f"{place.tap}/sync", **query)


def test_tap_is_down(witness: Person, place: Place) -> None:
    witness.go(address(witness, 4.71, "search"))
    expect(counted(witness)).to_be_visible(timeout=PATIENCE)
    never_reloads(witness)
    with harm.unattended(place):
        harm.kill(*harm.processes(place.home, "serving.worker"))
        radius_field(witness).fill("4.72")
        witness.sees(re.compile("^Not counted: .*(try|Try) again later"), side(witness))
        witness.shows("40-tap-down-search")
        assert radius_field(witness).input_value() == "4.72"
        witness.press("Search")
        again = says_failure(witness, "could not be counted.*again later")
        says_failure(witness, "rows could not be had")
        witness.shows("41-tap-down-results")
        again.click()
        says_failure(witness, "could not be counted")
    harm.wait_until(lambda: tap_answers(place), "the TAP service is back")
    for words in ("could not be counted", "rows could not be had"):
        says_failure(witness, words).click()
    expect(found_rows(witness)).to_be_visible(timeout=PATIENCE)
    table = witness.page.get_by_role("region", name="Table of results")
    expect(table.get_by_role("row").nth(1)).to_be_visible(timeout=PATIENCE)
    witness.follow("Search", witness.page.get_by_role("navigation", name="Pages"))
    expect(radius_field(witness)).to_have_value("4.72")
    expect(counted(witness)).to_be_visible(timeout=PATIENCE)
    assert was_not_reloaded(witness)


def test_tap_is_slow(witness: Person, place: Place) -> None:
    witness.go(address(witness, 4.73, "search", "plain"))
    expect(counted(witness)).to_be_visible(timeout=PATIENCE)
    never_reloads(witness)
    with harm.halted(*harm.processes(place.plain_home, "serve start")):
        radius_field(witness).fill("4.74")
        witness.sees(re.compile("counting"), side(witness))
        # Another value takes the place of the question under way; nothing is stuck.
        radius_field(witness).fill("4.75")
        witness.press("Search")
        main = witness.page.get_by_role("main")
        witness.sees(re.compile("^Counting"), main)
        witness.press("Stop", main)
        stopped = says_failure(witness, "stopped")
        witness.shows("42-tap-slow")
        witness.follow("My Basket", witness.page.get_by_role("navigation", name="Pages"))
        witness.sees("This basket is empty.")
        witness.follow("Results", witness.page.get_by_role("navigation", name="Pages"))
        witness.sees(re.compile("^Counting"), main)
        witness.press("Stop", main)
        expect(stopped).to_be_visible(timeout=PATIENCE)
    stopped.click()
    expect(found_rows(witness)).to_be_visible(timeout=PATIENCE)
    witness.follow("Search", witness.page.get_by_role("navigation", name="Pages"))
    expect(radius_field(witness)).to_have_value("4.75")
    assert was_not_reloaded(witness)


def fill_basket(person: Person) -> int:
    """Put a few data sets into the basket of somebody who is logged in; gives how many."""
    person.go(address(person, 1.5))
    expect(found_rows(person)).to_be_visible(timeout=PATIENCE)
    person.page.locator("summary", has_text="Add to basket").click()
    person.press(re.compile(r"^This page"))
    person.sees(re.compile(r"^\d+ data sets? went to the basket"))
    person.follow("My Basket", person.page.get_by_role("navigation", name="Pages"))
    there = person.page.get_by_text(re.compile(r"^\d+ data sets?, ")).first
    expect(there).to_be_visible(timeout=PATIENCE)
    return int((there.text_content() or "").split()[0])


def delete_basket(person: Person) -> None:
    person.press(re.compile("^Delete the basket"))
    person.press("Delete the basket")
    basket = person.page.get_by_role("region", name=re.compile("^Basket "))
    expect(basket).to_have_count(0, timeout=PATIENCE)


def write_note(person: Person, text: str) -> Locator:
    field = person.page.get_by_role("textbox", name=re.compile("^Note on ")).first
    if not field.is_visible():
        person.press(re.compile("^Note on "))
    field.fill(text)
    person.press("Save")
    return field


def save_again(person: Person, field: Locator) -> None:
    """Save what could not be saved before: the first press does it."""
    person.press("Save")
    expect(field).to_have_count(0, timeout=PATIENCE)


def test_redis_is_restarted(witness: Person, place: Place) -> None:
    witness.go("profile")
    witness.log_in("ben")
    found = fill_basket(witness)
    never_reloads(witness)
    with harm.unattended(place):
        harm.kill(*harm.processes(place.home, "redis-server"))
        field = write_note(witness, "seen while the sessions were away")
        alert = witness.page.get_by_role("alert")
        witness.sees(re.compile("The store of sessions does not answer. Nothing is lost"), alert)
        expect(field).to_have_value("seen while the sessions were away")
        witness.shows("43-redis-down")
    harm.wait_until(lambda: harm.answers(f"{place.explorer}ready"), "the explorer is ready again")
    save_again(witness, field)
    witness.sees("seen while the sessions were away")
    assert was_not_reloaded(witness)
    witness.page.reload()
    expect(witness.button("Log out")).to_be_visible(timeout=PATIENCE)
    witness.sees(re.compile(rf"^{found} data sets?, "))
    delete_basket(witness)


def test_database_is_restarted(witness: Person, place: Place) -> None:
    witness.go("profile")
    witness.log_in("ben")
    found = fill_basket(witness)
    never_reloads(witness)
    workers = set(harm.processes(place.home, "serving.worker"))
    with harm.unattended(place):
        harm.stop_database(place)
        field = write_note(witness, "seen without a database")
        alert = witness.page.get_by_role("alert")
        witness.sees(re.compile("The database of accounts does not answer. Nothing is lost"), alert)
        expect(field).to_have_value("seen without a database")
        witness.shows("44-database-down")
    harm.wait_until(lambda: harm.answers(f"{place.explorer}ready"), "the explorer is ready again")
    save_again(witness, field)
    witness.sees("seen without a database")
    assert was_not_reloaded(witness)
    witness.page.reload()
    witness.sees(re.compile(rf"^{found} data sets?, "))
    witness.sees("seen without a database")
    delete_basket(witness)
    # Saving needs the database only; TAP's workers are started again meanwhile.
    harm.wait_until(
        lambda: not workers & set(harm.processes(place.home, "serving.worker")) and tap_answers(place),
        "the TAP service is back",
    )


def test_provider_is_unreachable(witness: Person, place: Place) -> None:
    witness.go(address(witness, 1.6))
    expect(found_rows(witness)).to_be_visible(timeout=PATIENCE)
    before = witness.page.url
    with harm.no_provider(place):
        witness.follow(re.compile("^Log in"), witness.page.get_by_role("banner"))
        witness.sees(re.compile("The login provider does not answer. What needs no login goes on"))
        witness.shows("45-provider-down")
        witness.follow("Back to the explorer")
        expect(found_rows(witness)).to_be_visible(timeout=PATIENCE)
        assert witness.page.url == before
        witness.go(address(witness, 1.61, "search"))
        expect(counted(witness)).to_be_visible(timeout=PATIENCE)
        witness.follow(re.compile("^Log in"), witness.page.get_by_role("banner"))
        witness.sees(re.compile("The login provider does not answer"))
    harm.wait_until(lambda: is_asked_for_a_name(witness), "the provider is asked again")
    witness.press("Log in as ben")
    expect(witness.button("Log out")).to_be_visible(timeout=PATIENCE)
    expect(radius_field(witness)).to_have_value("1.61")


def is_asked_for_a_name(person: Person) -> bool:
    """Try again to log in: after the provider did not answer, it is left alone for some seconds."""
    again = person.page.get_by_role("link", name="Try again")
    if again.is_visible():
        again.click()
        person.page.wait_for_load_state()
    return person.button("Log in as ben").is_visible()


def test_job_is_killed(witness: Person, place: Place) -> None:
    witness.go("profile")
    witness.log_in("ben")
    fill_basket(witness)
    witness.follow("Run a preview job on it")
    witness.press("Start the job")
    never_reloads(witness)
    job = witness.page.get_by_role("region", name=re.compile("^Job "))
    expect(job).to_be_visible(timeout=PATIENCE)
    harm.wait_until(lambda: bool(harm.processes(place.home, "-m portal.jobs")), "the job runs")
    log = job.locator("pre")
    job.locator("summary", has_text="Log").click()
    expect(log).not_to_contain_text("Nothing is written", timeout=PATIENCE)
    harm.kill(*harm.processes(place.home, "-m portal.jobs"))
    expect(job.get_by_text("It ended with an error.")).to_be_visible(timeout=PATIENCE)
    witness.sees(re.compile(rf"The analysis broke down .*{int(signal.SIGKILL)}.*its log may say more"), job)
    expect(log).to_contain_text(re.compile(r"\w+ \w+"))
    expect(log).not_to_contain_text("Nothing is written")
    witness.shows("46-job-killed")
    first = witness.page.url
    witness.press("Retry", job)
    running = job.get_by_text(re.compile("^(It is at work|It waits for other jobs|It has not been started)"))
    expect(running).to_be_visible(timeout=PATIENCE)
    assert witness.page.url != first
    harm.wait_until(lambda: bool(harm.processes(place.home, "-m portal.jobs")), "the job runs again")
    assert was_not_reloaded(witness)
    witness.press(re.compile("^Abort"), job)
    witness.press("Abort the job", job)
    expect(job.get_by_text("It was ended before it was done.").first).to_be_visible(timeout=PATIENCE)
    witness.follow("Profile", witness.page.get_by_role("navigation", name="Pages"))
    for kind in ("jobs", "baskets"):
        witness.press(f"Delete all my {kind}")
        witness.press(f"Delete all {kind}")
        witness.sees(re.compile(r"^(\d+ \w+ deleted|There were none)\.$"))
