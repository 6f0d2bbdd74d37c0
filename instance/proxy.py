"""The proxy before DaCHS's processes: nginx's configuration, made from the settings.

It takes the public port, distributes requests over Unix sockets, limits how many TAP queries there may be,
and sends files. It keeps nothing on disk but request bodies, and changes neither paths nor headers.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from ingest.errors import InstanceError
from instance import access_log, defences, explorer_proxy, security
from instance.settings import Settings

PROGRAM = "/usr/sbin/nginx"

LIGHT, QUERY, PRIMARY = "light", "query", "primary"
"""Kinds of workers: all but queries; TAP queries; queries that write, where the others have a read-only
copy of the database."""

QUERY_PATHS = r"^/(tap|__system__/tap/run(/tap)?)/sync$"
"""What goes to the workers for queries; as in ``serving/worker.py``."""

COSTLY_PATHS = r"^/(rd/access/cutout/dlget|__system__/adql/query/form)$"
"""Other things that take long in Python or in the database."""

BODY_LIMIT = "64m"
"""DaCHS refuses more than 20 MB, and says so in the protocol's own form."""

READ_TIMEOUT = 900
"""Seconds: TAP clients may ask to wait 300 for a change, and queries wait and run up to 120."""

MONITOR = "monitor.socket"
MESSAGES = "messages.socket"
"""Sockets of the monitor in the run directory: for requests, and for what nginx has to say."""

RETRY_AFTER = 30
"""Seconds after which a client should come again that found too many queries; as in ``serving/worker.py``."""


@dataclass(frozen=True)
class Upstream:
    """Workers of a kind, by their sockets."""

    kind: str
    sockets: tuple[Path, ...]


def error_document(message: str) -> str:
    """Write an error as DALI 1.1, section 4.4.2 wants it, for clients of TAP."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f'<RESOURCE type="results"><INFO name="QUERY_STATUS" value="ERROR">{escape(message)}</INFO>'
        "</RESOURCE></VOTABLE>\n"
    )


CROWDED = "Too many queries are running and waiting here; please come again in half a minute."
AWAY = "This part of the service is being started again; please come again in half a minute."
NUMBERED = " (Request $request_number.)"
"""Ends messages; nginx puts the number in."""

ERRORS = {
    "crowded.xml": error_document(CROWDED + NUMBERED),
    "away.xml": error_document(AWAY + NUMBERED),
    "away.txt": f"{AWAY}{NUMBERED}\n",
    "overloaded.txt": f"{defences.OVERLOADED}{NUMBERED}\n",
    "explorer.json": explorer_proxy.DOCUMENT,
    "unready.json": '{"ready": false}\n',
}
"""Documents that the proxy has of its own."""

ALIVE = '{"alive": true}'

_HEADERS = f"add_header {access_log.HEADER} $request_number always;\n        {defences.HEADERS}"
"""Of all answers; a place with headers of its own has to repeat them."""


def configuration(  # noqa: PLR0917 - called in one place
    settings: Settings,
    run: Path,
    upstreams: Sequence[Upstream],
    files: Mapping[str, Path],
    limit: int,
    logs: Path,
) -> str:
    """Write nginx's configuration.

    Parameters
    ----------
    settings, upstreams
        The operator's choices; the workers, `LIGHT` and `QUERY` at least.
    run
        Directory for sockets and request bodies.
    files
        Directories with files that the application may have sent, by name.
    limit
        Synchronous TAP queries that may run and wait.
    logs
        Directory for logs.
    """
    primary = PRIMARY if PRIMARY in {upstream.kind for upstream in upstreams} else QUERY
    sockets = [socket for upstream in upstreams for socket in upstream.sockets]
    return f"""\
