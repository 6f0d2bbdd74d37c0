"""Nothing of a run that is not public yet gets out: a crawl, tricks with paths, caches, and rights."""

from __future__ import annotations

import io
import os
import re
import subprocess
import tarfile
import time
from collections import deque
from collections.abc import Iterator
from html import unescape
from urllib.parse import quote, unquote, urljoin, urlsplit

import pytest
import pyvo
import requests
from conftest import Instance
from holdings import DataSet, EventList, Holdings
from lxml import etree
from sound_files import sources, unpacked

PASSWORD = "only-for-this-test"
PICTURE, ARCHIVE = b"\x89PNG", b"ustar"
NEEDLE = 48
"""So many bytes in a row are no coincidence."""

URL_COLUMNS = ("access_url", "preview", "file_url")
DEEP = 2000
"""More pages than that means that the crawl has run away."""


@pytest.fixture(scope="module")
def closed(ctao: Holdings) -> list[EventList]:
    found = [events for events in ctao.lists if not events.released]
    assert len({events.obs_id for events in found}) > 3
    return found


@pytest.fixture(scope="module")
def did(closed: list[EventList], instance: Instance) -> str:
    return closed[0].did(instance.authority)


@pytest.fixture(scope="module")
def open_did(ctao: Holdings, instance: Instance) -> str:
    return next(e for e in ctao.lists if e.released and e.responses).did(instance.authority)


