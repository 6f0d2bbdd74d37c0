"""Who asks, and who may: DaCHS's own users and groups decide (``dachs admin adduser``, ``addtogroup``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gavo import base, utils
from gavo.protocols import creds
from gavo.utils import AllEncompassingSet

from datalink.files import ANONYMOUS, Access, User, today

REALM = "Cherenkov data"


def user_of(request: Any) -> User:
    """Give who sent a request, by HTTP basic authentication.

    Parameters
    ----------
    request
        A twisted request.

    Returns
    -------
    User
        The anonymous one if no credentials came, or wrong ones.
    """
    name, password = request.getUser(), request.getPassword()
    if not name:
        return ANONYMOUS
    groups = creds.getGroupsForUser(name, password)
    if isinstance(groups, AllEncompassingSet):
        return User(str(name), admin=True)
    # Without any group nobody can be told from somebody with a wrong password, nor need be.
    return User(str(name), frozenset(groups)) if groups else ANONYMOUS


def user_named(name: str | None) -> User:
    """Give a user whose password was checked before, such as the owner of an asynchronous job."""
    if not name:
        return ANONYMOUS
    if name == "gavoadmin":
        return User(name, admin=True)
    return User(name, frozenset(creds.getGroupsForAuthUser(name)))


def asking_user() -> User:
    """Give who asks DaCHS for something, from within the code of an RD.

    DaCHS hands no request down to there, but the objects that have it are found on the call stack in the
    way that DaCHS looks for them itself: ``queryMeta`` of a request, or the ``job`` that runs.
    """
    query_meta = _on_the_stack("queryMeta")
    request = getattr(getattr(query_meta, "getAuthUser", None), "__self__", None)
    if request is not None and hasattr(request, "getPassword"):
        return user_of(request)
    job = _on_the_stack("job")
    return user_named(getattr(job, "owner", None))


def asking_request() -> Any | None:
    """Give the twisted request that DaCHS answers; None in an asynchronous job."""
    query_meta = _on_the_stack("queryMeta")
    request = getattr(getattr(query_meta, "getAuthUser", None), "__self__", None)
    return request if hasattr(request, "getHeader") else None


def _on_the_stack(name: str) -> Any | None:
    try:
        return utils.stealVar(name)
    except ValueError:
        return None


def all_open(accesses: Iterable[Access], user: User) -> bool:
    """Tell whether a user may have all of some files today."""
    day = today()
    return all(access.open_to(user, day) for access in accesses)


def challenge() -> str:
    """Give the value of the header WWW-Authenticate that asks for name and password."""
    realm = base.getConfig("web", "realm") or REALM
    return f'Basic realm="{realm}", charset="UTF-8"'
