"""Tables that are uploaded to do harm: entities, bombs, lies about lengths, and URLs of the inside."""

from __future__ import annotations

import base64
import gzip
import http.server
import threading
import urllib.parse
from collections.abc import Iterator

import pytest

from tests.live.conftest import Answer, Instance
from tests.live.hostile import judging
from tests.live.hostile.client import Probe, send

BOUNDARY = "zqxv7boundary"
QUERY = "SELECT TOP 1 * FROM TAP_UPLOAD.t"
HEAD = '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>'
TAIL = "</TABLE></RESOURCE></VOTABLE>"
FIELD = '<FIELD name="x" datatype="char" arraysize="*"/>'
ROW = "<DATA><TABLEDATA><TR><TD>{}</TD></TR></TABLEDATA></DATA>"
LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
BOMB = base64.b64encode(gzip.compress(gzip.compress(bytes(300_000_000), 1), 9))


def table(content: str, doctype: str = "") -> bytes:
    """Write a VOTable."""
    return f"<?xml version='1.0'?>{doctype}{HEAD}{content}{TAIL}".encode()


HOSTILE = {
    "laughs": table(FIELD + ROW.format("&a11;"), f'<!DOCTYPE x [<!ENTITY a0 "ha">{LAUGHS}]>'),
    "file": table(FIELD + ROW.format("&e;"), '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'),
    "parameter": table(FIELD, '<!DOCTYPE x [<!ENTITY % e SYSTEM "http://127.0.0.1:9/x.dtd"> %e;]>'),
    "gzipped stream": table(
        f'{FIELD}<DATA><BINARY><STREAM encoding="base64">{BOMB.decode()}</STREAM></BINARY></DATA>'
    ),
    "stream elsewhere": table(
        f'{FIELD}<DATA><BINARY><STREAM href="file:///etc/passwd" encoding="gzip"/></BINARY></DATA>'
    ),
    "fits elsewhere": table(f'{FIELD}<DATA><FITS><STREAM href="http://127.0.0.1:9/x"/></FITS></DATA>'),
    "huge array": table(
        '<FIELD name="x" datatype="double" arraysize="99999999999"/>'
        '<DATA><BINARY><STREAM encoding="base64">AAAAAAAAAAA=</STREAM></BINARY></DATA>'
    ),
    "injecting arraysize": table('<FIELD name="x" datatype="int" arraysize="1]); DROP TABLE dc.users; --"/>'),
    "injecting type": table('<FIELD name="x" datatype="int); DROP TABLE dc.users; --"/>'),
    "huge length": table(
        f'{FIELD}<DATA><BINARY><STREAM encoding="base64">f////wAAAAA=</STREAM></BINARY></DATA>'
    ),
    "many columns": table("".join(f'<FIELD name="c{n}" datatype="int"/>' for n in range(5000))),
    "injecting name": table('<FIELD name="x); DROP TABLE dc.users; --" datatype="int"/>'),
    "quoted name": table('<FIELD name="a&quot;b\' %s %(x)s" datatype="int"/>' + ROW.format("1")),
    "xtype": table('<FIELD name="x" datatype="char" arraysize="*" xtype="timestamp"/>' + ROW.format("'; x")),
    "deep": table("<GROUP>" * 20_000),
    "nothing": b"",
    "no XML": b"\x1f\x8b\x08\x00" + bytes(1000),
    "UTF-16 lie": b"\xff\xfe<\x00V\x00",
    "too long": table(FIELD + ROW.format("x" * 1_000_000)),
}
"""Uploads by what they do."""

HARMLESS = ("quoted name", "nothing", "many columns", "file", "injecting arraysize")
"""What may as well be read as a table, if nothing comes of it: what entities stand for is left out."""


def post(instance: Instance, path: str, content: bytes, upload: str = "t,param:p", name: str = "p") -> Answer:
    """Send a query with an upload."""
    fields = {"LANG": "ADQL", "QUERY": QUERY, "UPLOAD": upload}
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    parts.append(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="../../../etc/x.vot"\r\n'
        "Content-Type: application/x-votable+xml\r\n\r\n".encode()
        + content
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return send(instance.url, Probe(path, "POST", headers, b"".join(parts)))


def well(instance: Instance) -> bool:
    """Say whether a query is answered."""
    return instance.tap("SELECT TOP 1 obs_id FROM ivoa.obscore").status == 200


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_upload_is_an_error_and_no_harm(name: str, instance: Instance) -> None:
    answer = post(instance, "/tap/sync", HOSTILE[name])
    faults = list(judging.faults(answer, HOSTILE[name].decode("latin-1"), set(), (b"root:",), "POST"))
    assert not faults, answer.text[:500]
    assert answer.status in ((200, 400) if name in HARMLESS else (400, 413)), answer.text
    assert well(instance)


def test_an_upload_beyond_all_limits_ends_early(instance: Instance) -> None:
    head = {"Content-Length": "99999999999", "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    assert send(instance.url, Probe("/tap/sync", "POST", head)).status == 413
    assert well(instance)


class _Inside(http.server.BaseHTTPRequestHandler):
    """A service of the inside, which nobody outside may have asked."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def inside() -> Iterator[http.server.ThreadingHTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Inside)
    server.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "path", ["/tap/sync", "/tap/async", "/rd/access/cutout/dlget", "/__system__/adql/query/form"]
)
def test_no_url_of_an_upload_is_fetched(
    path: str, instance: Instance, inside: http.server.HTTPServer
) -> None:
    port = inside.server_address[1]
    for url in (
        f"http://127.0.0.1:{port}/a", f"http://localhost:{port}/b", f"http://[::ffff:127.0.0.1]:{port}/c",
        f"http://2130706433:{port}/d", f"http://0x7f.1:{port}/e", f"http://user@127.0.0.1:{port}/f",
        "file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "http://169.254.169.254/latest",
        f"HTTP://LOCALHOST:{port}/g", "param:nosuch", "//127.0.0.1/x", "data:text/xml,x",
    ):  # fmt: skip
        for key in ("UPLOAD", "upload", "Upload"):
            query = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": QUERY, key: f"t,{url}", "PHASE": "RUN"})
            answer = send(instance.url, Probe(f"{path}?{query}", "POST"))
            assert not list(judging.faults(answer, query, {"localhost"}, (b"root:",), "POST")), (
                url,
                answer.text,
            )
    assert inside.asked == []  # type: ignore[attr-defined]


def test_the_name_of_an_uploaded_file_leads_nowhere(instance: Instance) -> None:
    good = table(FIELD + ROW.format("here"))
    assert b"here" in send_good(instance, good)
    assert not list(instance.home.rglob("x.vot"))


def send_good(instance: Instance, content: bytes) -> bytes:
    """Upload a table that is as it should be."""
    answer = post(instance, "/tap/sync?FORMAT=csv", content)
    assert answer.status == 200, answer.text
    return answer.body
