from __future__ import annotations

import itertools
import time
from typing import Any

import httpx
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st
from mocpy import MOC, TimeMOC

from portal.server.models.results import Footprint, ResolveRequest
from portal.server.services import coverage, footprints, links, resolver, scales
from portal.server.services.errors import (
    AnswerError,
    AskError,
    NameUnknownError,
    NoLinksError,
    NotAllowedError,
    ResolverOffError,
    ServiceDownError,
    ServiceError,
    ServiceSlowError,
)
from tests.portal.services import worlds
from tests.portal.services.sqlite_tap import error_document

SESAME = b"""<?xml version="1.0"?><!DOCTYPE Sesame SYSTEM "http://x/sesame_4.dtd">
<Sesame xmlns:xsi="x"><Target option="SNV"><name>crab</name>
<Resolver name="S=Simbad (via url)"><otype>SNR</otype><jradeg>83.6287</jradeg><jdedeg>22.0147</jdedeg>
<oname>M   1</oname><alias>NGC 1952</alias><alias>Crab Nebula</alias></Resolver>
<Resolver name="N=NED"><jradeg>83.6</jradeg><jdedeg>22</jdedeg></Resolver></Target></Sesame>"""
NOTHING = b"<Sesame><Target><name>x</name><INFO>Zero (0) answers</INFO></Target></Sesame>"


@given(st.sets(st.integers(197391127, 197391227), min_size=1, max_size=30))
def test_time_mocs_are_those_of_mocpy(cells: set[int]) -> None:
    text = "31/" + " ".join(map(str, sorted(cells)))
    (found,) = coverage.intervals([text])
    assert found is not None
    expected = TimeMOC.from_string(text, "ascii").to_time_ranges()
    assert len(found) == len(expected)
    for (start, end), pair in zip(found, expected, strict=True):
        assert start == pytest.approx(pair[0].tt.mjd, abs=1e-9)
        assert end == pytest.approx(pair[1].tt.mjd, abs=1e-9)


def test_time_mocs_in_all_their_forms() -> None:
    assert coverage.ranges("t61/1-2 4 61/3") == [(1, 5)]
    assert coverage.ranges("60/ 61/0,1\n5") == [(0, 2), (5, 6)]
    assert coverage.ranges("") == []
    assert coverage.intervals([None, "", "x"]) == [None, [], None]


@pytest.mark.parametrize("text", ["x", "5", "62/1", "61/5-3", "0/4", "31/-1", "s29/1", "31/1-"])
def test_what_is_no_time_moc(text: str) -> None:
    assert coverage.ranges(text) is None


@given(st.floats(36936, 88068))
def test_scales_there_and_back(mjd: float) -> None:
    for scale in ("UTC", "TDB", "TAI", "TCB", "TCG"):
        (back,) = scales.to_tt([scales.from_tt(mjd, scale)], scale)
        assert back == pytest.approx(mjd, abs=2e-9 if scale != "UTC" else 1.2e-5)
    assert scales.from_tt(mjd, "TT") == scales.from_tt(mjd, None) == mjd


def test_scales_against_astropy() -> None:
    for day in (41317.3, 50000.25, 53736.0, 57754.0005, 60000.123456789):
        assert scales.from_tt(day, "UTC") == pytest.approx(
            Time(day, format="mjd", scale="tt").utc.mjd, abs=1e-9
        )
    assert scales.to_tt([None, 53000.0, -1e9], "utc") == [None, pytest.approx(53000 + 64.184 / 86400), -1e9]
    assert scales.is_convertible("UTC") and scales.is_convertible(None) and not scales.is_convertible("LOCAL")


@pytest.mark.parametrize(
    ("value", "xtype", "kind", "points"),
    [
        ("Polygon ICRS 1 2 3 4 5 6", None, "polygon", [1, 2, 3, 4, 5, 6]),
        ("POLYGON 1 2 3 4 5 6 1 2", None, "polygon", [1, 2, 3, 4, 5, 6]),
        ("Circle ICRS TOPOCENTER 370 -4 0.5", None, "circle", [10, -4, 0.5]),
        ("circle 10 4 .5e0", "shape", "circle", [10, 4, 0.5]),
        ("10 4 0.5", "circle", "circle", [10, 4, 0.5]),
        ("1 2 3 4 5 6", None, "polygon", [1, 2, 3, 4, 5, 6]),
        ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "polygon", "polygon", [1, 2, 3, 4, 5, 6]),
        ([10.0, 4.0, 0.5], None, "circle", [10, 4, 0.5]),
    ],
)
def test_fields_of_view(value: Any, xtype: str | None, kind: str, points: list[float]) -> None:
    found = footprints.footprint(value, xtype)
    assert found is not None and (found.kind, found.points) == (kind, points)


