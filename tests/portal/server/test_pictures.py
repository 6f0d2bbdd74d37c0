"""Pictures of the sky: what is served of a directory, and what never."""

import os

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from portal.server.errors import NotFoundError
from portal.server.pictures import Pictures
from portal.server.services.surveys import _local


@pytest.fixture
def root(tmp_path):
    version = tmp_path / "root" / ".versions" / "one"
    tiles = version / "hips" / "Norder3" / "Dir0"
    tiles.mkdir(parents=True)
    (version / "hips" / "properties").write_text("creator_did = ivo://x/y\nobs_title = Mine\n")
    (version / "note.json").write_text("{}")
    (tiles / "Npix5.png").write_bytes(b"picture")
    (tiles / "Npix5.fits").write_bytes(b"fits")
    (version / "hips" / "index.html").write_text("no")
    (tmp_path / "root" / "own").symlink_to(".versions/one/hips")
    (tmp_path / "secret.png").write_text("secret")
    (tmp_path / "root" / "out.png").symlink_to(tmp_path / "secret.png")
    return tmp_path / "root"


async def get(root, path, **headers):
    pictures = Pictures(root)

    async def route(request):
        return await pictures.answer(request, request.path_params["path"])

    app = Starlette(routes=[Route("/hips/{path:path}", route)])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        return await client.get(f"/hips/{path}", headers=headers)


@pytest.mark.parametrize(
    ("path", "kind", "keeping"),
    [
        ("own/properties", "text/plain; charset=utf-8", "no-cache"),
        ("own/Norder3/Dir0/Npix5.png", "image/png", "public, max-age=3600"),
        ("own/Norder3/Dir0/Npix5.fits", "image/fits", "public, max-age=3600"),
    ],
)
async def test_files_have_their_types_and_are_kept(root, path, kind, keeping):
    answer = await get(root, path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == kind
    assert answer.headers["cache-control"] == keeping
    again = await get(root, path, **{"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
    assert again.headers["etag"] == answer.headers["etag"]


async def test_a_new_version_has_another_tag(root):
    before = await get(root, "own/properties")
    os.utime(root / "own" / "properties", (1, 1))
    assert (await get(root, "own/properties")).headers["etag"] != before.headers["etag"]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "own",
        "own/",
        "own//properties",
        "own/Norder3/Dir0/Npix6.png",
        "own/index.html",
        ".versions/one/note.json",
        ".versions/one/hips/properties",
        "%2e%2e/secret.png",
        "own/..%2f..%2f..%2f..%2fsecret.png",
        "own/%2e%2e/%2e%2e/%2e%2e/properties",
        "%2fetc/properties",
        "out.png",
        "own/properties%00",
    ],
)
async def test_nothing_else_is_served(root, path):
    with pytest.raises(NotFoundError):
        await get(root, path)


async def test_without_a_directory_there_are_none(tmp_path):
    for root in (None, tmp_path / "missing"):
        with pytest.raises(NotFoundError):
            await get(root, "own/properties")


def test_the_map_is_told_of_it(root):
    (survey,) = _local(root, "/explorer")
    assert (survey.id, survey.label, survey.url, survey.is_local) == (
        "ivo://x/y",
        "Mine",
        "/explorer/hips/own",
        True,
    )
