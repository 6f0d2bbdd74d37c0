"""A browser, and screens of two sizes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.portal_e2e.pages import Person
from tests.portal_e2e.place import SHOTS, Place, read

SCREENS: dict[str, dict[str, Any]] = {
    "wide": {"viewport": {"width": 1280, "height": 900}},
    "phone": {"viewport": {"width": 375, "height": 812}, "has_touch": True, "is_mobile": True},
}


@pytest.fixture(scope="session")
def place() -> Place:
    return read()


# Not for the whole session: another module's own driver could not start beside it.
@pytest.fixture(scope="module")
def browser(place: Place) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # No sandbox, for tests run as root; no graphics card, but maps are drawn all the same.
        options = ["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"]
        one = playwright.chromium.launch(executable_path=place.browser, args=options)
        yield one
        one.close()


@pytest.fixture(scope="session")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    wanted = os.environ.get(SHOTS)
    directory = Path(wanted) if wanted else tmp_path_factory.mktemp("shots")
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@pytest.fixture(params=SCREENS)
def person(request: pytest.FixtureRequest, browser: Browser, place: Place, shots: Path) -> Iterator[Person]:
    """Somebody whom the explorer has never seen; at the end, nothing may have gone wrong unseen."""
    # Colours are judged as they are, not on their way from one to another.
    still = {"reduced_motion": "reduce", "accept_downloads": True, "locale": "en-GB"}
    context = browser.new_context(**SCREENS[request.param], **still)
    someone = Person(context.new_page(), place, request.param, shots)
    yield someone
    context.close()
    assert not someone.faults, "\n".join(someone.faults)
