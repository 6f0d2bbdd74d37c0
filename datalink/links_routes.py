"""Pages of our own at paths that DaCHS serves, too.

Twisted asks a resource for its registered children before it asks it to find one: a child of DaCHS's root
for a path's first segment comes before DaCHS's dispatch. What it has no page for goes DaCHS's way.
"""

from __future__ import annotations

from typing import Any

from twisted.python.failure import Failure
from twisted.web import resource


class Routes(resource.Resource):
    """Pages below one first segment of paths.

    Parameters
    ----------
    root
        DaCHS's root resource.
    segment
        The first segment.
    """

    def __init__(self, root: Any, segment: bytes) -> None:
        resource.Resource.__init__(self)
        self.root, self.segment = root, segment
        self.pages: dict[tuple[bytes, ...], resource.Resource] = {}

    @staticmethod
    def add(root: Any, path: str, page: resource.Resource) -> None:
        """Serve a page at a path; one that was there before is replaced.

        Parameters
        ----------
        root
            DaCHS's root resource.
        path
            Without a slash at its start.
        page
            A leaf.
        """
        first, *rest = path.encode("ascii").split(b"/")
        routes = root.children.get(first)
        if not isinstance(routes, Routes):
            routes = Routes(root, first)
            root.putChild(first, routes)
        routes.pages[tuple(rest)] = page

    def getChildWithDefault(self, path: bytes, request: Any) -> Any:  # noqa: N802 - twisted's name
        """Find the page, or what DaCHS has."""
        page = self.pages.get((path, *request.postpath))
        if page is not None:
            request.prepath += request.postpath
            request.postpath = []
            return page
        request.postpath.insert(0, request.prepath.pop())
        return self.root.getChild(self.segment, request)

    def render(self, request: Any) -> Any:
        """Answer at the first segment alone: DaCHS's way."""
        return self.root.getChild(self.segment, request).render(request)


def ordinary(root: Any, request: Any) -> None:
    """Let DaCHS answer a request that one of our pages has taken.

    Parameters
    ----------
    root
        DaCHS's root resource.
    request
        The request; nothing of an answer has been written.
    """
    try:
        first, *request.postpath = request.prepath
        request.prepath = [first]
        found = resource.getChildForRequest(root.getChild(first, request), request)
        request.render(found)
    except Exception:
        request.processingFailed(Failure())
