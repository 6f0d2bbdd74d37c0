"""What cannot be done is said, and the rest is done."""

from __future__ import annotations

import io
import json
import tarfile
import time
from pathlib import Path

import pytest
from conftest import Indexes, MakeBundle, Result, did, run_job, settings

from portal.jobs.bundle import unpack
from portal.jobs.errors import BundleError, ParameterError
from portal.jobs.parameters import DEFINITIONS, check_limits, read_parameters


def test_an_empty_bundle(make_bundle: MakeBundle, tmp_path: Path) -> None:
    result = run_job(make_bundle([]), tmp_path / "out")
    assert result.status == 2
    assert result.stderr.splitlines()[-1] == "There are no event lists in the bundle"
    assert result.summary["error"] == "There are no event lists in the bundle"
    assert "There are no event lists" in result.log


def test_no_bundle_at_all(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    result = run_job(tmp_path / "bundle", tmp_path / "out")
    assert result.status == 2
    assert "has no obs-index.fits.gz" in result.summary["error"]


def test_one_run(make_bundle: MakeBundle, crab: list[int], tmp_path: Path) -> None:
    result = run_job(make_bundle(crab[:1]), tmp_path / "out")
    assert result.status == 0
    assert {step["state"] for step in result.summary["steps"].values()} == {"done"}
    assert result.summary["light_curve"]["points"] == 1


def test_a_corrupt_run_is_left_out(make_bundle: MakeBundle, crab: list[int], tmp_path: Path) -> None:
    bundle = make_bundle(crab)
    path = bundle / "data" / f"sim_hess_obs_id_{crab[1]}.fits.gz"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 20] + b"\0" * 100)
    result = run_job(bundle, tmp_path / "out")
    assert result.status == 0
    (left,) = result.summary["runs_left_out"]
    assert left["did"] == did(crab[1])
    assert left["reason"].startswith("Cannot be read: ")
    assert result.summary["runs_used"] == [did(crab[0]), did(crab[2])]
    assert f"Left out: {did(crab[1])}" in result.log
    assert "spectrum" in result.summary


def test_a_missing_file_is_left_out_with_what_the_archive_said(
    make_bundle: MakeBundle, crab: list[int], tmp_path: Path
) -> None:
    bundle = make_bundle(crab)
    (bundle / "data" / f"sim_hess_obs_id_{crab[0]}.fits.gz").unlink()
    (bundle / "LEFT-OUT.txt").write_text(f"Asked for\n\n{did(1)}\twithheld until 2030\n")
    result = run_job(bundle, tmp_path / "out", *settings(mode="assess"))
    reasons = {left["did"]: left["reason"] for left in result.summary["runs_left_out"]}
    assert reasons[did(1)] == "Not sent by the archive: withheld until 2030"
    assert "Cannot be read" in reasons[did(crab[0])]


@pytest.mark.parametrize(
    ("without", "step", "words"),
    [
        ("bkg", "excess maps", "left out: No run has a model of the background"),
        ("aeff", "reduction", "left out: No run can be used"),
        ("edisp", "reduction", "left out: No run can be used"),
    ],
)
def test_a_missing_response_ends_only_what_needs_it(
    make_bundle: MakeBundle, crab: list[int], tmp_path: Path, without: str, step: str, words: str
) -> None:
    result = run_job(make_bundle(crab[:1], without=[without]), tmp_path / "out")
    assert result.status == 0
    assert result.step(step).startswith(words)
    assert result.step("counts map") == "done: None"
    assert result.step("relevance") == "done: None"
    assert ("spectrum" in result.summary) == (without == "bkg")
    assert any(did(crab[0]) in note for note in result.summary["notes"])


def test_no_off_regions(make_bundle: MakeBundle, indexes: Indexes, crab: list[int], tmp_path: Path) -> None:
    pointing = {int(row["OBS_ID"]): (row["RA_PNT"], row["DEC_PNT"]) for row in indexes.obs}[crab[0]]
    where = settings(ra=pointing[0], dec=pointing[1])
    result = run_job(make_bundle(crab[:1]), tmp_path / "out", *where)
    assert result.status == 0
    assert result.step("relevance").startswith("left out: No run has off regions")
    assert result.step("theta squared").startswith("left out: No run has a mirrored position")
    assert result.step("reduction").startswith("left out: ")
    assert result.step("excess maps") == "done: None"
    assert result.summary["counts"]["significance"] is None
    assert result.summary["target"]["name"] is None


def test_too_few_counts_for_a_spectrum(make_bundle: MakeBundle, crab: list[int], tmp_path: Path) -> None:
    """Off the source, the light curve still has limits."""
    result = run_job(make_bundle(crab[:1]), tmp_path / "out", *settings(ra=84.4, dec=22.5145))
    assert result.step("fit").startswith("left out: ")
    assert "are too few" in result.step("fit")
    assert result.step("light curve") == "done: None"
    assert any("No spectrum could be fitted" in note for note in result.summary["notes"])


def test_far_runs_and_too_many_runs_are_left_out(
    make_bundle: MakeBundle, indexes: Indexes, crab: list[int], tmp_path: Path
) -> None:
    other = indexes.ids("PKS 2155-304")[0]
    result = run_job(make_bundle([*crab, other]), tmp_path / "out", "--max-runs=2", *settings(mode="assess"))
    reasons = {left["did"]: left["reason"] for left in result.summary["runs_left_out"]}
    assert "deg from the target; max_offset is 2.5" in reasons.pop(did(other))
    assert list(reasons.values()) == ["A job uses 2 runs, and others point nearer to the target"]
    assert len(result.summary["runs_used"]) == 2


