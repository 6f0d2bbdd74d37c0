"""Texts with marks, and the pages that come before DaCHS's."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.web import resource

from datalink.links_forms import Form, between, up_to
from datalink.links_routes import Routes, ordinary

ANY = st.text(alphabet=st.characters(blacklist_characters="@", blacklist_categories=("Cs",)))


@given(ANY, ANY, ANY, st.text(), st.text())
def test_marks_are_replaced_and_nothing_else(before, between_them, after, first, second):
    form = Form(f"{before}@@one@@{between_them}@@two-b@@{after}")
    assert form.names == ["one", "two-b"]
    assert form.filled({"one": first, "two-b": second, "more": "x"}) == (
        f"{before}{first}{between_them}{second}{after}"
    )


def test_a_mark_may_occur_again_and_values_are_not_looked_into():
    assert Form("@@a@@ 100%s @@a@@").filled({"a": "@@b@@"}) == "@@b@@ 100%s @@b@@"


def test_a_missing_value_is_an_error():
    with pytest.raises(KeyError, match="b"):
        Form("@@a@@@@b@@").filled({"a": "1"})


def test_texts_are_split_at_the_first_occurrence():
    assert up_to("abcabc", "b") == ("ab", "cabc")
    assert between("<T>x</T>y</T>", "<T>", "</T>") == ("<T>", "x", "</T>y</T>")
    for text in ("no start</T>", "<T>no end"):
        with pytest.raises(ValueError, match="in a document of DaCHS"):
            between(text, "<T>", "</T>")


class Leaf(resource.Resource):
    isLeaf = True  # noqa: N815 - twisted's name

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


class Root(resource.Resource):
    """Finds things like DaCHS's root: all segments at once."""

    def getChild(self, name, request):
        rest = request.popSegments(name)
        return Leaf("DaCHS: " + "/".join(rest))


class Request:
    def __init__(self, path: str) -> None:
        self.prepath: list[bytes] = []
        self.postpath = path.encode().split(b"/")
        self.rendered: list[Any] = []
        self.failures: list[Any] = []

    def popSegments(self, name):
        found = [name, *self.postpath]
        self.prepath += self.postpath
        self.postpath = []
        return [segment.decode() for segment in found]

    def render(self, found):
        self.rendered.append(found)

    def processingFailed(self, failure):
        self.failures.append(failure)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("hess/q/dl/dlmeta", "page"),
        ("hess/q/dl/dlmeta/", "DaCHS: hess/q/dl/dlmeta/"),
        ("hess/q/dl", "DaCHS: hess/q/dl"),
        ("hess/q", "DaCHS: hess/q"),
        ("hess/q/cone/scs.xml", "DaCHS: hess/q/cone/scs.xml"),
        ("other/q/dl/dlmeta", "DaCHS: other/q/dl/dlmeta"),
        ("rd/access/dl/dlmeta", "second"),
    ],
)
def test_our_pages_come_first_and_all_else_goes_on(path, name):
    root = Root()
    Routes.add(root, "hess/q/dl/dlmeta", Leaf("replaced"))
    Routes.add(root, "hess/q/dl/dlmeta", Leaf("page"))
    Routes.add(root, "rd/access/dl/dlmeta", Leaf("second"))
    request = Request(path)
    found = resource.getChildForRequest(root, request)
    assert found.name == name
    assert request.prepath == path.encode().split(b"/")
    ordinary(root, request)
    assert [found.name for found in request.rendered] == [f"DaCHS: {path}"]
    assert not request.failures


def test_what_fails_in_the_ordinary_way_is_reported_there():
    class Broken(Root):
        def getChild(self, name, request):
            raise LookupError(name)

    root = Broken()
    Routes.add(root, "hess/q", Leaf("page"))
    request = Request("hess/q")
    resource.getChildForRequest(root, request)
    ordinary(root, request)
    assert [failure.type for failure in request.failures] == [LookupError]
    assert not request.rendered
