"""Clients that hold what they get: half-open connections, bodies that never end, answers not taken."""

from __future__ import annotations

import contextlib
import resource
import selectors
import socket
import time
import urllib.parse
from collections.abc import Iterator

import pytest

from instance import defences
from tests.live.conftest import Instance
from tests.thorough import thorough

BEGUN = (
    b"GET /tap/sync?LANG=ADQL HTTP/1.1\r\nHost: localhost\r\nX-",
    b"POST /tap/sync HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 100000\r\n\r\nLANG=",
    b"",
    b"GET / HTTP/1.1\r\n",
)


OTHER = "127.0.0.9"
"""Another address of this machine: what one address does may keep that one out."""


@contextlib.contextmanager
def half_open(instance: Instance, number: int) -> Iterator[list[socket.socket]]:
    """Have that many connections whose requests have only begun."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, number + 500), hard), hard))
    place = urllib.parse.urlsplit(instance.url)
    made = []
    try:
        for count in range(number):
            made.append(
                socket.create_connection(("127.0.0.1", place.port or 80), 10, source_address=(OTHER, 0))
            )
            made[-1].sendall(BEGUN[count % len(BEGUN)])
        yield made
    finally:
        for each in made:
            each.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_others_are_served_while_thousands_hold_connections(instance: Instance) -> None:
    with half_open(instance, thorough(1200, 6000)) as held:
        assert len(held) >= 1200
        for _ in range(5):
            assert instance.tap("SELECT TOP 1 obs_id FROM ivoa.obscore").status == 200
            assert instance.get("/").status == 200
            assert instance.get("/hess_dr/q/cone/scs.xml?RA=83&DEC=22&SR=1").status == 200


@pytest.mark.parametrize("begun", BEGUN[:2] + BEGUN[3:])
def test_what_does_not_go_on_is_ended(begun: bytes, instance: Instance) -> None:
    if begun.startswith(b"POST") and not thorough(0, 1):
        begun = BEGUN[3]  # bodies have more time
    with half_open(instance, 1) as (connection,):
        connection.sendall(begun)
        connection.settimeout(defences.HEADER_SECONDS + defences.IDLE_SECONDS + 30)
        with contextlib.suppress(ConnectionResetError):
            while connection.recv(4096):
                pass  # told, or cut off: it ends


def test_answers_that_nobody_takes_hold_up_nobody(instance: Instance) -> None:
    place = urllib.parse.urlsplit(instance.url)
    asked = b"GET /tap/sync?LANG=ADQL&QUERY=SELECT+*+FROM+ivoa.obscore HTTP/1.1\r\nHost: localhost\r\n\r\n"
    made = []
    try:
        for _ in range(thorough(20, 100)):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", place.port or 80))
            connection.sendall(asked)
            made.append(connection)
        with selectors.DefaultSelector() as selector:
            selector.register(made[0], selectors.EVENT_READ)
            assert selector.select(60)
        time.sleep(1.0)
        assert instance.tap("SELECT TOP 1 obs_id FROM ivoa.obscore").status == 200
    finally:
        for connection in made:
            connection.close()
