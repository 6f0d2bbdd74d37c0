"""Uploads that the server is to fetch: only from hosts that the operator names, none by default.

DaCHS fetches any http, https or ftp URL and follows redirections, so strangers could have it ask the services
of its own network. Here, what comes from a named host goes into the job's directory first; redirections
lead to named hosts only, and its size is limited as that of any upload.

Proposal to upstream: a list of hosts in the configuration.
"""

from __future__ import annotations

import os
import secrets
import shutil
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from gavo import base
from gavo.protocols import dali, taprunner

from upstream.shims import Shim

HOSTS_VARIABLE = "CHERENKOV_VO_UPLOAD_HOSTS"
PATIENCE = 30.0
OFF = "This service takes uploads with the request only, not from URLs."
UNKNOWN = "This service does not fetch uploads from {host}."

_stock_ingest = taprunner._ingestUploads
_stock_upload = dali.URLUpload


def check_url(url: str) -> None:
    """Refuse what does not lead to one of the operator's hosts.

    Raises
    ------
    base.ValidationError
        Tells what is not allowed.
    """
    known = os.environ.get(HOSTS_VARIABLE, "").lower().split()
    if not known:
        raise base.ValidationError(OFF, "UPLOAD", hint="Use UPLOAD=name,param:part with the table in a part.")
    try:
        place = urllib.parse.urlsplit(url)
        host, port = (place.hostname or "").lower(), place.port
    except ValueError as error:
        raise base.ValidationError("The URL of an upload is malformed.", "UPLOAD") from error
    named = host in known if port is None else f"{host}:{port}" in known
    if place.scheme not in ("http", "https") or not named or place.username is not None:
        raise base.ValidationError(UNKNOWN.format(host=host or "there"), "UPLOAD")


class _Redirections(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *given: Any) -> Any:  # the last one is the new URL
        check_url(given[-1])
        return super().redirect_request(*given)


def opener() -> urllib.request.OpenerDirector:
    """Give what fetches URLs of http and https, by no proxy, and follows allowed redirections only."""
    made = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        _Redirections,
        urllib.request.UnknownHandler,
    ):
        made.add_handler(handler())
    return made


def fetch(url: str, target: Path) -> None:
    """Get an upload into a file.

    Raises
    ------
    base.ValidationError
        It may not be fetched, is too long, or does not come.
    """
    check_url(url)
    limit = int(base.getConfig("web", "maxUploadSize"))
    try:
        with opener().open(url, timeout=PATIENCE) as source, target.open("wb") as file:
            shutil.copyfileobj(_Limited(source, limit), file)
    except (OSError, ValueError) as error:
        if isinstance(error, base.ValidationError):
            raise
        raise base.ValidationError("An upload cannot be fetched.", "UPLOAD") from error


class _Limited:
    """Reads no more than so many bytes."""

    def __init__(self, source: Any, limit: int) -> None:
        self.source, self.left = source, limit

    def read(self, size: int = -1) -> bytes:
        part: bytes = self.source.read(size)
        self.left -= len(part)
        if self.left < 0:
            raise base.ValidationError("An upload is too long.", "UPLOAD")
        return part


def ingest(job: Any, uploads: Any, connection: Any) -> Any:
    """Put uploads into tables; replaces ``taprunner._ingestUploads``.

    Parameters
    ----------
    job
        Whose directory has what came with the request.
    uploads
        Pairs of a table's name and a URL; ``file://`` stands for a file in the directory.
    connection
        Of the query.
    """
    local, fetched = [], []
    try:
        for name, source in uploads or []:
            if source.startswith("file://"):
                if not Path(job.getWD(), source.rpartition("/")[2]).is_file():
                    raise base.ValidationError(f"There is no upload for {name}.", "UPLOAD")
                local.append((name, source))
                continue
            target = Path(job.getWD(), f"fetched-{secrets.token_hex(8)}")
            fetched.append(target)
            fetch(source, target)
            local.append((name, f"file://{target.name}"))
        return _stock_ingest(job, local, connection)
    except base.ReportableError as error:
        # Its message is the database's, about statements that nobody outside has written.
        if isinstance(error.__context__, base.DBError):
            raise base.ValidationError("The database cannot hold the uploaded table.", "UPLOAD") from error
        raise
    finally:
        for target in fetched:
            target.unlink(missing_ok=True)


def url_upload(url: str, name: str) -> Any:
    """Take an upload by URL of a service that is not TAP, if that is allowed; replaces ``dali.URLUpload``."""
    check_url(url)
    raise base.ValidationError(OFF, "UPLOAD")


SHIMS = (
    Shim(taprunner, "_ingestUploads", ingest, ((taprunner._ingestUploads, "50e4a0e219c41192"),)),
    Shim(
        dali,
        "URLUpload",
        url_upload,
        ((dali.URLUpload, "59c982a2cc76d4cd"), (dali.iterUploads, "264ae3ef469b3736")),
    ),
)
