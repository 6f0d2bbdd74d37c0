from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import anyio
import httpx
import pytest

from portal.server.services import cache, gone, http, tap, votable, xml
from portal.server.services.errors import (
    AnswerError,
    AnswerTooLargeError,
    NotAllowedError,
    QueryRefusedError,
    ServiceDownError,
    ServiceSlowError,
)
from tests.portal.services import worlds
from tests.portal.services.sqlite_tap import URL, error_document

pytestmark = pytest.mark.anyio

TABLE = b"""<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">
<INFO name="QUERY_STATUS" value="OK"/><TABLE><FIELD name="a" datatype="int"><VALUES null="-1"/></FIELD>
<FIELD name="b" datatype="double" arraysize="*" unit="deg"/><FIELD name="c" datatype="char" arraysize="*"/>
<FIELD name="d" datatype="float"/><FIELD name="e" datatype="boolean"/>
<FIELD name="f" datatype="int" arraysize="2"/>
<FIELD name="g" datatype="char" arraysize="3"/><FIELD name="h" datatype="unicodeChar" arraysize="*"/>
<DATA><TABLEDATA>
<TR><TD>1</TD><TD>1.5 NaN</TD><TD>x y</TD><TD>5.1</TD>
<TD>true</TD><TD>3 4</TD><TD>abc</TD><TD>&#252;</TD></TR>
<TR><TD>-1</TD><TD/><TD/><TD>NaN</TD><TD/><TD/><TD/><TD/></TR>
</TABLEDATA></DATA></TABLE><INFO name="QUERY_STATUS" value="OVERFLOW"/></RESOURCE></VOTABLE>"""


