"""The unit for systemd: systemd itself takes it, and it says what the settings say."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from instance import settings, systemd
from instance.cli import main, parser
from instance.exits import OK

AWKWARD = 'The "100 %" $HOME \\ Observatory'


def entries(text: str, section: str) -> list[tuple[str, str]]:
    """Give keys and values of a section."""
    body = text.partition(f"[{section}]\n")[2].partition("\n[")[0]
    return [
        (key, value)
        for line in body.splitlines()
        if line and line[0] != "#"
        for key, _, value in [line.partition("=")]
    ]


def test_settings_that_were_chosen_are_in_it(tmp_path: Path) -> None:
    chosen = settings.load(
        {"CHERENKOV_VO_PORT": "8181", "CHERENKOV_VO_INSTANCE": str(tmp_path), "HESS_DL3_DR1": "sample"},
        tmp_path,
    )
    service = entries(systemd.unit(chosen), "Service")
    environment = {value for key, value in service if key == "Environment"}
    assert environment == {
        '"CHERENKOV_VO_PORT=8181"', f'"CHERENKOV_VO_INSTANCE={tmp_path}"', '"HESS_DL3_DR1=sample"',
    }  # fmt: skip
    values = dict(service)
    assert values["ExecStart"] == f'"{settings.CHECKOUT}/bin/cherenkov-vo" serve'
    assert values["Restart"] == "on-failure"
    assert values["RestartPreventExitStatus"].split() == ["2", "3"]


def test_every_setting_can_be_in_it() -> None:
    text = systemd.unit(settings.Settings(site_name=AWKWARD))
    assert r'Environment="CHERENKOV_VO_SITE_NAME=The \"100 %%\" $HOME \\ Observatory"' in text
    assert r'ExecStart="' in text


@pytest.mark.parametrize("name", ["Plain Site", AWKWARD])
def test_systemd_takes_it(tmp_path: Path, name: str) -> None:
    program = shutil.which("systemd-analyze")
    text = systemd.unit(settings.Settings(site_name=name))
    sections = {line for line in text.splitlines() if line.startswith("[")}
    assert sections == {"[Unit]", "[Service]", "[Install]"}
    assert all("=" in line for line in text.splitlines() if line and line[0] not in "#[")
    if program is not None:  # which Debian's smaller images do not have; the rest was looked at
        path = tmp_path / "cherenkov-vo.service"
        path.write_text(text, encoding="utf-8")
        done = subprocess.run(
            [program, "verify", "--man=no", path], capture_output=True, text=True, check=False, timeout=60
        )
        ours = [line for line in done.stderr.splitlines() if path.name in line]
        assert ours == []


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["unit"]) == OK
    assert capsys.readouterr().out == systemd.unit(settings.load())
    assert "unit" in parser().format_help()
