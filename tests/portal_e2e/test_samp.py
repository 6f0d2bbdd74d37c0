"""Tables go to other programs on the same machine by a hub; and what people read if none takes them."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from astropy.io.votable import parse_single_table
from playwright.sync_api import Locator, expect

from tests.portal_e2e.pages import PATIENCE, Person
from tests.portal_e2e.place import ROOT
from tests.portal_e2e.samp_hub import MTYPE, NAME

NO_HUB = re.compile(r"^error told to the console: .*(ERR_CONNECTION_REFUSED|port 21012)")
SEARCH = {"conditions": [{"kind": "among", "field": "dataproduct_type", "values": ["event-list"]}]}


@contextlib.contextmanager
def hub(word: str) -> Iterator[Iterator[dict[str, str]]]:
    """Run the hub; gives what it says, as it comes."""
    command = [
        "setpriv",
        "--pdeathsig",
        "KILL",
        "--",
        sys.executable,
        "-m",
        "tests.portal_e2e.samp_hub",
        word,
    ]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = (json.loads(line) for line in process.stdout)
        assert next(said) == {"listens": True}
        yield said
        process.communicate()


def found(person: Person) -> int:
    """Open results; gives how many there are."""
    words = person.page.evaluate("encodeURIComponent", json.dumps(SEARCH))
    person.go(f"results?service=own&search={words}")
    heading = person.page.get_by_role("heading", level=1, name=re.compile(r"\d rows? found"))
    expect(heading).to_be_visible(timeout=PATIENCE)
    return int((heading.text_content() or "").split()[0].replace(",", ""))


def send(person: Person) -> None:
    person.page.locator("summary", has_text="Send (SAMP)").first.click()
    person.press("The whole answer as a table")


def told(person: Person, words: str) -> Locator:
    return person.page.get_by_text(re.compile(words)).first


def test_whole_answer_goes_to_another_program(person: Person) -> None:
    with hub("yes") as said:
        rows = found(person)
        send(person)
        expect(told(person, f"^Sent to {NAME}")).to_be_visible(timeout=PATIENCE)
        asks = next(said)
        assert asks["asks"] == "Data explorer"
        assert person.place.explorer.startswith(asks["origin"])
        message = next(said)
    assert message["mtype"] == MTYPE
    # What the program does then: it loads the table, without the browser's session.
    answer = httpx.get(message["url"], timeout=60)
    assert answer.is_success, answer.text[:300]
    (person.shots / f"{person.screen}-samp.vot").write_bytes(answer.content)
    table = parse_single_table(person.shots / f"{person.screen}-samp.vot").to_table()
    assert len(table) == rows
    assert set(table["dataproduct_type"]) == {"event-list"}


def test_hub_that_lets_nobody_in(person: Person) -> None:
    with hub("no"):
        found(person)
        send(person)
        expect(told(person, "^The SAMP hub let nobody in: ")).to_be_visible(timeout=PATIENCE)


@pytest.mark.parametrize("person", ["wide"], indirect=True)
def test_no_hub(person: Person) -> None:
    found(person)
    send(person)
    expect(told(person, "^No SAMP hub answers on this machine")).to_be_visible(timeout=PATIENCE)
    person.faults[:] = [fault for fault in person.faults if not NO_HUB.search(fault)]
