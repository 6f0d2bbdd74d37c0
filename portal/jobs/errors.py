"""Errors of the analysis: one small tree. Their messages are shown to users as they are."""

from __future__ import annotations


class JobError(Exception):
    """The root: nothing of the analysis can be done."""


class ParameterError(JobError):
    """A parameter is unknown, missing or out of range."""


class BundleError(JobError):
    """The input is no bundle, or nothing in it can be used."""


class TimeLimitError(JobError):
    """The time that a job may take is over."""


class NotPossibleError(Exception):
    """One step has to be left out; the message says why. The others go on."""
