"""Scripts that get a basket's data: Python with pyVO and DataLink, or a shell with curl."""

from __future__ import annotations

import re
import shlex
from string import Template
from typing import TYPE_CHECKING, Literal

from portal.server.errors import ConflictError
from portal.server.models.account import Script

if TYPE_CHECKING:
    from portal.server.context import Context

_PYTHON = Template('''\
#!/usr/bin/env python3
"""Get the data sets of a basket into the directory where this runs. Needs requests and pyvo.

For data that are not public, put user and password of the archive into ~/.netrc.
"""

import pathlib
import re
import sys
from urllib.parse import urlsplit

import pyvo
import requests

# By TAP service: where it makes archives of many data sets (None if nowhere), and what to get.
BASKET = $basket

failed = []


def name_of(answer):
    """Name a file as the server does, without any directory."""
    told = re.search(r'filename="?([^";]+)', answer.headers.get("Content-Disposition", ""))
    name = told.group(1) if told else urlsplit(answer.url).path
    return re.sub(r"[^A-Za-z0-9._+-]", "_", name.rstrip("/").rpartition("/")[2]).lstrip(".") or "data"


def save(answer, directory):
    """Write what comes to a file, which has its name only once it is whole."""
    answer.raise_for_status()
    path = directory / name_of(answer)
    number = 1
    while path.exists():
        number += 1
        path = directory / f"{number}-{name_of(answer)}"
    part = path.with_name(path.name + ".part")
    directory.mkdir(parents=True, exist_ok=True)
    with part.open("wb") as file:
        for piece in answer.iter_content(1 << 20):
            file.write(piece)
    part.rename(path)
    print(path)


def get_archive(url, dids, directory):
    """Get all in one archive."""
    with requests.post(url, files={"LIST": "\\n".join(dids)}, stream=True, timeout=300) as answer:
        save(answer, directory)


def get_file(url, directory):
    """Get one file."""
    with requests.get(url, stream=True, timeout=300) as answer:
        save(answer, directory)


def get_linked(did, row, directory):
    """Get a data set itself, by its DataLink document if it has one."""
    if "datalink" not in row["access_format"].lower():
        get_file(row["access_url"], directory)
        return
    links = pyvo.dal.adhoc.DatalinkResults.from_result_url(row["access_url"])
    own = [number for number in range(len(links)) if links.getvalue("semantics", number) == "#this"]
    found = [url for number in own if (url := links.getvalue("access_url", number))]
    if not found:
        reasons = [str(why) for number in own if (why := links.getvalue("error_message", number))]
        raise ValueError("; ".join(reasons) or "its DataLink document has no link to it")
    for url in found:
        get_file(url, directory)


def get_each(tap, dids, directory):
    """Get data sets one by one."""
    service = pyvo.dal.TAPService(tap)
    for first in range(0, len(dids), 50):
        some = dids[first : first + 50]
        words = ", ".join("'" + did.replace("'", "''") + "'" for did in some)
        rows = service.run_sync(
            "SELECT obs_publisher_did, access_url, access_format FROM ivoa.obscore"
            f" WHERE obs_publisher_did IN ({words})"
        )
        known = {row["obs_publisher_did"]: row for row in rows}
        for did in some:
            try:
                if did not in known:
                    raise ValueError("the service does not have it")
                get_linked(did, known[did], directory)
            except (OSError, ValueError, pyvo.dal.DALAccessError) as error:
                failed.append(f"{did}: {error}")


for tap, (key, archive, dids) in BASKET.items():
    place = pathlib.Path(key)
    try:
        if archive is not None:
            get_archive(archive, dids, place)
        else:
            get_each(tap, dids, place)
    except (OSError, pyvo.dal.DALAccessError) as error:
        failed.append(f"{tap}: {error}")
if failed:
    sys.exit("Not everything came:\\n" + "\\n".join(failed))
''')

_SHELL_HEAD = """\
#!/bin/sh
# Get the data sets of a basket into the directory where this runs. Needs curl.
# For data that are not public, put user and password of the archive into ~/.netrc.
set -eu
list=$(mktemp)
trap 'rm -f "$list"' EXIT
"""


def _python(context: Context, found: dict[str, list[str]]) -> str:
    lines = ["{"]
    for key, dids in found.items():
        service = context.settings.service(key)
        assert service is not None
        lines.append(f"    {service.url!a}: ({key!a}, {service.bundle_url!a}, [")
        lines += [f"        {did!a}," for did in dids]
        lines.append("    ]),")
    lines.append("}")
    return _PYTHON.substitute(basket="\n".join(lines))


def _shell(context: Context, found: dict[str, list[str]]) -> str:
    parts = [_SHELL_HEAD]
    for key, dids in found.items():
        service = context.settings.service(key)
        assert service is not None
        if service.bundle_url is None:
            raise ConflictError(
                f"{service.label} makes no archives of many data sets, so curl alone does not do. "
                "Take the Python script: it follows the DataLink documents.",
                code="no_bundles",
                detail={"service": key},
            )
        words = " \\\n  ".join(shlex.quote(did) for did in dids)
        parts.append(
            f"printf '%s\\n' \\\n  {words} >\"$list\"\n"
            "curl --fail --location --netrc-optional --remote-name --remote-header-name \\\n"
            f'  --form LIST=@"$list" {shlex.quote(service.bundle_url)}\n'
        )
    return "\n".join(parts)


def write(
    context: Context, name: str, found: dict[str, list[str]], language: Literal["python", "shell"]
) -> Script:
    """Write the script that gets data sets.

    Parameters
    ----------
    context
        What the server has.
    name
        What the file is called after.
    found
        Identifiers by service, as ``bundles.services_of`` gives them.
    language
        What it is written in.

    Returns
    -------
    Script
        The script.

    Raises
    ------
    ConflictError
        If there is nothing to get, or if a shell does not do.
    """
    if not found:
        raise ConflictError("The basket is empty.", code="basket_empty")
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "basket"
    if language == "python":
        return Script(language=language, filename=f"{stem}.py", text=_python(context, found))
    return Script(language=language, filename=f"{stem}.sh", text=_shell(context, found))