@pytest.fixture(scope="module")
def needles(closed: list[EventList]) -> list[bytes]:
    """Pieces of the events, and of responses of their own, that nobody may get."""
    found = []
    for events in closed:
        own: list[DataSet] = [events, *(r for r in events.responses.values() if r.obs_id == events.obs_id)]
        for data_set in own:
            part = data_set.parts[0]
            data = sources(part.path)[part.name].data.rstrip(b"\0")
            for start in (0, len(data) // 3, len(data) // 2, max(0, len(data) - NEEDLE)):
                piece = data[start : start + NEEDLE]
                if len(set(piece)) > 10:
                    found.append(piece)
    assert len(found) >= 2 * len(closed)
    return found


def leaks(answer: requests.Response, needles: list[bytes]) -> bool:
    content = unpacked(answer.content)
    return any(needle in content for needle in needles)


def test_the_needles_are_in_what_is_closed(
    closed: list[EventList],
    needles: list[bytes],
    instance: Instance,
    http: requests.Session,
    users: list[str],
) -> None:
    """Otherwise finding none of them would say nothing."""
    for events in closed:
        path = f"/ctao/q/file/custom/{events.obs_id}/{events.obs_id}_event-bundle.fits"
        answer = http.get(instance.url + path, auth=(users[0], PASSWORD))
        assert answer.status_code == 200
        assert leaks(answer, needles)


# --- the crawl -------------------------------------------------------------------------------------


def starts(
    closed: list[EventList], instance: Instance, tap: pyvo.dal.TAPService, http: requests.Session
) -> Iterator[str]:
    """Give all that TAP, SCS and the services have on the runs."""
    ids = "', '".join(sorted({events.obs_id for events in closed}))
    for table in ("ivoa.obscore", "ctao.obscore", "ctao.companions"):
        rows = tap.run_sync(f"SELECT * FROM {table} WHERE obs_id IN ('{ids}')")
        assert len(rows) >= len(closed)
        assert {str(row["data_rights"]) for row in rows} == {"proprietary"}
        for row in rows:
            yield from (str(row[name]) for name in URL_COLUMNS if name in rows.fieldnames and row[name])
    for events in closed:
        every = [events.did(instance.authority), f"{events.did(instance.authority)}/event-bundle"]
        for one in every:
            rows = tap.run_sync(f"SELECT access_url FROM datalink.response WHERE id = '{one}'")
            yield from (str(row["access_url"]) for row in rows)
        for one in (*every, events.obs_id):
            for where in (
                "ctao/q/dl/dlmeta", "rd/access/dl/dlmeta", "ctao/q/page/custom", "rd/access/page/custom",
                "rd/access/bundle/custom", "rd/access/cutout/dlget", "rd/access/cutout/dlmeta",
            ):  # fmt: skip
                yield f"{instance.url}/{where}?ID={quote(one, safe='')}"
            yield f"{instance.url}/rd/access/cutout/dlget?ID={quote(one, safe='')}&RESPONSES=all"
            for media_type in ("application/json", "application/x-tar"):
                yield (
                    f"{instance.url}/rd/access/cutout/dlget?ID={quote(one, safe='')}"
                    f"&RESPONSEFORMAT={quote(media_type, safe='')}"
                )
        place = events.pointing
        if place is not None:
            where = f"RA={place.ra.deg}&DEC={place.dec.deg}&SR=0.1"
            yield f"{instance.url}/ctao/q/cone/scs.xml?{where}&VERB=3"
        form = f"__nevow_form__=genForm&obs_id={events.obs_id}&_FORMAT=HTML&submit=Go"
        yield f"{instance.url}/ctao/q/cone/form?{form}"


def mentioned(answer: requests.Response, url: str) -> Iterator[str]:
    """Give the URLs in a text: links, pictures and forms of a page, cells and parameters of a VOTable."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    if not kind.startswith("text/") and "xml" not in kind and "json" not in kind:
        return
    # Cells of tables in base64 are those of the start.
    for found in re.findall(
        r"""(?:href|src|action|value)=["']([^"']+)["']|>(https?://[^<]+)<""", answer.text
    ):
        place = unescape(found[0] or found[1])
        if re.match(r"(https?:/)?/", place):
            yield urljoin(url, place)


def test_a_crawl_finds_no_data(
    closed: list[EventList],
    needles: list[bytes],
    instance: Instance,
    tap: pyvo.dal.TAPService,
    http: requests.Session,
) -> None:
    numbers = {events.obs_id for events in closed}
    waiting, seen = deque(starts(closed, instance, tap, http)), set()
    refused, described = set(), set()
    while waiting:
        url = waiting.popleft().partition("#")[0]
        about = {number for number in numbers if number in unquote(url)}
        scs = "/scs.xml" in url
        if url in seen or not (about or scs) or urlsplit(url).netloc != urlsplit(instance.url).netloc:
            continue
        seen.add(url)
        assert len(seen) < DEEP
        answer = http.get(url)
        assert not leaks(answer, needles), url
        head = answer.content[:600]
        if answer.status_code in (401, 403):
            refused.add(url)
            assert len(answer.content) < 20_000, url
            assert not answer.content.startswith((PICTURE, b"SIMPLE")), url
            assert answer.status_code == 403 or "WWW-Authenticate" in answer.headers, url
            continue
        assert answer.status_code == 200, (url, answer.status_code, answer.text[:300])
        described.add(url)
        assert not head.startswith((PICTURE, b"SIMPLE", b"\x1f\x8b")), url
        assert ARCHIVE not in head, url
        if "/dlmeta" in url and "/dl/" in url:
            assert_fault(answer.content, url)
        waiting.extend(mentioned(answer, url))
    # Every file and picture, and what is made on demand; and what is said of them.
    assert sum(url.endswith(".fits") for url in refused) >= 2 * len(numbers)
    assert sum(url.endswith(".png") for url in refused) >= 4 * len(closed)
    for service in ("/bundle/custom", "/cutout/dlget"):
        assert sum(service in url for url in refused) >= 2 * len(numbers)
    for number in numbers:
        for what in ("/dl/dlmeta", "/page/custom", "_provenance.json", "_provenance.xml", "/cone/form"):
            assert any(what in url and number in unquote(url) for url in described), (number, what)


def assert_fault(content: bytes, url: str) -> None:
    root = etree.fromstring(content)
    names = [column.get("name") for column in root.iterfind(".//{*}TABLE/{*}FIELD")]
    rows = [dict(zip(names, (cell.text for cell in row), strict=True)) for row in root.iter("{*}TR")]
    (fault,) = [row for row in rows if row["error_message"]]
    assert fault["error_message"].startswith("AuthenticationFault: "), url
    assert {row["semantics"] for row in rows if row is not fault} <= {"#calibration", "#documentation"}, url


# --- what is made on demand ------------------------------------------------------------------------


def bundle_of(answer: requests.Response) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(answer.content), mode="r:") as archive:
        return {m.name.partition("/")[2]: archive.extractfile(m).read() for m in archive}