# Written by instance/proxy.py.
daemon off;
worker_processes 2;
worker_rlimit_nofile {defences.FILES};
pid {_quoted(run / "nginx.pid")};
# What nginx says of single requests names clients and what they asked for: the monitor takes that out.
error_log {_quoted(logs / "proxy.log")} emerg;
{_messages(run)}
events {{ worker_connections {defences.CONNECTIONS}; }}
http {{
{access_log.variables(settings)}{access_log.log_format(settings)}\
    access_log {_quoted(logs / access_log.NAME)} events;
    server_tokens off;
    client_body_temp_path {_quoted(run / "bodies")};
{_temporary(run)}
    default_type application/octet-stream;
    sendfile on;
    sendfile_max_chunk 2m;
    tcp_nopush on;
    keepalive_timeout 75s;
    keepalive_requests 100000;
    client_max_body_size {BODY_LIMIT};
    large_client_header_buffers 8 32k;
    ignore_invalid_headers off;
    underscores_in_headers on;
    limit_conn_zone $counted_query zone=queries:1m;
{defences.limits(settings)}{explorer_proxy.variables(settings)}\
    limit_conn_status 503;
    limit_conn_log_level info;
{"".join(_upstream(upstream, _backups(upstream, upstreams)) for upstream in upstreams)}
{_server_options(settings)}{_locations(settings, limit, primary)}{_health(run)}\
{explorer_proxy.locations(settings, run, _quoted)}\
{security.location(settings, _now())}
{"".join(_own_document(*document, run) for document in _OWN)}
{"".join(_files(name, directory) for name, directory in files.items())}
{"".join(_sender(socket) for socket in sockets)}
    }}
}}
"""


_OWN = (
    ("@crowded", "crowded.xml", "text/xml"),
    ("@away_tap", "away.xml", "text/xml"),
    ("@away", "away.txt", "text/plain; charset=utf-8"),
    ("@overloaded", "overloaded.txt", "text/plain; charset=utf-8"),
    ("@explorer_away", "explorer.json", "application/json"),
    ("@unready", "unready.json", "application/json"),
)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _temporary(run: Path) -> str:
    return "\n".join(
        f"    {name}_temp_path {_quoted(run / name)};" for name in ("proxy", "fastcgi", "uwsgi", "scgi")
    )


def _server_options(settings: Settings) -> str:
    return f"""\
    server {{
        listen {_address(settings)} backlog=1024 default_server;
        merge_slashes off;
        absolute_redirect off;
        proxy_http_version 1.1;
        proxy_set_header Host $known_host;
        proxy_set_header X-Forwarded-Host "";
        proxy_set_header Connection "";
        proxy_set_header {access_log.HEADER} $request_number;
        {_HEADERS}
        proxy_hide_header X-Content-Type-Options;
        proxy_pass_header Server;
        proxy_pass_header Date;
        proxy_redirect off;
        proxy_read_timeout {READ_TIMEOUT}s;
        proxy_send_timeout {READ_TIMEOUT}s;
        proxy_connect_timeout 5s;
        # What ends a worker must not end one after the other.
        proxy_next_upstream_tries 2;
        proxy_buffer_size 64k;
        proxy_buffers 8 64k;
        proxy_busy_buffers_size 128k;
        proxy_max_temp_file_size 0;
        if_modified_since off;
        etag off;
{defences.of_addresses(settings)}{defences.of_rates(settings)}\

"""


def _locations(settings: Settings, limit: int, primary: str) -> str:
    """Write where requests go; `primary` is the kind of workers that may write."""
    return f"""\
        location / {{
            proxy_pass http://{LIGHT};
            error_page 502 504 = @away;
            error_page 503 = @overloaded;
        }}
        location = /.worker {{ return 404; }}
        location ~ {QUERY_PATHS} {{
            limit_conn queries {limit};
{defences.of_addresses(settings, "            ")}\
            proxy_pass http://{QUERY};
            error_page 503 = @crowded;
            error_page 502 504 = @away_tap;
        }}
        location ~ {COSTLY_PATHS} {{
            proxy_pass http://{QUERY};
            error_page 502 504 = @away;
            error_page 503 = @overloaded;
        }}
        location @primary {{
            proxy_pass http://{primary};
            error_page 502 504 = @away_tap;
        }}
"""


def _messages(run: Path) -> str:
    """Write where nginx's messages go; no path with a comma can be named."""
    place = f"syslog:server=unix:{run / MESSAGES},nohostname,tag=proxy"
    return "" if "," in str(run) else f"error_log {_quoted(place)} error;"


def _health(run: Path) -> str:
    """Write the places that say whether the service lives, and whether it can work."""
    return f"""\
        location = /health {{
            if ($request_method !~ ^(GET|HEAD)$) {{ return 405; }}
            default_type application/json;
            return 200 '{ALIVE}\n';
        }}
        location = /ready {{
            if ($request_method !~ ^(GET|HEAD)$) {{ return 405; }}
            proxy_pass {_quoted(f"http://unix:{run / MONITOR}:/ready")};
            proxy_read_timeout 15s;
            error_page 502 504 = @unready;
        }}
"""


def _backups(upstream: Upstream, upstreams: Sequence[Upstream]) -> Upstream:
    """Give who stands in while no worker of a kind listens: any worker can do anything, if not as well."""
    kind = QUERY if upstream.kind == LIGHT else LIGHT
    return next(other for other in upstreams if other.kind == kind)


def _upstream(upstream: Upstream, backups: Upstream) -> str:
    # Who has failed once gets a single request until that is answered, and the others nothing. With nobody
    # behind them, those that stand in are never left out: who is not there refuses at once.
    roles = (upstream.sockets, "max_fails=1 fail_timeout=1s"), (backups.sockets, "max_fails=0 backup")
    servers = "".join(
        f"        server {_quoted(f'unix:{socket}')} {role};\n"
        for sockets, role in roles
        for socket in sockets
    )
    return f"    upstream {upstream.kind} {{\n        least_conn;\n{servers}        keepalive 32;\n    }}\n"


def _own_document(place: str, name: str, media_type: str, run: Path) -> str:
    text = ERRORS[name].strip().replace("\\", "\\\\").replace("'", "\\'")
    return f"""\
        location {place} {{
            internal;
            default_type '{media_type}';
            add_header Retry-After {RETRY_AFTER} always;
            {_HEADERS}
            return 503 '{text}\n';
        }}
"""


def _files(name: str, directory: Path) -> str:
    """Write the place of files; their headers are those that the application gave."""
    passed = {
        "ETag": "etag",
        "Access-Control-Allow-Origin": "access_control_allow_origin",
    }
    headers = f"            {_HEADERS}\n" + "".join(
        f"            add_header {header} $upstream_http_{variable} always;\n"
        for header, variable in passed.items()
    )
    return f"""\
        location /.internal/{name}/ {{
            internal;
            alias {_quoted(f"{directory}/")};
{headers}\
        }}
"""


def _sender(socket: Path) -> str:
    sending = socket.with_name(f"{socket.stem}-send.sock")
    return f"""\
        location /.internal/send/{socket.stem}/ {{
            internal;
            proxy_pass {_quoted(f"http://unix:{sending}:/")};
            proxy_set_header Connection close;
            proxy_buffers 8 256k;
            proxy_busy_buffers_size 512k;
            # Results of queries for clients that accept it; archives are packed already.
            gzip on;
            gzip_comp_level 1;
            gzip_proxied any;
            gzip_types text/csv text/tab-separated-values application/x-votable+xml text/xml;
        }}
"""


def _address(settings: Settings) -> str:
    host = settings.bind or "*"
    return f"[{host}]:{settings.port}" if ":" in host else f"{host}:{settings.port}"


def _quoted(text: object) -> str:
    if set(str(text)) & set('"$\\\n'):
        raise InstanceError(
            f"nginx cannot have {str(text)!r} in its configuration.",
            "Choose a directory without quotes, dollar signs and backslashes with CHERENKOV_VO_INSTANCE.",
        )
    return f'"{text}"'


def command(run: Path, log: Path) -> list[str]:
    """Give the command line of the proxy in the foreground."""
    return [PROGRAM, "-p", f"{run}/", "-c", str(run / "nginx.conf"), "-e", str(log)]


def sockets_of(run: Path, kind: str, number: int) -> tuple[Path, ...]:
    """Give the sockets of a number of workers of one kind."""
    return tuple(run / f"{kind}-{count}.sock" for count in range(1, number + 1))


def names(upstreams: Iterable[Upstream]) -> list[str]:
    """Give the names of all workers."""
    return [socket.stem for upstream in upstreams for socket in upstream.sockets]
