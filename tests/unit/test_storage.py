"""Releases in object stores: an S3 server of our own on a free port, without a network."""

import gzip
import os
import shutil

import boto3
import pytest
from moto.server import ThreadedMotoServer

from datalink import parts
from datalink.files import File
from ingest import fits_files, gadf, plain, scan, storage
from ingest.errors import UnreadableFileError
from tests import gadf_files, gadf_releases, told

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
BUCKET = "releases"


@pytest.fixture(scope="module")
def server():
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    kept = dict(os.environ)
    os.environ.update(
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ENDPOINT_URL=f"http://{host}:{port}",
        NO_PROXY=host,
        no_proxy=host,
    )
    storage._file_system.cache_clear()
    yield boto3.client("s3", endpoint_url=f"http://{host}:{port}")
    os.environ.clear()
    os.environ.update(kept)
    running.stop()


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """A release on the local disk: packed and plain files, an index, and what is not read."""
    place = tmp_path_factory.mktemp("local") / "releases" / "one" / "files"
    (place / "data" / "deep").mkdir(parents=True)
    first = gadf_files.write(place / "data" / "run1.fits", gadf_files.events(OBS_ID=1), gadf_files.gti())
    gadf_files.write(
        place / "data" / "deep" / "run2.fits",
        gadf_files.events(OBS_ID=2),
        gadf_files.aeff(),
        gadf_files.table("OTHER", [gadf_files.fits.Column("X", "D", array=[0.0] * 20_000)], {}),
        gadf_files.psf(),
    )
    (place / "data" / "run3.fits.gz").write_bytes(
        gzip.compress(
            first.read_bytes().replace(b"OBS_ID  =                    1", b"OBS_ID  =                    3")
        )
    )
    gadf_files.write(place / "data" / "irf.fits", gadf_files.aeff())
    (place / "README.txt").write_text("nothing")
    return place


@pytest.fixture(scope="module")
def bound(server, local, tmp_path_factory):
    """The same release in the store, bound to a directory."""
    server.create_bucket(Bucket=BUCKET)
    for path in local.rglob("*"):
        if path.is_file():
            server.upload_file(str(path), BUCKET, f"some/prefix/{path.relative_to(local).as_posix()}")
    place = tmp_path_factory.mktemp("bound") / "releases" / "one" / "files"
    place.parent.mkdir(parents=True)
    storage.bind(place, f"s3://{BUCKET}/some/prefix")
    return place


def test_a_bound_directory_stands_for_a_place_in_the_store(bound, local):
    assert storage.store_of(bound / "data" / "run1.fits") == f"s3://{BUCKET}/some/prefix/data/run1.fits"
    assert storage.store_of(local / "data" / "run1.fits") is None
    assert not bound.exists()


@pytest.mark.parametrize(
    "pattern", ["data/*.fits*", "**/*.fits", "*.txt", "data/run?.fits*", "data/run[12].*", "*"]
)
def test_listings_are_those_of_the_local_disk(bound, local, pattern):
    here, there = storage.listing(local, pattern), storage.listing(bound, pattern)
    assert here
    assert [entry.path.relative_to(local) for entry in here] == [
        entry.path.relative_to(bound) for entry in there
    ]
    assert [entry.size for entry in here] == [entry.size for entry in there]


def test_versions_change_with_the_files(bound, server):
    path = bound / "data" / "changing.txt"
    server.put_object(Bucket=BUCKET, Key="some/prefix/data/changing.txt", Body=b"one")
    before = storage.status(path)
    assert before in storage.listing(bound, "data/*.txt")
    assert storage.status(path) == before
    server.put_object(Bucket=BUCKET, Key="some/prefix/data/changing.txt", Body=b"two")
    after = storage.status(path)
    assert (after.size, after.version == before.version) == (3, False)
    assert storage.read_range(path, 1, 99) == b"wo"
    server.delete_object(Bucket=BUCKET, Key="some/prefix/data/changing.txt")
    assert not storage.is_file(path)
    assert not storage.exists(path)
    for read in (storage.status, storage.read, gadf.read):
        with pytest.raises(UnreadableFileError, match="No such file"):
            read(path)


def test_rows_are_those_of_the_local_disk(bound, local):
    config = gadf_releases.config(files="**/*.fits*")
    there, here = gadf_releases.Made(bound, config), gadf_releases.Made(local, config)
    assert there.report.published == 3
    assert not there.report.failures
    for role in ("observation", "companion", "link"):
        assert there.of(role) == here.of(role)


