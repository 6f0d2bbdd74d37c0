"""What can go wrong between the explorer and the services that it asks."""

from __future__ import annotations

from portal.server.errors import PortalError
from portal.server.models.search import Ignored


class ServiceError(PortalError):
    """Something about a service that is asked."""

    code = "service_failed"
    status = 502


class NotAllowedError(ServiceError):
    """A service or an address that the operator does not allow."""

    code = "not_allowed"
    status = 404


class ServiceDownError(ServiceError):
    """The service cannot be reached, or says that it is not there now."""

    code = "service_down"
    status = 503


class ServiceSlowError(ServiceError):
    """The service took too long."""

    code = "service_slow"
    status = 504


class QueryRefusedError(ServiceError):
    """The service does not take the query; the message has its own words."""

    code = "query_refused"
    status = 400


class AnswerError(ServiceError):
    """The service's answer cannot be read."""

    code = "answer_unreadable"


class AnswerTooLargeError(AnswerError):
    """The service's answer has more bytes than are read."""

    code = "answer_too_large"


class NotSearchableError(ServiceError):
    """The service has no such table, or none with ObsCore's columns."""

    code = "not_searchable"
    status = 404


class AskError(ServiceError):
    """The question itself makes no sense."""

    code = "bad_question"
    status = 422


class ImpossibleError(ServiceError):
    """A search has parts that the service cannot answer. It is refused, for no part may be left out silently.

    Parameters
    ----------
    parts
        What is impossible, and why.
    """

    code = "impossible"
    status = 422

    def __init__(self, parts: list[Ignored]) -> None:
        reasons = " ".join(part.reason for part in parts)
        super().__init__(
            f"The service cannot answer the whole search. {reasons}",
            detail={"impossible": [part.model_dump() for part in parts]},
        )
        self.parts = parts


class TooManyRowsError(ServiceError):
    """The answer has more rows than can be given."""

    code = "too_many_rows"
    status = 413


class ChangedError(ServiceError):
    """Rows changed while they were read, so that the answer would not be whole."""

    code = "changed"
    status = 503


class NoLinksError(ServiceError):
    """There are no links for a data set."""

    code = "no_links"
    status = 404


class ResolverOffError(ServiceError):
    """Names are not looked up elsewhere."""

    code = "resolver_off"
    status = 409


class NameUnknownError(ServiceError):
    """No resolver knows the name."""

    code = "name_unknown"
    status = 404
