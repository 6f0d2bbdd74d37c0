"""How bytes travel: validators, conditions and ranges (RFC 9110), for one link of each kind."""

from __future__ import annotations

from email.utils import formatdate, parsedate_to_datetime
from itertools import pairwise

import pytest
import requests
from conftest import Instance
from holdings import Holdings
from reading import Run

KINDS = (
    "event list", "response", "whole file", "composed bundle", "shared response", "picture", "small picture",
    "archive", "PROV-JSON", "PROV-VOTable",
)  # fmt: skip


@pytest.fixture(scope="module")
def urls(instance: Instance, three: list[Run], ctao: Holdings) -> dict[str, str]:
    """One URL of each kind, written down as clients may rely on them."""
    run = three[0]
    stem = f"{instance.url}/hess_dr/q/file/custom/{run.obs_id}/{run.obs_id}"
    shared = next(r for r in ctao.responses if not ctao.of(r.obs_id))
    composed = next(b for b in ctao.bundles if len(b.lists) > 1 and b.first.released)
    files = f"{instance.url}/ctao/q/file/custom"
    found = {
        "event list": f"{stem}_event-list.fits",
        "response": f"{stem}_psf.fits",
        "whole file": f"{instance.url}/hess_dr/q/file/custom/{run.obs_id}/{run.path.name}",
        "composed bundle": f"{files}/{composed.obs_id}/{composed.obs_id}_event-bundle.fits",
        "shared response": f"{files}/{shared.obs_id}/{shared.obs_id}_{shared.kind}.fits",
        "picture": f"{stem}_event-list_energy-spectrum.png",
        "small picture": f"{stem}_aeff-small.png",
        "archive": f"{instance.url}/rd/access/bundle/custom?ID={run.obs_id}",
        "PROV-JSON": f"{stem}_provenance.json",
        "PROV-VOTable": f"{stem}_provenance.xml",
    }
    assert found.keys() == set(KINDS)
    return found


@pytest.fixture(scope="module", params=KINDS)
def url(request: pytest.FixtureRequest, urls: dict[str, str]) -> str:
    return urls[request.param]


@pytest.fixture(scope="module")
def whole(url: str, http: requests.Session) -> requests.Response:
    answer = http.get(url)
    assert answer.status_code == 200
    assert len(answer.content) > 300
    return answer


def test_the_same_url_has_the_same_bytes_and_validators(
    url: str, whole: requests.Response, http: requests.Session
) -> None:
    again = http.get(url)
    assert again.content == whole.content
    for name in ("ETag", "Last-Modified", "Content-Length", "Content-Type", "Accept-Ranges"):
        assert again.headers[name] == whole.headers[name]
    assert whole.headers["ETag"][0] == whole.headers["ETag"][-1] == '"'
    assert whole.headers["Accept-Ranges"] == "bytes"
    modified = parsedate_to_datetime(whole.headers["Last-Modified"])
    assert modified <= parsedate_to_datetime(whole.headers["Date"])


def test_who_has_it_is_told_so(url: str, whole: requests.Response, http: requests.Session) -> None:
    tag, date = whole.headers["ETag"], whole.headers["Last-Modified"]
    later = formatdate(parsedate_to_datetime(date).timestamp() + 3600, usegmt=True)
    earlier = formatdate(parsedate_to_datetime(date).timestamp() - 3600, usegmt=True)
    for conditions, status in (
        ({"If-None-Match": tag}, 304),
        ({"If-None-Match": f'"another", {tag}'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"another"'}, 200),
        # The tag decides where both are given.
        ({"If-None-Match": '"another"', "If-Modified-Since": later}, 200),
        ({"If-None-Match": tag, "If-Modified-Since": earlier}, 304),
        ({"If-Modified-Since": date}, 304),
        ({"If-Modified-Since": later}, 304),
        ({"If-Modified-Since": earlier}, 200),
        ({"If-Modified-Since": "no date"}, 200),
    ):
        for method in ("GET", "HEAD"):
            answer = http.request(method, url, headers=conditions)
            assert answer.status_code == status, (method, conditions)
            assert answer.headers["ETag"] == tag
            assert answer.content == (whole.content if (method, status) == ("GET", 200) else b"")


def test_parts_are_parts(url: str, whole: requests.Response, http: requests.Session) -> None:
    content = whole.content
    size = len(content)
    for span, start, stop in (
        ("0-0", 0, 1),
        ("0-99", 0, 100),
        (f"100-{size - 1}", 100, size),
        (f"{size - 1}-", size - 1, size),
        ("-1", size - 1, size),
        (f"{size // 2}-{size + 1000}", size // 2, size),
        (f"-{size + 1000}", 0, size),
    ):
        answer = http.get(url, headers={"Range": f"bytes={span}"})
        assert answer.status_code == 206, span
        assert answer.content == content[start:stop], span
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{size}"
        assert answer.headers["Content-Length"] == str(stop - start)
        assert answer.headers["ETag"] == whole.headers["ETag"]
    for span in (f"{size}-", f"{size + 5}-{size + 9}", "-0"):
        answer = http.get(url, headers={"Range": f"bytes={span}"})
        assert answer.status_code == 416, span
        assert answer.headers["Content-Range"] == f"bytes */{size}"
    for senseless in ("bytes=9-3", "bytes=x-y", "lines=1-2", "bytes"):
        answer = http.get(url, headers={"Range": senseless})
        assert answer.status_code in (200, 416), senseless
        assert answer.status_code == 416 or answer.content == content


def test_a_part_is_of_the_same_bytes_or_all_is_sent(
    url: str, whole: requests.Response, http: requests.Session
) -> None:
    tag, date = whole.headers["ETag"], whole.headers["Last-Modified"]
    for validator, status in (
        (tag, 206), ('"another"', 200), (f"W/{tag}", 200), (date, 206),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 200),
    ):  # fmt: skip
        answer = http.get(url, headers={"Range": "bytes=10-19", "If-Range": validator})
        assert answer.status_code == status, validator
        assert answer.content == (whole.content[10:20] if status == 206 else whole.content)


def test_an_interrupted_download_is_completed(
    url: str, whole: requests.Response, http: requests.Session
) -> None:
    size = len(whole.content)
    edges = [0, size // 7, size // 2, size]
    parts = [
        http.get(url, headers={"Range": f"bytes={start}-{stop - 1}", "If-Range": whole.headers["ETag"]})
        for start, stop in pairwise(edges)
    ]
    assert [part.status_code for part in parts] == [206, 206, 206]
    assert b"".join(part.content for part in parts) == whole.content
