"""Documents of UWS services, as they write them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from portal.server.errors import UpstreamError
from portal.server.models.jobs import Phase
from portal.server.uws_documents import Result, parse, words_of_page
from tests.judges.xsd import DEBIAN_SCHEMATA, Validator

RECORDED = Path(__file__).parent / "recorded"


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*.xml")), ids=lambda path: path.stem)
def test_recorded_documents_are_valid_and_are_read(path: Path) -> None:
    content = path.read_bytes()
    # OPUS does not keep to the schema.
    assert path.stem.startswith("opus") or Validator(DEBIAN_SCHEMATA).errors(content) == []
    document = parse(content)
    assert document.phase.value.lower() == path.stem.partition("-")[2]
    assert document.created is not None and document.created.tzinfo is UTC
    assert document.destruction is not None and document.destruction > document.created
    assert (document.error is not None) == (document.phase is Phase.ERROR)


def test_what_a_document_of_dachs_says() -> None:
    done = parse((RECORDED / "dachs-completed.xml").read_bytes())
    (result,) = done.results
    assert result.id == "result"
    assert result.href is not None and result.href.startswith("http://archive.example/")
    assert result.content_type is None and result.size is None
    assert dict(done.parameters)["lang"] == "ADQL"
    assert done.owner is None and done.progress is None
    failed = parse((RECORDED / "dachs-error.xml").read_bytes())
    assert failed.error == "Field query: Could not locate table 'public.nowhere'"
    assert parse((RECORDED / "dachs-pending.xml").read_bytes()).started is None


def test_what_a_document_of_opus_says() -> None:
    done = parse((RECORDED / "opuslike-completed.xml").read_bytes())
    assert done.started == datetime(2026, 11, 29, 10, 0, 5, tzinfo=UTC)
    assert [(r.id, r.content_type, r.size) for r in done.results] == [
        ("image", "image/png", None),
        ("provjson", "application/json", None),
        ("stdout", "text/plain", None),
    ]
    assert (done.error, done.progress, done.fraction) == (None, None, None)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"<job>",
        b"<jobs/>",
        b"<job><phase>COMPLETED</phase></job>",
        b'<!DOCTYPE job [<!ENTITY x "y">]><job><jobId>&x;</jobId></job>',
    ],
)
def test_what_is_no_document(content: bytes) -> None:
    with pytest.raises(UpstreamError):
        parse(content)


def test_odd_values_are_unknown() -> None:
    document = parse(
        b"<job><jobId>1</jobId><phase>DANCING</phase><startTime>soon</startTime><results>"
        b'<result id="a" size="many"/><result/></results>'
        b'<jobInfo><progress fraction="7">x</progress></jobInfo></job>'
    )
    assert document.phase is Phase.UNKNOWN
    assert document.started is None
    assert document.results == [Result("a", None, "a", None, None)]
    assert (document.progress, document.fraction) == ("x", None)


@pytest.mark.parametrize(
    ("info", "words"),
    [
        ("<jobInfo>half way</jobInfo>", "half way"),
        ("<jobInfo><process_id>4711</process_id></jobInfo>", None),
        ("<jobInfo><a><progress>on</progress></a></jobInfo>", "on"),
        ("<jobInfo/>", None),
    ],
)
def test_progress_is_what_is_meant_for_people(info: str, words: str | None) -> None:
    document = parse(f"<job><jobId>1</jobId><phase>EXECUTING</phase>{info}</job>".encode())
    assert document.progress == words


@pytest.mark.parametrize(
    ("summary", "words"),
    [
        ('<errorSummary xsi:nil="true"/>', None),
        ("<errorSummary>why</errorSummary>", "why"),
        ("<errorSummary><message>why</message><detail>x</detail></errorSummary>", "why"),
        ("<errorSummary><message/></errorSummary>", "The service does not say why."),
    ],
)
def test_errors_are_read_with_and_without_message(summary: str, words: str | None) -> None:
    names = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    assert parse(f"<job {names}><jobId>1</jobId><phase>ERROR</phase>{summary}</job>".encode()).error == words


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("<html><pre>a\n &lt;b&gt;</pre><pre>c</pre></html>", "a  <b>"),
        ("<html><body><h1>Bad gateway</h1></body></html>", ""),
        ("<html><pre>not closed", "not closed"),
        ("", ""),
    ],
)
def test_words_of_pages(page: str, words: str) -> None:
    assert words_of_page(page.encode()) == words