def test_bundles_leave_out_what_is_closed_and_say_so(
    closed: list[EventList], open_did: str, needles: list[bytes], instance: Instance, http: requests.Session
) -> None:
    service = f"{instance.url}/rd/access/bundle/custom"
    ids = [open_did, *(events.did(instance.authority) for events in closed)]
    listed = {"LIST": "\n".join(ids).encode()}
    for answer in (
        http.get(service, params={"ID": ids}),
        http.post(service, data={"ID": ids}),
        http.post(service, files=listed),
    ):
        assert answer.status_code == 200
        assert not leaks(answer, needles)
        members = bundle_of(answer)
        left_out = members.pop("LEFT-OUT.txt").decode()
        for events in closed:
            assert events.did(instance.authority) in left_out
            assert not any(events.obs_id in name for name in members)
    alone = http.post(service, files={"LIST": "\n".join(ids[1:]).encode()})
    assert alone.status_code == 401
    assert not leaks(alone, needles)


def test_no_job_selects_from_what_is_closed(
    did: str, open_did: str, needles: list[bytes], instance: Instance, http: requests.Session
) -> None:
    service = f"{instance.url}/rd/access/cutout"
    for ids in ([did], [open_did, did]):
        answer = http.post(f"{service}/dlget", data={"ID": ids, "ENERGY": "1e10 +Inf"})
        assert answer.status_code == 401
        assert not leaks(answer, needles)
        created = http.post(f"{service}/dlasync", data={"ID": ids}, allow_redirects=False)
        if created.status_code in (401, 403):
            continue
        assert created.status_code == 303, created.text[:500]
        job = created.headers["Location"]
        http.post(f"{job}/phase", data={"PHASE": "RUN"})
        for _ in range(100):
            phase = http.get(f"{job}/phase").text
            if phase not in ("QUEUED", "EXECUTING"):
                break
            time.sleep(0.2)
        assert phase == "ERROR"
        assert "Authentication" in http.get(f"{job}/error").text
        for rest in ("", "/results", "/results/result", "/error"):
            answer = http.get(job + rest)
            assert not leaks(answer, needles)
            assert "SIMPLE  =" not in answer.text


# --- other spellings of the paths ------------------------------------------------------------------


def spellings(path: str) -> list[str]:
    folder, _, name = path.rpartition("/")
    number = folder.rpartition("/")[2]
    return [
        path,
        "".join(f"%{ord(letter):02x}" if letter.isalnum() else letter for letter in path),
        path.replace("_", "%5F").replace(".", "%2E"),
        path.replace(name, quote(quote(name, safe=""), safe="").replace("_", "%255F")),
        # Not "/ctao//q/": DaCHS 2.13 takes that for another RD, and lists its tables in the TAP record, too.
        path.replace(f"/{number}/", f"//{number}//"),
        path.replace(f"/{number}/", f"/{number}/./"),
        path.replace(f"/{number}/", f"/930001/../{number}/"),
        path.replace(f"/{number}/", f"/930001/%2e%2e/{number}/"),
        path.replace(f"/{number}/", f"/{number}%2f"),
        path.replace(f"/{number}/", "/930001/"),
        path.replace("/ctao/", "/hess_dr/"),
        path.replace("/ctao/", "/CTAO/"),
        path.upper(),
        path.replace(".fits", ".FITS").replace(".png", ".PNG"),
        f"{path}/",
        f"{path}%00",
        f"{path};x=1",
        f"{path}?format=fits",
        f"{path}?ID=930001",
        f"//{path}",
        path.replace("/q/file/custom/", "/q/file/qp/"),
        path.replace("/q/file/custom/", "/q/file/static/"),
    ]


def test_other_spellings_of_a_path_open_nothing(
    closed: list[EventList], needles: list[bytes], instance: Instance, http: requests.Session
) -> None:
    number = closed[0].obs_id
    stem = f"/ctao/q/file/custom/{number}/{number}"
    files = [f"/getproduct/ctao/releases/simulated/files/{closed[0].parts[0].path.name}"]
    for ending in ("_event-list.fits", "_event-bundle.fits", "_event-list_counts-map.png"):
        files += spellings(stem + ending)
    for path in files:
        for method, headers in (
            ("GET", {}), ("HEAD", {}), ("GET", {"Range": "bytes=0-5759"}), ("GET", {"If-None-Match": "*"}),
            ("POST", {}), ("GET", {"Authorization": "Basic bm9ib2R5Og=="}),
            ("GET", {"Authorization": "Bearer x"}),
            ("GET", {"X-HTTP-Method-Override": "GET", "X-Forwarded-User": "gavoadmin"}),
        ):  # fmt: skip
            # Not by requests' way of URLs, which would tidy them up.
            asked = requests.Request(method, instance.url, headers=headers).prepare()
            asked.url = instance.url + path
            answer = http.send(asked, timeout=30)
            assert answer.status_code in (400, 401, 403, 404, 405, 501), (method, path, headers)
            assert not leaks(answer, needles)
            assert not answer.content.startswith((PICTURE, b"SIMPLE"))


