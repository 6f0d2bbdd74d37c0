"""A release in an object store, served: the same bytes as from disk, and honest when the store is away."""

from __future__ import annotations

import io
import tarfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from astropy.io import fits
from moto.server import ThreadedMotoServer

from ingest import storage
from tests.faults import census
from tests.faults.harness import Service, Site

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
BUCKET, PREFIX = "releases", "hess/one"
FILES = 3


@pytest.fixture(scope="module")
def store(monkeypatch_module: pytest.MonkeyPatch) -> Iterator[ThreadedMotoServer]:
    """Run an S3 server, to which the environment leads."""
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_MAX_ATTEMPTS": "2",
        "NO_PROXY": host,
        "no_proxy": host,
    }.items():
        monkeypatch_module.setenv(name, value)
    storage._file_system.cache_clear()
    yield running
    running.stop()
    storage._file_system.cache_clear()


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    """Change the environment for this module."""
    with pytest.MonkeyPatch.context() as found:
        yield found


@pytest.fixture(scope="module")
def files(stopped: Site) -> list[Path]:
    """Give some files of the built-in sample."""
    return sorted((stopped.home / "releases" / "sample" / "data").glob("*.fits.gz"))[:FILES]


@pytest.fixture(scope="module")
def service(
    store: ThreadedMotoServer, files: list[Path], stopped: Site, new_site: Callable[..., Site]
) -> Iterator[Service]:
    """Serve an instance whose release is in the store."""
    client = _client(store)
    client.create_bucket(Bucket=BUCKET)
    for path in files:
        client.upload_file(str(path), BUCKET, f"{PREFIX}/data/{path.name}")
    site = new_site("store", release=f"s3://{BUCKET}/{PREFIX}")
    site.take_environment_of(stopped)
    with site.serving() as found:
        yield found.up()


def _client(store: ThreadedMotoServer) -> object:
    host, port = store.get_host_and_port()
    return boto3.client("s3", endpoint_url=f"http://{host}:{port}")


def test_all_is_published(service: Service, files: list[Path]) -> None:
    assert f"{FILES} of {FILES} observations published" in service.said
    assert f"s3://{BUCKET}/{PREFIX}" in service.said
    assert census.count(service.site) == FILES


def test_whole_files_and_parts_are_those_of_the_disk(service: Service, files: list[Path]) -> None:
    site = service.site
    packed = {path.read_bytes() for path in files}
    links = site.instance.cluster.sql(
        "SELECT DISTINCT access_path FROM hess_dr.links WHERE pieces IS NULL AND release_date IS NULL"
    )
    assert len(links) == FILES
    assert {census.fetch(site.url + path) for path in links} == packed
    part = urllib.request.Request(site.url + links[0], headers={"Range": "bytes=100-199"})
    with census._direct.open(part, timeout=60) as reply:
        assert reply.status == 206
        assert reply.read() in {content[100:200] for content in packed}
    head = urllib.request.Request(site.url + links[0], method="HEAD", headers={"Accept-Encoding": "gzip"})
    with census._direct.open(head, timeout=60) as reply:
        assert int(reply.headers["Content-Length"]) in {len(content) for content in packed}
        assert reply.headers["ETag"]
        assert reply.headers["Last-Modified"]
        assert reply.headers["Content-Encoding"] is None
    path = site.instance.cluster.sql(
        "SELECT min(access_path) FROM hess_dr.links WHERE content_qualifier = 'aeff'"
    )[0]
    with fits.open(io.BytesIO(census.fetch(site.url + path))) as found:
        found.verify("exception")
        assert found[1].header["HDUCLAS2"] == "EFF_AREA"


def test_pictures_and_cut_outs_are_made(service: Service) -> None:
    site = service.site
    (run, *_) = census.tap(site, "SELECT obs_id FROM hess_dr.obscore")
    picture = f"{site.url}/hess_dr/q/file/custom/{run}/{run}_event-list_energy-spectrum.png"
    assert census.fetch(picture).startswith(b"\x89PNG")
    query = urllib.parse.urlencode({"ID": run, "ENERGY": "1e12 1e13"})
    with fits.open(io.BytesIO(census.fetch(f"{site.url}/rd/access/cutout/dlget?{query}"))) as found:
        energies = found["EVENTS"].data["ENERGY"]
        assert energies.size
        assert ((energies >= 1) & (energies <= 10)).all()


def test_bundles_are_complete(service: Service, files: list[Path]) -> None:
    runs = census.tap(service.site, "SELECT obs_id FROM hess_dr.obscore")
    query = urllib.parse.urlencode([("ID", run) for run in runs])
    with tarfile.open(
        fileobj=io.BytesIO(census.fetch(f"{service.site.url}/rd/access/bundle/custom?{query}"))
    ) as tar:
        members = {Path(member.name).name: member for member in tar}
        for path in files:
            found = tar.extractfile(members[path.name])
            assert found is not None
            assert found.read() == path.read_bytes()


def test_a_store_that_is_away_is_an_honest_error(service: Service, store: ThreadedMotoServer) -> None:
    site = service.site
    (path, *_) = site.instance.cluster.sql(
        "SELECT access_path FROM hess_dr.links WHERE pieces IS NULL AND release_date IS NULL"
    )
    store.stop()
    with pytest.raises(urllib.error.HTTPError) as caught:
        census.fetch(site.url + path)
    with caught.value as answer:
        assert answer.code == 503
        assert "Traceback" not in answer.read().decode()
    assert census.count(site) == FILES
