"""What twisted renders for cut-outs: bytes, an archive that is made while it is sent, the file of a job."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from gavo import base
from twisted.web import resource, server

from datalink.streaming import Stream


class Answer(resource.Resource):
    """A cut-out.

    Parameters
    ----------
    media_type, name
        Of what is sent.
    content
        All its bytes.
    """

    isLeaf = True  # noqa: N815 - twisted's name

    def __init__(self, media_type: str, name: str, content: bytes) -> None:
        super().__init__()
        self.type, self.name, self.content = media_type, name, content

    def render(self, request: Any) -> int:
        """Send it; DaCHS does not look at what comes back."""
        set_headers(request, self.type, self.name)
        request.setHeader("content-length", str(len(self.content)))
        request.write(self.content)
        request.finish()
        return int(server.NOT_DONE_YET)


class Archive(resource.Resource):
    """An archive that is made while it is sent; if that fails, the connection is broken off.

    Parameters
    ----------
    media_type, name
        Of what is sent.
    chunks
        Gives its bytes.
    """

    isLeaf = True  # noqa: N815 - twisted's name

    def __init__(self, media_type: str, name: str, chunks: Generator[bytes, None, None]) -> None:
        super().__init__()
        self.type, self.name, self.chunks = media_type, name, chunks

    def render(self, request: Any) -> int:
        """Send it; DaCHS does not look at what comes back."""
        set_headers(request, self.type, self.name)
        if request.method == b"HEAD":
            request.finish()
        else:
            Stream(request, self.chunks, _report).start()
        return int(server.NOT_DONE_YET)


class JobFile(resource.Resource):
    """A file that a job has written, for DaCHS to copy to the job's result.

    Parameters
    ----------
    path
        The file; it is deleted afterwards.
    media_type
        What is in it.
    """

    def __init__(self, path: Path, media_type: str) -> None:
        super().__init__()
        self.path, self.type = path, media_type

    def render(self, request: Any) -> bytes:
        """Write it to the result."""
        request.setHeader("content-type", self.type)
        with self.path.open("rb") as opened:
            while chunk := opened.read(1 << 20):
                request.write(chunk)
        self.path.unlink()
        return b""


def set_headers(request: Any, media_type: str, name: str) -> None:
    """Say what comes; no cache between may keep it, for it may need a right."""
    request.setHeader("content-type", media_type)
    request.setHeader("content-disposition", f'attachment; filename="{name}"')
    request.setHeader("access-control-allow-origin", "*")
    request.setHeader("cache-control", "private, no-cache")
    request.setHeader("vary", "Authorization")


def _report(failure: Any) -> None:
    base.ui.notifyError(f"cut-outs broken off: {failure.value}")
