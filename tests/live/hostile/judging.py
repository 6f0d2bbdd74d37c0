"""What no answer may have in it."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator
from http import HTTPStatus

import html5lib

from tests.live.conftest import Answer
from tests.live.hostile.payloads import EVIL, MARK

TRACEBACK = re.compile(
    rb'Traceback|File "[^"]*", line \d+|\.py\b[^<]{0,40}\bline \d+|<frame |'
    rb"exceptions?\.[A-Z]\w+Error"
)
PATHS = re.compile(
    rb"/usr/(lib|share)/|/home/|site-packages|dist-packages|/proc/self|root:x:0|PGPASSFILE|"
    rb"\[general\]"
)
DATABASE = re.compile(
    rb"psycopg2|relation \S+ does not exist|LINE \d+:|(syntax error|operator does not exist|"
    rb"column .{1,60}does not exist)|unterminated quoted string|permission denied for|SQLSTATE|%\(\w+\)s|"
    rb"dc\.(users|groups)\b.{0,40}scrypt"
)
SQL = re.compile(rb"\b(SELECT\s.{1,300}?\sFROM|INSERT INTO|UPDATE \S+ SET|DELETE FROM)\s", re.DOTALL)


def faults(
    answer: Answer, sent: str, hosts: set[str], secrets: tuple[bytes, ...], method: str = "GET"
) -> Iterator[str]:
    """Give what is wrong with an answer.

    Parameters
    ----------
    answer
        What came.
    sent
        All that was sent, decoded.
    hosts
        Names of hosts that redirections may lead to.
    secrets
        Further words that must not come, such as the directory of the instance.
    method
        That of the request.
    """
    body = answer.body
    honest = answer.status == HTTPStatus.SERVICE_UNAVAILABLE and answer.headers["Retry-After"]
    # RFC 9110 wants 501 for methods that the server does not know; it is for these alone.
    unknown = answer.status == HTTPStatus.NOT_IMPLEMENTED and method not in ("GET", "HEAD", "POST")
    if answer.status >= 500 and not honest and not unknown:
        yield f"status {answer.status}"
    patterns = {"traceback": TRACEBACK, "path": PATHS}
    # Documentation may well speak of relations and operators.
    patterns |= {"database": DATABASE} if answer.status >= 400 or b'value="ERROR"' in body else {}
    for name, pattern in patterns.items():
        for match in list(pattern.finditer(body))[:3]:
            if match.group().decode("utf-8", "replace") not in sent:
                yield f"{name}: {match.group()[:80]!r}"
    yield from (f"secret {word!r}" for word in secrets if word in body and word.decode() not in sent)
    if answer.status >= 400 and (match := SQL.search(body)) and "SELECT" not in sent.upper():
        yield f"SQL: {match.group()[:80]!r}"
    yield from _headers(answer, hosts)
    yield from _markup(answer)


def _headers(answer: Answer, hosts: set[str]) -> Iterator[str]:
    for name, value in answer.headers.items():
        if MARK.lower() in name.lower() or name.lower() == "set-cookie":
            yield f"header {name}: {value[:60]}"
    place = urllib.parse.urlsplit((answer.headers["Location"] or "").replace("\\", "/"))
    if place.scheme not in ("", "http", "https") or (place.netloc and place.hostname not in hosts):
        yield f"Location {answer.headers['Location'][:80]}"


def _markup(answer: Answer) -> Iterator[str]:
    """Look for what was sent as an element, an attribute or a link."""
    if MARK.encode() not in answer.body or "html" not in (answer.headers["Content-Type"] or ""):
        return
    for element in html5lib.parse(answer.body, namespaceHTMLElements=False).iter():
        tag = element.tag if isinstance(element.tag, str) else ""
        words = {tag, *(str(key) for key in element.attrib)}
        if any(MARK in word for word in words) or element.get("id") == MARK:
            yield f"markup <{tag} {dict(element.items())}>"
        for name in ("href", "src", "action", "onerror", "style"):
            value = (element.get(name) or "").strip().lower()
            if value.startswith("javascript:") or (name in ("onerror", "style") and MARK in value):
                yield f"link {name}={value[:60]}"


def poisoned(answer: Answer) -> Iterator[str]:
    """Tell whether a host that the client named stands in an answer."""
    if EVIL.encode() in answer.body or EVIL in str(answer.headers):
        yield f"poisoned by Host: {answer.status}"