@pytest.mark.parametrize(
    "value",
    [
        None, 5, "", "Polygon GALACTIC 1 2 3 4 5 6", "Union ICRS (Circle 1 2 3)",
        "Polygon ICRS 1 2 3 4 5",
        "Circle ICRS 1 100 1", "Circle 1 2 0", "Polygon 1 2 3 4 5 x", "Polygon 1 91 3 4 5 6", [1.0],
        "nonsense", [],
    ],
)  # fmt: skip
def test_what_is_no_field_of_view(value: Any) -> None:
    assert footprints.footprint(value, None) is None


def test_a_field_of_view_of_a_size_is_drawn_with_half_of_it() -> None:
    found = footprints.circle(1, 2, 5)
    assert found is not None and found.points == [1, 2, 2.5]
    assert footprints.circle(None, 2, 5) is footprints.circle(1, 2, None) is None


def test_the_sky_that_is_covered() -> None:
    shapes = [
        footprints.circle(83.6, 22, 5),
        footprints.circle(83.6, 22, 5),
        footprints.footprint("Polygon ICRS 10 10 14 10 14 14 10 14", None),
        None,
    ]
    moc = MOC.from_string(footprints.sky(shapes), "json")
    expected = (19.63 + 15.6) / 41252.96
    # Cells that are covered in part are in it.
    assert expected < moc.sky_fraction < 1.2 * expected
    assert footprints.sky([None]) is None


def test_a_polygon_that_is_none_does_not_spoil_the_others() -> None:
    flat = footprints.footprint("Polygon ICRS 10 10 10 10 10 10", None)
    good = footprints.footprint("Polygon ICRS 10 10 14 10 14 14 10 14", None)
    assert MOC.from_string(footprints.sky([flat, good]), "json").sky_fraction > 0


def test_the_sky_under_what_is_drawn() -> None:
    drawn = [
        Footprint(kind="circle", points=[83.6, 22, 2.5]),
        Footprint(kind="circle", points=[443.6, 22, 2.5]),
    ]
    found = footprints.covered(drawn, 2)
    assert found == footprints.sky([footprints.circle(83.6, 22, 5)])
    with pytest.raises(AskError, match="1 are allowed"):
        footprints.covered(drawn, 1)


@pytest.mark.parametrize(
    ("kind", "points"),
    [
        ("circle", [1, 2]),
        ("circle", [1, 2, 0]),
        ("circle", [1, 95, 1]),
        ("polygon", [1, 2, 3, 4]),
        ("polygon", []),
    ],
)
def test_what_is_drawn_wrong_is_refused(kind: Any, points: list[float]) -> None:
    drawn = [Footprint(kind="circle", points=[1, 2, 3]), Footprint(kind=kind, points=points)]
    with pytest.raises(AskError, match=f"Number 2 .* no {kind}"):
        footprints.covered(drawn, 10)


def test_thousands_of_fields_of_view_take_little_time() -> None:
    shapes = [
        footprints.footprint(
            f"Polygon ICRS {ra} {dec} {ra + 3} {dec} {ra + 3} {dec + 3} {ra} {dec + 3}", None
        )
        for ra, dec in itertools.product(range(0, 350, 5), range(-60, 60, 8))
    ]
    start = time.process_time()
    assert footprints.sky(shapes)
    assert time.process_time() - start < 5


def document(rows: str, fields: str = "") -> bytes:
    names = ("ID", "access_url", "service_def", "error_message", "semantics", "description", "content_type")
    columns = "".join(f'<FIELD name="{n}" datatype="char" arraysize="*"/>' for n in names)
    return (
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">'
        f'<INFO name="QUERY_STATUS" value="OK"/><TABLE>{columns}'
        '<FIELD name="content_length" datatype="long" unit="byte"><VALUES null="-1"/></FIELD>'
        f"<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE></RESOURCE>"
        '<RESOURCE ID="svc" type="meta" utype="adhoc:service"><DESCRIPTION>Events in a\n circle</DESCRIPTION>'
        '<GROUP name="inputParams"><PARAM name="ID" datatype="char" arraysize="*" value="did"/>'
        '<PARAM name="CIRCLE" datatype="double" arraysize="3" value=""/>'
        '<PARAM name="N" datatype="int" value="5"/></GROUP>'
        '<PARAM name="accessURL" datatype="char" arraysize="*" value="https://tap.example/soda"/>'
        "</RESOURCE></VOTABLE>"
    ).encode()


