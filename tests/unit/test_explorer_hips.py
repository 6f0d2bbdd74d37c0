"""The explorer's picture of events in the instance: when it is made, and what becomes of failures."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ingest.errors import InstanceError
from instance import explorer_hips
from instance.doctor import explorer as doctor
from instance.explorer_hips import DAY, FIRST_PAUSE, Hips
from instance.explorer_parts import Picture, Places
from instance.settings import Settings

ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "CHERENKOV_EXPLORER_LOCAL_HIPS": "/place",
    "CHERENKOV_EXPLORER_SECRET_KEY": "secret",
    "CHERENKOV_EXPLORER_DATABASE_URL": "postgresql://secret",
}


class Account:
    """Runs a program of a test in the place of the maker."""

    def __init__(self) -> None:
        self.program, self.asked = "pass", [[""]]

    def make_directory(self, path: Path, mode: int) -> None:
        path.mkdir(mode, parents=True, exist_ok=True)

    def command(self, words: list[Any]) -> list[str]:
        self.asked.append([str(word) for word in words])
        return [sys.executable, "-c", self.program]


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def hips(tmp_path: Path, account: Account, monkeypatch: pytest.MonkeyPatch) -> Hips:
    (tmp_path / "log").mkdir()
    Places(tmp_path).run.mkdir()
    monkeypatch.setattr(explorer_hips.packages, "ensure_venv", lambda *words: tmp_path)
    settings = Settings(authority="here.example")
    return Hips(SimpleNamespace(home=tmp_path, settings=settings, account=account))  # type: ignore[arg-type]


def until_settled(hips: Hips) -> Picture:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        hips.look_after(ENVIRONMENT)
        found = Picture.read(hips.places.run)
        if found is not None and found.phase != "making":
            return found
        time.sleep(0.01)
    raise AssertionError("it does not end")


def test_it_is_made_with_the_lowest_priority_and_without_secrets(hips, account):
    account.program = "import os; print(sorted(name for name in os.environ if 'EXPLORER' in name))"
    assert until_settled(hips) == Picture("made")
    words = account.asked[-1]
    assert words[:3] == ["chrt", "--idle", "0"]
    assert words[-3:] == ["portal.hips", "--creator-did", "ivo://here.example/hips/event-counts"]
    log = (hips.instance.home / "log" / "explorer-hips.log").read_text()
    assert log == "['CHERENKOV_EXPLORER_LOCAL_HIPS']\n"


def test_it_is_looked_at_again_after_a_day_or_when_data_change(hips, account):
    until_settled(hips)
    asked = len(account.asked)
    assert hips.next - time.monotonic() == pytest.approx(DAY, abs=60)
    hips.look_after(ENVIRONMENT)
    assert len(account.asked) == asked
    hips.changed()
    Picture.file(hips.places.run).unlink()
    until_settled(hips)
    assert len(account.asked) == asked + 1


def test_changes_while_it_is_made_are_not_forgotten(hips, account):
    account.program = "import time; time.sleep(0.5)"
    while hips.process is None:
        hips.look_after(ENVIRONMENT)
    hips.changed()
    until_settled(hips)
    assert hips.next <= time.monotonic()


def test_a_failure_is_told_in_its_own_words_and_tried_again_later_and_later(hips, account):
    account.program = "import sys; print('the disk is full', file=sys.stderr); sys.exit(2)"
    found = until_settled(hips)
    assert found == Picture("failed", "the disk is full.")
    assert found.doing == "NOT up to date: the disk is full."
    assert hips.next - time.monotonic() == pytest.approx(FIRST_PAUSE, abs=30)
    assert hips.pause == 2 * FIRST_PAUSE


def test_a_maker_that_is_killed_is_a_failure(hips, account):
    account.program = "import os; os.kill(os.getpid(), 9)"
    assert "its maker ended with -9" in until_settled(hips).reason


def test_one_that_does_not_end_is_ended(hips, account, monkeypatch):
    account.program = "import time; time.sleep(600)"
    monkeypatch.setattr(explorer_hips, "LONGEST", 0.2)
    assert until_settled(hips).reason.startswith("it takes more than")
    assert hips.process is None


def test_without_its_environment_there_is_none(hips, monkeypatch):
    def refuse(*words: Any) -> None:
        raise InstanceError("No index.", "Wait.")

    monkeypatch.setattr(explorer_hips.packages, "ensure_venv", refuse)
    assert "No index" in until_settled(hips).reason


def test_it_can_be_switched_off(tmp_path, account):
    settings = Settings(explorer_hips=False)
    hips = Hips(SimpleNamespace(home=tmp_path, settings=settings, account=account))  # type: ignore[arg-type]
    hips.look_after(ENVIRONMENT)
    assert hips.process is None
    assert hips._preparing is None


def test_its_end_ends_the_maker_and_the_note(hips, account):
    account.program = "import time; time.sleep(600)"
    while hips.process is None:
        hips.look_after(ENVIRONMENT)
    maker = hips.process.process
    assert maker is not None
    hips.end()
    assert maker.poll() is not None
    assert Picture.read(hips.places.run) is None


@pytest.mark.parametrize(
    ("picture", "text"),
    [
        (Picture("made"), "is up to date"),
        (Picture("failed", "No disk."), "WARNING: NOT up to date: No disk. log/explorer-hips.log"),
    ],
)
def test_the_doctor_tells_of_it_without_calling_it_a_fault(tmp_path, picture, text):
    places = Places(tmp_path)
    places.run.mkdir()
    picture.write(places.run)
    patient = SimpleNamespace(home=tmp_path, settings=Settings(), server=1)
    found = list(doctor.running(patient))  # type: ignore[arg-type]
    assert text in str(found[-1])
    assert not found[-1].fault
