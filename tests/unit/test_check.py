"""What ``check`` finds in a release, with and without a configuration."""

import io
import shutil
from collections import Counter
from pathlib import Path

import pytest
from astropy.io import fits
from rich.console import Console

import simulate
from ingest import feed
from ingest.errors import ConfigError
from ingest.records import Deviation
from instance import check
from tests import gadf_files

IDENTITY = feed.Identity(check.NOBODY, f"http://{check.NOBODY}", check.NO_COLLECTION)
KINDS = ("event lists", "responses", "event bundles", "links")


def found_in(directory: Path, config: Path | None = None) -> list[check.Findings]:
    return [
        check.check(directory, loaded, IDENTITY, name=name)
        for name, loaded in check.configurations(directory, config).items()
    ]


def shown(found: check.Findings, *, every: bool = False) -> str:
    output = io.StringIO()
    check.show(found, Console(file=output, width=300), every=every)
    return output.getvalue()


@pytest.fixture(scope="module")
def ctao(tmp_path_factory):
    directory = tmp_path_factory.mktemp("check") / "ctao"
    simulate.simulate_ctao_release(directory, simulate.ObservatoryConfig(runs=8))
    return directory


def test_a_release_with_index_tables_needs_no_configuration(ctao):
    (found,) = found_in(ctao)
    assert found.well
    with fits.open(ctao / "obs-index.fits.gz") as opened:
        assert found.report.published == found.report.files == len(opened[1].data)
    with fits.open(ctao / "hdu-index.fits.gz") as opened:
        types = [str(kind).strip() for kind in opened[1].data["HDU_TYPE"]]
    assert found.rows["event lists"] == types.count("events")
    assert found.rows["event bundles"] == found.report.published
    assert "8 of 8 observations can be published" in shown(found)
    assert ", ".join(f"{found.rows[kind]} {kind}" for kind in KINDS) in shown(found)


def test_every_index_is_checked(ctao, tmp_path):
    for name in ("one", "deeper/two"):
        shutil.copytree(ctao, tmp_path / name)
    configs = check.configurations(tmp_path, None)
    assert {config.index for config in configs.values()} == {"one", "deeper/two"}


def test_files_without_an_index_are_found_all_the_way_down(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    gadf_files.write(tmp_path / "a" / "b" / "run.fits")
    (tmp_path / "a" / "broken.fits.gz").write_bytes(b"no FITS")
    (tmp_path / "a" / "notes.txt").write_text("no FITS either")
    (found,) = found_in(tmp_path)
    assert (found.report.published, found.report.files) == (1, 2)
    assert [failure["file"] for failure in found.report.failures] == ["broken.fits.gz"]
    assert not found.well
    assert "broken.fits.gz" in shown(found)


def test_nothing_at_all_is_not_well(tmp_path):
    (found,) = found_in(tmp_path)
    assert not found.well
    assert "0 of 0 observations" in shown(found)


def test_configurations_are_taken_where_they_are_given(ctao, tmp_path):
    text = 'obs_collection = "{}"\nsimulated = false\nindex = "."\ncreator_name = "x"\n'
    own = tmp_path / "own"
    shutil.copytree(ctao, own)
    (own / "release.toml").write_text(text.format("own"))
    (tmp_path / "other.toml").write_text(text.format("other"))
    (config,) = check.configurations(own, None).values()
    assert config.obs_collection == "own"
    (config,) = check.configurations(own, tmp_path / "other.toml").values()
    assert config.obs_collection == "other"
    with pytest.raises(ConfigError, match=r"missing\.toml"):
        check.configurations(own, tmp_path / "missing.toml")


def deviation(file: str, assumed: str, value: str | None = "1", keyword: str = "TSTART") -> Deviation:
    return Deviation(Path("release") / file, "EVENTS", keyword, value, assumed)


def test_deviations_of_one_kind_stand_together():
    found = Counter(
        {
            deviation("a.fits", "used, not 1.5e3 of the index"): 1,
            deviation("b.fits", "used, not 2.5 of the index", "2"): 2,
            deviation("c.fits", "left NULL", None): 1,
            deviation("c.fits", "left NULL", None, "TSTOP"): 1,
        }
    )
    groups = check.groups(found)
    assert [(group.keyword, group.assumed, group.times) for group in groups] == [
        ("TSTART", "used, not ... of the index", 3),
        ("TSTART", "left NULL", 1),
        ("TSTOP", "left NULL", 1),
    ]
    assert groups[0].files == ("a.fits", "b.fits")
    assert groups[0].values == ("1", "2")
    assert groups[1].values == ("missing",)


def test_deviations_are_shown_in_groups_or_one_by_one():
    report = check.Collected("x", published=4, files=4)
    for number in range(5):
        report.note([deviation(f"run{number}.fits", "left [bold]NULL[/bold]")])
    report.note([deviation("run0.fits", "left [bold]NULL[/bold]")])
    text = shown(check.Findings("release", report))
    (line,) = [line for line in text.splitlines() if "TSTART" in line]
    assert [cell.strip() for cell in line.strip("│").split("│")] == [
        "6", "EVENTS", "TSTART", "1", "left [bold]NULL[/bold]",
        "run0.fits, run1.fits, run2.fits and 2 more",
    ]  # fmt: skip
    text = shown(check.Findings("release", report), every=True)
    lines = [line.strip() for line in text.splitlines() if "TSTART" in line]
    assert len(lines) == 5
    assert lines[0] == "run0.fits, HDU EVENTS, TSTART: 1: left [bold]NULL[/bold] (in 2 observations)"


def test_what_is_found_in_files_is_counted(tmp_path):
    path = gadf_files.write(tmp_path / "run.fits")
    (before,) = found_in(tmp_path)
    with fits.open(path, mode="update") as opened:
        opened["EVENTS"].header["N_TELS"] = -3
    (after,) = found_in(tmp_path)
    assert after.report.deviation_count == before.report.deviation_count + 1
    assert any(group.keyword == "N_TELS" for group in check.groups(after.report.found))
    assert after.unknown["n_tels"] == 1
