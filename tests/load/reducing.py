"""What of an answer must be the same whenever it is asked for: all but the moment it was made."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
import xml.etree.ElementTree as ET

from astropy.io import fits

from tests.load.asking import Answer

_MOMENT = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?")

_SYSTEM = re.compile(rb'"(ts|system)-\d\d"')
"""Numbers that DaCHS gives to equal systems of coordinates or times, in any order."""

_INFO = re.compile(rb"<INFO [^>]*>[^<]*</INFO>")
"""What a result says of the tables that it comes from, in any order."""

PNG = b"\x89PNG\r\n\x1a\n"


def digest(answer: Answer) -> str:
    """Give the digest of what an answer says, without the moment.

    Files are taken byte by byte, but those that are made for the question: of these, the data of all HDUs.
    """
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    content = answer.body
    if "/cutout/dlget" in answer.request or "/results/" in answer.request:
        content = _of_cutout(kind, content)
    elif "xml" in kind or "html" in kind:
        content = _MOMENT.sub(b"MOMENT", content)
    if "xml" in kind:
        content = _in_one_order(content)
    return hashlib.sha256(content).hexdigest()


def _in_one_order(content: bytes) -> bytes:
    """Give a document with all that comes in another order from each process of DaCHS in one order."""
    content = _SYSTEM.sub(rb'"\1"', content)
    return _INFO.sub(b"", content) + b"".join(sorted(_INFO.findall(content)))


def _of_cutout(kind: str, content: bytes) -> bytes:
    """Give names and data of FITS files, also of those in an archive; documents without their moments."""
    if content.startswith(b"SIMPLE"):
        with fits.open(io.BytesIO(content), memmap=False) as hdus:
            parts = [(hdu.name, b"" if hdu.data is None else hdu.data.tobytes()) for hdu in hdus]
        return repr(parts).encode()
    if kind == "application/x-tar":
        return b"".join(
            name.encode() + _of_cutout("", data)
            for name, data in members(content).items()
            if data.startswith(b"SIMPLE")
        )
    return _MOMENT.sub(b"MOMENT", content)


def members(content: bytes) -> dict[str, bytes]:
    """Give the members of an archive by their names below its top directory."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as opened:
        found = {}
        for member in opened:
            extracted = opened.extractfile(member)
            found[member.name.partition("/")[2]] = b"" if extracted is None else extracted.read()
        return found


def look(answer: Answer) -> Answer:
    """Check what is cheap to see, and does not depend on what there was before.

    Raises
    ------
    WrongAnswerError
        Its length, its format, or what it says of itself is not what it should be.
    """
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    length = answer.headers.get("Content-Length")
    answer.check(length is None or int(length) == len(answer.body), f"{len(answer.body)} bytes came")
    if answer.status != 200:
        return answer
    if "xml" in kind and "html" not in kind:
        try:
            root = ET.fromstring(answer.body)
        except ET.ParseError as error:
            raise answer.wrong(f"not XML: {error}") from error
        said = [e.get("value") for e in root.iter() if e.get("name") == "QUERY_STATUS"]
        answer.check(set(said) <= {"OK", "OVERFLOW"}, f"QUERY_STATUS {said}")
    elif kind == "image/png":
        good = answer.body.startswith(PNG) and answer.body[-8:-4] == b"IEND"
        answer.check(good, "no whole PNG")
    elif kind == "application/x-fits-gadf" and not answer.body.startswith(b"\x1f\x8b"):
        good = answer.body.startswith(b"SIMPLE  =") and len(answer.body) % 2880 == 0
        answer.check(good, "no whole FITS file")
    elif kind == "application/x-tar":
        answer.check(members(answer.body), "an empty archive")
    return answer