def test_twenty_runs_are_assessed_in_under_a_minute(
    make_bundle: MakeBundle, indexes: Indexes, tmp_path: Path
) -> None:
    """All runs of the release; the target is far from most, so the offset allows none to be cut."""
    ids = [int(number) for number in indexes.obs["OBS_ID"]][:20]
    bundle = make_bundle(ids)
    start = time.monotonic()
    result = run_job(bundle, tmp_path / "out", *settings(mode="assess"))
    assert time.monotonic() - start < 60
    assert result.status == 0
    assert len(result.summary["runs_used"]) + len(result.summary["runs_left_out"]) == 20
    assert set(result.summary["steps"]) == {"relevance"}
    assert "sigma" in result.summary["relevance"]["words"]


def test_the_time_is_over(make_bundle: MakeBundle, crab: list[int], tmp_path: Path) -> None:
    result = run_job(make_bundle(crab), tmp_path / "out", "--max-seconds=2")
    states = {step["state"] for step in result.summary["steps"].values()}
    assert states <= {"done", "left out"}
    assert "left out: The 2 seconds that a job may take are over" in {
        result.step(name) for name in result.summary["steps"]
    }
    assert (result.directory / "provenance.json").is_file()


def test_there_is_not_enough_memory(make_bundle: MakeBundle, crab: list[int], tmp_path: Path) -> None:
    """Large maps need more than there is; the spectrum does not."""
    result = run_job(
        make_bundle(crab[:1]),
        tmp_path / "out",
        "--max-memory-mib=900",
        "--max-pixels=1000000",
        *settings(width=10, binsz=0.0101, energy_min=0.01, energy_max=500),
    )
    assert result.status == 0
    assert result.step("excess maps") == "failed: There was not enough memory"
    assert result.step("fit") == "done: None"


def test_maps_that_are_too_large(make_bundle: MakeBundle, crab: list[int], tmp_path: Path) -> None:
    result = run_job(make_bundle(crab[:1]), tmp_path / "out", *settings(width=10, binsz=0.01))
    assert result.status == 2
    assert "make maps of 1,000,000 pixels, and 250,000 are allowed" in result.stderr


def test_progress_is_told(crab_result: Result) -> None:
    told = json.loads((crab_result.directory / "progress.json").read_text())
    assert told == {"fraction": 1.0, "words": "Done"}
    for line in crab_result.log.splitlines():
        assert line[20:22] == " ["
    assert "[ 75%] Fitting a power law" in crab_result.log


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"colour": "blue"}, "Unknown parameter 'colour'"),
        ({"ra": "10"}, "give both or none"),
        ({"ra": "ten", "dec": "1"}, "ra='ten', expected a number"),
        ({"dec": "91", "ra": "1"}, "dec=91, expected -90 to 90 deg"),
        ({"width": "nan"}, "width=nan, expected"),
        ({"background": "none"}, "expected one of ring, fov"),
        ({"energy_min": "10", "energy_max": "11"}, "a factor of 1.5"),
        ({"binsz": "0.2"}, "no more than on_radius"),
    ],
)
def test_parameters_are_refused(given: dict[str, str], words: str) -> None:
    with pytest.raises(ParameterError) as caught:
        read_parameters(given)
    assert words in str(caught.value)


def test_defaults_are_allowed() -> None:
    check_limits(read_parameters({"width": " "}), 250_000)
    for definition in DEFINITIONS:
        if definition.default is not None:
            definition.read(definition.default)


def archive(path: Path, names: list[str], kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, "w") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, 3 if kind == tarfile.REGTYPE else 0, "/etc"
            tar.addfile(member, io.BytesIO(b"abc"))
    return path


@pytest.mark.parametrize("name", ["../x/y", "top/../../y", "/etc/x", "file"])
def test_hostile_names_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    with pytest.raises(BundleError, match="nothing that bundles have"):
        unpack(archive(tmp_path / "a.tar", [name]), tmp_path / "to")


def test_links_are_refused(tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    with pytest.raises(BundleError, match="nothing that bundles have"):
        unpack(archive(tmp_path / "a.tar", ["top/link"], tarfile.SYMTYPE), tmp_path / "to")


def test_an_archive_that_is_cut_off(tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    path = archive(tmp_path / "a.tar", ["top/a", "top/b"])
    path.write_bytes(path.read_bytes()[:1200])
    with pytest.raises(BundleError, match="no complete tar archive"):
        unpack(path, tmp_path / "to")


def test_a_good_archive(make_bundle: MakeBundle, crab: list[int], tmp_path: Path) -> None:
    bundle = make_bundle(crab[:1], name="top")
    path = tmp_path / "bundle.tar"
    with tarfile.open(path, "w") as tar:
        for file in sorted(bundle.rglob("*")):
            if file.is_file():
                tar.add(file, f"top/{file.relative_to(bundle)}")
    result = run_job(path, tmp_path / "out", *settings(mode="assess"))
    assert result.status == 0
    assert result.summary["runs_used"] == [did(crab[0])]
