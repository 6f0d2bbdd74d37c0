"""The explorer as the instance has it: what it is told, when it is started, and what becomes of failures."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from ingest.errors import ConfigError, InstanceError
from instance import explorer, explorer_making, explorer_parts, explorer_proxy, explorer_variables, proxy
from instance.explorer_making import Made
from instance.explorer_parts import Facts, Places
from instance.settings import Settings

SETTINGS = Settings(
    site_name="Here",
    public_url="https://vo.example",
    explorer_services="other=https://tap.example/tap",
    explorer_runners="opus=https://opus.example/rest/",
    explorer_group_rights="staff=hess,ctao /groups/pi=ctao",
    explorer_resolver="none",
)


def told(settings: Settings, inputs: Path) -> dict[str, str]:
    return {
        name.removeprefix(explorer_variables.PREFIX): value
        for name, value in explorer_variables.chosen(settings, inputs).items()
    }


def test_the_server_is_told_what_the_operator_chose(tmp_path):
    found = told(SETTINGS, tmp_path)
    assert found["PUBLIC_URL"] == "https://vo.example/explorer"
    services = json.loads(found["SERVICES"])
    assert [(one["key"], one["url"], one.get("is_own", False)) for one in services] == [
        ("own", "https://vo.example/tap", True),
        ("other", "https://tap.example/tap", False),
    ]
    runners = json.loads(found["RUNNERS"])
    assert [one["key"] for one in runners] == ["own", "opus"]
    assert runners[1]["label"].startswith("opus (")
    assert json.loads(found["GROUP_RIGHTS"]) == {"staff": ["hess", "ctao"], "/groups/pi": ["ctao"]}
    assert "RESOLVER_URL" not in found
    assert "OIDC_ISSUER" not in found
    assert "vo.example" in json.loads(found["HOSTS"])
    assert "SIMULATED_NOTICE" not in found


def test_simulated_data_are_named(tmp_path):
    for collection, text in {
        "a": 'simulated = true\nobs_collection = "SIM-A"',
        "b": "simulated = false",
    }.items():
        place = tmp_path / collection / "releases" / "one"
        place.mkdir(parents=True)
        (place / "release.toml").write_text(text)
    assert told(SETTINGS, tmp_path)["SIMULATED_NOTICE"] == "Simulated, not measured: SIM-A."


def test_secrets_and_fine_adjustments_come_from_the_environment_but_not_what_the_instance_decides(tmp_path):
    places = Places(tmp_path)
    places.state.mkdir()
    places.key.write_text("k" * 40)
    kept = explorer_variables.managed(places, tmp_path / "dist", "postgresql+asyncpg://x", None)
    environ = {
        "CHERENKOV_EXPLORER_OIDC_CLIENT_SECRET": "s",
        "CHERENKOV_EXPLORER_TITLE": "Mine",
        "HTTPS_PROXY": "http://proxy.example",
        "PGPASSWORD": "not for it",
    }
    found = explorer_variables.environment(SETTINGS, tmp_path, places, kept, environ)
    assert found["CHERENKOV_EXPLORER_OIDC_CLIENT_SECRET"] == "s"
    assert found["CHERENKOV_EXPLORER_TITLE"] == "Mine"
    assert found["CHERENKOV_EXPLORER_SECRET_KEY"] == "k" * 40
    assert found["HTTPS_PROXY"] == "http://proxy.example"
    assert "PGPASSWORD" not in found
    with pytest.raises(ConfigError, match="CHERENKOV_EXPLORER_REDIS_URL: this instance decides that"):
        explorer_variables.environment(
            SETTINGS, tmp_path, places, kept, {"CHERENKOV_EXPLORER_REDIS_URL": "redis://elsewhere"}
        )


def nginx(settings: Settings, run: Path) -> str:
    sockets = (run / "light-1.sock",), (run / "query-1.sock",)
    upstreams = [
        proxy.Upstream(kind, one) for kind, one in zip((proxy.LIGHT, proxy.QUERY), sockets, strict=True)
    ]
    return proxy.configuration(settings, run, upstreams, {}, 4, run)


@pytest.mark.parametrize("wanted", [True, False])
def test_nginx_takes_the_configuration(tmp_path, wanted):
    text = nginx(Settings(port=8123, explorer=wanted), tmp_path)
    assert ("location ^~ /explorer/" in text) == wanted
    (tmp_path / "nginx.conf").write_text(text)
    command = [proxy.PROGRAM, "-t", "-p", f"{tmp_path}/", "-c", str(tmp_path / "nginx.conf"), "-e", "stderr"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_who_finds_it_away_gets_one_of_its_own_problems():
    problem = json.loads(explorer_proxy.DOCUMENT)
    assert set(problem) == {"code", "message", "request_id"}


def test_facts_are_read_as_they_were_written_and_damage_is_none(tmp_path):
    assert Facts.read(tmp_path) is None
    facts = Facts("failed", "no disk", 1234)
    facts.write(tmp_path)
    assert Facts.read(tmp_path) == facts
    (tmp_path / explorer_parts.FACTS).write_text("{")
    assert Facts.read(tmp_path) is None


def test_redis_is_asked_on_its_socket(tmp_path):
    places = Places(tmp_path)
    places.run.mkdir()
    assert not explorer_parts.store_answers(places)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(places.store))
        server.listen()

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(64)
                connection.sendall(b"+PONG\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert explorer_parts.store_answers(places)
        thread.join()


def test_redis_listens_nowhere_but_on_its_socket(tmp_path):
    text = explorer_making.store_configuration(Places(tmp_path))
    assert "port 0\n" in text
    assert f"unixsocket {Places(tmp_path).store}\n" in text


def test_what_would_fill_the_disk_is_not_made(tmp_path, monkeypatch):
    free = 1_000_000_000
    monkeypatch.setattr(explorer_making.shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    instance = SimpleNamespace(home=tmp_path, settings=Settings())
    with pytest.raises(InstanceError, match=r"Only 1000 MB are free .* 2100 MB are needed"):
        explorer_making._check_room(instance)
    monkeypatch.setattr(explorer_making.pages, "are_built", lambda home: True)
    for name in ("explorer", "jobs"):
        (tmp_path / name / "venv").mkdir(parents=True)
        (tmp_path / name / "venv" / f"complete-base-{name}").touch()
    explorer_making._check_room(instance)


class World:
    """An instance whose explorer is prepared as a test wants it, and whose processes are none."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
        Places(home).run.mkdir()
        self.said: list[str] = []
        self.outcomes: list[Made | Exception] = []
        self.made = Made(Path("/python"), {"PATH": "/bin"}, 5432, 9000)
        self.ends: list[tuple[str, bool]] = []
        cluster = SimpleNamespace(port=5432)
        account = SimpleNamespace(
            command=lambda words: words, own=lambda *paths: None, make_directory=self.directory
        )
        self.instance = SimpleNamespace(
            # The picture of events has tests of its own.
            settings=Settings(**{"explorer_hips": False, **changes}),
            home=home,
            cluster=cluster,
            account=account,
        )
        Places(home).state.mkdir()
        monkeypatch.setattr(explorer, "say", lambda text, level="info": self.said.append(text))
        monkeypatch.setattr(explorer_making, "make", self.make)
        monkeypatch.setattr(explorer, "Process", self.process)
        self.restarts: list[str] = []
        self.explorer = explorer.Explorer(self.instance, SimpleNamespace(count_restart=self.restarts.append))

    @staticmethod
    def directory(path: Path, mode: int) -> None:
        path.mkdir()

    def make(self, instance: object) -> Made:
        outcome = self.outcomes.pop(0) if self.outcomes else self.made
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def process(
        self, name: str, command: list[str], environment: dict[str, str], log: Path
    ) -> SimpleNamespace:
        one = SimpleNamespace(name=name, started=0, alive=False)

        def start() -> None:
            one.started, one.alive = one.started + 1, True

        def end(*, patiently: bool = True) -> None:
            one.alive = False
            self.ends.append((name, patiently))

        one.start, one.end, one.runs = start, end, lambda: one.alive
        return one

    def look(self, times: int = 3) -> None:
        for _ in range(times):
            self.explorer.look_after()
            if self.explorer._preparing is not None:
                self.explorer._preparing.join()

    def facts(self) -> Facts | None:
        return Facts.read(self.explorer.places.run)


