"""Errors are answered with a status that says whose they are, and tell nothing of what is inside.

DaCHS answers all errors of TAP with status 500, shows what the database and Python say, and has pages
with the names of exceptions.

Proposal to upstream: let ``getDALIError`` suggest 400 for ``base.Error``, and let the page for
uncaught exceptions keep to itself what they say.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from gavo import svcs, utils
from gavo.formal import form
from gavo.protocols import dali
from gavo.svcs import weberrors
from gavo.votable import V
from twisted.python import failure as failures
from twisted.web import server

from upstream import telling
from upstream.shims import Shim

STYLE = "<?xml-stylesheet href='/static/xsl/dalierror-to-html.xsl' type='text/xsl'?>"

_stock_page = weberrors.getDCErrorPage


def _failure(error: BaseException | None) -> Any:
    return failures.Failure(error)  # type: ignore[no-untyped-call]


def _headers(request: Any, told: telling.Told) -> None:
    if told.status == HTTPStatus.SERVICE_UNAVAILABLE:
        request.setHeader("retry-after", str(telling.RETRY_AFTER))


def serve_dali_error(
    request: Any,
    errInfo: Any,  # noqa: N803 - DaCHS's
    *,
    httpStatus: int | None = None,  # noqa: N803 - DaCHS's
    queryStatus: str = "ERROR",  # noqa: N803 - DaCHS's
) -> Any:
    """Answer with an error document of DALI; replaces ``dali.serveDALIError``.

    Parameters
    ----------
    request
        To be answered; it is finished then.
    errInfo
        An exception, what DaCHS keeps of the error of a job, or a text.
    httpStatus
        The status that a protocol wants; DaCHS's 500 gives way to what the error deserves.
    queryStatus
        ERROR, or another word of DALI.
    """
    if request._disconnected:
        return server.NOT_DONE_YET
    if isinstance(errInfo, svcs.RedirectBase | svcs.Authenticate):
        return weberrors.renderDCErrorPage(_failure(errInfo), request)
    if isinstance(errInfo, BaseException):
        told = telling.told_of(errInfo, parameters=bool(request.args))
        telling.note(errInfo, told)
        if told.defect:
            httpStatus = told.status  # noqa: N806 - DaCHS's; a defect is one, whatever the protocol likes
    elif isinstance(errInfo, dict):
        hint = errInfo.get("hint")
        told = telling.Told(
            errInfo.get("httpCode", 400),
            telling.clean(str(errInfo["msg"])),
            telling.clean(hint) if hint else None,
        )
    else:
        told = telling.Told(HTTPStatus.BAD_REQUEST, telling.clean(str(errInfo)))
    document = V.RESOURCE(type="results")[V.INFO(name="QUERY_STATUS", value=queryStatus)[_xml(told.message)]]
    document[V.INFO(name="request", value=_xml(request.asGETURI()))]
    if told.hint:
        document[V.INFO(name="HINT", value="HINT")[_xml(told.hint)]]
    request.setHeader("content-type", "text/xml")
    request.setResponseCode(int(told.status if httpStatus in (None, 500) else httpStatus or told.status))
    _headers(request, told)
    request.write(utils.xmlrender(V.VOTABLE[document], prolog=STYLE))
    request.finish()
    return server.NOT_DONE_YET


def _xml(text: str) -> str:
    """Leave out what XML cannot have."""
    return "".join(
        letter if letter in "\t\n\r" or (" " <= letter <= "\ud7ff") or letter >= "\ue000" else "\ufffd"
        for letter in text
    )


class OwnPage(weberrors.ErrorPage):  # type: ignore[misc]
    """A page that says what a client may know."""

    handles = None

    def __init__(self, error: Any, told: telling.Told) -> None:
        super().__init__(error)
        self.status, self.told = int(told.status), told
        self.titleMessage = HTTPStatus(self.status).phrase
        self.afterMessage = ""

    def render(self, request: Any, *, finish: bool = True) -> Any:
        """Send it; a page that has begun already breaks off."""
        if getattr(request, "startedWriting", False):
            request.loseConnection()
            return server.NOT_DONE_YET
        _headers(request, self.told)
        return super().render(request, finish=finish)


def error_page(flr: Any) -> Any:
    """Give the page for an error; replaces ``weberrors.getDCErrorPage``."""
    flr = _failure(None) if flr is None else flr
    error = flr.value
    kind = weberrors.getErrorPage(error.__class__)
    if isinstance(error, svcs.RedirectBase | svcs.Authenticate | weberrors._Silence):
        return _stock_page(flr)
    told = telling.told_of(error, places=[(file, name) for name, file, *_ in flr.frames])
    telling.note(error, told, flr)
    shown = _failure(svcs.Error(_xml(told.message), hint=told.hint, rd=getattr(error, "rd", None)))
    if getattr(error, "htmlMessage", None) is not None:
        shown.value.htmlMessage = error.htmlMessage
    if kind in (weberrors.InternalServerErrorPage, weberrors.ErrorDisplay, weberrors.NotAcceptable):
        return OwnPage(shown, told)
    return kind(shown)


def form_crashed(page: Any, failure: Any, request: Any) -> Any:
    """Answer where a form failed; replaces ``ResourceWithForm.crash``."""
    return weberrors.renderDCErrorPage(failure, request)


SHIMS = (
    Shim(form.ResourceWithForm, "crash", form_crashed, ((form.ResourceWithForm.crash, "c044a7ae778a319b"),)),
    Shim(
        dali,
        "serveDALIError",
        serve_dali_error,
        (
            (dali.serveDALIError, "1b3b246e61548116"),
            (dali.getDALIError, "8ead85596d979a4e"),
            (dali.DALIErrorResource, "0d7a79c25ec15f90"),
        ),
    ),
    Shim(
        weberrors,
        "getDCErrorPage",
        error_page,
        (
            (weberrors.getDCErrorPage, "2ab32f2d5d33bcc2"),
            (weberrors.renderDCErrorPage, "82bb19f071bba15e"),
            (weberrors.ErrorPage, "357733b7b05ce5dd"),
            (weberrors.InternalServerErrorPage, "9cc54e70f35eda3c"),
        ),
    ),
)
