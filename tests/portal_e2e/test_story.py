"""The talk's story, whole: from the name of a source to its significance map, and back to the query."""

import re
import time
from pathlib import Path

from playwright.sync_api import expect

from tests.portal_e2e.pages import PATIENCE, Person

JOB_PATIENCE = 300
"""Seconds for a preview job of a few runs, on a machine that does other things, too."""

NAME = "Crab 2004"


def search_crab_in_2004(person: Person) -> None:
    page = person.page
    person.go("search")
    place = page.get_by_role("region", name="Position", exact=True)
    expect(place.get_by_role("combobox", name="Source name")).to_be_visible(timeout=PATIENCE)
    person.shows("01-search")
    place.get_by_role("combobox", name="Source name").fill("Crab")
    # Own targets are offered before any resolver is asked.
    place.get_by_role("option", name=re.compile("^Crab")).first.click()
    person.sees(re.compile(r"^83\.[67].*22\.0.*says this archive"), place)
    place.get_by_label("Radius", exact=True).fill("5")
    when = page.get_by_role("region", name="Time", exact=True)
    for moment, date in (("From", "2004-01-01"), ("To", "2005-01-01")):
        group = when.get_by_role("group", name=re.compile(f"^{moment}"))
        group.get_by_role("textbox").first.fill(date)
    side = page.get_by_role("complementary", name="Count and query")
    expect(side.get_by_text(re.compile(r"^\d[\d,]* data sets?$")).first).to_be_visible(timeout=PATIENCE)
    person.sees(re.compile("CIRCLE"), side)
    person.shows("02-search-filled")
    person.press("Search")


def look_at_results(person: Person) -> int:
    page = person.page
    heading = page.get_by_role("heading", level=1, name=re.compile(r"\d+ rows? found"))
    expect(heading).to_be_visible(timeout=PATIENCE)
    found = int((heading.text_content() or "").split()[0].replace(",", ""))
    assert found > 0
    table = page.get_by_role("region", name="Table of results")
    person.view("Table")
    expect(table.get_by_role("row").nth(found)).to_be_visible(timeout=PATIENCE)
    person.shows("03-table")
    person.view("Map")
    sky = page.get_by_role("region", name="Sky map")
    expect(sky.locator("canvas").first).to_be_visible(timeout=PATIENCE)
    expect(sky.get_by_text("Loading the map")).to_have_count(0, timeout=PATIENCE)
    person.shows("04-map")
    for view, label in (("Time", "Time line"), ("Energy", "Energies"), ("Live time", "Live time")):
        person.view(view)
        plot = page.get_by_role("region", name=label, exact=True)
        expect(plot.locator(".main-svg").first).to_be_visible(timeout=PATIENCE)
        person.shows(f"05-{view.lower().replace(' ', '-')}")
        expect(page.get_by_role("tab", name=view, exact=True)).to_have_attribute("aria-selected", "true")
    return found


def open_datalink(person: Person) -> None:
    page = person.page
    person.view("Table")
    person.press(re.compile("^Links of event-list"))
    panel = page.get_by_role("complementary", name="Links of the open data set")
    for semantics in ("#this", "#preview", "#calibration"):
        person.sees(semantics, panel)
    # The file itself is there, with its size.
    expect(panel.get_by_text(re.compile(r"\d (k|M|ki|Mi)?B\b")).first).to_be_visible(timeout=PATIENCE)
    person.shows("06-datalink")
    person.press("Close the links", panel)


def store_query(person: Person) -> None:
    person.press("Store this query")
    person.page.get_by_role("textbox", name="Name of the query").fill(NAME)
    person.press("Store")
    person.sees(f"Stored as {NAME}.")


def fill_basket(person: Person, found: int) -> None:
    page = person.page
    page.locator("summary", has_text="Add to basket").click()
    person.press(re.compile(r"^The whole answer"))
    person.sees(re.compile(rf"^{found} data sets? went to the basket"))
    person.shows("07-put-into-basket")
    person.follow("My Basket", page.get_by_role("navigation", name="Pages"))
    basket = page.get_by_role("region", name="Basket My basket")
    person.press("Rename", basket)
    page.get_by_role("textbox", name="Name of the basket").fill("Crab")
    person.press("Save")
    basket = page.get_by_role("region", name="Basket Crab")
    expect(basket).to_be_visible(timeout=PATIENCE)
    person.sees(re.compile(rf"^{found} data sets?, (at least )?[\d.]+ [kMG]B"), basket)
    person.press("Python", basket)
    person.sees(re.compile("import "), basket)
    person.shows("08-basket")


