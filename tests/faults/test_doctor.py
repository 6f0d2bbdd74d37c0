"""Every fault that the doctor knows is brought about, found, named with its remedy, and put right."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from instance import doctor
from instance.doctor import FAULTS
from instance.exits import EXIT_CHECK, OK
from tests.faults.harness import CHECKOUT, Site
from tests.faults.illnesses import ILLNESSES, Case

ADVICE = CHECKOUT / "docs" / "operations.md"


def test_every_fault_is_brought_about() -> None:
    assert sorted(ILLNESSES) == sorted(FAULTS)
    assert len(FAULTS) >= 20


@pytest.mark.parametrize("look", doctor.EXAMINATIONS, ids=lambda look: f"{look.__module__}.{look.__name__}")
def test_every_examination_can_find_a_fault(look: doctor.Examination) -> None:
    named = set(re.findall(r'"([a-z]+(?:-[a-z]+)*)"', inspect.getsource(look)))
    assert named & set(FAULTS)
    assert named & set(ILLNESSES)


def test_every_examination_of_its_modules_is_made() -> None:
    for module in {inspect.getmodule(look) for look in doctor.EXAMINATIONS}:
        assert module is not None
        written = {
            function
            for name, function in inspect.getmembers(module, inspect.isfunction)
            if list(inspect.signature(function).parameters) == ["patient"]
            and function.__module__ == module.__name__
        }
        assert written == set(module.EXAMINATIONS)


def test_the_documentation_has_the_same_faults_and_remedies() -> None:
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (.*?) \| (.*?) \|$", ADVICE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {key: (what, remedy) for key, what, remedy in rows} == FAULTS


@pytest.fixture(scope="module")
def patient(stopped: Site, new_site: Callable[..., Site], workshop: Path) -> Iterator[Site]:
    """Give an instance that is served, and well."""
    backup = workshop / "patient.tar"
    assert stopped.run("backup", "--to", str(backup)).returncode == OK
    site = new_site("patient")
    site.port = stopped.port
    site.home.mkdir()
    (site.home / "venv").symlink_to(stopped.home / "venv")
    done = site.run("restore", str(backup))
    assert done.returncode == OK, done.stderr
    with site.serving(CHERENKOV_VO_WORKERS="1", CHERENKOV_VO_LIGHT_WORKERS="1") as service:
        service.up()
        yield site


def faults(found: list[doctor.Diagnosis]) -> dict[str, doctor.Diagnosis]:
    return {diagnosis.fault: diagnosis for diagnosis in found if diagnosis.remedy}


@pytest.mark.parametrize("key", ILLNESSES)
def test_it_is_found_and_can_be_put_right(
    patient: Site, key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = patient.instance.settings
    assert faults(doctor.examine(settings)) == {}
    with monkeypatch.context() as patch, ILLNESSES[key](Case(patient, patch, tmp_path)) as look:
        found = faults(look() if look else doctor.examine(settings))
        assert key in found, found
        assert found[key].remedy == FAULTS[key][1]
        assert "unexpected" not in found, found
    assert key not in faults(doctor.examine(settings))


def test_the_command_needs_no_environment_and_tells_by_its_exit_code(patient: Site) -> None:
    done = patient.run("doctor")
    assert (done.returncode, "FAULT" in done.stderr) == (OK, False), done.stderr
    (patient.home / "postgres" / "data").chmod(0o755)
    environment = patient.home / "venv"
    target = environment.readlink()
    environment.unlink()
    done = patient.run("doctor")
    environment.symlink_to(target)
    (patient.home / "postgres" / "data").chmod(0o700)
    assert done.returncode == EXIT_CHECK
    assert f"FAULT  virtual environment: {environment} is not there" in done.stderr
    assert "chmod 700 it." in done.stderr
