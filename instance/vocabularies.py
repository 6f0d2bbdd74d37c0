"""Stand-ins for the IVOA vocabularies in DaCHS's cache, for machines without internet.

DaCHS refuses to publish when it cannot look up a term. The stand-ins (``rd/vocabularies.toml``)
carry a very old date: DaCHS then tries to fetch the real vocabulary and keeps ours only where that
fails.
"""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

VOCABULARY_ROOT = "http://www.ivoa.net/rdf/"
STAND_IN_DATE = 946_684_800
"""Modification time of a stand-in, 2000-01-01 in Unix time: older than any real copy."""


def cache_name(vocabulary: str) -> str:
    """Give the name under which DaCHS caches a vocabulary (its ``utils.defuseFileName``).

    Vocabulary names are plain ASCII, so that only slashes need escaping.
    """
    return f"{VOCABULARY_ROOT}{vocabulary}".replace("/", "=2F")


def seed(table: Path, cache: Path) -> list[str]:
    """Put stand-ins into the cache for vocabularies that are not there yet.

    Parameters
    ----------
    table
        ``rd/vocabularies.toml``.
    cache
        DaCHS's cache directory.

    Returns
    -------
    list of str
        Names of the vocabularies that were written.
    """
    written = []
    for name, content in tomllib.loads(table.read_text(encoding="utf-8")).items():
        target = cache / cache_name(name)
        if target.exists() and target.stat().st_mtime > STAND_IN_DATE:
            continue
        terms = {
            term: {
                "label": label,
                "description": description,
                "useInstead": [],
                "wider": [],
                "narrower": [],
            }
            for term, (label, description) in content["terms"].items()
        }
        document = {"uri": VOCABULARY_ROOT + name, "flavour": content["flavour"], "terms": terms}
        partial = target.with_name(target.name + ".partial")
        partial.write_text(json.dumps(document, indent=1), encoding="utf-8")
        os.utime(partial, (STAND_IN_DATE, STAND_IN_DATE))
        partial.replace(target)
        written.append(name)
    return written
