"""A person at a screen: what is pressed, what is looked at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Locator, Page, Response, expect

from tests.portal_e2e.place import ROOT, Place

AXE = ROOT / "portal" / "web" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")
PATIENCE = 60_000
"""Milliseconds for something to appear: services are asked, and the machine may be busy."""

_EXPECTED_FAULTS = re.compile(r"GPU stall due to ReadPixels|GL Driver Message")
"""What browsers without a graphics card say of drawing slowly."""


@dataclass
class Person:
    """Somebody who looks at the explorer.

    Parameters
    ----------
    page
        A page of the browser.
    place
        Where everything is.
    screen
        What the screen is called.
    shots
        Directory for pictures.
    """

    page: Page
    place: Place
    screen: str
    shots: Path
    faults: list[str] = field(default_factory=list)
    """What went wrong in the browser without being shown."""

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE)
        self.page.on("pageerror", lambda error: self.faults.append(f"fault of the page: {error}"))
        self.page.on("console", self._hear)
        self.page.on("response", self._see)
        self.page.on("request", lambda request: self._follow(request.url))

    @property
    def _is_here(self) -> bool:
        """Tell whether the explorer is looked at, and not the login provider, whose pages are its own."""
        return self.page.url.startswith(self.place.explorer)

    def _hear(self, message: ConsoleMessage) -> None:
        if self._is_here and message.type == "error" and not _EXPECTED_FAULTS.search(message.text):
            about = message.location["url"]
            self.faults.append(f"error told to the console: {message.text} ({about}, on {self.page.url})")

    def _see(self, response: Response) -> None:
        if self._is_here and response.status >= 500:
            self.faults.append(f"status {response.status} of {response.url}")

    def _follow(self, url: str) -> None:
        # No CDN, no surveys of others: everything comes from this machine.
        parts = urlsplit(url)
        if (
            self._is_here
            and parts.scheme in {"http", "https"}
            and parts.hostname not in {"localhost", "127.0.0.1"}
        ):
            self.faults.append(f"asked another machine: {url}")

    @property
    def is_wide(self) -> bool:
        """Tell whether all views have room beside each other."""
        return self.screen == "wide"

    def go(self, path: str) -> None:
        """Open a page of the explorer by its address."""
        self.page.goto(self.place.explorer + path.removeprefix("/"))

    def button(self, name: str | re.Pattern[str], inside: Locator | None = None) -> Locator:
        """Give the first button with this name."""
        return (inside or self.page).get_by_role("button", name=name).first

    def press(self, name: str | re.Pattern[str], inside: Locator | None = None) -> None:
        """Press a button."""
        self.button(name, inside).click()

    def follow(self, name: str | re.Pattern[str], inside: Locator | None = None) -> None:
        """Follow a link."""
        (inside or self.page).get_by_role("link", name=name).first.click()

    def sees(self, text: str | re.Pattern[str], inside: Locator | None = None) -> None:
        """Wait until a text can be seen."""
        expect((inside or self.page).get_by_text(text).first).to_be_visible(timeout=PATIENCE)

    def view(self, name: str) -> None:
        """Bring a view of the results to the front; on a wide screen map and table are there always."""
        if self.is_wide and name in {"Map", "Table", "Links"}:
            return
        self.page.get_by_role("tab", name=name, exact=True).click()

    def shows(self, name: str) -> None:
        """Take a picture of the whole page, and have axe look at it.

        Raises
        ------
        AssertionError
            Something is there that some people cannot use, or that does not fit onto the screen.
        """
        self.page.screenshot(path=self.shots / f"{self.screen}-{name}.png", full_page=True)
        found = self.grave()
        assert not found, f"{name} on a {self.screen} screen: {found}"
        too_wide = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert too_wide <= 0, f"{name} is {too_wide} pixels wider than a {self.screen} screen"

    def grave(self) -> list[tuple[str, Sequence[str]]]:
        """Give what axe finds that is serious: rules, and the elements that break them."""
        if not self.page.evaluate("'axe' in window"):
            # By its own way, past the rule that pages run programs of this server only.
            self.page.evaluate(AXE.read_text(encoding="utf-8"))
        violations: list[dict[str, Any]] = self.page.evaluate("axe.run(document).then((r) => r.violations)")
        return [
            (rule["id"], [node["html"][:200] for node in rule["nodes"]])
            for rule in violations
            if rule["impact"] in GRAVE
        ]

    def log_in(self, user: str) -> None:
        """Log in at the provider, and come back."""
        before = self.page.url
        self.follow(re.compile("^Log in"), self.page.get_by_role("banner"))
        self.press(f"Log in as {user}")
        expect(self.button("Log out")).to_be_visible(timeout=PATIENCE)
        assert self.page.url == before, "logging in leads back to where one was"

    def log_out(self) -> None:
        """Log out here, and at the provider, which asks whether that is meant."""
        self.press("Log out", self.page.get_by_role("banner"))
        self.press("Yes, sign me out")
        link = self.page.get_by_role("banner").get_by_role("link", name=re.compile("^Log in"))
        expect(link).to_be_visible(timeout=PATIENCE)
        assert self._is_here
