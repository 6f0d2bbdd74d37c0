from __future__ import annotations

import io
import tarfile
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from portal.server import archives, bundles
from portal.server.errors import ConflictError, PortalError, UpstreamError
from tests.portal.services import worlds
from tests.portal.services.test_places import document, link

pytestmark = pytest.mark.anyio
PACKAGE = b"package of a" * 100
DIDS = ["ivo://x/~?a", "ivo://x/~?b"]


class World:
    """A service without archives: two data sets, the first with a package, the second with two files."""

    def __init__(self, **settings: Any) -> None:
        self.tap = worlds.full(datalink="https://tap.example/dl")
        self.links = {
            DIDS[0]: link("https://tap.example/a.fits", "#this", 4)
            + link("https://links.example/get?ID=a", "#package", len(PACKAGE)),
            DIDS[1]: link("https://tap.example/data/b%2F..%2F%C3%BC.fits.gz", "#this", 512)
            + link("https://tap.example/more", "#this", 0),
        }
        self.files: dict[str, Any] = {
            "https://links.example/get?ID=a": httpx.Response(
                200, content=PACKAGE, headers={"content-disposition": 'attachment; filename="../a b.tar"'}
            ),
            "https://tap.example/data/b%2F..%2F%C3%BC.fits.gz": httpx.Response(
                302, headers={"location": "/moved/b.fits.gz"}
            ),
            "https://tap.example/moved/b.fits.gz": httpx.Response(200, content=b"b" * 512),
            "https://tap.example/more": httpx.Response(200, headers={"content-length": "0"}),
        }
        self.context = worlds.context(self.answer, **settings)
        self.service = self.context.settings.services[0]

    def answer(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        if request.url.path == "/dl":
            return httpx.Response(200, content=document(self.links[request.url.params["ID"]]))
        found = self.files.get(url)
        if found is None:
            return self.tap(request)
        return found() if callable(found) else found  # type: ignore[no-any-return]

    async def open(self, dids: list[str] = DIDS) -> archives.Made:
        return await archives.open_archive(self.context, None, self.service, dids)

    async def get(self, dids: list[str] = DIDS) -> httpx.Response:
        """Get the archive as a client of the server does."""

        async def give(_: Any) -> archives.Made:
            return await self.open(dids)

        async def told(_: Any, error: Exception) -> Response:
            return Response(str(error), 500)

        app = Starlette(routes=[Route("/", give)], exception_handlers={PortalError: told})
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            return await client.get("/")


def chunked(*parts: bytes, headers: dict[str, str] | None = None) -> Any:
    async def content() -> Any:
        for part in parts:
            yield part

    return lambda: httpx.Response(200, content=content(), headers=headers)


async def test_an_archive_has_the_files_that_links_lead_to() -> None:
    answer = await World().get()
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/x-tar"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["content-disposition"] == 'attachment; filename="own-basket.tar"'
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as tar:
        assert tar.getnames() == [
            "basket/CONTENTS.tsv", "basket/0001-a_b.tar", "basket/0002-b.fits.gz", "basket/0003-more",
        ]  # fmt: skip
        contents = [tar.extractfile(member).read() for member in tar.getmembers()]  # type: ignore[union-attr]
    assert contents[1:] == [PACKAGE, b"b" * 512, b""]
    rows = [row.split("\t") for row in contents[0].decode().splitlines()]
    assert rows[1] == ["0001", DIDS[0], "#package", "https://links.example/get?ID=a"]
    assert [row[1] for row in rows[2:]] == [DIDS[1], DIDS[1]]


async def test_without_all_lengths_there_is_none_of_the_whole() -> None:
    world = World()
    world.links[DIDS[1]] = link("https://tap.example/more", "#this")
    answer = await world.get()
    assert "content-length" not in answer.headers
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as tar:
        assert len(tar.getnames()) == 3
    world.files["https://tap.example/more"] = chunked(b"x")
    with pytest.raises(RuntimeError) as broken:
        await world.get()
    assert "how long the file of" in str(broken.value.__cause__)
    # A length that only the link tells will do.
    world.links[DIDS[1]] = link("https://tap.example/more", "#this", 1)
    with tarfile.open(fileobj=io.BytesIO((await world.get()).content)) as tar:
        assert tar.getmembers()[-1].size == 1


@pytest.mark.parametrize(
    "second",
    [
        httpx.Response(404),
        httpx.Response(200, content=b"b" * 511),
        chunked(b"b" * 511),
        chunked(b"b" * 512, b"b"),
        httpx.Response(302, headers={"location": "https://evil.example/x"}),
        httpx.Response(302, headers={"location": "/moved/b.fits.gz"}),
    ],
)
async def test_a_fault_in_the_middle_breaks_the_archive_off(second: Any) -> None:
    world = World()
    world.files["https://tap.example/moved/b.fits.gz"] = second
    # Nothing catches it: the server's process ends the connection without the end of the body.
    with pytest.raises(RuntimeError, match="response already started") as broken:
        await world.get()
    assert isinstance(broken.value.__cause__, PortalError)
    made, got = await world.open(), b""
    with pytest.raises(PortalError):
        async for part in made.body_iterator:
            got += part  # type: ignore[operator]
    assert not got.endswith(archives.END) and PACKAGE in got


@pytest.mark.parametrize(
    ("links", "words"),
    [
        ("", "no link to a file"),
        (link("https://tap.example/x", "#preview"), "no link to a file"),
        (link("https://evil.example/x", "#this"), "evil.example/x is not among the hosts"),
        (link("", "#this", error="NotFoundFault: gone"), "gone"),
        (link("https://tap.example/x", "#this") + link("", "#this", error="Fault: no"), "Fault: no"),
    ],
)
async def test_data_sets_without_a_file_are_told_first(links: str, words: str) -> None:
    world = World()
    world.links[DIDS[1]] = links
    with pytest.raises(ConflictError, match=words) as error:
        await world.open()
    assert error.value.code == "no_file" and error.value.detail == {"did": DIDS[1]}


async def test_what_is_known_at_the_first_file_is_told_in_words() -> None:
    world = World()
    url = "https://links.example/get?ID=a"
    for answer, error, words in [
        (httpx.Response(403), PortalError, "withholds"),
        (httpx.Response(200, content=b"x"), UpstreamError, "has a file of 1 bytes .* tells 1200"),
        (httpx.Response(302, headers={"location": url}), UpstreamError, "again and again"),
    ]:
        world.files[url] = answer
        with pytest.raises(error, match=words):
            await world.open()
    with pytest.raises(ConflictError, match="500 data sets at most, and these are 501"):
        await world.open([f"ivo://x/~?{number}" for number in range(archives.MOST + 1)])


async def test_a_service_without_archives_is_chosen_too() -> None:
    world = World()
    items = [bundles.Item(service="own", did=did, label=None, note=None, size=None) for did in DIDS]
    assert bundles.choose(world.context, items, None) == (world.service, DIDS)
