"""All that can be asked is asked in hostile ways: no fault, no traceback, no path, no SQL, no markup."""

from __future__ import annotations

import re
import urllib.parse
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.live.conftest import Instance
from tests.live.hostile import judging, probes
from tests.live.hostile.client import Probe, all_at_once, send
from tests.live.hostile.endpoints import Endpoint
from tests.thorough import thorough

SHOWN = 25
"""Faults that a failed test tells of."""

OTHERS = {"www.ivoa.net", "www.w3.org", "vo.ari.uni-heidelberg.de", "www.openarchives.org", "docs.g-vo.org"}
"""Hosts that redirections may lead to: those of DaCHS's own list of XML schemas."""

LINKS = re.compile(
    rb"""(?:href|src|action|access_url|accessURL)\s*[=>]\s*["']?([^"'<>\s]+)|<TD>(https?://[^<\s]+)"""
)


def secrets_of(instance: Instance) -> tuple[bytes, ...]:
    """Give words that tell of the machine."""
    return (str(instance.home).encode(), str(Path(__file__).parents[3]).encode(), b"/var/lib/postgresql")


def judge(instance: Instance, some: Iterable[Probe]) -> tuple[int, list[str]]:
    """Send all, and give how many there were and what is wrong with the answers."""
    hosts, secrets = {"localhost", *OTHERS}, secrets_of(instance)

    def ask(probe: Probe) -> list[str]:
        found = list(judging.faults(send(instance.url, probe), probe.sent, hosts, secrets, probe.method))
        return [
            f"{probe.method} {probe.path[:200]} {(probe.body or b'')[:120]!r}: {fault}" for fault in found
        ]

    answers = all_at_once(ask, some)
    return len(answers), [fault for found in answers for fault in found]


def report(found: tuple[int, list[str]]) -> None:
    """Fail with what was wrong."""
    number, faults = found
    kinds = Counter(fault.rpartition(": ")[2] for fault in faults)
    assert not faults, f"{len(faults)} faults in {number} answers: {kinds.most_common(9)}\n" + "\n".join(
        faults[:SHOWN]
    )


def test_there_are_endpoints_of_every_kind(endpoints: list[Endpoint]) -> None:
    paths = {endpoint.path for endpoint in endpoints}
    assert len(paths) > 300
    assert sum(len(endpoint.parameters) for endpoint in endpoints) > 500
    # Ones of DaCHS's own, of the site, of a collection, and of the proxy.
    assert {"/tap/sync", "/login", "/rd/access/dl/dlmeta", "/hess_dr/q/cone/scs.xml", "/.worker"} <= paths


def test_each_endpoint_answers_properly_when_asked_for_nothing(
    instance: Instance, endpoints: list[Endpoint]
) -> None:
    report(judge(instance, probes.plain(endpoints)))


def test_hostile_values(instance: Instance, endpoints: list[Endpoint]) -> None:
    report(judge(instance, probes.hostile(endpoints, thorough(1, 40))))


def test_each_parameter(instance: Instance, endpoints: list[Endpoint]) -> None:
    report(judge(instance, probes.each_parameter(endpoints, thorough(1, 12))))


def test_no_path_leads_out(instance: Instance, endpoints: list[Endpoint]) -> None:
    report(judge(instance, probes.traversals(endpoints, thorough(1, 50))))


def test_links_lead_to_answers_without_faults(instance: Instance, endpoints: list[Endpoint]) -> None:
    """Follow what answers name, from all endpoints on, and ask what is found in hostile ways, too."""
    limit = thorough(400, 8000)
    known = {endpoint.path for endpoint in endpoints}
    waiting, seen, faults = sorted(known)[:: thorough(4, 1)], set(known), []
    asked = 0
    while waiting and asked < limit:
        batch, waiting = waiting[:96], waiting[96:]
        answers = all_at_once(lambda path: (path, send(instance.url, Probe(path))), batch)
        asked += len(batch)
        for path, answer in answers:
            found = judging.faults(
                answer, urllib.parse.unquote(path), {"localhost", *OTHERS}, secrets_of(instance)
            )
            faults += [f"GET {path}: {fault}" for fault in found]
            for link in LINKS.findall(answer.body):
                target = urllib.parse.urljoin(instance.url + path, (link[0] or link[1]).decode("latin-1"))
                target = target.replace("&amp;", "&").partition("#")[0]
                if (
                    target.startswith(instance.url + "/")
                    and (short := target.removeprefix(instance.url)) not in seen
                ):
                    seen.add(short)
                    waiting.append(short)
    report((asked, faults))
    assert len(seen) > len(known)
