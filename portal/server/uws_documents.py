"""Documents of UWS 1.1, as services write them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from xml.etree.ElementTree import Element

from portal.server.errors import UpstreamError
from portal.server.models.jobs import Phase
from portal.server.services import xml
from portal.server.services.errors import AnswerError

LONGEST_ERROR = 2000
LONGEST_PROGRESS = 300


@dataclass(frozen=True)
class Result:
    """A result of a job.

    Attributes
    ----------
    id, href
        Its name, and where it is; None if the service does not say.
    label
        Its name for people.
    content_type, size
        Facts about its bytes; None if unknown.
    """

    id: str
    href: str | None
    label: str
    content_type: str | None
    size: int | None


@dataclass(frozen=True)
class Document:
    """What a service says of a job. Times are in UTC.

    Attributes
    ----------
    id, phase, owner
        Which job it is, how it goes, and whose it is.
    created, started, ended, destruction
        When what happened, and when the service will forget it.
    parameters
        Names and values, in their order; names may come several times.
    results
        Its results.
    error
        Why it failed.
    progress, fraction
        What it is doing, in words and as part of 1; None if the service does not tell.
    """

    id: str
    phase: Phase
    owner: str | None
    created: datetime | None
    started: datetime | None
    ended: datetime | None
    destruction: datetime | None
    parameters: list[tuple[str, str]] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    error: str | None = None
    progress: str | None = None
    fraction: float | None = None


def parse(content: bytes) -> Document:
    """Read a job's document.

    Parameters
    ----------
    content
        The document.

    Returns
    -------
    Document
        What it says.

    Raises
    ------
    UpstreamError
        It is none.
    """
    try:
        root = xml.read(content)
    except AnswerError as error:
        raise UpstreamError("The service of the job sent something that cannot be read.") from error
    name = xml.text(root.find("jobId"))
    if root.tag != "job" or name is None:
        raise UpstreamError(f"The service of the job sent a document <{root.tag[:40]}>, expected <job>.")
    progress, fraction = _progress(root.find("jobInfo"))
    return Document(
        id=name,
        phase=_phase(xml.text(root.find("phase"))),
        owner=xml.text(root.find("ownerId")),
        created=_time(root.find("creationTime")),
        started=_time(root.find("startTime")),
        ended=_time(root.find("endTime")),
        destruction=_time(root.find("destruction")),
        parameters=[
            (each.get("id", ""), "".join(each.itertext())) for each in root.iterfind("parameters/parameter")
        ],
        results=[_result(each) for each in root.iterfind("results/result") if each.get("id")],
        error=_error(root.find("errorSummary")),
        progress=progress,
        fraction=fraction,
    )


def _phase(word: str | None) -> Phase:
    try:
        return Phase((word or "").upper())
    except ValueError:
        return Phase.UNKNOWN


def _time(element: Element | None) -> datetime | None:
    word = xml.text(element)
    if word is None:
        return None
    try:
        made = datetime.fromisoformat(word.replace("Z", "+00:00"))
    except ValueError:
        return None
    # UWS has times in UTC, whether they say so or not.
    return made.replace(tzinfo=UTC) if made.tzinfo is None else made.astimezone(UTC)


def _result(element: Element) -> Result:
    size = element.get("size", "")
    name = element.get("id", "")
    return Result(
        id=name,
        href=element.get("href"),
        label=element.get("label") or name,
        content_type=element.get("mime-type"),
        size=int(size) if size.isascii() and size.isdigit() else None,
    )


def _error(element: Element | None) -> str | None:
    # OPUS has the element in every document, empty where nothing went wrong, and writes no <message>.
    if element is None or element.get("nil") in {"true", "1"}:
        return None
    message = element.find("message")
    words = xml.text(element if message is None else message)
    return (words or "The service does not say why.")[:LONGEST_ERROR]


def _progress(info: Element | None) -> tuple[str | None, float | None]:
    """Read progress from jobInfo: an element of that name, or else plain text.

    Other elements are not for people: OPUS has the number of a process there.
    """
    if info is None:
        return None, None
    told = next((each for each in info.iter() if each.tag == "progress"), None)
    if told is None and len(info):
        return None, None
    words = xml.text(info if told is None else told)
    try:
        fraction = float(told.get("fraction", "")) if told is not None else None
    except ValueError:
        fraction = None
    if fraction is not None and not 0 <= fraction <= 1:
        fraction = None
    return (words[:LONGEST_PROGRESS] if words else None), fraction


class _Preformatted(HTMLParser):
    """Collects the text of the first <pre> of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = self.done = False
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = self.inside or (tag == "pre" and not self.done)

    def handle_endtag(self, tag: str) -> None:
        if tag == "pre" and self.inside:
            self.inside, self.done = False, True

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.text += data


def words_of_page(content: bytes) -> str:
    """Take the words out of an error's page, as OPUS and other programs made with Bottle write them.

    Parameters
    ----------
    content
        Any page.

    Returns
    -------
    str
        The text that came from the program; of a traceback, its last line. Empty if there is none.
    """
    reader = _Preformatted()
    reader.feed(content.decode(errors="replace"))
    reader.close()
    lines = reader.text.strip().splitlines() or [""]
    return lines[-1] if lines[0].startswith("Traceback ") else " ".join(lines)
