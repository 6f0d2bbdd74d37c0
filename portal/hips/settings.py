"""What is to be made, of what, and within which bounds."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from portal.hips.errors import SettingError

PREFIX = "CHERENKOV_EXPLORER_"
"""Variables of the explorer's server; some count if the command line does not say otherwise."""


@dataclass(frozen=True)
class Bounds:
    """How much may be taken.

    Attributes
    ----------
    lists
        Event lists; the first ones by identifier are taken if there are more.
    list_mib
        Mebibytes of one event list.
    memory_mib
        Address space of the process.
    seconds
        From start to end.
    timeout
        Seconds that a service may be silent.
    """

    lists: int = 5000
    list_mib: int = 512
    memory_mib: int = 4096
    seconds: float = 3600.0
    timeout: float = 60.0


@dataclass(frozen=True)
class Wanted:
    """What is to be made.

    Attributes
    ----------
    service
        URL of the TAP service.
    directory
        Where the picture goes; it becomes ``own`` in there.
    creator_did
        The picture's IVOA identifier.
    label
        Name of the archive.
    notice
        A sentence on simulated data; it goes into the description.
    again
        Whether it is made even if nothing changed.
    bounds
        How much may be taken.
    """

    service: str
    directory: Path
    creator_did: str
    label: str
    notice: str = ""
    again: bool = False
    bounds: Bounds = field(default_factory=Bounds)


def read(arguments: list[str] | None = None, environ: Mapping[str, str] = os.environ) -> Wanted:
    """Read the command line.

    Parameters
    ----------
    arguments
        Its words; None for those of the process.
    environ
        The environment, which may be that of the explorer's server.

    Returns
    -------
    Wanted
        What is to be made.

    Raises
    ------
    SettingError
        Something is missing, or no value of its kind.
    """
    given = _parser().parse_args(arguments)
    own = _own_service(environ)
    service = given.service or own.get("url", "")
    directory = given.directory or environ.get(f"{PREFIX}LOCAL_HIPS", "")
    if not service:
        raise SettingError(f"--service is missing, and {PREFIX}SERVICES names none of one's own")
    if urlsplit(service).scheme not in {"http", "https"} or not urlsplit(service).hostname:
        raise SettingError(f"--service {service!r}: expected http[s]://...")
    if not directory:
        raise SettingError(f"--directory is missing, and so is {PREFIX}LOCAL_HIPS")
    if not given.creator_did.startswith("ivo://") or any(sign.isspace() for sign in given.creator_did):
        raise SettingError(f"--creator-did {given.creator_did!r}: expected ivo://authority/path")
    bounds = Bounds(**{one.name: getattr(given, one.name) for one in fields(Bounds)})
    if any(getattr(bounds, one.name) <= 0 for one in fields(Bounds)):
        raise SettingError("bounds have to be greater than 0")
    return Wanted(
        service=service.rstrip("/"),
        directory=Path(directory),
        creator_did=given.creator_did,
        label=_line(given.label or own.get("label", "") or urlsplit(service).hostname or ""),
        notice=_line(given.notice or environ.get(f"{PREFIX}SIMULATED_NOTICE", "")),
        again=given.again,
        bounds=bounds,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m portal.hips", description=__doc__)
    parser.add_argument("--service", default="", help="URL of a TAP service; default: the explorer's own one")
    parser.add_argument("--directory", default="", help="where it goes; default: the explorer's")
    parser.add_argument("--creator-did", required=True, help="the picture's identifier, ivo://authority/path")
    parser.add_argument("--label", default="", help="name of the archive; default: the service's")
    parser.add_argument("--notice", default="", help="a sentence on simulated data; default: the explorer's")
    parser.add_argument("--again", action="store_true", help="make it even if nothing changed")
    for one in fields(Bounds):
        parser.add_argument(
            f"--max-{one.name.replace('_', '-')}",
            dest=one.name,
            type=type(one.default),
            default=one.default,
            help=f"default {one.default:g}",
        )
    return parser


def _own_service(environ: Mapping[str, str]) -> dict[str, str]:
    text = environ.get(f"{PREFIX}SERVICES", "")
    try:
        services = json.loads(text) if text else []
        own = [service for service in services if service.get("is_own")]
        return {key: str(own[0].get(key, "")) for key in ("url", "label")} if own else {}
    except (ValueError, AttributeError, TypeError) as error:
        raise SettingError(f"{PREFIX}SERVICES is no list of services: {error}") from error


def _line(text: str) -> str:
    """Give a text that fits into one line of properties."""
    return " ".join(text.split())
