"""security.txt: whom it names, and when there is none."""

from __future__ import annotations

import datetime
import http.client
import socket
import subprocess
import time

import pytest

from ingest.errors import ConfigError
from instance import proxy, security
from instance.settings import Settings

NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("chosen", "named"),
    [
        ({}, ""),
        ({"contact": "me@obs.example.org"}, ""),
        ({"contact": "a 'b' <me@obs.net>"}, ""),
        ({"contact": "me@obs.net"}, "mailto:me@obs.net"),
        ({"contact": "me@obs.net", "security_contact": "safe@obs.net"}, "mailto:safe@obs.net"),
        ({"security_contact": "https://obs.net/tell?us=1"}, "https://obs.net/tell?us=1"),
    ],
)
def test_contact(chosen, named):
    assert security.contact(Settings(**chosen)) == named
    assert bool(security.document(Settings(**chosen), NOW)) == bool(named)


@pytest.mark.parametrize("text", ["nobody", "http://obs.net/", "a@b'c", "a@b\nExpires: 1", "$host@b", "a@b;"])
def test_other_forms_are_refused(text):
    with pytest.raises(ConfigError, match="security_contact"):
        Settings(security_contact=text)


def fields(text: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in text.splitlines())


@pytest.mark.parametrize("chosen", [{"security_contact": "safe@obs.net"}, {}])
def test_as_nginx_sends_it(tmp_path, chosen):
    """With nginx itself, on a socket of its own."""
    settings = Settings(public_url="https://vo.obs.net", **chosen)
    place = tmp_path / "s"
    temporary = proxy._temporary(tmp_path)
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; pid {tmp_path}/pid; error_log stderr; events {{}}\nhttp {{ access_log off;\n"
        f"    client_body_temp_path {tmp_path}/b;\n{temporary}\n    server {{ listen unix:{place};\n"
        f"{security.location(settings, NOW)}    }}\n}}\n"
    )
    server = subprocess.Popen(proxy.command(tmp_path, tmp_path / "log"), stderr=subprocess.PIPE)
    try:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        for _ in range(200):
            try:
                connection.sock.connect(str(place))
                break
            except OSError:
                assert server.poll() is None, server.stderr.read()
                time.sleep(0.05)
        connection.request("GET", security.PATH)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
    finally:
        server.terminate()
        server.communicate(timeout=20)
    if not chosen:
        assert answer.status == 404
        return
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert fields(body) == {
        "Contact": "mailto:safe@obs.net",
        "Expires": "2027-02-28T12:00:00Z",
        "Preferred-Languages": "en",
        "Canonical": "https://vo.obs.net/.well-known/security.txt",
    }
