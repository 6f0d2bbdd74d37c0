"""All that the server answers at, asked of DaCHS itself and of the proxy's configuration."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from typing import Any

from instance import settings
from instance.account import service_account
from instance.dachs import Dachs
from instance.packages import venv_python
from tests.live.conftest import Instance

FOUND = """
import json, os
from gavo import base, pkg_resources, svcs
base.IS_DACHS_SERVER = True
from gavo.protocols import tap, uwsactions
from gavo.svcs import renderers
from gavo.web import root, ifpages, tap_uploads
import gavo.web.common

found = {}

def note(path, names=()):
    found.setdefault("/" + path.strip("/"), set()).update(names)

inputs = os.path.realpath(base.getConfig("inputsDir"))
ids = {"__system__/" + name[:-3] for name in
    os.listdir(pkg_resources.resource_filename("gavo", "resources/inputs/__system__"))
    if name.endswith(".rd")}
for parent, _, names in os.walk(inputs, followlinks=True):
    if "/releases/" not in parent + "/":
        ids |= {os.path.relpath(os.path.join(parent, n), inputs)[:-3] for n in names if n.endswith(".rd")}
loaded = []
for rd_id in sorted(ids):
    try:
        rd = base.caches.getRD(rd_id)
    except Exception:
        continue  # a part of another one, or one that nobody can ask for
    loaded.append(rd_id)
    for table in rd.tables:
        note("tableinfo/" + table.getQName()), note("tablenote/" + table.getQName() + "/1")
    for service in rd.services:
        place = rd_id + "/" + service.id
        note(place)
        note("getRR/" + place)
        for name in renderers.getRendererRegistry() if hasattr(renderers, "getRendererRegistry") else \\
                renderers.RENDERER_REGISTRY:
            try:
                renderer = svcs.getRenderer(name)
                if name not in service.allowed and getattr(renderer, "checkedRenderer", True):
                    continue
            except Exception:
                continue
            keys = set()
            try:
                keys = {key.name for key in service.getInputKeysFor(name)}
            except Exception:
                pass
            note(place + "/" + name, keys)
    note("browse/" + rd_id), note("seffe/" + rd_id)
statics = root.ArchiveService.statics
for name, page in statics.items():
    note(name)
    for child in getattr(page, "children", {}):
        note(name + "/" + child.decode())
for name in [*root.ArchiveService.mappings, *root.ArchiveService.redirects]:
    note(name)
for name in uwsactions.JobActions._standardActions | tap.WORKER_SYSTEM.jobActions.actions:
    note("tap/async/nosuchjob/" + name)
for vosi in ("capabilities", "tables", "availability", "examples", "user_tables", "sync", "async", "async/x"):
    note("tap/" + vosi, {key.name for key in
        base.resolveCrossId("//tap#run").core.inputTable.inputKeys} if vosi[:2] in ("sy", "as") else ())
for name in ("robots.txt", "favicon.ico", "static/css/gavo_dc.css", "static/js/gavo.js", "static/xsl"):
    note(name)
print(json.dumps({"endpoints": {k: sorted(v) for k, v in found.items()}, "resources": loaded}))
"""

ALWAYS = (
    "ID", "RESPONSEFORMAT", "FORMAT", "MAXREC", "VERB", "_DBOPTIONS_ORDER", "_DBOPTIONS_DIR",
    "_DBOPTIONS_LIMIT", "_FORMAT", "_VERB", "_TIMEOUT", "_ADDITEM", "_SET", "_charset_",
    "__nevow_form__", "nextURL", "relog", "UPLOAD", "REQUEST", "LANG", "QUERY", "PHASE", "WAIT", "LAST",
    "AFTER", "key", "q", "subject", "verb", "metadataPrefix", "identifier", "resumptionToken", "set",
    "from", "until", "dachs_authenticate", "DESTRUCTION", "EXECUTIONDURATION", "ACTION", "RUNID",
    "resId", "sourceRD", "author", "detail", "POS", "CIRCLE", "TIME", "BAND",
)  # fmt: skip
"""Parameters that DaCHS reads without declaring them, and those of protocols; tried everywhere."""


@dataclass(frozen=True)
class Endpoint:
    """A path and the parameters that are known of it."""

    path: str
    parameters: tuple[str, ...]


def ask_dachs(instance: Instance, text: str) -> Any:
    """Run a program as DaCHS's processes run; gives what it prints last, as JSON."""
    account = service_account()
    dachs = Dachs(settings.load(), instance.home, account, instance.cluster)
    done = subprocess.run(
        account.command([venv_python(instance.home), "-"]),
        env=dachs.environment,
        cwd="/",
        input=text,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def enumerate_all(instance: Instance) -> list[Endpoint]:
    """Give all endpoints of an instance."""
    paths: dict[str, list[str]] = ask_dachs(instance, FOUND)["endpoints"]
    proxy = (instance.home / "run" / "nginx.conf").read_text(encoding="utf-8")
    for place in re.findall(r"location (?:= )?(/[^\s{]*)", proxy):
        paths.setdefault(place, [])
    for pattern in re.findall(r"location ~ \^(\S+)\$", proxy):
        for alternative in re.findall(r"[^(|)]+", pattern):
            if alternative.startswith("/"):
                paths.setdefault(alternative, [])
    return [Endpoint(path, tuple(names)) for path, names in sorted(paths.items())]
