"""Moving the explorer's map, and counting what was drawn meanwhile; for ``explorer_browser``."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import CDPSession, Page, ViewportSize, expect

SCREEN: ViewportSize = {"width": 1280, "height": 900}
SECONDS = 6.0
PATIENCE = 120_000.0
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
  aladin.setFoV(120);
  aladin.gotoRaDec(83, 22);
}
"""
GESTURES = ("dragged", "zoomed")


def settle(page: Page) -> None:
    """Wait until everything that a results page asks for is there."""
    expect(page.locator(".results-layer")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".main-svg").first).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("region", name="Table of results")).not_to_have_attribute(
        "aria-busy", "true", timeout=PATIENCE
    )
    time.sleep(1)  # the picture of the sky


def prepare(page: Page) -> None:
    """Show the same part of the sky whatever was found, and count what is drawn from now on."""
    page.evaluate(WHOLE_SKY)
    page.evaluate(COUNT)
    page.locator(".results-layer").scroll_into_view_if_needed()
    time.sleep(2)


def gesture(page: Page, name: str) -> tuple[float, float]:
    """Do something to the map for some seconds.

    Returns
    -------
    tuple
        Frames a second in which the map's layer was drawn anew and that were shown; ms of the slowest.
    """
    box = page.locator(".results-layer").bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    size = min(box["width"], box["height"])
    page.mouse.move(*middle)
    page.evaluate("window.benchLayer = []")
    session = page.context.new_cdp_session(page)
    events = _begin(session)
    start = time.perf_counter()
    {"dragged": _drag, "zoomed": _zoom}[name](page, middle, size)
    taken = time.perf_counter() - start
    drawn = _end(session, events)
    layer: list[float] = page.evaluate("window.benchLayer")
    slowest = max((later - earlier for earlier, later in itertools.pairwise(layer)), default=math.inf)
    return min(drawn, len(layer)) / taken, slowest


def _during(act: Callable[[float], None]) -> None:
    """Do something as often as the browser takes it in, told the seconds since the beginning."""
    start = time.perf_counter()
    while (gone := time.perf_counter() - start) < SECONDS:
        act(gone)


def _drag(page: Page, middle: tuple[float, float], size: float) -> None:
    """Press the button, go round for some seconds, let it go."""

    def act(gone: float) -> None:
        x = middle[0] + 0.3 * size * math.sin(2.0 * gone)
        y = middle[1] + 0.2 * size * math.sin(3.1 * gone)
        page.mouse.move(x, y)

    page.mouse.down()
    _during(act)
    page.mouse.up()


def _zoom(page: Page, middle: tuple[float, float], size: float) -> None:
    """Turn the wheel, in for half of the time, then out."""
    _during(lambda gone: page.mouse.wheel(0, -40 if gone < SECONDS / 2 else 40))


def _begin(session: CDPSession) -> list[dict[str, Any]]:
    """Have the browser note frames."""
    events: list[dict[str, Any]] = []
    session.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
    session.send(
        "Tracing.start",
        {
            "transferMode": "ReportEvents",
            "traceConfig": {"includedCategories": CATEGORIES, "excludedCategories": ["*"]},
        },
    )
    return events


def _end(session: CDPSession, events: list[dict[str, Any]]) -> int:
    """Count the frames that were drawn."""
    over = threading.Event()
    session.on("Tracing.tracingComplete", lambda _: over.set())
    session.send("Tracing.end")
    while not over.is_set():
        session.send("Runtime.evaluate", {"expression": "0"})  # lets messages in
    session.detach()
    return sum(1 for event in events if event["name"] == DRAWN)
