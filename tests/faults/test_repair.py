"""Files that are missing or damaged: the next start puts them right."""

from __future__ import annotations

import os
import shutil
import signal

from instance.exits import OK
from tests.faults import census
from tests.faults.harness import Site


def test_what_can_be_written_again(stopped: Site, expected: census.Census) -> None:
    home = stopped.home
    (home / "gavo.rc").unlink()
    (home / "venv" / "complete-base").unlink()
    shutil.rmtree(home / "app")
    shutil.rmtree(home / "bin")
    shutil.rmtree(home / "dachs" / "cache")
    shutil.rmtree(home / "dachs" / "inputs")
    (home / "log" / "dachs.log").unlink()
    for name in ("serve.lock", "work.lock"):
        (home / name).write_text(f"{os.getpid()}\n", encoding="ascii")
    with stopped.serving() as service:
        service.up()
        assert "Making DaCHS's tables" not in service.said
        assert census.differences(stopped, expected) == []
        assert all(line.startswith("ok") for line in _faults(stopped.run("doctor").stderr))


def _faults(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith(" ")]


def test_damaged_state_and_lost_accounts(stopped: Site, expected: census.Census) -> None:
    whole = (stopped.home / "state.json").read_text(encoding="utf-8")
    (stopped.home / "state.json").write_text(whole[: len(whole) // 2], encoding="utf-8")
    (stopped.home / "dachs" / "etc" / "trustedquery").unlink()
    mask = os.umask(0o077)
    try:
        done = stopped.run("up")
    finally:
        os.umask(mask)
    assert done.returncode == OK, done.stderr
    assert census.differences(stopped, expected) == []
    os.kill(stopped.supervisor, signal.SIGTERM)
