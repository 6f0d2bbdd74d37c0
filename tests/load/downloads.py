"""What clients of DataLink do: read links, follow them, fetch pieces and bundles, select events, hang up."""

from __future__ import annotations

import hashlib
import io
import itertools
import urllib.parse
from collections.abc import Iterator

from astropy.io import fits

from tests.load.asking import FORM, Answer
from tests.load.jobs import cutout_async, tap_abandoned, tap_async
from tests.load.published import Link, links_of
from tests.load.reducing import PNG, members
from tests.load.world import Behaviour, Client, World

LINKS = "ivo://ivoa.net/std/datalink#links-1.1"
SERVICES = {
    ("#cutout", "ivo://ivoa.net/std/soda#sync-1.0"): "cut-out",
    ("#cutout", "ivo://ivoa.net/std/soda#async-1.0"): "cut-out job",
    ("#package", ""): "bundle",
}
"""Who uses the services in DataLink documents, by what they mean and the standard they follow."""

BUNDLES = "/rd/access/bundle/custom"
INDICES = {"hdu-index.fits.gz", "obs-index.fits.gz", "README.txt", "TERMS.txt"}


def prepare(world: World, few: int) -> None:
    """Have the quiet instance answer what will be asked."""
    chosen = world.choose_links(few)
    # First: documents tell the lengths of pictures that have been drawn.
    world.learn_links("download", chosen)
    world.learn_links("thumbnail", [link for link in chosen if link.media_type == "image/png"])
    identifiers = sorted({link.identifier for link in chosen})
    world.learn("DataLink", _documents(world, identifiers[:: max(1, len(identifiers) // (8 * few))]))
    pages = [
        document.replace("/dl/dlmeta", "/page/custom")
        for document in world.targets["DataLink"]
        if "/__system__/" not in document
    ]
    world.learn("links page", pages[::5])
    dids = [row["obs_publisher_did"] for row in world.observations]
    groups = [dids[:2], dids[1:5], dids[-3:], dids[::7], dids[:12]]
    for group in groups:
        refusal = (401,) if world.closed.issuperset(group) else ()
        world.learn("bundle", [f"{BUNDLES}?{_ids(group)}"], *refusal)
    services = {link.standard: link.service for link in world.services() if link.service}
    world.targets["cut-out jobs"] = [url for standard, url in services.items() if "async" in standard]
    sync = next(url for standard, url in services.items() if "#sync" in standard)
    world.learn("cut-out", [f"{sync}?{query}" for query in _selections(world, few)])


def _ids(identifiers: list[str]) -> str:
    return urllib.parse.urlencode([("ID", identifier) for identifier in identifiers])


def _documents(world: World, identifiers: list[str]) -> Iterator[str]:
    """Ask for the links of every data set, and of several at once, everywhere."""
    places = {one.url for one in world.interfaces if one.standard == LINKS} | {"/rd/access/dl/dlmeta"}
    for place in sorted(places):
        path = urllib.parse.urlsplit(place).path
        collection = "" if path.startswith(("/rd/", "/__system__/")) else path.split("/")[1]
        own = [one for one in identifiers if f"?{collection}/" in one or not collection]
        yield from (f"{path}?{_ids([identifier])}" for identifier in own)
        yield f"{path}?{_ids(own[:5])}"


def _selections(world: World, few: int) -> Iterator[str]:
    """Select events in every way."""
    open_to_all = [row for row in world.observations if row["obs_publisher_did"] not in world.closed]
    step = max(1, len(open_to_all) // (4 * few))
    for number, row in enumerate(open_to_all[::step]):
        start, stop = float(row["t_min"]), float(row["t_max"])
        ways = (
            {"ENERGY": "1e12 3e12"},
            {"TIME": f"{start + (stop - start) / 4} {start + (stop - start) / 2}", "RESPONSES": "all"},
            {"CIRCLE": f"{row['s_ra']} {row['s_dec']} 0.7"},
            {"ENERGY": "5e11 1e13", "RESPONSEFORMAT": "application/x-tar"},
        )
        yield urllib.parse.urlencode({"ID": row["obs_publisher_did"], **ways[number % len(ways)]})


def datalink(client: Client) -> None:
    """Read links; those of one data set are those that the table has."""
    target = client.one_of("DataLink")
    answer = client.same(target)
    asked = urllib.parse.parse_qs(target.partition("?")[2])["ID"]
    found = links_of(answer.body)
    if "/__system__/" in target:
        return
    expected = {(link.semantics, link.url) for link in client.world.links if link.identifier in asked}
    here = {(link.semantics, link.url) for link in found if link.url}
    # Not everybody may have everything: the table names all files, a document those that one may have.
    good = here <= expected if b"AuthenticationFault" in answer.body else here == expected
    answer.check(good, f"other links than the table has: {sorted(here ^ expected)[:3]}")


def links_page(client: Client) -> None:
    """Look at the page of links."""
    client.same(client.one_of("links page"))


def follow(client: Client) -> None:
    """Follow a link as a client does: read the document, choose a row, fetch what it leads to."""
    known = [one for one in client.world.links if _is_known(client.world, one)]
    kinds = sorted({f"{one.semantics} {one.media_type}" for one in known})
    kind = client.world.deal("follow link", kinds)
    link = client.chance.choice([one for one in known if f"{one.semantics} {one.media_type}" == kind])
    if client.chance.random() < 0.2:
        client.web.ask(f"/rd/access/dl/dlmeta?{_ids([link.identifier])}").expect(200)
    answer = client.same(link.url)
    if answer.status == 200:
        SEMANTICS[link.semantics](client.world, link, answer)
        answer.check(link.length in {None, len(answer.body)}, f"the link promised {link.length} bytes")
    client.world.followed[link.semantics, link.media_type] += 1


def _is_known(world: World, link: Link) -> bool:
    return urllib.parse.urlsplit(link.url)._replace(scheme="", netloc="").geturl() in world.quiet


def _data(world: World, link: Link, answer: Answer) -> None:
    """Check FITS files, and those that are files of the release against what is on disk."""
    name = urllib.parse.unquote(link.url.rpartition("/")[2])
    if name in world.files:
        answer.check(hashlib.sha256(answer.body).hexdigest() == world.files[name], "not the file on disk")
    if link.media_type == "application/x-tar":
        _check_bundle(world, answer)
    elif "fits" in link.media_type:
        answer.check(answer.body[:6] in {b"SIMPLE"} or answer.body[:2] == b"\x1f\x8b", "no FITS file")


def _picture(world: World, link: Link, answer: Answer) -> None:
    answer.check(answer.body.startswith(PNG), "no PNG")


def _document(world: World, link: Link, answer: Answer) -> None:
    answer.check(answer.body[:1] in {b"{", b"<"}, "neither JSON nor XML")


SEMANTICS = {
    "#this": _data,
    "#calibration": _data,
    "#package": _data,
    "#preview-image": _picture,
    "#preview-plot": _picture,
    "#thumbnail": _picture,
    "#documentation": _document,
}
"""What is looked at behind links, by what they mean."""


def _check_bundle(world: World, answer: Answer) -> None:
    """Compare all data in a bundle with the files on disk, byte by byte."""
    found = members(answer.body)
    answer.check(found.keys() >= INDICES, f"only {sorted(found)}")
    # Indices of a part of the bundle are named like those of the release, but are not those.
    data = [name for name in found if "-index." not in name and name.rpartition("/")[2] in world.files]
    for name in data:
        same = hashlib.sha256(found[name]).hexdigest() == world.files[name.rpartition("/")[2]]
        answer.check(same, f"{name} is not the file on disk")
    answer.check(any("/" in name for name in found) or "LEFT-OUT.txt" in found, "no data in it")


def bundle(client: Client) -> None:
    """Fetch a bundle, at once or by sending a list."""
    target = client.one_of("bundle")
    if client.chance.random() < 0.5:
        answer = client.same(target)
    else:
        sent = client.web.ask(BUNDLES, "POST", target.partition("?")[2].encode(), Content_Type=FORM)
        answer = client.web.ask(sent.expect(303).headers["Location"]).expect(200)
        quiet = client.world.quiet[target]
        answer.check(answer.headers["ETag"] == quiet.tag, f"ETag, expected {quiet.tag}")
        answer.check(answer.body == quiet.body, "not the bundle that the quiet instance sent")
    _check_bundle(client.world, answer)


def pieces(client: Client) -> None:
    """Fetch a file or a bundle in ranges, as clients do that resume."""
    target = client.one_of(client.chance.choice(("download", "bundle")))
    quiet = client.world.quiet[target]
    if quiet.status != 200 or not quiet.tag:
        client.same(target)
        return
    size = len(quiet.body)
    edges = sorted({0, size, *(client.chance.randrange(size) for _ in range(3))})
    for start, stop in itertools.pairwise(edges):
        answer = client.web.ask(target, Range=f"bytes={start}-{stop - 1}", If_Range=quiet.tag).expect(206)
        answer.check(answer.body == quiet.body[start:stop], f"not bytes {start} to {stop}")
        told = answer.headers.get("Content-Range")
        answer.check(told == f"bytes {start}-{stop - 1}/{size}", "Content-Range")
    client.web.ask(target, Range=f"bytes={size}-").expect(416)


def conditions(client: Client) -> None:
    """Ask with HEAD, and whether something has changed."""
    target = client.one_of(client.chance.choice(("download", "bundle", "thumbnail")))
    quiet = client.world.quiet[target]
    head = client.web.ask(target, "HEAD").expect(quiet.status)
    head.check(head.headers.get("ETag", "") == quiet.tag, f"ETag, expected {quiet.tag!r}")
    if quiet.status != 200 or not quiet.tag:
        return
    head.check(head.headers.get("Content-Length") == str(len(quiet.body)), f"expected {len(quiet.body)}")
    client.web.ask(target, If_None_Match=quiet.tag).expect(304)
    if quiet.modified:
        client.web.ask(target, If_Modified_Since=quiet.modified).expect(304)
    changed = client.web.ask(target, Range="bytes=0-9", If_Range='"another"').expect(200)
    client.compare(changed, target)


def hang_up(client: Client) -> None:
    """Leave in the middle of an answer, or before there is one."""
    kind = client.chance.choice(("download", "bundle", "cut-out", "TAP sync", "DataLink", "cone search"))
    client.web.hang_up(client.one_of(kind), client.chance.choice((0, 1, 700, 20000)))


def cut_out(client: Client) -> None:
    """Select events; all of them are as asked for."""
    target = client.one_of("cut-out")
    answer = client.same(target)
    asked = dict(urllib.parse.parse_qsl(target.partition("?")[2]))
    if answer.body.startswith(b"SIMPLE") and "ENERGY" in asked:
        low, high = (float(limit) / 1e12 for limit in asked["ENERGY"].split())
        with fits.open(io.BytesIO(answer.body), memmap=False) as hdus:
            energies = hdus["EVENTS"].data["ENERGY"]
            good = len(energies) == 0 or (energies.min() >= low * 0.999 and energies.max() <= high * 1.001)
        answer.check(good, f"energies outside {low} to {high} TeV")


BEHAVIOURS: dict[str, tuple[int, Behaviour]] = {
    "DataLink": (12, datalink),
    "links page": (3, links_page),
    "follow link": (20, follow),
    "bundle": (4, bundle),
    "ranges": (4, pieces),
    "conditions": (5, conditions),
    "cut-out": (4, cut_out),
    "hang up": (5, hang_up),
    "TAP async": (3, tap_async),
    "TAP abandoned": (2, tap_abandoned),
    "cut-out job": (2, cutout_async),
}
