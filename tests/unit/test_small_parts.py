"""Columns, releases, vocabularies, state, deployment, and files cut out of runs."""

import gzip
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from astropy.io import fits
from astropy.io.votable.ucd import parse_ucd

from datalink import parts
from ingest import columns, fits_files, gadf, release
from ingest.errors import ConfigError, InstanceError, UnreadableFileError
from ingest.records import HDU
from ingest.vocabulary import Vocabulary
from instance import deploy, state, vocabularies
from tests import gadf_files

CHECKOUT = Path(__file__).resolve().parents[2]
INPUTS = CHECKOUT / "inputs" / "hess_dr"


def test_the_extension_has_the_columns_of_the_specification():
    names = [column.name for column in columns.in_group("hea")]
    assert names == [
        "ev_xel", "s_ref_energy", "em_ref_energy", "s_ref_oaa", "em_ref_oaa", "t_intervals",
        "energy_min", "energy_max", "obs_mode", "tracking_type", "tracking_mode", "scan_mode",
        "pointing_mode", "analysis_mode", "event_type", "messenger_name", "messenger_pdgid",
    ]  # fmt: skip


def test_column_table_is_complete():
    for column in columns.load():
        assert column.description.endswith(".")
        assert column.source
        assert column.ucd or column.name in ("t_intervals", "resp_t_intervals")
    assert {item["name"] for item in columns.rd_items("hea", integers=True)} == {"ev_xel"}
    both = [*columns.rd_items("hea"), *columns.rd_items("hea", integers=True)]
    assert len(both) == len(columns.in_group("hea"))


YOUNG_WORDS = {"instr.detection", "meta.ref.pdgid", "phys.particle", "meta.ref.ivoid", "pos.outline"}
"""The first two are the draft's own; astropy 5.2 does not know the others, which UCD 1.5 has."""


@pytest.mark.parametrize("column", [column for column in columns.load() if column.ucd], ids=lambda c: c.name)
def test_ucds_are_of_known_words(column):
    first, *others = column.ucd.split(";")
    words = ["meta.id" if first in YOUNG_WORDS else first]
    words += [word for word in others if word not in YOUNG_WORDS]
    assert parse_ucd(";".join(words), check_controlled_vocabulary=True)


def test_bad_column_tables(tmp_path):
    header = ",".join(columns.Column.__annotations__)
    short = tmp_path / "short.csv"
    short.write_text(f"{header}\nhea,x\n")
    with pytest.raises(ConfigError, match="line 2"):
        columns.load(short)
    twice = tmp_path / "twice.csv"
    twice.write_text(f"{header}\n" + "hea,x,text,,u,,d,s\n" * 2)
    with pytest.raises(ConfigError, match="'x' is defined twice"):
        columns.load(twice)
    with pytest.raises(ConfigError, match="known are context, hea, obscore, response"):
        columns.in_group("other")


def test_release_configurations_load():
    assert not release.load(INPUTS / "release.toml").simulated
    assert release.load(INPUTS / "sample.toml").simulated


def write_release(tmp_path: Path, **changes: str) -> Path:
    text = (INPUTS / "sample.toml").read_text()
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "release.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("simulated = true", "simulated = true\ncolor = 3", "color"),
        ("SIMULATED-HESS-LIKE", "HESS", "does not say 'simulated'"),
        ('data_rights = "public"', 'data_rights = "secret"', "data_rights"),
        ("simulated = true", "", "simulated"),
        ("simulated = true", "simulated = true\nreference_energy_tev = -1", "reference_energy_tev"),
        ("simulated = true", "simulated = ", "not TOML"),
    ],
)
def test_release_configurations_that_are_refused(tmp_path, old, new, message):
    with pytest.raises(ConfigError, match=message):
        release.load(write_release(tmp_path, change=(old, new)))


def test_every_key_of_a_release_is_documented():
    for model in (release.Release, release.Registry):
        for name, key in model.model_fields.items():
            assert key.description or name == "registry"


def test_missing_release_configuration(tmp_path):
    with pytest.raises(ConfigError, match="cannot read"):
        release.load(tmp_path / "none.toml")


def test_vocabulary_profiles():
    assert Vocabulary.named("talk").event_list == "event-list"
    assert Vocabulary.named("draft").event_list == "hea-event-list"
    with pytest.raises(ConfigError, match="draft, talk"):
        Vocabulary.named("other")


def test_stand_ins_hold_our_terms_and_yield_to_real_ones(tmp_path):
    table = CHECKOUT / "rd" / "vocabularies.toml"
    assert "uat" in vocabularies.seed(table, tmp_path)
    document = json.loads((tmp_path / vocabularies.cache_name("uat")).read_text())
    for config in ("release.toml", "sample.toml"):
        for subject in release.load(INPUTS / config).registry.subjects:
            assert document["terms"][subject]["label"]
    real = tmp_path / vocabularies.cache_name("product-type")
    assert real.stat().st_mtime < 1_000_000_000
    real.write_text("{}")
    assert "product-type" not in vocabularies.seed(table, tmp_path)
    assert real.read_text() == "{}"


def test_state_survives_damage(tmp_path):
    kept = state.State(tmp_path / "state.json")
    kept.set(a=1, b="two")
    kept.set(a=None)
    assert kept.read() == {"b": "two"}
    kept.path.write_text('{"b": ')
    assert kept.get("b") is None


