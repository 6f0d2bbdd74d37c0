"""What a record says, as plain values that can be compared, to the last digit and type."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ingest import plain
from ingest.cards import NotPlainError
from ingest.errors import CherenkovVOError
from ingest.records import Keywords


def told(value: Any) -> Any:
    """Give a record, or what is in one, as nested tuples."""
    if isinstance(value, np.ndarray):
        return value.shape, str(value.dtype), value.tobytes()
    if isinstance(value, Keywords):
        return str(value.path), value.hdu, told(dict(value))
    if dataclasses.is_dataclass(value):
        return tuple((field.name, told(getattr(value, field.name))) for field in dataclasses.fields(value))
    if isinstance(value, Mapping):
        return tuple((key, told(own)) for key, own in value.items())
    if isinstance(value, list | tuple):
        return tuple(told(own) for own in value)
    return (type(value).__name__, str(value) if isinstance(value, Path) else repr(value))


def outcome(read: Callable[[], Any]) -> Any:
    """Give what a record says, or the error instead of it."""
    try:
        return told(read())
    except CherenkovVOError as error:
        return type(error).__name__, str(error)


def by_astropy(monkeypatch: Any, read: Callable[[], Any]) -> Any:
    """Give the outcome when astropy reads all files."""

    def refuse(source: plain.Source) -> None:
        list(real(source))  # what it stumbles on is part of the message
        raise NotPlainError("judged by astropy")

    real = plain.hdus
    with monkeypatch.context() as patched:
        patched.setattr(plain, "hdus", refuse)
        return outcome(read)


def is_plain(path: Path, content: bytes) -> bool:
    """Tell whether a file is read without astropy, as far as its headers tell."""
    try:
        return bool(list(plain.hdus(plain.Whole(content))))
    except NotPlainError:
        return False