# --- rights ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def users(instance: Instance) -> Iterator[list[str]]:
    """Two users of DaCHS; the first one is in the group that may have what is not public."""
    names = ["judge_friend", "judge_stranger"]
    environment = os.environ | {"GAVOSETTINGS": str(instance.home / "gavo.rc"), "GAVOCUSTOM": "/dev/null"}

    def admin(*words: str, check: bool = True) -> None:
        command = [instance.home / "bin" / "dachs", "admin", *words]
        subprocess.run(command, env=environment, check=check, capture_output=True, timeout=60)

    try:
        for name in names:
            admin("deluser", name, check=False)
            admin("adduser", name, PASSWORD)
        admin("addtogroup", names[0], "ctao")
        yield names
    finally:
        for name in names:
            admin("deluser", name, check=False)


def test_the_right_opens_everything_and_leaves_nothing_open(
    closed: list[EventList],
    needles: list[bytes],
    users: list[str],
    instance: Instance,
    tap: pyvo.dal.TAPService,
    http: requests.Session,
) -> None:
    friend, stranger = users
    found: set[str] = set()
    for events in closed:
        did = events.did(instance.authority)
        rows = tap.run_sync(f"SELECT access_url FROM datalink.response WHERE id = '{did}'")
        found |= {str(row["access_url"]) for row in rows}
        found.add(f"{instance.url}/rd/access/cutout/dlget?ID={quote(did, safe='')}")
    secret = sorted(url for url in found if "provenance" not in url and "caldb" not in url)
    assert len(secret) > 6 * len(closed)
    full = 0
    for url in secret:
        before = http.get(url)
        assert before.status_code == 401, url
        answer = http.get(url, auth=(friend, PASSWORD))
        assert answer.status_code == 200, url
        if ".png" not in url:
            full += leaks(answer, needles)
        else:
            assert answer.content.startswith(PICTURE)
        assert "dlget" in url or "private" in answer.headers.get("Cache-Control", ""), url
        # What was made for somebody who may have it is there now, but not for others.
        tag = {"If-None-Match": answer.headers.get("ETag", "*")}
        for headers in ({}, tag, {"Range": "bytes=0-99"}, {"If-Modified-Since": answer.headers["Date"]}):
            again = http.get(url, headers=headers)
            assert again.status_code == 401, (url, headers)
            assert not leaks(again, needles)
        assert http.get(url, auth=(friend, "wrong")).status_code == 401, url
        assert http.get(url, auth=(stranger, PASSWORD)).status_code in (401, 403), url
    assert full >= 3 * len(closed)


def test_a_job_belongs_to_who_made_it(
    did: str, needles: list[bytes], users: list[str], instance: Instance, http: requests.Session
) -> None:
    friend = (users[0], PASSWORD)
    service = f"{instance.url}/rd/access/cutout/dlasync"
    created = http.post(service, data={"ID": did}, auth=friend, allow_redirects=False)
    assert created.status_code == 303, created.text[:500]
    job = created.headers["Location"]
    http.post(f"{job}/phase", data={"PHASE": "RUN"}, auth=friend)
    for _ in range(100):
        phase = http.get(f"{job}/phase", auth=friend).text
        if phase not in ("QUEUED", "EXECUTING"):
            break
        time.sleep(0.2)
    assert phase == "COMPLETED"
    results = etree.fromstring(http.get(f"{job}/results", auth=friend).content)
    (address,) = results.xpath("//@*[local-name() = 'href']")
    assert leaks(http.get(address, auth=friend), needles)
    for auth in (None, (users[0], "wrong"), (users[1], PASSWORD)):
        for url in (address, job, f"{job}/results"):
            answer = http.get(url, auth=auth)
            assert answer.status_code in (401, 403, 404), (url, auth)
            assert not leaks(answer, needles)
