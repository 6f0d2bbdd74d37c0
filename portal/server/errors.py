"""What can go wrong, as problems in words for people."""

from __future__ import annotations

from typing import Any


class PortalError(Exception):
    """Something that people are told.

    Parameters
    ----------
    message
        What happened and what to do, in one or two sentences.
    code
        A stable word for programs; None for the class's own.
    status
        The answer's status; None for the class's own.
    detail
        Figures that belong to it.
    retry_after
        Seconds after which to try again.
    """

    code = "error"
    status = 500

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        detail: dict[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.status = status or type(self).status
        self.detail = detail
        self.retry_after = retry_after
