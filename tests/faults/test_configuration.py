"""What cannot work is said in a sentence, with an exit code of its own, before anything is done."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.errors import ConfigError
from instance import cli, settings, state
from instance.exits import (
    EXIT_DATA,
    EXIT_DISK,
    EXIT_ENVIRONMENT,
    EXIT_PORT,
    FAILURE,
    USAGE,
)
from tests.faults.harness import CHECKOUT, PATIENCE, Site

Maker = Callable[..., Site]


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Give a port on which somebody speaks, but not HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = threading.Event()

        def talk() -> None:
            while True:
                client, _ = server.accept()
                with client:
                    if ended.is_set():
                        return
                    client.sendall(b"true, but no HTTP\r\n")

        thread = threading.Thread(target=talk)
        thread.start()
        yield server.getsockname()[1]
        ended.set()
        socket.create_connection(server.getsockname()).close()
        thread.join(PATIENCE)


@pytest.mark.parametrize("command", ["serve", "up"])
def test_a_taken_port_is_named(new_site: Maker, reference: Site, taken_port: int, command: str) -> None:
    site = new_site(f"port-{command}")
    site.take_environment_of(reference)
    site.port = taken_port
    done = site.run(command)
    assert done.returncode == EXIT_PORT, done.stderr
    assert f"Port {taken_port} is taken by another program." in done.stderr
    assert "CHERENKOV_VO_PORT" in done.stderr
    assert site.processes() == {}
    assert not (site.home / "postgres").exists()


def test_a_foreign_server_on_the_port_is_not_ours(new_site: Maker, reference: Site, taken_port: int) -> None:
    site = new_site("foreign")
    site.take_environment_of(reference)
    site.port = taken_port
    done = site.run("status")
    assert done.returncode == FAILURE
    assert "NOT up" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" not in site.run("doctor").stderr


def test_a_release_that_is_nowhere(new_site: Maker, reference: Site, workshop: Path) -> None:
    site = new_site("nowhere", release=str(workshop / "no-such-release"))
    site.take_environment_of(reference)
    done = site.run("serve")
    assert done.returncode == EXIT_DATA, done.stderr
    assert f"{workshop / 'no-such-release'} is not the H.E.S.S. release" in done.stderr
    assert "Making" not in done.stderr, "it should not take its time to say so"
    assert site.processes() == {}


def test_a_data_challenge_that_is_nowhere(new_site: Maker, reference: Site, workshop: Path) -> None:
    site = new_site("no-challenge", challenge=str(workshop / "no-such-challenge"))
    site.take_environment_of(reference)
    done = site.run("serve")
    assert done.returncode == EXIT_DATA, done.stderr
    assert f"{workshop / 'no-such-challenge'} is not CTA's first data challenge" in done.stderr
    assert "CTA_1DC" in done.stderr
    assert "Making" not in done.stderr, "it should not take its time to say so"
    assert not (site.home / "releases" / "ctao-sample").exists()
    assert site.processes() == {}


def test_an_unknown_variable(new_site: Maker) -> None:
    done = new_site("unknown").run("serve", CHERENKOV_VO_XYZ="1")
    assert done.returncode == USAGE
    assert "unknown variable CHERENKOV_VO_XYZ" in done.stderr


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CHERENKOV_VO_PORT", "http"),
        ("CHERENKOV_VO_PORT", "70000"),
        ("CHERENKOV_VO_AUTHORITY", "a b"),
        ("CHERENKOV_VO_VOCABULARY", "latin"),
        ("CHERENKOV_VO_ACCESS_URL", "nowhere"),
        ("CHERENKOV_VO_OBSCORE_ACCESS_URL", "nowhere"),
        ("CHERENKOV_VO_CTAO_RUNS", "0"),
    ],
)
def test_a_variable_that_makes_no_sense(new_site: Maker, variable: str, value: str) -> None:
    done = new_site("senseless").run("status", **{variable: value})
    assert done.returncode == USAGE
    assert value in done.stderr


def test_an_unknown_key(tmp_path: Path) -> None:
    (tmp_path / settings.SETTINGS_FILE).write_text('prot = 8080\nsite_name = "A"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"unknown key prot; known are .*port"):
        settings.load({}, directory=tmp_path)


@pytest.fixture
def their_checkout(workshop: Path) -> Iterator[Path]:
    """Give a copy of the program that an ordinary user can read."""
    target = workshop / "checkout"
    ignored = shutil.ignore_patterns(".*", "var*", "tests", "bench", "docs", "__pycache__")
    shutil.copytree(CHECKOUT, target, ignore=ignored)
    for path in (target, *target.rglob("*")):
        path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444))
    yield target
    shutil.rmtree(target)


def test_a_directory_that_may_not_be_written(workshop: Path, their_checkout: Path) -> None:
    closed = workshop / "closed"
    closed.mkdir(mode=0o555)
    site = Site(closed / "instance")
    command = [str(their_checkout / "bin" / "cherenkov-vo"), "serve"]
    if os.geteuid() == 0:  # who may write everywhere; so somebody else has to try
        nobody = pwd.getpwnam("nobody")
        command = [
            "setpriv",
            f"--reuid={nobody.pw_uid}",
            f"--regid={nobody.pw_gid}",
            "--clear-groups",
            *command,
        ]
    done = subprocess.run(
        command,
        env={**os.environ, **site.variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == EXIT_ENVIRONMENT, done.stderr
    assert f"The instance's directory {site.home} cannot be made" in done.stderr
    assert "CHERENKOV_VO_INSTANCE" in done.stderr


@pytest.fixture
def our_process() -> Iterator[None]:
    """Put back what the command line sets for the whole process."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    mask = os.umask(0o022)
    yield
    os.umask(mask)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("our_process")
def test_no_disk(workshop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in Site(workshop / "full").variables.items():
        monkeypatch.setenv(name, value)
    usage = shutil.disk_usage(workshop)._replace(free=state.MINIMAL_DISK - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert cli.main(["serve"]) == EXIT_DISK
    message = capsys.readouterr().err
    assert "MB are free" in message
    assert "CHERENKOV_VO_INSTANCE" in message


def test_an_instance_that_is_there_needs_less_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "complete").touch()
    usage = shutil.disk_usage(tmp_path)._replace(free=state.MINIMAL_DISK - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    state.make_home(tmp_path)


def test_a_disk_that_fills_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, our_process: None, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, os.strerror(28), "some file")

    monkeypatch.setattr(cli, "_enter_environment", full)
    assert cli.main(["status"]) == EXIT_DISK
    assert "No space left on device" in capsys.readouterr().err
