"""The judges' environment, as far as it can be tested without network."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pytest

from ingest.errors import InstanceError
from instance import apt
from supply.environments import read_lock
from tests.judges import commands, environment, stilts_package

JUDGES = Path(environment.__file__).parent


class TestPrivateApt:
    def test_configuration_stays_in_its_directory(self, tmp_path: Path) -> None:
        text = stilts_package.private_configuration(tmp_path)
        assert f'Dir::State::status "{tmp_path}/state/status";' in text
        assert f'Dir::Cache::archives "{tmp_path}/archives";' in text
        assert "#clear APT::Update::Post-Invoke;" in text

    def test_status_provides_java_and_nothing_else(self) -> None:
        text = stilts_package.private_status()
        assert text.count("Package: ") == 1
        assert text.endswith("\n\n")
        for wanted in ("default-jre-headless (", "java8-runtime-headless,", "java25-runtime,"):
            assert wanted in text


def test_launcher_passes_arguments_unchanged(tmp_path: Path) -> None:
    java = tmp_path / "a java" / "java"
    java.parent.mkdir()
    java.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    java.chmod(0o755)
    script = tmp_path / "stilts"
    script.write_text(stilts_package.launcher(java, Path("/some where/x.jar")))
    script.chmod(0o755)
    answer = subprocess.run([script, "votlint", "in=a b"], capture_output=True, text=True, check=True).stdout
    assert answer.endswith("|-classpath|/some where/x.jar|uk.ac.starlink.ttools.Stilts|votlint|in=a b|")


def test_requirements_are_exact() -> None:
    pins = {entry.name: entry.version for entry in read_lock(JUDGES / "requirements.txt")}
    assert pins["gammapy"] == "2.1"
    assert tuple(map(int, pins["regions"].split("."))) < (0, 12)
    for module in environment.IMPORTS:
        assert module.partition(".")[0] in pins


def test_no_mirror_is_named() -> None:
    for module in (*environment.BUILDERS, Path(apt.__file__)):
        assert not re.search(r"(https?|ftp)://", module.read_text())


class Builder:
    """Stands for the work of building: counts, and may fail half-way."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None

    def __call__(self, directory: Path, report: object) -> environment.Judges:
        self.calls += 1
        judges = environment._places(directory)
        judges.python.parent.mkdir(parents=True, exist_ok=True)
        judges.python.touch()
        if self.error:
            raise self.error
        judges.stilts.touch()
        return judges


@pytest.fixture
def builder(monkeypatch: pytest.MonkeyPatch) -> Builder:
    builder = Builder()
    monkeypatch.setattr(environment, "_build", builder)
    return builder


