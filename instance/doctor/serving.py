"""Serving: ports, processes, and what the server says."""

from __future__ import annotations

import contextlib
import http.client
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from instance import security, version
from instance.cluster import port_is_free
from instance.doctor.faults import Diagnosis, fault, well
from instance.doctor.patient import Patient
from instance.processes import pulse, run_directory, sockets
from instance.releases import COLLECTIONS
from instance.settings import variable_of

PATIENCE = 10.0
"""Seconds for an answer."""

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def port(patient: Patient) -> Iterator[Diagnosis]:
    """Look whether the port can be had."""
    if patient.server is None:
        number, address = patient.settings.port, patient.settings.bind or "0.0.0.0"  # noqa: S104 - as chosen
        if port_is_free(number, address):
            yield well("port", f"{number} is free")
        else:
            yield fault("port-taken", "port", f"{number} is taken")


def workers(patient: Patient) -> Iterator[Diagnosis]:
    """Look at the processes behind the proxy, and at the proxy."""
    if patient.server is None or not patient.settings.fast_paths:
        return
    run = run_directory(patient.home)
    for socket in sockets(run):
        name = f"worker {socket.stem}"
        if pulse(socket, PATIENCE / 3) is None:
            yield fault("worker-silent", name, "does not answer")
        else:
            yield well(name, "answers")
    mark = run / "nginx.pid"
    number = mark.read_text(encoding="ascii").strip() if mark.exists() else ""
    if number and _runs(number):
        yield well("proxy", f"process {number}")
    else:
        yield fault("proxy-dead", "proxy", "does not run")


def _runs(number: str) -> bool:
    """Say whether a process runs; what ended, but was not waited for, has no command line."""
    with contextlib.suppress(OSError):
        return Path("/proc", number, "cmdline").read_bytes() != b""
    return False


def server(patient: Patient) -> Iterator[Diagnosis]:
    """Ask the server what its clients ask."""
    if patient.server is None:
        yield well("server", "not running; 'make serve' or 'make up' starts it")
        return
    by = patient.state.get("serving") or version.UNNAMED
    if by != version.VERSION:
        yield fault("older-version", "server", f"process {patient.server} is of version {by}")
    served = patient.served or COLLECTIONS
    checks: list[tuple[str, str, str, Callable[[bytes], bool]]] = [
        ("server-silent", "TAP", "/tap/availability", lambda body: b"true" in body),
        (
            "unpublished",
            "registry",
            "/oai.xml?verb=ListIdentifiers&metadataPrefix=ivo_vor",
            lambda body: all(f"/{name}/".encode() in body for name in served),
        ),
    ]
    for key, what, path, is_well in checks:
        body = _get(patient.settings.local_url + path)
        if isinstance(body, str):
            yield fault("server-silent", what, f"does not answer ({body})")
            return
        if is_well(body):
            yield well(what, "answers")
        else:
            yield fault(key, what, "answers, but not as it should")


def public_url(patient: Patient) -> Iterator[Diagnosis]:
    """Ask for the registry under the URL that the world is told; say whom the world can tell of holes."""
    whom = security.contact(patient.settings) if patient.settings.fast_paths else ""
    variable = variable_of("security_contact")
    yield well("security.txt", f"names {whom}" if whom else f"not served; {variable} names whom to tell")
    url = patient.settings.public_url
    if not url or patient.server is None:
        return
    body = _get(f"{url}/oai.xml?verb=Identify")
    if isinstance(body, str):
        yield fault("public-url-wrong", "public URL", f"{url} does not answer ({body})")
    elif f"{patient.settings.authority}".encode() not in body and url.encode() not in body:
        yield fault("public-url-wrong", "public URL", f"{url} is not this instance")
    else:
        yield well("public URL", f"{url} answers")


def _get(url: str) -> bytes | str:
    """Get a document, or say why not."""
    try:
        with _direct.open(url, timeout=PATIENCE) as reply:
            return bytes(reply.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        return str(error)


EXAMINATIONS = (port, workers, server, public_url)
