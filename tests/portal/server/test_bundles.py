"""Archives that go through, and scripts that get the same."""

import asyncio
import base64
import io
import os
import re
import subprocess
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
import uvicorn

from portal.server.app import create_app
from portal.server.models.account import User
from portal.server.rights import account_for, rights_of
from portal.server.settings import ServiceSettings
from tests.portal.services import worlds
from tests.portal.services.test_places import document, link

from .processes import free_port

NASTY = 'ivo://x/~?a/it\'s "$(touch gone)" `id` \\ %s {x} ü'
ITEMS = [{"service": "own", "did": "ivo://x/~?a/1"}, {"service": "own", "did": NASTY}]


class Archive(BaseHTTPRequestHandler):
    """A bundle service as in docs/bundles.md, with faults that a test chooses."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def say(self, status, text="", **headers):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        server = self.server
        server.asked.append((self.path, self.headers.get("Authorization")))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.list = (
            re.search(rb'name="LIST".*?\r\n\r\n(.*?)\r\n--', body, re.DOTALL).group(1).decode().splitlines()
        )
        if server.status != 303:
            self.say(server.status, server.text)
        else:
            self.say(303, Location=server.place)

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers.get("Authorization")))
        if server.late != 200:
            self.say(server.late, server.text)
            return
        first = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        content = server.content[first:]
        self.send_response(206 if first else 200)
        if first:
            total = len(server.content)
            self.send_header("Content-Range", f"bytes {first}-{total - 1}/{total}")
        self.send_header("Content-Type", "application/x-tar")
        if server.is_bounded:
            self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Disposition", 'attachment; filename="hess-bundle-1.tar"')
        self.send_header("ETag", '"1"')
        self.send_header("X-Inside", "secret")
        self.end_headers()
        self.wfile.write(content[: server.breaks] if server.breaks else content)
        if server.waits:
            try:
                for _ in range(2000):
                    self.wfile.write(b"x" * 65536)
            except OSError:
                server.was_left.set()
        if server.breaks or server.waits or not server.is_bounded:
            self.close_connection = True


@pytest.fixture
def archive():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Archive)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_port}"
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        entry = tarfile.TarInfo("bundle/README.txt")
        entry.size = 300_000
        tar.addfile(entry, io.BytesIO(os.urandom(300_000)))
    server.content = file.getvalue()
    server.status, server.text, server.late, server.place = 303, "", 200, "/bundle/0123.tar"
    server.breaks = server.waits = 0
    server.is_bounded, server.asked, server.list, server.was_left = True, [], [], threading.Event()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def services(archive, **more):
    own = {"key": "own", "label": "The archive", "url": archive.url + "/tap", "is_own": True}
    other = {"key": "other", "label": "Another", "url": "http://127.0.0.1:9/tap"}
    return {
        "services": [own | {"bundle_url": archive.url + "/bundle"} | more, other],
        "service_accounts": {"ctao": "observer:word", "ctao+hess": "both:words", "hess": "h:x"},
        "group_rights": {"members": ["ctao"], "all": ["ctao", "hess"], "cats": ["cats"]},
    }


async def basket_of(client, items=ITEMS):
    answer = await client.post("/api/baskets", json={"name": "Crab & co", "items": items})
    assert answer.status_code == 201, answer.text
    return f"/api/baskets/{answer.json()['id']}"


async def test_an_archive_goes_through_as_it_is(explorer, archive):
    async with explorer(**services(archive)) as served:
        anna = await served.user("anna", ["members", "cats"])
        address = await basket_of(anna)
        answer = await anna.get(f"{address}/bundle")
        assert answer.status_code == 200 and answer.content == archive.content
        assert answer.headers["content-length"] == str(len(archive.content))
        assert answer.headers["content-disposition"] == 'attachment; filename="hess-bundle-1.tar"'
        assert answer.headers["etag"] == '"1"' and "x-inside" not in answer.headers
        assert answer.headers["cache-control"] == "private, no-store"
        assert archive.list == [item["did"] for item in ITEMS]
        account = "Basic " + base64.b64encode(b"observer:word").decode()
        assert archive.asked == [("/bundle", account), ("/bundle/0123.tar", account)]
        part = await anna.get(f"{address}/bundle", headers={"Range": "bytes=1000-"})
        assert part.status_code == 206 and part.content == archive.content[1000:]
        # Nobody's browser has a basket of the server's, and nobody has rights.
        nobody = await served.browser()
        archive.asked.clear()
        answer = await nobody.post("/api/bundle", json={"items": ITEMS})
        assert answer.content == archive.content and {auth for _, auth in archive.asked} == {None}


async def test_what_is_no_single_archive_is_told(explorer, archive):
    async with explorer(**services(archive)) as served:
        anna = await served.user("anna")
        mixed = await basket_of(anna, [*ITEMS, {"service": "other", "did": "b"}])
        answer = await anna.get(f"{mixed}/bundle")
        assert (answer.status_code, answer.json()["code"]) == (409, "several_services")
        assert answer.json()["detail"] == {"services": ["own", "other"]}
        assert (await anna.get(f"{mixed}/bundle?service=own")).content == archive.content
        for query, status, code in [("other", 503, "service_down"), ("none", 404, "unknown_service")]:
            answer = await anna.get(f"{mixed}/bundle?service={query}")
            assert (answer.status_code, answer.json()["code"]) == (status, code)
        empty = await basket_of(anna, [])
        assert (await anna.get(f"{empty}/bundle")).json()["code"] == "basket_empty"
        assert (await anna.get(f"{empty}/script")).json()["code"] == "basket_empty"


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize(
    ("status", "answered", "code"),
    [
        (401, 403, "withheld"),
        (403, 403, "withheld"),
        (404, 404, "no_data"),
        (503, 503, "service_down"),
        (500, 502, "service_failed"),
        (400, 400, "refused"),
    ],
)
async def test_refusals_are_told_before_the_first_byte(explorer, archive, is_late, status, answered, code):
    async with explorer(**services(archive)) as served:
        nobody = await served.browser()
        archive.text = "No data set " + "x" * 10_000
        setattr(archive, "late" if is_late else "status", status)
        answer = await nobody.post("/api/bundle", json={"items": ITEMS})
        assert (answer.status_code, answer.json()["code"]) == (answered, code)
        said = answer.json()["detail"]
        assert (
            said["status"] == status and said["said"].startswith("No data set") and len(said["said"]) <= 4000
        )


async def test_faults_of_the_service_are_told(explorer, archive):
    async with explorer(**services(archive)) as served:
        nobody = await served.browser()
        archive.place = "http://127.0.0.1:9/elsewhere.tar"
        answer = await nobody.post("/api/bundle", json={"items": ITEMS})
        assert answer.status_code == 502 and "another server" in answer.json()["message"]
        archive.place, archive.is_bounded = "/bundle/1.tar", False
        # An answer whose end cannot be told from a broken connection is not passed on.
        assert (await nobody.post("/api/bundle", json={"items": ITEMS})).status_code == 502
    async with explorer(**services(archive, bundle_url="http://127.0.0.1:9/bundle")) as served:
        nobody = await served.browser()
        answer = await nobody.post("/api/bundle", json={"items": ITEMS})
        assert (answer.status_code, answer.json()["code"]) == (503, "service_down")


class Running:
    """The server as a process has it: what becomes of connections is seen only here."""

    def __init__(self, settings):
        self.port = free_port()
        config = uvicorn.Config(
            create_app(settings), port=self.port, log_config=None, timeout_graceful_shutdown=5
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run)

    def __enter__(self):
        self.thread.start()
        while not self.server.started:
            assert self.thread.is_alive()
        return f"http://127.0.0.1:{self.port}/explorer"

    def __exit__(self, *_):
        self.server.should_exit = True
        self.thread.join()


def test_connections_break_where_archives_do(settings, archive):
    with Running(settings(**services(archive), hosts=["127.0.0.1"])) as url, httpx.Client() as client:
        # Cookies are for the public host only.
        me = client.get(f"{url}/api/me")
        word = re.search("explorer_session=([^;]+)", me.headers["set-cookie"]).group(1)
        headers = {"Cookie": f"explorer_session={word}", "X-CSRF-Token": me.json()["csrf"]}
        ask = {"url": f"{url}/api/bundle", "json": {"items": ITEMS}, "headers": headers}
        assert client.post(**ask).content == archive.content
        archive.breaks = 100_000
        with pytest.raises(httpx.RemoteProtocolError):
            client.post(**ask)
        archive.breaks, archive.waits = 1000, 1
        archive.content += b"x" * 200_000_000
        with client.stream("POST", **ask) as answer:
            next(answer.iter_raw(100))
        # Who goes away is not waited for: the archive's server is let go, too.
        assert archive.was_left.wait(10)


class PlainArchive(BaseHTTPRequestHandler):
    """A service with TAP, DataLink and files, and nothing that makes archives."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def do_GET(self):
        server, size = self.server, 100_000
        body = b"x" * size
        if self.path.startswith("/dl"):
            files = "".join(link(f"{server.url}/{n}.fits", "#this", size) for n in range(2))
            body = document(files)
        elif not self.path.endswith(".fits"):
            request = httpx.Request(
                self.command,
                server.url + self.path,
                content=self.rfile.read(int(self.headers.get("Content-Length", 0))),
            )
            with server.lock:
                body = server.tap(request).content
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: server.breaks] if self.path == "/1.fits" and server.breaks else body)
        self.close_connection = True

    def do_POST(self):
        self.do_GET()