def run_preview_job(person: Person) -> None:
    page = person.page
    person.follow("Run a preview job on it")
    form = page.get_by_role("form", name="Preview job")
    expect(form).to_be_visible(timeout=PATIENCE)
    expect(form.get_by_label("Right ascension", exact=True)).to_have_value(re.compile(r"^(83\.6|$)"))
    person.shows("09-job-form")
    person.press("Start the job")
    job = page.get_by_role("region", name=re.compile("^Job "))
    expect(job).to_be_visible(timeout=PATIENCE)
    person.shows("10-job-runs")
    ended = job.get_by_text(re.compile("^(It has ended well|It ended with an error|It was ended)"))
    expect(ended).to_be_visible(timeout=JOB_PATIENCE * 1000)
    person.shows("11-job-ended")
    assert (ended.text_content() or "").startswith("It has ended well"), job.inner_text()


def see_significance(person: Person) -> None:
    page = person.page
    job = page.get_by_role("region", name=re.compile("^Job "))
    chart = job.get_by_role("region", name=re.compile("^Map: .*ignificance"))
    expect(chart).to_have_attribute("data-state", "shown", timeout=PATIENCE)
    caption = job.get_by_text(re.compile(r"bright yellow is ([\d.]+)")).first
    brightest = re.search(r"bright yellow is ([\d.]+)", caption.text_content() or "")
    assert brightest and float(brightest[1]) > 5, "the Crab is seen"
    pictures = job.get_by_role("img").all()
    assert pictures
    for picture in pictures:
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True, timeout=PATIENCE)
        assert picture.evaluate("(image) => image.naturalWidth") > 0
    job.locator("summary", has_text="Provenance").click()
    graph = job.get_by_role("group", name=re.compile("^Provenance graph"))
    expect(graph.get_by_role("button").first).to_be_visible(timeout=PATIENCE)
    graph.get_by_role("button").first.press("Enter")
    person.shows("12-significance")


def download_results(person: Person) -> None:
    page = person.page
    link = page.get_by_role("link", name=re.compile("ignificance.*map")).first
    with page.expect_download() as download:
        link.click()
    assert Path(download.value.path()).read_bytes().startswith(b"SIMPLE  =")


def rerun_query(person: Person, found: int) -> None:
    page = person.page
    person.follow("Query Store", page.get_by_role("navigation", name="Pages"))
    expect(page.get_by_role("heading", name=NAME)).to_be_visible(timeout=PATIENCE)
    person.press(f"Run again and compare {NAME}")
    rows = "1 row" if found == 1 else f"{found} rows"
    person.sees(re.compile(rf"^It finds {rows} now, as many as before\."))
    person.shows("13-query-store")
    person.follow(f"Open in Results {NAME}")
    heading = page.get_by_role("heading", level=1, name=re.compile(rf"^{found} rows? found"))
    expect(heading).to_be_visible(timeout=PATIENCE)


def look_at_profile(person: Person) -> None:
    person.follow("Profile", person.page.get_by_role("navigation", name="Pages"))
    person.sees("Anna Observer", person.page.get_by_role("main"))
    person.sees("anna@example.org")
    person.shows("14-profile")


def tidy_up(person: Person) -> None:
    """What the story made goes, so that the next one finds the same."""
    for kind in ("jobs", "baskets", "queries"):
        person.press(f"Delete all my {kind}")
        person.press(f"Delete all {kind}")
        person.sees(re.compile(r"^(\d+ \w+ deleted|There were none)\.$"))


def test_story(person: Person) -> None:
    begin = time.monotonic()
    search_crab_in_2004(person)
    found = look_at_results(person)
    open_datalink(person)
    person.log_in("anna")
    expect(person.page.get_by_role("heading", level=1, name=re.compile("found"))).to_be_visible(
        timeout=PATIENCE
    )
    store_query(person)
    fill_basket(person, found)
    run_preview_job(person)
    see_significance(person)
    download_results(person)
    rerun_query(person, found)
    look_at_profile(person)
    tidy_up(person)
    person.log_out()
    print(f"The story took {time.monotonic() - begin:.0f} s on a {person.screen} screen.")
