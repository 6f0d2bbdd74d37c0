"""What the proxy does for the explorer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from instance import access_log
from instance.explorer_parts import PATH, SOCKET
from instance.settings import Settings

BODY_LIMIT = "17m"
"""The explorer itself refuses more than 16 MB, and says so in its own form."""

READ_TIMEOUT = 300
"""Seconds between two pieces of an answer: exports begin once a TAP service has done its work."""

AWAY = "The explorer is being started; please come again in half a minute."
DOCUMENT = json.dumps({"code": "explorer_away", "message": AWAY, "request_id": "$request_number"})
"""What those get who ask while it is not there, in the form of its own problems."""


def variables(settings: Settings) -> str:
    """Define what http needs: whom a request comes from, which only trusted proxies may say."""
    if not settings.explorer:
        return ""
    return """\
    map $trusted_proxy $explorer_client {
        0 $remote_addr;
        1 $proxy_add_x_forwarded_for;
    }
"""


def locations(settings: Settings, run: Path, quoted: Callable[[object], str]) -> str:
    """Write where its requests go; nothing if it is switched off.

    Parameters
    ----------
    settings
        The operator's choices.
    run
        Directory of sockets.
    quoted
        Quotes a text for nginx.
    """
    if not settings.explorer:
        return ""
    scheme = settings.url.partition(":")[0]
    return f"""\
        location = {PATH} {{ return 301 {PATH}/; }}
        location ^~ {PATH}/ {{
            proxy_pass {quoted(f"http://unix:{run / SOCKET}:")};
            proxy_set_header Host $known_host;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $explorer_client;
            proxy_set_header X-Forwarded-Proto {scheme};
            proxy_set_header X-Forwarded-Host "";
            proxy_set_header {access_log.HEADER} $request_number;
            # It has headers of its own, the request's number among them.
            proxy_hide_header {access_log.HEADER};
            add_header {access_log.HEADER} $request_number always;
            client_max_body_size {BODY_LIMIT};
            # Exports and bundles go through as they come.
            proxy_buffering off;
            proxy_request_buffering on;
            proxy_read_timeout {READ_TIMEOUT}s;
            proxy_intercept_errors off;
            error_page 502 504 = @explorer_away;
            error_page 503 = @overloaded;
        }}
"""
