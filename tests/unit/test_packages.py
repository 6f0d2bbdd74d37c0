import threading

import pytest

from instance import apt, packages


def test_only_dachs_comes_from_the_newer_suite():
    archive = apt.Archive("http://m.example/d", (("Signed-By", "/k"), ("Trusted", "yes")))
    source, preferences = packages.newer_suite_files(archive, "testing")
    assert source == (
        "Types: deb\nURIs: http://m.example/d\nSuites: testing\nComponents: main\n"
        "Signed-By: /k\nTrusted: yes\n"
    )
    general, special = preferences.strip().split("\n\n")
    assert general.splitlines() == ["Package: *", "Pin: release a=testing", "Pin-Priority: -1"]
    assert special.splitlines()[0].split()[1:] == list(packages.DACHS_PACKAGES)
    assert special.splitlines()[2] == "Pin-Priority: 600"


class Machine:
    """Stands for a machine whose release has DaCHS too old, and whose archive has it in one suite."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, suite: str) -> None:
        self.suite = suite
        self.written: dict[object, str] = {}
        archives = [apt.Archive("http://m.example/debian"), apt.Archive("http://other.example/x")]
        monkeypatch.setattr(apt, "debian_archives", lambda release: archives if suite else [])
        monkeypatch.setattr(packages, "_write_as_root", self.written.__setitem__)
        monkeypatch.setattr(packages, "_update", lambda: None)
        monkeypatch.setattr(packages, "_candidate", self.candidate)

    def candidate(self, package: str) -> str:
        offered = f"Suites: {self.suite}\n" in self.written.get(packages.APT_SOURCE, "")
        return "2.13+dfsg-2" if offered else "2.7+dfsg-2"


@pytest.mark.parametrize("suite", apt.NEWER_SUITES)
def test_dachs_is_looked_for_in_one_newer_suite_after_the_other(monkeypatch, suite):
    machine = Machine(monkeypatch, suite)
    packages._offer_newer_dachs()
    archive = apt.Archive("http://m.example/debian")
    assert tuple(machine.written.values()) == packages.newer_suite_files(archive, suite)


@pytest.mark.parametrize(
    ("suite", "why"), [("", "no Debian archive among"), ("none", "no suite of http://m")]
)
def test_dachs_that_is_nowhere_is_refused(monkeypatch, suite, why):
    Machine(monkeypatch, suite)
    with pytest.raises(packages._RefusedError, match=why):
        packages._offer_newer_dachs()


def test_versions_are_compared_as_debian_does():
    assert packages.at_least("2.13+dfsg-2", "2.13")
    assert packages.at_least("2.13.1~rc1-1", "2.13")
    assert not packages.at_least("2.7+dfsg-2", "2.13")
    assert not packages.at_least(None, "2.13")


def test_requirements_come_from_pyproject():
    assert any(item.startswith("mocpy") for item in packages.requirements())
    assert any(item.startswith("pytest") for item in packages.requirements("test"))


def test_somebody_elses_environment_is_not_cleared_through_a_link(tmp_path, monkeypatch):
    theirs = tmp_path / "theirs"
    (theirs / "bin").mkdir(parents=True)
    (theirs / "bin" / "python").touch()
    (theirs / "complete-base").write_text("of other requirements")
    home = tmp_path / "home"
    home.mkdir()
    (home / "venv").symlink_to(theirs)
    commands = []

    def run(command):
        commands.append(command)
        assert not (home / "venv").is_symlink()
        (home / "venv" / "bin").mkdir(parents=True, exist_ok=True)
        (home / "venv" / "bin" / "python").touch()

    monkeypatch.setattr(packages, "_venv_command", run)
    assert packages.ensure_venv(home) == home / "venv" / "bin" / "python"
    assert len(commands) == 3
    assert (theirs / "complete-base").read_text() == "of other requirements"
    assert packages.ensure_venv(home)
    assert len(commands) == 3, "its own stamp fits now"


def test_a_linked_environment_whose_stamp_fits_is_used(tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    for home in (first, second):
        home.mkdir()
    made = []

    def run(command):
        made.append(command)
        (first / "venv" / "bin").mkdir(parents=True, exist_ok=True)
        (first / "venv" / "bin" / "python").touch()

    monkeypatch.setattr(packages, "_venv_command", run)
    packages.ensure_venv(first)
    (second / "venv").symlink_to(first / "venv")
    packages.ensure_venv(second)
    assert len(made) == 3
    assert (second / "venv").is_symlink()


def test_two_who_need_the_same_environment_at_once_make_it_once(tmp_path, monkeypatch):
    commands, begun, go_on = [], threading.Event(), threading.Event()

    def run(command):
        commands.append(command)
        begun.set()
        assert go_on.wait(60)
        (tmp_path / "venv" / "bin").mkdir(parents=True, exist_ok=True)
        (tmp_path / "venv" / "bin" / "python").touch()

    monkeypatch.setattr(packages, "_venv_command", run)
    threads = [threading.Thread(target=packages.ensure_venv, args=(tmp_path,)) for _ in range(2)]
    threads[0].start()
    assert begun.wait(60)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join()
    assert len(commands) == 3
