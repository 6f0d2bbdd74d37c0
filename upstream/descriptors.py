"""A descriptor that could not be read is read again soon, and ours is not replaced by DaCHS's own.

To read a descriptor, DaCHS asks the database what is known of it. If that is away for a moment,

- DaCHS goes on with its own ``//userconfig`` in place of etc/userconfig.rd. ``//obscore`` is then made
  without the columns that are ours, stays like that, and the collections cannot be read any more;
- it remembers that a descriptor cannot be read until the file changes.

The process would refuse queries until it is started anew. Here, what is wrong with etc/userconfig.rd is
raised as for other descriptors, and reading is tried again after `PAUSE` seconds. Queries that waited for a
descriptor which another one's thread could not read are told to come again; DaCHS says that they are wrong.

Proposal to upstream: let ``_UserConfigFakeRD.getById`` raise what it ignores now, and ``CachedException``
be dirty after some seconds if there was an error of the database.
"""

from __future__ import annotations

import time
from typing import Any

from gavo import base, rscdesc

from upstream.shims import Shim, guarded

PAUSE = 10.0
"""Seconds after which what failed is tried again; DaCHS has the same for files that change."""

_stock_init = rscdesc.CachedException.__init__
_stock_is_dirty = rscdesc.CachedException.isDirty


class UnreadableError(base.ReportableError):  # type: ignore[misc]
    """A descriptor is not there for the moment."""

    httpCode = 503  # noqa: N815 - DaCHS's name


def site_descriptor() -> Any:
    """Give the descriptor etc/userconfig.rd of this site; what is wrong with it is raised."""
    return base.caches.getRD(base.getConfig("configDir") / "userconfig.rd")


def get_by_id(fake: Any, id: str, forceType: type | None = None) -> Any:  # noqa: N803 - DaCHS's names
    """Give an element of etc/userconfig.rd, or else of DaCHS's own; replaces ``_UserConfigFakeRD.getById``.

    Parameters
    ----------
    fake
        DaCHS's stand-in for the descriptor.
    id
        What is looked for.
    forceType
        Its class.

    Raises
    ------
    gavo.base.NotFoundError
        Neither has it.
    """
    if (base.getConfig("configDir") / "userconfig.rd").exists():
        descriptor = site_descriptor()
        try:
            return descriptor.getById(id, forceType=forceType)
        except base.NotFoundError:
            pass
    try:
        return base.caches.getRD("//userconfig").getById(id, forceType=forceType)
    except base.NotFoundError:
        raise base.NotFoundError(id, "Element with id", "etc/userconfig.rd") from None


def note_failure(failure: Any, exception: Exception, source_path: Any) -> None:
    """Remember when a descriptor could not be read, too; replaces ``CachedException.__init__``."""
    _stock_init(failure, exception, source_path)
    failure.tried = time.monotonic()


def is_dirty(failure: Any) -> bool:
    """Say whether to read a descriptor again; replaces ``CachedException.isDirty``."""
    there = not isinstance(failure.exception, base.RDNotFound)  # anybody may ask for what is not
    late = time.monotonic() - getattr(failure, "tried", 0.0) > PAUSE
    if there and late:
        failure.loadedAt = 0.0  # DaCHS would wait again, with what needs this one, too
        return True
    return bool(_stock_is_dirty(failure))


def invalidate(descriptor: Any) -> None:
    """Let a descriptor fail wherever it is used; replaces ``RD.invalidate``.

    Threads that waited while it could not be read have it.
    """
    message = f"{descriptor.sourceId} could not be read; please come again in half a minute."

    class Unreadable:
        def __getattribute__(self, name: str) -> Any:
            if name == "__class__":
                return Unreadable
            raise UnreadableError(message)

    descriptor.__class__ = Unreadable


SHIMS = (
    Shim(
        rscdesc._UserConfigFakeRD,
        "getById",
        get_by_id,
        ((rscdesc._UserConfigFakeRD.getById, "4f9c9567647e1a72"), (rscdesc.getRD, "20869122c1e64e0e")),
    ),
    Shim(
        rscdesc.CachedException,
        "__init__",
        note_failure,
        ((rscdesc.CachedException, "b5744cea25518932"), (rscdesc._loadRDIntoCache, "d8f514277c736d10")),
    ),
    Shim(
        rscdesc.CachedException,
        "isDirty",
        is_dirty,
        ((rscdesc.CachedException, "b5744cea25518932"), (rscdesc._makeRDCache, "04be264ae02db828")),
    ),
    Shim(rscdesc.RD, "invalidate", invalidate, ((rscdesc.RD.invalidate, "89cee9102ed21ac9"),)),
)


def install_early() -> None:
    """Put these in place before any descriptor is read; a process that lives long calls this first."""
    if guarded():
        for shim in SHIMS:
            shim.install()