@pytest.mark.parametrize("name", ["explorer", "fast_paths"])
def test_what_is_switched_off_is_told_once_and_left_alone(tmp_path, monkeypatch, name):
    world = World(tmp_path, monkeypatch, **{name: False})
    world.explorer.start()
    world.look()
    assert world.said == [f"The explorer is switched off (CHERENKOV_VO_{name.upper()}=no)."]
    assert world.explorer.processes == []


def test_it_is_prepared_and_started(tmp_path, monkeypatch):
    world = World(tmp_path, monkeypatch)
    world.explorer.start()
    assert world.facts() == Facts("preparing")
    world.look()
    assert [process.name for process in world.explorer.processes] == [explorer.STORE, explorer.SERVER]
    assert world.facts() == Facts("started", "", 9000)
    world.explorer.end()
    assert [name for name, _ in world.ends] == [explorer.SERVER, explorer.STORE]
    assert world.facts() is None


def test_a_failure_is_a_sentence_and_another_attempt_after_longer_and_longer(tmp_path, monkeypatch):
    world = World(tmp_path, monkeypatch)
    world.outcomes = [InstanceError("No npm.", "Connect."), OSError("full")]
    world.explorer.start()
    world.look()
    assert world.said == ["The explorer is NOT served, all else is: No npm. Connect. Trying again in 10 s."]
    assert world.facts() == Facts("failed", "No npm. Connect.")
    world.look()
    assert len(world.said) == 1, "it waits"
    world.explorer.next = time.monotonic()
    world.look()
    assert world.said[-1] == "The explorer is NOT served, all else is: full. Trying again in 20 s."
    world.outcomes = [ValueError("ours")]
    world.explorer.next = time.monotonic()
    world.look()
    assert "ValueError: ours. Trying again in 40 s." in world.said[-1]
    world.explorer.next = time.monotonic()
    world.look()
    assert world.explorer.processes
    assert world.explorer.pause == explorer.FIRST_PAUSE