def answering(*answers: Any, **settings: Any) -> tuple[Any, list[httpx.Request]]:
    """Make a context whose service gives these answers, one after the other."""
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        answer = answers[min(len(asked), len(answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        made: httpx.Response = answer
        return made

    return worlds.context(handler, **settings), asked


async def fetched(context: Any, url: str = URL, **more: Any) -> http.Reply:
    return await http.fetch(context, context.settings.services[0], url, **more)


async def queried(context: Any) -> votable.Answer:
    return await tap.query(context, context.settings.services[0], "SELECT 1", 5)


async def test_a_503_that_says_when_is_tried_once_more() -> None:
    busy = httpx.Response(503, headers={"Retry-After": "0"})
    context, asked = answering(busy, httpx.Response(200, content=b"x"))
    assert (await fetched(context)).content == b"x"
    assert len(asked) == 2
    context, asked = answering(busy)
    with pytest.raises(ServiceDownError, match="status 503"):
        await fetched(context)
    assert len(asked) == 2


@pytest.mark.parametrize("form", [{}, {"data": {"QUERY": "SELECT 1"}}])
@pytest.mark.parametrize("kind", [httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError])
async def test_a_kept_connection_that_breaks_is_no_failure(kind: type[Exception], form: Any) -> None:
    context, asked = answering(kind("Server disconnected"), httpx.Response(200, content=b"x"))
    assert (await fetched(context, **form)).content == b"x"
    assert [request.content for request in asked] == [asked[0].content] * 2


async def test_documents_are_read_again_where_python_stumbles(monkeypatch: pytest.MonkeyPatch) -> None:
    failures, parse = [SystemError("AST constructor recursion depth mismatch")] * 3, votable.votable.parse

    def stumbling(*arguments: Any, **more: Any) -> Any:
        if failures:
            raise failures.pop()
        return parse(*arguments, **more)

    monkeypatch.setattr(votable.votable, "parse", stumbling)
    assert len(votable.read(TABLE)) == 2 and not failures
    failures += [SystemError("AST constructor recursion depth mismatch")] * 4
    with pytest.raises(AnswerError, match="recursion depth"):
        votable.read(TABLE)


@pytest.mark.parametrize("wait", ["", "3600", "Wed, 21 Oct 2026 07:28:00 GMT", "-1"])
async def test_a_503_that_does_not_or_too_late_is_told_at_once(wait: str) -> None:
    context, asked = answering(httpx.Response(503, headers={"Retry-After": wait}))
    with pytest.raises(ServiceDownError):
        await fetched(context)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("failure", "error", "words"),
    [
        (httpx.ConnectError("refused"), ServiceDownError, "cannot be reached"),
        (httpx.ConnectTimeout("slow"), ServiceDownError, "does not accept connections"),
        (httpx.ReadTimeout("slow"), ServiceSlowError, "within 5 seconds"),
        (httpx.RemoteProtocolError("cut"), ServiceDownError, "cannot be reached"),
        (httpx.Response(502), ServiceDownError, "status 502"),
    ],
)
async def test_failures_are_readable(failure: Any, error: type[Exception], words: str) -> None:
    context, _ = answering(failure)
    with pytest.raises(error, match=words):
        await fetched(context)


async def test_a_service_that_never_ends_is_slow() -> None:
    async def handler(request: httpx.Request) -> httpx.Response:
        await anyio.sleep(60)
        return httpx.Response(200)

    with pytest.raises(ServiceSlowError):
        await fetched(worlds.context(handler, tap_timeout=0.05))


async def test_queries_wait_for_their_turn() -> None:
    running, most = [0], [0]

    async def handler(request: httpx.Request) -> httpx.Response:
        running[0] += 1
        most[0] = max(most[0], running[0])
        await anyio.sleep(0.02)
        running[0] -= 1
        return httpx.Response(200, content=TABLE)

    context = worlds.context(handler)
    await asyncio.gather(*(queried(context) for _ in range(40)))
    assert most == [tap.AT_ONCE] and running == [0]
    context.settings.tap_timeout = 0.005
    answers = await asyncio.gather(*(queried(context) for _ in range(40)), return_exceptions=True)
    assert all(isinstance(answer, ServiceSlowError) for answer in answers)
    assert any("more questions" in str(answer) for answer in answers)


async def test_answers_have_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_BYTES", 2**20)
    context, _ = answering(httpx.Response(200, content=b"x" * 2**21))
    with pytest.raises(AnswerTooLargeError, match="more than 1 MB"):
        await fetched(context)


@pytest.mark.parametrize(
    "url",
    [
        "http://tap.example/tap", "https://tap.example:8443/tap", "https://tap.example.evil/",
        "file:///etc/passwd",
        "https://tap.example@evil/", "https://user:pass@tap.example/", "gopher://tap.example/", "https://evil/tap",
        "https://tap.example\\@evil/", "https://evil\\@tap.example/",
        "https://[/", "https://links.example.evil/",
    ],
)  # fmt: skip
async def test_no_other_host_is_asked(url: str) -> None:
    context, asked = answering(httpx.Response(200))
    with pytest.raises(NotAllowedError, match="not among the hosts"):
        await fetched(context, url)
    context, asked = answering(httpx.Response(302, headers={"Location": url}))
    with pytest.raises(NotAllowedError, match="redirects to"):
        await fetched(context)
    assert len(asked) == 1


async def test_hosts_that_are_listed_are_asked() -> None:
    context, _ = answering(httpx.Response(200, content=b"y"))
    assert (await fetched(context, "https://links.example/dl")).content == b"y"


async def test_redirects_within_the_service_are_followed() -> None:
    there = httpx.Response(303, headers={"Location": "/tap/results/1"})
    context, asked = answering(there, httpx.Response(200, content=b"z"))
    assert (await fetched(context, data={"a": "b"})).content == b"z"
    assert [(r.method, r.url.path) for r in asked] == [("POST", "/tap"), ("GET", "/tap/results/1")]
    same = httpx.Response(307, headers={"Location": "/tap/sync"})
    context, asked = answering(same, httpx.Response(200))
    await fetched(context, data={"a": "b"})
    assert [(r.method, r.content) for r in asked] == [("POST", b"a=b")] * 2
    context, asked = answering(there)
    with pytest.raises(ServiceDownError, match="again and again"):
        await fetched(context)
    assert len(asked) <= 5


async def test_an_account_is_chosen_for_each_address() -> None:
    context, asked = answering(
        httpx.Response(302, headers={"Location": "https://links.example/x"}), httpx.Response(200)
    )
    await fetched(context, account=lambda url: httpx.BasicAuth("a", "b") if "tap.example" in url else None)
    assert [("authorization" in r.headers) for r in asked] == [True, False]


async def test_the_services_words_are_told() -> None:
    context, _ = answering(httpx.Response(400, content=error_document("No column <nono> & so on")))
    with pytest.raises(
        QueryRefusedError, match="does not take the query: No column <nono> & so on"
    ) as caught:
        await queried(context)
    assert (
        caught.value.detail is not None and caught.value.detail["service_says"] == "No column <nono> & so on"
    )
    context, _ = answering(httpx.Response(200, content=error_document("Also so")))
    with pytest.raises(QueryRefusedError, match="Also so"):
        await queried(context)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (httpx.Response(500, content=b"oops"), ServiceDownError, "status 500"),
        (httpx.Response(403), QueryRefusedError, "does not allow"),
        (httpx.Response(404), AnswerError, "Is there a TAP service"),
        (httpx.Response(200, content=b"<html>ERROR</html>"), AnswerError, "no VOTable"),
        (httpx.Response(200, content=b"<VOTABLE><broken"), AnswerError, "no VOTable that can be read"),
        (httpx.Response(200, content=b'<!DOCTYPE V [<!ENTITY a "b">]><VOTABLE/>'), AnswerError, "entities"),
    ],
)
async def test_answers_that_are_none(answer: httpx.Response, error: type[Exception], words: str) -> None:
    context, _ = answering(answer)
    with pytest.raises(error, match=words):
        await queried(context)


