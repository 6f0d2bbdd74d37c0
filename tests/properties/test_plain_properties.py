"""Our own reading of FITS and astropy's say the same of whatever facilities write, whole or damaged."""

import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import gadf
from tests import gadf_files, told
from tests.gadf_variants import variants

quick = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@pytest.fixture(scope="module")
def directory():
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture(scope="module")
def whole(directory):
    return gadf_files.write(directory / "whole.fits").read_bytes()


def check(path):
    with pytest.MonkeyPatch.context() as monkeypatch:
        expected = told.by_astropy(monkeypatch, lambda: gadf.read(path))
    assert told.outcome(lambda: gadf.read(path)) == expected


@quick
@given(variant=variants())
def test_runs_of_all_kinds(variant, directory):
    check(variant.write(directory))


@settings(quick, max_examples=300)
@given(data=st.data())
def test_damaged_files(data, whole, directory):
    content = bytearray(whole)
    starts = [at for at in range(0, len(content), 2880) if content[at : at + 8] in (b"SIMPLE  ", b"XTENSION")]
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.sampled_from(starts)) + data.draw(st.integers(0, 2879))
        content[at] = data.draw(st.sampled_from(b" '/=.0123456789TFABEDN\0\xff") | st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    path = directory / "damaged.fits"
    path.write_bytes(gzip.compress(bytes(content), 1) if data.draw(st.booleans()) else bytes(content))
    check(path)