def test_records_through_an_index(server, tmp_path):
    """The index tables and the files that they name are read from the store."""
    place = tmp_path / "local"
    (place / "data").mkdir(parents=True)
    gadf_files.write(place / "data" / "run1.fits")
    rows = [
        (gadf_files.OBS_ID, kind, kind.upper(), "data", "run1.fits") for kind in ("events", "gti", "aeff")
    ]
    names = ("OBS_ID", "HDU_TYPE", "HDU_NAME", "FILE_DIR", "FILE_NAME")
    columns = [
        gadf_files.fits.Column(name, "K" if name == "OBS_ID" else "20A", array=list(values))
        for name, values in zip(names, zip(*rows, strict=True), strict=True)
    ]
    gadf_files.write(place / "hdu-index.fits.gz", gadf_files.table("HDU_INDEX", columns, {}))
    server.create_bucket(Bucket="indexed")
    for path in place.rglob("*.fits*"):
        server.upload_file(str(path), "indexed", path.relative_to(place).as_posix())
    bound = tmp_path / "files"
    storage.bind(bound, "s3://indexed")
    (here,), (there,) = (list(gadf.sources(root, "*", ".")) for root in (place, bound))
    expected = told.told(gadf.read_source(here))
    assert repr(told.told(gadf.read_source(there))) == repr(expected).replace(str(place), str(bound))


def test_only_what_is_needed_is_read(bound, monkeypatch):
    path = bound / "data" / "deep" / "run2.fits"
    expected = told.told(gadf.read(path))
    monkeypatch.setattr(fits_files, "SMALL_FILE", 0)
    monkeypatch.setattr(plain, "WINDOW", 2880)
    monkeypatch.setattr(plain, "AT_ONCE", 0)
    asked = []
    real = storage.read_range
    monkeypatch.setattr(storage, "read_range", lambda *place: asked.append(place[1:]) or real(*place))
    monkeypatch.setattr(storage, "read", None)
    assert told.told(gadf.read(path)) == expected
    assert sum(stop - start for start, stop in asked) < 0.5 * storage.status(path).size


def test_a_file_says_by_its_beginning_whether_it_has_events(bound, monkeypatch):
    entries = storage.listing(bound, "data/*.fits*")
    monkeypatch.setattr(storage, "read", None)
    scan._holds_events.cache_clear()
    assert [scan.has_event_list(entry) for entry in entries if entry.path.name.startswith("run")] == [
        True,
        True,
    ]


def test_served_bytes_come_from_the_store(bound, local):
    """Whole files, parts of them, and files put together of HDUs."""
    run = gadf.read(bound / "data" / "run3.fits.gz")
    whole = (local / "data" / "run3.fits.gz").read_bytes()
    inputs = bound.parent
    pieces = " ".join(f"files/data/run3.fits.gz#{hdu.offset}+{hdu.size}" for hdu in run.hdus[1:])
    assert parts.cut(inputs, pieces) == parts.cut(local.parent, pieces)
    file = File(**file_of("files/data/run3.fits.gz", len(whole)))
    content = parts.content(inputs, file)
    assert content.read() == whole
    assert b"".join(content.chunks(100, 300)) == whole[100:300]
    with pytest.raises(UnreadableFileError, match=r"has \d+ bytes, expected 1;"):
        parts.content(inputs, File(**file_of("files/data/run3.fits.gz", 1)))


def file_of(source, size):
    known = {"source": source, "size": size, "pieces": None, "path": f"/x/{source}", "hdus": ()}
    return {name: known.get(name) for name in File.__dataclass_fields__}


@pytest.mark.parametrize("url", ["no url", "s3://bucket/ ", "s3://bucket\n/x"])
def test_what_cannot_be_bound(tmp_path, url):
    with pytest.raises(ValueError, match="expected a directory named files and a URL"):
        storage.bind(tmp_path / "files", url)
    with pytest.raises(ValueError, match="expected a directory named files"):
        storage.bind(tmp_path / "other", "s3://bucket")


def test_a_store_that_does_not_answer(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    storage._file_system.cache_clear()
    storage.bind(tmp_path / "files", "nosuchprotocol://bucket")
    for attempt in (storage.status, storage.read, storage.is_file):
        with pytest.raises(UnreadableFileError, match="cannot be read"):
            attempt(tmp_path / "files" / "run.fits")
    with pytest.raises(UnreadableFileError, match="cannot be read"):
        storage.listing(tmp_path / "files", "*")
    storage._file_system.cache_clear()


def test_links_to_directories_are_local(tmp_path, local):
    shutil.copytree(local, tmp_path / "real")
    (tmp_path / "files").symlink_to(tmp_path / "real")
    assert len(storage.listing(tmp_path / "files", "data/*.fits*")) == 3
