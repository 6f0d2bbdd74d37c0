"""The explorer's pages in a browser without a graphics card: a program of ``bench/explorer.py``.

Reads where the instance is, and what is wanted, as JSON; prints what it measured as JSON. All input is what
people do: they press buttons.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Browser, CDPSession, Page, ViewportSize, expect, sync_playwright

PAINTS = 7
CLICKS = 5
SCREEN: ViewportSize = {"width": 1280, "height": 900}
PATIENCE = 120_000.0
OPTIONS = ["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"]
"""As in the tests: no graphics card, but maps are drawn all the same."""

TABLE = '[aria-label="Table of results"]'
WATCH = """
({table, before, patience}) => {
  window.benchTaken = new Promise((settle, refuse) => {
    let start = null;
    const look = () => {
      const first = document.querySelector(table + ' tbody tr');
      const busy = document.querySelector(table + ' table')?.getAttribute('aria-busy');
      if (start === null || !first || busy === 'true' || first.innerText === before) return;
      observer.disconnect();
      requestAnimationFrame(() => setTimeout(() => settle(performance.now() - start)));
    };
    const observer = new MutationObserver(look);
    observer.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
    const begin = (event) => { start ??= event.timeStamp; };
    for (const kind of ['click', 'submit']) addEventListener(kind, begin, {capture: true, once: true});
    setTimeout(() => refuse(new Error('No other table is shown.')), patience);
  });
  window.benchTaken.catch(() => undefined);
}
"""
"""Notes when something is pressed, and when a table with another first row has been drawn after that."""


class Visit:
    """Somebody at a screen.

    Parameters
    ----------
    browser
        The browser; nothing of earlier visits is kept.
    root
        The explorer's URL.
    """

    def __init__(self, browser: Browser, root: str) -> None:
        self.root = root
        self.context = browser.new_context(viewport=SCREEN, locale="en-GB")
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)

    def form(self, search: dict[str, Any]) -> None:
        """Open the search form, filled in, and wait for its count."""
        words = quote(json.dumps(search))
        self.page.goto(f"{self.root}/search?service=own&search={words}")
        side = self.page.get_by_role("complementary", name="Count and query")
        expect(side.locator("strong").first).to_be_visible(timeout=PATIENCE)

    def results(self, search: dict[str, Any]) -> None:
        """Open the results of a search, and wait until the map is there."""
        self.page.goto(f"{self.root}/results?service=own&search={quote(json.dumps(search))}")
        settle(self.page)

    def goes_to(self, number: int) -> float:
        """Go to a page of the table; gives the seconds until it is shown."""
        pager = self.page.get_by_role("navigation", name="Pages of the table")
        field = pager.get_by_label("Page", exact=True)
        field.fill(str(number))
        return self.waits(lambda: field.press("Enter"))

    def sorts(self, column: str) -> float:
        """Press the head of a column; gives the seconds until its order is shown."""
        head = self.page.locator(f"{TABLE} thead").get_by_role("button", name=column).first
        return self.waits(head.click)

    def waits(self, press: Callable[[], None]) -> float:
        """Press something; gives the seconds until the rows that come of it are shown."""
        first = self.page.locator(f"{TABLE} tbody tr").first
        before = first.inner_text() if first.count() else None
        self.page.evaluate(WATCH, {"table": TABLE, "before": before, "patience": PATIENCE})
        press()
        return float(self.page.evaluate("window.benchTaken")) / 1000


def settle(page: Page) -> None:
    """Wait until everything that a results page asks for is there."""
    expect(page.locator(".results-layer")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".main-svg").first).to_be_visible(timeout=PATIENCE)
    table = page.get_by_role("region", name="Table of results")
    expect(table).not_to_have_attribute("aria-busy", "true", timeout=PATIENCE)
    time.sleep(1)  # the picture of the sky


@contextmanager
def visit(browser: Browser, root: str) -> Iterator[Visit]:
    """Let somebody come, and go."""
    someone = Visit(browser, root)
    try:
        yield someone
    finally:
        someone.context.close()


def paint(browser: Browser, root: str) -> dict[str, Any]:
    """Open the first page, with nothing in the cache; the first time does not count."""
    found: dict[str, list[float]] = {
        name: [] for name in ("first-paint", "first-contentful-paint", "form", "weight")
    }
    for number in range(PAINTS + 1):
        with visit(browser, root) as someone:
            weight = weigh(someone.context.new_cdp_session(someone.page))
            start = time.perf_counter()
            someone.page.goto(f"{root}/")
            expect(someone.page.get_by_role("button", name="Search", exact=True)).to_be_visible(
                timeout=PATIENCE
            )
            form = time.perf_counter() - start
            someone.page.wait_for_load_state("networkidle")
            paints = someone.page.evaluate(
                "performance.getEntriesByType('paint').map((one) => [one.name, one.startTime / 1000])"
            )
            if number:
                for name, seconds in [*paints, ("form", form), ("weight", sum(weight) / 1e6)]:
                    found[name].append(seconds)
    return found


def weigh(session: CDPSession) -> list[float]:
    """Note the bytes, as sent, of all that a page gets."""
    weight: list[float] = []
    session.on("Network.loadingFinished", lambda event: weight.append(event["encodedDataLength"]))
    session.send("Network.enable")
    return weight


def clicks(browser: Browser, root: str) -> dict[str, Any]:
    """Press Search, go far down, sort: the seconds until rows are shown."""
    found: dict[str, list[float]] = {}

    def note(name: str, seconds: float) -> None:
        found.setdefault(name, []).append(seconds)

    for number in range(CLICKS):
        position = {"ra": 10.0 + 67.3 * number, "dec": -60.0 + 27.1 * number}
        year = {"start": 56000.5 + 700 * number, "end": 56365.5 + 700 * number, "how": "overlaps"}
        searches: dict[str, dict[str, Any]] = {
            "cone of 5 deg": {"cone": {"positions": [position], "radius": 5, "what": "pointing"}},
            "a year": {"time": year},
            "nothing set": {},
        }
        with visit(browser, root) as someone:
            for name, search in searches.items():
                someone.form(search)
                press = someone.page.get_by_role("button", name="Search", exact=True).click
                note(f"from pressing Search to the table, {name}", someone.waits(press))
                settle(someone.page)
            note("half a million rows further down", someone.goes_to(10_000 + 100 * number))
            note("sorted by another column", someone.sorts("t_min"))
    return found


def look(browser: Browser, root: str) -> dict[str, Any]:
    """Look at all rows once: map and plots, a page far down, another order."""
    with visit(browser, root) as someone:
        someone.results({})
        someone.goes_to(10_001)
        someone.sorts("t_min")
    return {}


def main() -> None:
    """Do what is wanted."""
    wanted = json.load(sys.stdin)
    root = f"{wanted['url']}/explorer"
    measure: dict[str, Callable[[Browser], dict[str, Any]]] = {
        "paint": lambda browser: paint(browser, root),
        "clicks": lambda browser: clicks(browser, root),
        "look": lambda browser: look(browser, root),
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=wanted["browser"], args=OPTIONS)
        try:
            print(json.dumps(measure[wanted["what"]](browser)))
        finally:
            browser.close()


if __name__ == "__main__":
    main()
