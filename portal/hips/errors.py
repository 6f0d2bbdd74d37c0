"""Errors of making the picture: one small tree, whose messages name what is meant."""

from __future__ import annotations


class HipsError(Exception):
    """The root: there is no new picture; what was there before stays."""


class SettingError(HipsError):
    """Something is not said, or makes no sense."""


class ServiceError(HipsError):
    """A service does not answer, or not as the standards say."""


class BusyError(HipsError):
    """Another process makes the picture already."""


class LimitError(HipsError):
    """It takes more time or room than it may."""


class ListError(Exception):
    """One event list cannot be read; the message says why. The others can."""


class NotPublicError(ListError):
    """One event list is not for everybody."""