@pytest.fixture
def plain_archive():
    server = ThreadingHTTPServer(("127.0.0.1", 0), PlainArchive)
    server.daemon_threads = True
    server.url = f"http://127.0.0.1:{server.server_port}"
    server.tap = worlds.plain(url=server.url + "/tap", datalink=server.url + "/dl")
    server.breaks, server.lock = 0, threading.Lock()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_archives_that_are_made_here_break_where_files_do(settings, plain_archive):
    service = {"key": "own", "label": "Plain", "url": plain_archive.url + "/tap"}
    with (
        Running(settings(services=[service], hosts=["127.0.0.1"])) as url,
        httpx.Client(timeout=60) as client,
    ):
        me = client.get(f"{url}/api/me")
        word = re.search("explorer_session=([^;]+)", me.headers["set-cookie"]).group(1)
        headers = {"Cookie": f"explorer_session={word}", "X-CSRF-Token": me.json()["csrf"]}
        ask = {"url": f"{url}/api/bundle", "json": {"items": ITEMS[:1]}, "headers": headers}
        answer = client.post(**ask)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-length"] == str(len(answer.content))
        with tarfile.open(fileobj=io.BytesIO(answer.content)) as tar:
            assert [member.size for member in tar.getmembers()][1:] == [100_000, 100_000]
        plain_archive.breaks = 1000
        with pytest.raises(httpx.RemoteProtocolError):
            client.post(**ask)


