"""What the proxy does against those who mean harm: bounds on what one client takes, rules for browsers."""

from __future__ import annotations

import re
import urllib.parse

from instance.settings import Settings

HEADER_SECONDS = 15
"""Seconds within which the head of a request must have come."""

IDLE_SECONDS = 30
"""Seconds between two pieces of a request's body, or of an answer that is taken."""

CONNECTIONS = 8192
"""Of each of nginx's processes. A connection that says nothing costs a few hundred bytes."""

FILES = 20_000
"""Descriptors of each of nginx's processes: two for a request that is passed on."""

JOB_RATE, JOB_BURST = 5, 100
"""Asynchronous jobs that one address may make each second, and at once."""

GUESS_RATE, GUESS_BURST = 20, 200
"""Requests with a password from one address: who downloads has as many, who guesses needs more."""

POLICY = "; ".join(
    (
        "default-src 'self'",
        # DaCHS's pages have scripts and styles in them, and its templates become functions.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob: https:",
        # The hub of SAMP's web profile is on the user's own machine.
        "connect-src 'self' http://localhost:21012 http://127.0.0.1:21012",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
"""Content Security Policy of pages: nothing of other sites runs, and none can frame them."""

HEADERS = """\
add_header X-Content-Type-Options nosniff always;
        add_header Referrer-Policy strict-origin-when-cross-origin always;
        add_header Content-Security-Policy $page_policy always;"""
"""Headers of all answers; nginx leaves out one without a value."""

OVERLOADED = "The service has too much to do for you just now; please come again in half a minute."


def limits(settings: Settings) -> str:
    """Write what concerns all of nginx: timeouts, counters, and the names under which it is known."""
    public = urllib.parse.urlsplit(settings.url).netloc
    return f"""\
    client_header_timeout {HEADER_SECONDS}s;
    client_body_timeout {IDLE_SECONDS}s;
    send_timeout {2 * IDLE_SECONDS}s;
    reset_timedout_connection on;
    limit_conn_zone $binary_remote_addr zone=addresses:4m;
    # A request with a body is counted here while that is still coming: the workers count these themselves.
    map "$content_length$http_transfer_encoding" $counted_query {{
        default "";
        "" $server_port;
        0 $server_port;
    }}
    map "$request_method:$uri" $makes_job {{
        default "";
        "~^POST:/(tap|__system__/tap/run(/tap)?)/async/?$" $binary_remote_addr;
        "~^POST:/rd/preview/jobs/(async|uws[.]xml)/?$" $binary_remote_addr;
    }}
    map $http_authorization $guesses {{
        default $binary_remote_addr;
        "" "";
    }}
    limit_req_zone $makes_job zone=jobs:1m rate={JOB_RATE}r/s;
    limit_req_zone $guesses zone=guesses:1m rate={GUESS_RATE}r/s;
    limit_req_status 503;
    limit_req_log_level info;
    # DaCHS makes URLs of Host; nobody else may choose it.
    map $http_host $known_host {{
        default "{public}";
        "~*^({re.escape(public)}|(localhost|127\\.0\\.0\\.1|\\[::1\\])(:[0-9]+)?)$" $http_host;
    }}
    map "$sent_http_content_type:$upstream_http_content_security_policy" $page_policy {{
        default "";
        "~^text/html[^:]*:$" "{POLICY}";
    }}
"""


def of_addresses(settings: Settings, indent: str = "        ") -> str:
    """Write how much one address may have at once; nothing where all clients have one, another proxy's."""
    if not settings.address_requests:
        return ""
    return f"{indent}limit_conn addresses {settings.address_requests};\n"


def of_rates(settings: Settings) -> str:
    """Write how often one address may do what is dear or dangerous."""
    if not settings.address_requests:
        return ""
    return (
        f"        limit_req zone=jobs burst={JOB_BURST} nodelay;\n"
        f"        limit_req zone=guesses burst={GUESS_BURST} nodelay;\n"
    )
