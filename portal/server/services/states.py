"""Whether something can be used."""

from __future__ import annotations

from portal.server.models.config import Availability

YES = Availability(available=True, reason=None)


def no(reason: str) -> Availability:
    """Say that something cannot be used.

    Parameters
    ----------
    reason
        Why not, in a sentence.

    Returns
    -------
    Availability
        With that reason.
    """
    return Availability(available=False, reason=reason)