async def test_the_python_script_gets_the_archive(explorer, archive, tmp_path):
    async with explorer(**services(archive)) as served:
        anna = await served.user("anna")
        address = await basket_of(anna)
        script = (await anna.get(f"{address}/script")).json()
        assert (script["language"], script["filename"]) == ("python", "crab-co.py")
        assert archive.url in script["text"] and "observer" not in script["text"]
        (tmp_path / "get.py").write_text(script["text"], encoding="ascii")
        run = [sys.executable, "get.py"]
        await asyncio.to_thread(subprocess.run, run, cwd=tmp_path, check=True, env={"HOME": str(tmp_path)})
        assert (tmp_path / "own" / "hess-bundle-1.tar").read_bytes() == archive.content
        assert archive.list == [item["did"] for item in ITEMS]
        archive.status = 404
        failed = await asyncio.to_thread(
            subprocess.run, run, cwd=tmp_path, capture_output=True, text=True, env={"HOME": str(tmp_path)}
        )
        assert failed.returncode == 1 and "Not everything came" in failed.stderr and "404" in failed.stderr


async def test_the_shell_script_gets_the_archive(explorer, archive, tmp_path):
    async with explorer(**services(archive)) as served:
        anna = await served.user("anna")
        address = await basket_of(anna)
        script = (await anna.get(f"{address}/script?language=shell")).json()
        assert script["filename"] == "crab-co.sh"
        (tmp_path / "get.sh").write_text(script["text"])
        environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
        await asyncio.to_thread(subprocess.run, ["sh", "get.sh"], cwd=tmp_path, check=True, env=environment)
        assert (tmp_path / "hess-bundle-1.tar").read_bytes() == archive.content
        assert archive.list == [item["did"] for item in ITEMS]
        assert not (tmp_path / "gone").exists()
        archive.status = 404
        failed = await asyncio.to_thread(subprocess.run, ["sh", "get.sh"], cwd=tmp_path, env=environment)
        assert failed.returncode != 0
        mixed = {"items": [{"service": "other", "did": "b"}]}
        answer = await anna.post("/api/script?language=shell", json=mixed)
        assert (answer.status_code, answer.json()["code"]) == (409, "no_bundles")


def user(settings, *groups):
    rights = rights_of(settings, groups)
    base = {
        "id": "7b7c8a52-6ba2-4a7e-a4f4-6a9f2c2b1d10",
        "name": "x",
        "email": None,
        "since": "2026-01-01T00:00:00Z",
    }
    return User.model_validate(base | {"groups": list(groups), "rights": rights})


def test_accounts_are_for_rights_and_hosts_only(settings, archive):
    made = settings(**services(archive))
    own, other = made.services
    here = archive.url + "/rd/access"

    def name(who, service, url):
        account = account_for(made, who, service, url)
        if account is None:
            return None
        header = account._auth_header.removeprefix("Basic ")
        return base64.b64decode(header).decode().partition(":")[0]

    assert name(user(made, "members"), own, here) == "observer"
    assert name(user(made, "all"), own, here) == "both"
    assert name(user(made, "cats"), own, here) is None
    assert name(user(made), own, here) is None and name(None, own, here) is None
    for url in (
        "http://127.0.0.1:9/tap",
        archive.url.replace("http:", "https:"),
        archive.url.replace("127.0.0.1", "127.0.0.1.evil.example"),
        archive.url.replace("http://", "http://127.0.0.1@evil.example/"),
        "/relative",
    ):
        assert name(user(made, "all"), own, url) is None, url
    assert name(user(made, "all"), other, other.url) is None
    foreign = ServiceSettings(key="f", label="F", url=archive.url + "/tap")
    assert name(user(made, "all"), foreign, here) is None
