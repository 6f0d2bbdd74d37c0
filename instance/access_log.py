"""What the proxy notes of each request, and the number that it gives each."""

from __future__ import annotations

from instance.settings import Settings, networks

NAME = "access.jsonl"

HEADER = "X-Request-ID"

KINDS = {
    "health": r"^/(health|ready)$",
    "tap_sync": r"^/(tap|__system__/tap/run(/tap)?)/sync$",
    "tap_async": r"^/(tap|__system__/tap/run(/tap)?)/async(/|$)",
    "tap_other": r"^/(tap|__system__/tap)(/|$)",
    "registry": r"^/(oai\.xml|__system__/services/)",
    "cone": r"^/[a-z0-9_]+/q/cone/",
    "datalink": r"^/([a-z0-9_]+/q|rd/access)/(dl|page)/",
    "cutout": r"^/rd/access/cutout/|^/datalinkuws",
    "bundle": r"^/rd/access/bundle/",
    "file": r"^/(getproduct/|[a-z0-9_]+/q/file/)",
    "form": r"^/(adql|__system__/adql|__system__/dc_tables)(/|$)",
    "static": r"^/(static|formal|favicon|robots\.txt|[a-z0-9_]+/q/static)",
    "explorer": r"^/explorer(/|$)",
    "home": r"^/$",
}
"""Kinds of endpoints by the paths of requests; the first that matches. Whatever else is asked for is one
kind together, so that there are only so many of them."""

OTHER = "other"

LONGEST_PATH = 200
"""Characters of a path that are noted."""


def variables(settings: Settings) -> str:
    """Define nginx's variables: the request's number, and what is noted of it."""
    kinds = "".join(f'        "~{pattern}" {kind};\n' for kind, pattern in KINDS.items())
    trusted = "".join(f"        {network} 1;\n" for network in networks(settings.trusted_proxies))
    return f"""\
    geo $trusted_proxy {{
        default 0;
{trusted}    }}
    map "$trusted_proxy:$http_x_request_id" $request_number {{
        default $request_id;
        "~^1:(?<given>[A-Za-z0-9._-]{{8,64}})$" $given;
    }}
    map $request_uri $logged_path {{
        "~^(?<beginning>[^?]{{0,{LONGEST_PATH}}})" $beginning;
    }}
    map $logged_path $request_kind {{
        default {OTHER};
{kinds}    }}
    map $time_iso8601 $logged_second {{ "~^(?<second>[^+]+)" $second; }}
    map $msec $logged_fraction {{ "~\\.(?<fraction>[0-9]+)$" $fraction; }}
    map $status $logged_level {{ default info; "~^5" error; }}
    map $status $logged_status {{ default $status; "~^0" 0; }}
    map $upstream_addr $logged_worker {{ default ""; "~(?<worker>[a-z]+-[0-9]+)\\.sock$" $worker; }}
    map $remote_addr $anonymised_address {{
        default "";
        "~^(?<network>[0-9]+\\.[0-9]+\\.[0-9]+)\\.[0-9]+$" $network.0;
        "~^(?<prefix>[0-9a-f]+:[0-9a-f]+):" $prefix::;
    }}
"""


def log_format(settings: Settings) -> str:
    """Write how requests are noted: as all else in the logs, see ``serving/logs.py``."""
    fields = {
        "kind": '"$request_kind"',
        "method": '"$request_method"',
        "path": '"$logged_path"',
        "status": "$logged_status",
        "seconds": "$request_time",
        "bytes": "$body_bytes_sent",
        "worker": '"$logged_worker"',
    }
    if settings.log_addresses == "full":
        fields["address"] = '"$remote_addr"'
    elif settings.log_addresses == "anonymised":
        fields["address"] = '"$anonymised_address"'
    if settings.log_queries:
        fields["query"] = '"$args"'
    inner = ",".join(f'"{name}":{value}' for name, value in fields.items())
    head = (
        '"time":"${logged_second}.${logged_fraction}Z","level":"$logged_level","component":"proxy",'
        '"request_id":"$request_number","message":"request"'
    )
    return f"    log_format events escape=json '{{{head},\"fields\":{{{inner}}}}}';\n"