def link(url: str, semantics: str, length: int = -1, service: str = "", error: str = "") -> str:
    cells = ["did", url, service, error, semantics, "words", "application/fits", str(length)]
    return "<TR>" + "".join(f"<TD>{cell}</TD>" for cell in cells) + "</TR>"


ROWS = (
    link("https://tap.example/x", "#calibration", 7)
    + link("https://tap.example/a", "#this", 5)
    + link("https://tap.example/b", "#calibration")
    + link("javascript:alert(1)", "#preview")
    + link("", "#cutout", service="svc")
    + link("", "#package", error="AuthorizationError: until 2030")
    + link("", "http://x/terms#my-own_term")
)


@pytest.mark.anyio
async def test_links_are_grouped_by_what_they_mean(full: Any) -> None:
    full.tap.documents["https://tap.example/dl?ID="] = document(ROWS)
    found = await links.links(full.context, full.service, "ivo://example/~?003")
    assert found.document_url == "https://tap.example/dl?ID=ivo%3A%2F%2Fexample%2F~%3F003"
    assert [g.semantics for g in found.groups] == [
        "#this", "#package", "#calibration", "#preview", "#cutout", "http://x/terms#my-own_term",
    ]  # fmt: skip
    by = {g.semantics: g for g in found.groups}
    assert [x.content_length for x in by["#calibration"].links] == [7, None]
    assert by["#package"].links[0].error == "AuthorizationError: until 2030"
    assert by["#preview"].links[0].access_url is None
    assert "not opened from here" in str(by["#preview"].links[0].error)
    assert by["#cutout"].links[0].service_def == "Events in a circle" and by["#cutout"].links[0].error is None
    last = by["http://x/terms#my-own_term"]
    assert last.label == "My own term" and "neither an address nor a reason" in str(last.links[0].error)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (httpx.Response(404), NoLinksError, "has no links"),
        (
            httpx.Response(404, content=error_document("NotFoundFault: nothing")),
            NoLinksError,
            "NotFoundFault: nothing",
        ),
        (httpx.Response(500), ServiceDownError, "status 500"),
        (httpx.Response(418), AnswerError, "status 418"),
        (
            httpx.Response(200, content=document(ROWS).replace(b'"semantics"', b'"x"')),
            AnswerError,
            "columns of DataLink",
        ),
    ],
)
async def test_links_that_cannot_be_had(answer: httpx.Response, error: type[Exception], words: str) -> None:
    tap = worlds.full(datalink="https://links.example/dl")

    def handler(request: httpx.Request) -> httpx.Response:
        return answer if request.url.host == "links.example" else tap(request)

    context = worlds.context(handler)
    with pytest.raises(error, match=words):
        await links.links(context, context.settings.services[0], "did")


@pytest.mark.anyio
async def test_a_document_at_another_host_is_not_asked_for() -> None:
    context = worlds.context(worlds.full(datalink="https://evil.example/dl"))
    with pytest.raises(NotAllowedError, match="not among the hosts"):
        await links.links(context, context.settings.services[0], "did")


@pytest.mark.anyio
async def test_a_service_without_datalink_has_its_access_url(plain: Any) -> None:
    found = await links.links(plain.context, plain.service, "ivo://example/~?003")
    ((only,),) = [group.links for group in found.groups]
    assert (only.access_url, only.content_length, only.semantics) == (
        "https://tap.example/files/3",
        103_000,
        "#this",
    )
    with pytest.raises(NoLinksError, match="no data set it's"):
        await links.links(plain.context, plain.service, "it's")
    plain.tap.db.execute("UPDATE ivoa.obscore SET access_url = NULL WHERE obs_id = '20004'")
    with pytest.raises(NoLinksError, match="has no links"):
        await links.links(plain.context, plain.service, "ivo://example/~?004")


@pytest.mark.anyio
async def test_an_access_url_that_is_a_document_is_read(plain: Any) -> None:
    plain.tap.db.execute(
        "UPDATE ivoa.obscore SET access_format = 'application/x-votable+xml;content=datalink', "
        "access_url = 'https://tap.example/dl?ID=3'"
    )
    plain.tap.documents["https://tap.example/dl"] = document(ROWS)
    found = await links.links(plain.context, plain.service, "ivo://example/~?003")
    assert len(found.groups) == 6


