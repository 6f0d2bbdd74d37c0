"""DataLink documents for requests as programs send them, without DaCHS's core.

A page of its own answers at the path of a DataLink service: the event loop asks PostgreSQL (`links_desk`),
the descriptors are those of the ordinary way (`links_facts`, `service.entries`), and the text comes from
DaCHS's own (`links_writer`). Whatever is not a plain request for known data sets by somebody who did not log
in goes DaCHS's way, as does everything if the setting ``fast_paths`` says so.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from gavo import base
from gavo.web import common
from twisted.internet import defer, threads
from twisted.python.failure import Failure
from twisted.web import resource, server

from datalink import catalogue, lengths
from datalink.links_desk import Desk, UnavailableError
from datalink.links_facts import UnusualError, found, query
from datalink.links_routes import Routes, ordinary
from datalink.links_writer import Writer
from datalink.service import BROWSERS, MAX_IDS, Links, entries
from ingest.errors import IdentifierError
from ingest.identifiers import parse
from ingest.naming import EVENT_BUNDLE

MEDIA_TYPE = "application/x-votable+xml;content=datalink"
UNUSUAL_HEADERS = ("authorization", "origin", "upgrade-insecure-requests")
"""DaCHS has special answers for requests with these."""

MOST_IN_LOOP = 10
"""Documents about more are made in a thread, so that nobody has to wait: each takes half a millisecond."""

VARIABLE = "CHERENKOV_VO_FAST_PATHS"


def install(collection: str) -> None:
    """Put pages before DaCHS's services; called when the RD of a collection is read.

    Parameters
    ----------
    collection
        Name of its schema. The service of all collections gets its page with the first one.
    """
    web = sys.modules.get("gavo.web.root")
    if os.environ.get(VARIABLE) != "yes" or web is None or not hasattr(web, "root"):
        return  # not a web server
    if base.getConfig("web", "nevowRoot") != "/":
        return
    if collection not in _desks:
        _desks[collection] = Desk(f"DataLink of {collection}", query(collection))
    for rd_id, only in ((f"{collection}/q", collection), ("rd/access", None)):
        Routes.add(web.root, f"{rd_id}/dl/dlmeta", common.compwrap(LinksPage(web, rd_id, only)))


_desks: dict[str, Desk] = {}


class LinksPage(resource.Resource):
    """The page of one DataLink service.

    Parameters
    ----------
    web
        DaCHS's module ``gavo.web.root``.
    rd_id
        Identifier of the service's RD.
    collection
        The one that it is about; None for all.
    """

    isLeaf = True  # noqa: N815 - twisted's name

    def __init__(self, web: Any, rd_id: str, collection: str | None) -> None:
        resource.Resource.__init__(self)
        self.web, self.rd_id, self.collection = web, rd_id, collection
        self._rd: Any = None
        self._writers: dict[str, Writer] = {}
        self._bases: dict[str, str] = {}

    def render(self, request: Any) -> int:
        """Answer, or let DaCHS answer."""
        try:
            wanted = self._wanted(request)
        except UnusualError:
            ordinary(self.web.root, request)
            return int(server.NOT_DONE_YET)
        gone: list[bool] = []
        request.notifyFinish().addErrback(lambda _: gone.append(True))
        asking = [
            _desks[collection].ask(identifiers).addCallback(lambda rows, name=collection: (name, rows))
            for collection, identifiers in wanted.items()
        ]
        answer = defer.gatherResults(asking, consumeErrors=True)
        if sum(map(len, wanted.values())) > MOST_IN_LOOP:
            answer.addCallback(lambda rows: threads.deferToThread(self._document, rows, request))
        else:
            answer.addCallback(self._document, request)
        answer.addCallbacks(_send, self._failed, (request, gone), {}, (request, gone))
        return int(server.NOT_DONE_YET)

    def _wanted(self, request: Any) -> dict[str, list[str]]:
        """Give what is asked for by collection.

        Raises
        ------
        UnusualError
            The request is not as programs send it.
        """
        agent = request.getHeader("user-agent") or ""
        if (
            request.method not in (b"GET", b"POST")
            or set(request.args) != {b"ID"}
            or any(name in agent for name in BROWSERS)
            or any(request.requestHeaders.hasHeader(name) for name in UNUSUAL_HEADERS)
            or self.web.BLOCKED_HOSTS
            or self.web.root.maintFile.exists()
        ):
            raise UnusualError("another kind of request")
        try:
            identifiers = [value.decode("ascii") for value in request.args[b"ID"]]
        except UnicodeDecodeError as error:
            raise UnusualError("no identifier") from error
        if len(identifiers) > MAX_IDS or len(set(identifiers)) != len(identifiers):
            raise UnusualError("too many identifiers, or the same again")
        wanted: dict[str, list[str]] = {}
        for identifier in identifiers:
            wanted.setdefault(self._collection_of(identifier), []).append(identifier)
        return wanted

    def _collection_of(self, identifier: str) -> str:
        try:
            dataset = parse(identifier)
        except IdentifierError as error:
            raise UnusualError("no identifier of a data set") from error
        if (
            dataset.authority != base.getConfig("ivoa", "authority")
            or dataset.collection not in _desks
            or self.collection not in (None, dataset.collection)
            or dataset.part == EVENT_BUNDLE
            or len(identifier) > catalogue.MAX_ID_LENGTH
        ):
            raise UnusualError("an identifier that stands for something else")
        return str(dataset.collection)

    def _document(self, answers: list[tuple[str, dict[str, Any]]], request: Any) -> bytes:
        self._renew()
        identifiers = [value.decode("ascii") for value in request.args[b"ID"]]
        rows = {
            identifier: (row, collection)
            for collection, found in answers
            for identifier, row in found.items()
        }
        if len(rows) != len(identifiers):
            raise UnusualError("an unknown identifier")
        described: list[tuple[Links, dict[str, int]]] = []
        for identifier in identifiers:
            row, collection = rows[identifier]
            described.append(found(identifier, row, collection, self._basis(collection)))
        if len(described) > 1:
            described[0][0].together = tuple(identifiers)
        made = [(links, list(entries(links, sizes))) for links, sizes in described]
        if sum(len(rows) for _, rows in made) >= base.getConfig("db", "defaultLimit"):
            raise UnusualError("more rows than DaCHS gives at once")
        return self._writer(request).document(made, request.asGETURI())

    def _renew(self) -> None:
        """Forget what was made from the RD if DaCHS has read it again."""
        rd = base.caches.getRD(self.rd_id)
        if hasattr(rd, "currently_blocked"):
            raise UnusualError("the operator has blocked the service")
        if rd is not self._rd:
            self._rd = rd
            self._writers.clear()
            self._bases.clear()

    def _basis(self, collection: str) -> str:
        if collection not in self._bases:
            self._bases[collection] = lengths.basis(catalogue.releases(collection))
        return self._bases[collection]

    def _writer(self, request: Any) -> Writer:
        # DaCHS finds the request by its name on the stack, for whether it came by HTTPS.
        url = _server_url()
        if url not in self._writers:
            self._writers[url] = Writer(self._rd.getService("dl"), url)
        return self._writers[url]

    def _failed(self, failure: Failure, request: Any, gone: list[bool]) -> None:
        """Let DaCHS answer what could not be answered here."""
        problem = failure.value.subFailure if isinstance(failure.value, defer.FirstError) else failure
        if problem.check(UnusualError, UnavailableError) is None:
            base.ui.notifyFailure(problem)
        if not gone:
            ordinary(self.web.root, request)


def _server_url() -> str:
    return str(base.getCurrentServerURL())


def _send(document: bytes, request: Any, gone: list[bool]) -> None:
    if gone:
        return
    request.setHeader("server", base.SERVER_SOFTWARE)
    request.setHeader("vary", "User-Agent, Authorization")
    request.setHeader("content-type", MEDIA_TYPE)
    request.setHeader("content-length", str(len(document)))
    request.write(document)
    request.finish()
