"""Uploads by URL from hosts that the operator names: these are fetched, and nothing else is."""

from __future__ import annotations

import http.server
import threading
import urllib.error
import urllib.parse
from collections.abc import Iterator

import pytest

from tests.faults import census
from tests.faults.harness import Site

TABLE = b"""<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>
<FIELD name="n" datatype="int"/><DATA><TABLEDATA><TR><TD>20</TD></TR><TR><TD>22</TD></TR></TABLEDATA></DATA>
</TABLE></RESOURCE></VOTABLE>"""
ENDLESS = 1 << 40
"""Bytes that a host promises, and goes on sending."""


class _Host(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Host)
        server.asked.append(self.path)
        if self.path == "/endless":
            self.send_response(200)
            self.send_header("Content-Length", str(ENDLESS))
            self.end_headers()
            try:
                while True:
                    self.wfile.write(bytes(1 << 16))
                    server.sent += 1 << 16
            except OSError:
                return
        if target := urllib.parse.unquote(self.path.partition("?to=")[2]):
            self.send_response(302)
            self.send_header("Location", target)
            self.end_headers()
            return
        self.send_response(200 if self.path == "/table.vot" else 404)
        self.end_headers()
        self.wfile.write(TABLE)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class Host(http.server.ThreadingHTTPServer):
    """A host with a table; it notes what it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Host)
        self.asked: list[str] = []
        self.sent = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[Host, Host]]:
    """Give a host that the operator has named, and one of the inside."""
    both = Host(), Host()
    for host in both:
        threading.Thread(target=host.serve_forever, daemon=True).start()
    yield both
    for host in both:
        host.shutdown()
        host.server_close()


@pytest.fixture(scope="module")
def site(stopped: Site, hosts: tuple[Host, Host]) -> Iterator[Site]:
    """Serve an instance that takes uploads from the first of them."""
    named = hosts[0].url.removeprefix("http://")
    with stopped.serving(CHERENKOV_VO_UPLOAD_HOSTS=named) as service:
        service.up()
        yield stopped


def ask(site: Site, url: str) -> tuple[int, str]:
    """Sum up an upload."""
    values = {"LANG": "ADQL", "FORMAT": "csv", "QUERY": "SELECT SUM(n) AS s FROM TAP_UPLOAD.t"}
    try:
        found = census.fetch(f"{site.url}/tap/sync?{urllib.parse.urlencode(values | {'UPLOAD': f't,{url}'})}")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    return 200, found.decode()


def test_a_table_of_a_named_host(site: Site, hosts: tuple[Host, Host]) -> None:
    status, text = ask(site, f"{hosts[0].url}/table.vot")
    assert (status, text.split()) == (200, ["s", "42"])
    status, text = ask(site, f"{hosts[0].url}/?to={urllib.parse.quote(hosts[0].url + '/table.vot')}")
    assert (status, text.split()) == (200, ["s", "42"])


@pytest.mark.parametrize(
    "url",
    [
        "{other}/table.vot",
        "{named}/?to={other}/table.vot",
        "{named}/?to=file:///etc/passwd",
        "{named}/?to=ftp://127.0.0.1/x",
        "{named}/nothing",
        "http://user:word@{named}/table.vot",
        "http://127.0.0.1/table.vot",
        "{named}",
        "file:///etc/passwd",
    ],
)
def test_nothing_else_is_fetched(site: Site, hosts: tuple[Host, Host], url: str) -> None:
    named, other = hosts
    bare = named.url.removeprefix("http://") if url.startswith("http://") else named.url
    status, text = ask(site, url.format(named=bare, other=other.url))
    assert status == 400, text
    assert "QUERY_STATUS" in text
    assert "root:" not in text
    assert other.asked == []


def test_an_upload_without_end(site: Site, hosts: tuple[Host, Host]) -> None:
    status, text = ask(site, f"{hosts[0].url}/endless")
    assert status == 400
    assert "too long" in text
    assert hosts[0].sent < ENDLESS / 1000
    assert list((site.home / "dachs").rglob("fetched-*")) == []
    assert census.count(site) > 0