def resolving(answer: Any, **settings: Any) -> tuple[Any, list[str]]:
    tap, asked = worlds.full(), []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.host != "sesame.example":
            return tap(request)
        asked.append(str(request.url))
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(200, content=answer) if isinstance(answer, bytes) else answer

    return worlds.context(handler, resolver_url="https://sesame.example/cgi", **settings), asked


@pytest.mark.anyio
async def test_own_targets_come_first() -> None:
    context, asked = resolving(SESAME)
    found = await resolver.resolve(context, ResolveRequest(name="  cRab "))
    assert (found.name, found.resolver, asked) == ("Crab", "own", [])
    found = await resolver.resolve(context, ResolveRequest(name="Crab", resolver="simbad"))
    assert (found.name, found.ra, found.dec) == ("M 1", 83.6287, 22.0147)
    assert (found.resolver, found.object_type) == ("simbad", "SNR")
    assert found.aliases == ["NGC 1952", "Crab Nebula"]
    assert asked == ["https://sesame.example/cgi/-oxI/S?Crab"]
    await resolver.resolve(context, ResolveRequest(name="Crab", resolver="simbad"))
    assert len(asked) == 1


@pytest.mark.anyio
async def test_names_are_one_word_in_the_resolvers_address() -> None:
    context, asked = resolving(SESAME)
    await resolver.resolve(context, ResolveRequest(name="M 1&x=../#y"))
    assert asked == ["https://sesame.example/cgi/-oxI/SNV?M%201%26x%3D..%2F%23y"]


@pytest.mark.anyio
async def test_names_that_nobody_knows() -> None:
    context, asked = resolving(NOTHING)
    for _ in range(2):
        with pytest.raises(NameUnknownError, match="SIMBAD, NED and VizieR do not know 'Nemo'"):
            await resolver.resolve(context, ResolveRequest(name="Nemo"))
    assert len(asked) == 1
    with pytest.raises(NameUnknownError, match="Own archive has no target called 'Nemo'"):
        await resolver.resolve(context, ResolveRequest(name="Nemo", resolver="own"))
    with pytest.raises(NameUnknownError, match="empty"):
        await resolver.resolve(context, ResolveRequest(name="  "))


@pytest.mark.anyio
async def test_parts_of_names_tell_which_targets_have_them(full: Any) -> None:
    for asked in ("own", "any"):
        with pytest.raises(ServiceError, match=r"called 'cra'.*With this in their names there are: Crab"):
            await resolver.resolve(full.context, ResolveRequest(name="cra", resolver=asked))
        with pytest.raises(ServiceError) as caught:
            await resolver.resolve(full.context, ResolveRequest(name="Nemo", resolver=asked))
        assert "With this" not in caught.value.message


@pytest.mark.anyio
async def test_a_resolver_that_is_off_says_so(full: Any) -> None:
    with pytest.raises(ResolverOffError, match="names are not looked up elsewhere"):
        await resolver.resolve(full.context, ResolveRequest(name="Nemo"))
    with pytest.raises(ResolverOffError, match="switched off"):
        await resolver.resolve(full.context, ResolveRequest(name="Nemo", resolver="ned"))
    states = {i.name: i.state.available for i in resolver.infos(full.context)}
    assert states == {"own": True, "simbad": False, "ned": False, "vizier": False}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (httpx.ConnectError("x"), ServiceDownError, "cannot be reached"),
        (httpx.ReadTimeout("x"), ServiceSlowError, "within 15 seconds"),
        (httpx.Response(500), ServiceDownError, "status 500"),
        (httpx.Response(302, headers={"Location": "http://evil/"}), ServiceDownError, "status 302"),
        (b"<html/>", AnswerError, "none of Sesame's"),
        (b"no xml", AnswerError, "no XML"),
        (b"x" * (2**21 + 1), AnswerError, "too long"),
        (b"<Sesame><Target><ERROR>server busy</ERROR></Target></Sesame>", ServiceDownError, "server busy"),
    ],
)
async def test_a_resolvers_failures_are_readable(answer: Any, error: type[Exception], words: str) -> None:
    context, _ = resolving(answer)
    with pytest.raises(error, match=words):
        await resolver.resolve(context, ResolveRequest(name="Nemo"))


@pytest.mark.anyio
async def test_others_are_asked_when_the_archive_is_down() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.host == "sesame.example":
            return httpx.Response(200, content=SESAME)
        raise httpx.ConnectError("down")

    context = worlds.context(handler, resolver_url="https://sesame.example")
    assert (await resolver.resolve(context, ResolveRequest(name="M1"))).resolver == "simbad"
    with pytest.raises(ServiceDownError):
        await resolver.resolve(context, ResolveRequest(name="M1", resolver="own"))
