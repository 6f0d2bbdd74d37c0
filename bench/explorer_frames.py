"""Frames of the explorer's map while it is moved: a program of ``bench/explorer.py``.

Reads where the instance is as JSON, and prints what it measured as JSON. The mouse moves, and the wheel
turns, so many times a second whether or not the browser is ready, as those of people do. Frames are those
that the browser's compositor drew, from its own trace, and in which the map's layer was drawn anew.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from playwright.async_api import Browser, CDPSession, Page, async_playwright, expect

from bench.explorer_browser import OPTIONS, PATIENCE, SCREEN

ROUNDS = 5
SECONDS = 6.0
STEPS = 60
"""Movements of the mouse in a second."""

CATEGORIES = ["viz"]
DRAWN = "Display::DrawAndSwap"
"""The trace's word for a frame that went to the screen."""

COUNT = """
() => {
  // Whoever draws the map's layer calls one of these once for a picture.
  window.benchLayer = [];
  const note = (kind, name) => {
    const inner = kind.prototype[name];
    kind.prototype[name] = function (...given) {
      if (this.canvas.classList.contains('results-layer')) window.benchLayer.push(performance.now());
      return inner.apply(this, given);
    };
  };
  note(WebGL2RenderingContext, 'clear');
  note(CanvasRenderingContext2D, 'putImageData');
}
"""
WHOLE_SKY = """
() => {
  const { aladin } = document.querySelector('.results-sky');
  aladin.setFoV(180);
  aladin.gotoRaDec(83, 22);
}
"""
GESTURES = ("dragged", "zoomed")


async def frames(browser: Browser, root: str, did: str) -> dict[str, Any]:
    """Move a map with all that it can show, and one with a single field of view, in turn.

    Parameters
    ----------
    browser
        The browser.
    root
        The explorer's URL.
    did
        The data set that is on the second map.

    Returns
    -------
    dict
        For each gesture, frames a second on the ``full`` and on the ``empty`` map, and ms of the ``slowest``
        on the first; how many different ``footprints`` this has, and how many are ``alone`` on the other.
    """
    one = f"SELECT * FROM ivoa.obscore WHERE obs_publisher_did = '{did}'"
    asked = {"full": "search={}", "empty": f"adql={quote(one)}"}
    found: dict[str, Any] = {name: {"full": [], "empty": [], "slowest": []} for name in GESTURES}
    for number in range(ROUNDS + 1):
        for kind, words in asked.items():
            context = await browser.new_context(viewport=SCREEN, locale="en-GB")
            page = await context.new_page()
            found["footprints" if kind == "full" else "alone"] = await results(page, root, words)
            for name in GESTURES:
                rate, slowest = await gesture(page, name)
                if number:
                    found[name][kind].append(rate)
                    found[name]["slowest"] += [slowest] if kind == "full" else []
            await context.close()
    return found


async def results(page: Page, root: str, words: str) -> int:
    """Open the results of a question, and look at half of the sky; gives the number of fields of view."""
    async with page.expect_response("**/overview", timeout=PATIENCE) as answer:
        await page.goto(f"{root}/results?service=own&{words}", timeout=PATIENCE)
    overview = await (await answer.value).json()
    await expect(page.locator(".results-layer")).to_be_visible(timeout=PATIENCE)
    await expect(page.locator(".main-svg").first).to_be_visible(timeout=PATIENCE)
    await page.locator(".results-layer").scroll_into_view_if_needed(timeout=PATIENCE)
    await page.evaluate(WHOLE_SKY)
    await page.evaluate(COUNT)
    await asyncio.sleep(3)  # the picture of the sky comes
    return len({json.dumps(row["region"]) for row in overview["rows"] if row["region"]})


async def gesture(page: Page, name: str) -> tuple[float, float]:
    """Do something to the map for some seconds.

    Returns
    -------
    tuple
        Frames a second; ms of the slowest.
    """
    box = await page.locator(".results-layer").bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.mouse.move(*middle)
    await page.evaluate("window.benchLayer = []")
    session = await page.context.new_cdp_session(page)
    events = await _begin(session)
    start = time.perf_counter()
    await {"dragged": _drag, "zoomed": _zoom}[name](page, middle, min(box["width"], box["height"]))
    taken = time.perf_counter() - start
    drawn = await _end(session, events)
    layer: list[float] = await page.evaluate("window.benchLayer")
    slowest = max((later - earlier for earlier, later in itertools.pairwise(layer)), default=math.inf)
    return min(drawn, len(layer)) / taken, slowest


async def _during(act: Callable[[float], Awaitable[None]]) -> None:
    """Do something so many times a second, told the seconds since the beginning."""
    start = time.perf_counter()
    waiting: set[asyncio.Task[None]] = set()
    while (gone := time.perf_counter() - start) < SECONDS:
        task = asyncio.ensure_future(act(gone))
        waiting.add(task)
        task.add_done_callback(waiting.discard)
        await asyncio.sleep(1 / STEPS)
    if waiting:
        await asyncio.wait(waiting)


async def _drag(page: Page, middle: tuple[float, float], size: float) -> None:
    """Press the button, go round for some seconds, let it go."""

    async def act(gone: float) -> None:
        x = middle[0] + 0.3 * size * math.sin(2.0 * gone)
        y = middle[1] + 0.2 * size * math.sin(3.1 * gone)
        await page.mouse.move(x, y)

    await page.mouse.down()
    await _during(act)
    await page.mouse.up()


async def _zoom(page: Page, _middle: tuple[float, float], _size: float) -> None:
    """Turn the wheel, in for half of the time, then out."""
    await _during(lambda gone: page.mouse.wheel(0, -10 if gone < SECONDS / 2 else 10))


async def _begin(session: CDPSession) -> list[dict[str, Any]]:
    """Have the browser note frames."""
    events: list[dict[str, Any]] = []
    session.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
    config = {"includedCategories": CATEGORIES, "excludedCategories": ["*"]}
    await session.send("Tracing.start", {"transferMode": "ReportEvents", "traceConfig": config})
    return events


async def _end(session: CDPSession, events: list[dict[str, Any]]) -> int:
    """Count the frames that were drawn."""
    over = asyncio.Event()
    session.on("Tracing.tracingComplete", lambda _: over.set())
    await session.send("Tracing.end")
    await over.wait()
    await session.detach()
    return sum(1 for event in events if event["name"] == DRAWN)


async def main() -> None:
    """Measure, and print it."""
    told = json.load(sys.stdin)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=told["browser"], args=OPTIONS)
        try:
            print(json.dumps(await frames(browser, f"{told['url']}/explorer", told["did"])))
        finally:
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