def test_what_ends_is_started_again_but_not_without_pause(tmp_path, monkeypatch):
    world = World(tmp_path, monkeypatch)
    world.explorer.start()
    world.look()
    server = world.explorer.processes[1]
    for _ in range(20):
        server.alive = False
        world.look(1)
    assert server.started == explorer.MAX_RESTARTS + 1
    assert world.restarts == [explorer.SERVER] * explorer.MAX_RESTARTS


def test_files_that_redis_cannot_read_are_put_aside(tmp_path, monkeypatch):
    world = World(tmp_path, monkeypatch)
    world.explorer.start()
    world.look()
    files = world.explorer.places.state / "redis"
    files.mkdir()
    (files / "broken").touch()
    store = world.explorer.processes[0]
    for _ in range(2):
        store.alive = False
        world.look(1)
    assert not (files / "broken").exists()
    assert (files.with_name("redis-unreadable") / "broken").exists()
    assert store.started == 3


def test_a_database_on_another_port_is_noticed(tmp_path, monkeypatch):
    world = World(tmp_path, monkeypatch)
    world.explorer.start()
    world.look()
    world.instance.cluster.port = 5433
    world.made = Made(Path("/python"), {"PATH": "/bin"}, 5433, 9000)
    world.look()
    assert world.explorer.made == world.made
    assert world.explorer.processes
    assert (explorer.SERVER, False) in world.ends