class TestEnsure:
    def test_builds_once(self, tmp_path: Path, builder: Builder) -> None:
        first = environment.ensure(tmp_path / "j")
        start = time.perf_counter()
        second = environment.ensure(tmp_path / "j")
        assert time.perf_counter() - start < 0.2
        assert first == second == environment.Judges(tmp_path / "j/venv/bin/python", tmp_path / "j/stilts")
        assert builder.calls == 1

    @pytest.mark.parametrize("error", [InstanceError("no network"), OSError(28, "No space left")])
    def test_half_built_is_built_again(self, tmp_path: Path, builder: Builder, error: Exception) -> None:
        builder.error = error
        with pytest.raises(InstanceError):
            environment.ensure(tmp_path)
        builder.error = None
        environment.ensure(tmp_path)
        environment.ensure(tmp_path)
        assert builder.calls == 2

    def test_lost_command_is_noticed(self, tmp_path: Path, builder: Builder) -> None:
        environment.ensure(tmp_path).stilts.unlink()
        environment.ensure(tmp_path)
        assert builder.calls == 2

    def test_other_pins_need_another_build(
        self, tmp_path: Path, builder: Builder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        environment.ensure(tmp_path / "j")
        pins = tmp_path / "requirements.txt"
        pins.write_text("astropy==1.0\n")
        monkeypatch.setattr(environment, "REQUIREMENTS", pins)
        environment.ensure(tmp_path / "j")
        assert builder.calls == 2

    def test_foreign_directory_is_left_alone(self, tmp_path: Path, builder: Builder) -> None:
        (tmp_path / "venv").mkdir()
        with pytest.raises(InstanceError, match="not the judges' environment"):
            environment.ensure(tmp_path)
        assert builder.calls == 0
        with pytest.raises(InstanceError, match="not a directory"):
            environment.ensure(Path(__file__))

    def test_build_removes_what_an_earlier_one_left(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("venv", "debian", "apt"):
            (tmp_path / name).mkdir()
        (tmp_path / "mine").touch()

        def stop(directory: Path, *_: object) -> None:
            raise InstanceError("stopped")

        monkeypatch.setattr(stilts_package, "install", stop)
        with pytest.raises(InstanceError, match="stopped"):
            environment._build(tmp_path, lambda line: None)
        assert [path.name for path in tmp_path.iterdir()] == ["mine"]


class TestOffline:
    """What the programs print without network becomes one sentence and its remedy."""

    def fail_with(self, monkeypatch: pytest.MonkeyPatch, output: str) -> None:
        def run(command: list[object], *_: object) -> str:
            if command[0] == "apt-get" or "pip" in command:
                raise commands.CommandError(output)
            return "amd64\n"

        monkeypatch.setattr(commands, "run", run)
        archives = [apt.Archive("http://mirror.example/debian")]
        monkeypatch.setattr(apt, "debian_archives", lambda release: archives)

    def test_apt(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fail_with(
            monkeypatch,
            "Err:1 http://mirror.example/debian testing InRelease\n"
            "  Temporary failure resolving 'mirror.example'\nE: Some index files failed to download.\n",
        )
        said: list[str] = []
        with pytest.raises(InstanceError) as caught:
            stilts_package.install(tmp_path, tmp_path / "log", said.append)
        assert caught.value.problem == (
            "STILTS could not be fetched because the Debian archive is out of reach."
        )
        assert caught.value.remedy.startswith("Connect this machine")
        assert said == ["Fetching STILTS from Debian testing ..."]
        assert not (tmp_path / "apt").exists()

    def test_suite_without_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fail_with(monkeypatch, "E: The repository 'x' does not have a Release file.\n")
        monkeypatch.setattr(apt, "codename", lambda: "trixie")
        said: list[str] = []
        with pytest.raises(InstanceError, match=r"testing: E: The repository.*trixie: E: ") as caught:
            stilts_package.install(tmp_path, tmp_path / "log", said.append)
        assert "testing, unstable, trixie" in caught.value.remedy
        assert len(said) == 3

    def test_no_archive_known(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(apt, "debian_archives", lambda release: [])
        with pytest.raises(InstanceError, match="names no Debian archive"):
            stilts_package.install(tmp_path, tmp_path / "log", print)

    @pytest.mark.parametrize(
        ("output", "problem"),
        [
            (
                "WARNING: Retrying after connection broken by 'NewConnectionError(...)'\n"
                "ERROR: No matching distribution found for astropy\n",
                "The judges' Python packages could not be installed "
                "because the package index is out of reach.",
            ),
            (
                "ERROR: No matching distribution found for astropy\n",
                "The judges' Python packages could not be installed "
                "(ERROR: No matching distribution found for astropy).",
            ),
        ],
    )
    def test_pip(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, problem: str) -> None:
        self.fail_with(monkeypatch, output)
        with pytest.raises(InstanceError) as caught:
            environment._install_python(tmp_path, tmp_path / "log", lambda line: None)
        assert caught.value.problem == problem

    def test_missing_program(self, tmp_path: Path) -> None:
        with pytest.raises(commands.CommandError, match="No such file"):
            commands.run(["/nowhere/apt-get"], tmp_path / "log")


def test_command_line_reports_an_error_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], builder: Builder
) -> None:
    builder.error = InstanceError("No network.", "Get some.")
    assert environment.main(["--directory", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "No network. Get some.\n"
    builder.error = None
    assert environment.main(["--directory", str(tmp_path)]) == 0
    assert capsys.readouterr().out.split() == [f"{tmp_path}/venv/bin/python", f"{tmp_path}/stilts"]
