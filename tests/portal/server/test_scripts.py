"""The Python script where a service makes no archives: it goes by TAP and DataLink."""

import asyncio
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

DATALINK = "application/x-votable+xml;content=datalink"
DIDS = ["ivo://x/~?a/1", "ivo://x/~?a/it's", "ivo://x/~?a/withheld", "ivo://x/~?a/broken", "ivo://x/~?a/gone"]


def votable(names, rows):
    fields = "".join(f'<FIELD name="{name}" datatype="char" arraysize="*"/>' for name in names)
    cells = "".join("<TR>" + "".join(f"<TD>{cell}</TD>" for cell in row) + "</TR>" for row in rows)
    return (
        '<?xml version="1.0"?><VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        '<RESOURCE type="results"><INFO name="QUERY_STATUS" value="OK"/>'
        f"<TABLE>{fields}<DATA><TABLEDATA>{cells}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    )


class Service(BaseHTTPRequestHandler):
    """A TAP service with ObsCore, whose rows lead to documents or files."""

    def log_message(self, *words):
        pass

    def say(self, status, body, kind="application/x-votable+xml", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body.encode())

    def do_POST(self):
        query = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())["QUERY"][0]
        self.server.queries.append(query)
        asked = [word.replace("''", "'") for word in re.findall(r"'((?:[^']|'')*)'", query)]
        url = self.server.url
        rows = []
        for did in asked[::-1]:
            name = did.rpartition("/")[2]
            if name == "1":
                rows.append([did, f"{url}/file/one.fits", "application/fits"])
            elif name != "gone":
                rows.append([did, f"{url}/links?ID={name}", DATALINK])
        self.say(200, votable(["obs_publisher_did", "access_url", "access_format"], rows))

    def do_GET(self):
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if path.startswith("/file"):
            if "broken" in path:
                self.say(500, "no")
            else:
                self.say(
                    200,
                    "data of " + path,
                    "application/fits",
                    Content_Disposition='attachment; filename="../run 2.fits"',
                )
            return
        name = query["ID"][0]
        names = [
            "ID",
            "access_url",
            "service_def",
            "error_message",
            "description",
            "semantics",
            "content_type",
        ]
        url = "" if name == "withheld" else f"{self.server.url}/file/{name}.fits".replace("'", "")
        reason = "AuthorizationFault: until 2030" if name == "withheld" else ""
        rows = [
            [name, url, "", reason, "", "#this", "application/fits"],
            [name, f"{self.server.url}/file/preview.png", "", "", "", "#preview", "image/png"],
        ]
        self.say(200, votable(names, rows))


@pytest.fixture
def service():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.url, server.queries = f"http://127.0.0.1:{server.server_port}", []
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


async def test_each_data_set_comes_or_is_told(explorer, service, tmp_path):
    services = [{"key": "far", "label": "Far", "url": service.url + "/tap"}]
    async with explorer(services=services) as served:
        client = await served.browser()
        items = [{"service": "far", "did": did} for did in DIDS]
        script = (await client.post("/api/script", json={"items": items})).json()
        assert script["filename"] == "basket.py"
    (tmp_path / "basket.py").write_text(script["text"])
    run = [sys.executable, "-W", "ignore", "basket.py"]
    environment = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    got = await asyncio.to_thread(
        subprocess.run, run, cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert got.returncode == 1, got.stderr
    assert got.stdout.splitlines() == ["far/run_2.fits", "far/2-run_2.fits"]
    assert (tmp_path / "far" / "run_2.fits").read_text() == "data of /file/one.fits"
    assert (tmp_path / "far" / "2-run_2.fits").read_text() == "data of /file/its.fits"
    assert not list(tmp_path.rglob("*.part")) and not list(tmp_path.parent.glob("*.fits"))
    told = got.stderr.splitlines()
    assert told[0] == "Not everything came:" and len(told) == 4
    assert told[1] == "ivo://x/~?a/withheld: AuthorizationFault: until 2030"
    assert told[2].startswith("ivo://x/~?a/broken: 500")
    assert told[3] == "ivo://x/~?a/gone: the service does not have it"
    assert len(service.queries) == 1