def test_fingerprints_notice_changes(tmp_path):
    path = tmp_path / "file"
    path.write_text("one")
    before = state.fingerprint("text", path), state.fingerprint([path])
    assert before == (state.fingerprint("text", path), state.fingerprint([path]))
    path.write_text("other")
    assert state.fingerprint("text", path) != before[0]
    assert state.fingerprint([path]) != before[1]
    assert state.fingerprint("te", "xt") != state.fingerprint("text")


def test_a_lock_is_free_when_its_holder_dies(tmp_path):
    path = tmp_path / "lock"
    code = (
        f"import sys, time; sys.path.insert(0, {str(CHECKOUT)!r})\n"
        "from pathlib import Path; from instance.state import lock\n"
        f"with lock(Path({str(path)!r}), 0, 'testing'):\n    print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert state.holder(path) == child.pid
        with pytest.raises(InstanceError, match=f"{child.pid}.*testing"), state.lock(path, 0, "testing"):
            pass
        child.kill()
    deadline = time.monotonic() + 10
    while state.holder(path) is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    with state.lock(path, 0, "testing"):
        assert state.holder(path) == os.getpid()
    assert state.holder(path) is None


def test_deployment_mirrors_the_checkout(tmp_path):
    source, home = tmp_path / "source", tmp_path / "home"
    for package in deploy.PACKAGES:
        (source / package).mkdir(parents=True)
        (source / package / "a.py").write_text("1")
        (source / package / "b.py").write_text("2")
    deployment = deploy.Deployment(home, source)
    deployment.update()
    times = {path: path.stat().st_mtime_ns for path in deployment.code_files()}
    (source / "rd" / "b.py").unlink()
    (source / "rd" / "a.py").write_text("changed")
    deployment.update()
    assert (deployment.app / "rd" / "a.py").read_text() == "changed"
    assert not (deployment.app / "rd" / "b.py").exists()
    kept = deployment.app / "ingest" / "a.py"
    assert kept.stat().st_mtime_ns == times[kept]
    assert (deployment.inputs / "rd").resolve() == deployment.app / "rd"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Two run files, one of them packed, in places with odd names."""
    place = tmp_path_factory.mktemp("inputs")
    (place / "x" / "files of ñ").mkdir(parents=True)
    first = gadf_files.write(place / "x" / "run.fits")
    packed = place / "x" / "files of ñ" / "irf#1.fits.gz"
    packed.write_bytes(gzip.compress(first.read_bytes()))
    return place


def piece(source: str, hdu: HDU) -> str:
    return f"{quote(source)}#{hdu.offset}+{hdu.size}"


def test_files_are_put_together_of_the_same_bytes(inputs, monkeypatch):
    whole = (inputs / "x" / "run.fits").read_bytes()
    known = [hdu for hdu in gadf.read(inputs / "x" / "run.fits").hdus if hdu.offset]
    sources = ["x/run.fits", "x/files of ñ/irf#1.fits.gz"]
    wanted = [(sources[number % 2], hdu) for number, hdu in enumerate(known)]
    unpacked = []
    monkeypatch.setattr(parts, "unpack", lambda path: unpacked.append(path) or fits_files.unpack(path))
    content = parts.cut(inputs, " ".join(piece(*item) for item in wanted))
    assert unpacked == [inputs / source for source in sources]
    assert len(content) == 2880 + sum(hdu.checked_size for _, hdu in wanted)
    with fits.open(io.BytesIO(content), checksum=True) as cut:
        cut.verify("exception")
        for hdu, (_, original) in zip(cut[1:], wanted, strict=True):
            place = hdu.fileinfo()
            end = original.offset + original.size
            assert (
                content[place["datLoc"] : place["datLoc"] + place["datSpan"]]
                == whole[end - place["datSpan"] : end]
            )
            assert (hdu.verify_checksum(), hdu.verify_datasum()) == (1, 1)
        assert (cut[0].verify_checksum(), cut[0].verify_datasum()) == (1, 1)
        assert [hdu.name for hdu in cut[1:]] == [hdu.name for _, hdu in wanted]
        assert cut[0].header["PARENT"] == "run.fits"
        assert cut[0].header["PARENT2"] == "irf#1.fits.gz"


def test_parents_fit_into_one_header_block():
    names = [f"{number:02d}{'x' * 70}.fits.gz" for number in range(40)]
    header = parts.primary_header(names)
    assert len(header) == 2880
    assert fits.Header.fromstring(header)["PARENT"] == names[0]
    assert fits.Header.fromstring(parts.primary_header(["ñ.fits"]))["PARENT"] == "%C3%B1.fits"


@pytest.mark.parametrize(
    "text",
    ["", "1", "x#2880", "x#2880+", "x#1+2880", "x#2880+5", "x#2880+0", "x#-2880+2880", "x#a+b",
     "0+2880", "#0+2880", "/x#0+2880", "../x#0+2880", "x/%2E%2E/y#0+2880", "x#0+2880 y"],
)  # fmt: skip
def test_pieces_that_are_refused(text):
    with pytest.raises(ValueError, match=r"2880|piece|inputs"):
        parts.parse(text)


@pytest.mark.parametrize("place", ["0+2880", "2880000+2880", "5760+2880"])
def test_places_without_an_hdu(inputs, place):
    with pytest.raises(UnreadableFileError, match="import the release again"):
        parts.cut(inputs, f"x/run.fits#{place}")


def test_a_source_that_is_gone(inputs):
    with pytest.raises(UnreadableFileError, match="cannot be read"):
        parts.cut(inputs, "x/none.fits#2880+2880")