async def test_an_answer_that_breaks_off_with_an_error() -> None:
    broken = TABLE.replace(b'"OVERFLOW"/>', b'"ERROR">Disk full</INFO>')
    context, _ = answering(
        httpx.Response(200, content=broken.replace(b"<DATA>", b"<!--" + b"x" * 20_000 + b"--><DATA>"))
    )
    with pytest.raises(AnswerError, match="broke off"):
        await queried(context)


async def test_values_of_all_kinds() -> None:
    context, _ = answering(httpx.Response(200, content=TABLE))
    answer = await queried(context)
    assert answer.rows() == [
        [1, [1.5, None], "x y", 5.1, True, [3, 4], "abc", "ü"],
        [None, None, None, None, None, None, None, None],
    ]
    assert answer.overflow and len(answer) == 2
    assert answer.columns[1].unit == "deg"
    assert [r["a"] for r in answer.records()] == [1, None]
    answer.cut(1)
    assert len(answer) == 1


def test_xml_is_read_without_bombs() -> None:
    with pytest.raises(AnswerError, match="nested"):
        xml.read(b"<a>" * 200 + b"</a>" * 200)
    root = xml.read(b'<x:a xmlns:x="u" x:b="c"> d <e>f</e>\n</x:a>')
    assert (root.tag, root.get("b"), xml.text(root), xml.text(None)) == ("a", "c", "d f", None)


async def test_one_making_for_many_who_want_it() -> None:
    context, made = worlds.context(None), []

    async def make() -> int:
        made.append(1)
        await anyio.sleep(0.02)
        return 7

    wanted = [cache.kept(context, ("a",), int, make) for _ in range(5)]
    assert await asyncio.gather(*wanted) == [7] * 5
    assert len(made) == 1
    assert await cache.kept(context, ("a",), int, make) == 7
    assert len(made) == 1 and context.metrics.counts["services", "hit"] == 1


async def test_the_making_goes_on_if_the_first_goes_away() -> None:
    context = worlds.context(None)

    async def make() -> int:
        await anyio.sleep(0.05)
        return 7

    first = asyncio.create_task(cache.kept(context, ("b",), int, make))
    await anyio.sleep(0.01)
    second = asyncio.create_task(cache.kept(context, ("b",), int, make))
    await anyio.sleep(0)
    first.cancel()
    assert await second == 7


async def test_what_nobody_waits_for_is_not_made() -> None:
    context, ended = worlds.context(None), []

    async def make() -> int:
        try:
            await anyio.sleep(60)
        finally:
            ended.append(True)
        return 7

    both = [asyncio.create_task(cache.kept(context, ("d",), int, make)) for _ in range(2)]
    await anyio.sleep(0.01)
    both[0].cancel()
    await anyio.sleep(0.01)
    assert not ended
    both[1].cancel()
    await anyio.sleep(0.01)
    assert ended == [True]

    async def again() -> int:
        return 8

    assert await cache.kept(context, ("d",), int, again) == 8


async def test_a_failed_making_is_told_to_all_and_not_kept() -> None:
    context, failing = worlds.context(None), [True]

    async def make() -> int:
        if failing[0]:
            raise ServiceDownError("Down.")
        return 1

    results = await asyncio.gather(
        *(cache.kept(context, ("c",), int, make) for _ in range(2)), return_exceptions=True
    )
    assert all(isinstance(result, ServiceDownError) for result in results)
    failing[0] = False
    assert await cache.kept(context, ("c",), int, make) == 1


def request_of(messages: list[tuple[float, str]]) -> Any:
    async def receive() -> dict[str, str]:
        wait, kind = messages.pop(0) if messages else (60.0, "http.disconnect")
        await anyio.sleep(wait)
        return {"type": kind}

    return SimpleNamespace(receive=receive)


async def test_work_ends_when_the_browser_goes() -> None:
    ended = []

    async def work() -> int:
        try:
            await anyio.sleep(60)
        finally:
            ended.append(True)
        return 1

    with pytest.raises(gone.GoneError):
        await gone.unless_gone(request_of([(0, "http.request"), (0.02, "http.disconnect")]), work)
    assert ended == [True]


async def test_work_and_its_errors_come_through() -> None:
    async def work() -> int:
        return 5

    async def failing() -> int:
        raise ServiceDownError("Down.")

    assert await gone.unless_gone(request_of([]), work) == 5
    with pytest.raises(ServiceDownError, match="Down"):
        await gone.unless_gone(request_of([]), failing)
