"""What clients of TAP, cone searches, the registry and VOSI do, and how their answers are checked."""

from __future__ import annotations

import io
import math
import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Iterator

from astropy.io.votable import parse

from tests.load.published import local, rows
from tests.load.world import Behaviour, Client, World

FORMATS = ("csv", "tsv", "votable", "votable/td", "json")
QUERIES = (
    "SELECT obs_id, target_name, t_min, s_ra, s_dec, access_url FROM {collection}.obscore ORDER BY obs_id",
    "SELECT TOP 7 obs_publisher_did, dataproduct_type FROM ivoa.obscore ORDER BY obs_publisher_did DESC",
    "SELECT semantics, COUNT(*) AS n FROM datalink.response GROUP BY semantics ORDER BY semantics",
    "SELECT o.obs_id, d.semantics, d.access_url FROM ivoa.obscore AS o JOIN datalink.response AS d"
    " ON o.obs_publisher_did = d.id WHERE o.obs_id = '{obs_id}' ORDER BY d.access_url",
    "SELECT obs_id, obs_publisher_did FROM ivoa.obscore"
    " WHERE 1 = CONTAINS(POINT(s_ra, s_dec), CIRCLE({s_ra}, {s_dec}, 2)) ORDER BY obs_publisher_did",
    "SELECT COUNT(*) AS n, MIN(a.t_min) AS earliest FROM ivoa.obscore AS a, ivoa.obscore AS b"
    " WHERE a.t_min > b.t_min",
)
UPLOAD = """<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>
<FIELD name="n" datatype="int"/><DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"""
BOUNDARY = "c3e1b0f7d2"
PRODUCTS = ("/__system__/products/", "/getproduct")
"""DaCHS publishes the service of its products, of which there are none here."""


def sync(query: str, form: str = "csv", **more: str) -> str:
    """Write the target of a synchronous query."""
    values = {"LANG": "ADQL", "QUERY": query, "FORMAT": form, "MAXREC": "100000", **more}
    return f"/tap/sync?{urllib.parse.urlencode(values)}"


def prepare(world: World, few: int) -> None:
    """Have the quiet instance answer what will be asked."""
    counts = [sync(f"SELECT COUNT(*) AS n FROM {table}") for table in world.tables]
    world.learn("TAP sync", counts)
    chosen = world.observations[:: max(1, len(world.observations) // few)]
    for number, row in enumerate(chosen):
        values = row | {"collection": row["obs_publisher_did"].partition("?")[2].partition("/")[0]}
        queries = [query.format(**values) for query in QUERIES]
        world.learn("TAP sync", [sync(query, FORMATS[number % len(FORMATS)]) for query in queries])
    world.learn("cone search", _cones(world, chosen))
    world.learn("OAI", _harvests(world))
    for name, standards in VOSI.items():
        urls = [one.url for one in world.interfaces if one.standard in standards]
        urls += [f"/tap/{url.rpartition('/')[2]}" for url in urls if "/tap/run/" in url]
        world.learn(name, [url.replace("tableMetadata", "tables") if url.startswith("/tap") else url
                           for url in sorted(urls)])  # fmt: skip
    pages = [one.url for one in world.interfaces if one.kind == "WebBrowser"]
    world.learn("page", _forms(world))
    paths = {urllib.parse.urlsplit(page).path for page in pages}
    world.learn("page", sorted(path for path in paths if not path.startswith(PRODUCTS)))
    world.learn("page", sorted(path for path in paths if path.startswith(PRODUCTS)), 404)
    world.learn("page", ["/health", "/ready"])


VOSI = {
    "VOSI": (
        "ivo://ivoa.net/std/vosi#capabilities",
        "ivo://ivoa.net/std/vosi#availability",
        "ivo://ivoa.net/std/vosi#tables",
    ),
}
SCS = "ivo://ivoa.net/std/conesearch"


def _cones(world: World, chosen: list[dict[str, str]]) -> Iterator[str]:
    for one in sorted(world.interfaces, key=lambda one: one.url):
        if one.standard == SCS:
            for row, radius in zip(chosen, (1.0, 5.0, 0.1, 90.0) * len(chosen), strict=False):
                yield f"{one.url}RA={row['s_ra']}&DEC={row['s_dec']}&SR={radius}"


def _forms(world: World) -> Iterator[str]:
    """Fill in the forms of cone searches."""
    for one in world.interfaces:
        if one.kind == "WebBrowser" and one.url.endswith("/cone/form"):
            row = world.observations[0]
            place = urllib.parse.quote(f"{row['s_ra']}, {row['s_dec']}")
            yield f"{one.url}?__nevow_form__=genForm&hscs_pos={place}&hscs_sr=300&_FORMAT=HTML"


def _harvests(world: World) -> Iterator[str]:
    base = next(one.url for one in world.interfaces if one.kind == "OAIHTTP")
    for verb in ("Identify", "ListSets", "ListMetadataFormats"):
        yield f"{base}?verb={verb}"
    for prefix in ("ivo_vor", "oai_dc"):
        yield f"{base}?verb=ListRecords&metadataPrefix={prefix}"
        yield f"{base}?verb=ListIdentifiers&metadataPrefix={prefix}&set=ivo_managed"
    for identifier in identifiers(world.document(f"{base}?verb=ListIdentifiers&metadataPrefix=ivo_vor")):
        yield f"{base}?verb=GetRecord&metadataPrefix=ivo_vor&identifier={urllib.parse.quote(identifier)}"


def identifiers(document: bytes) -> list[str]:
    """Give the identifiers in an answer of the registry."""
    found = (e for e in ET.fromstring(document).iter() if local(e.tag) == "header")
    return [next(e.text or "" for e in header if local(e.tag) == "identifier") for header in found]


def tap_sync(client: Client) -> None:
    """Ask a query of which the answer is known, with GET or POST."""
    target = client.one_of("TAP sync")
    if client.chance.random() < 0.5:
        client.same(target)
        return
    path, _, parameters = target.partition("?")
    answer = client.web.ask(
        path, "POST", parameters.encode(), Content_Type="application/x-www-form-urlencoded"
    )
    client.compare(answer, target)


def tap_upload(client: Client) -> None:
    """Send a table along and get another one."""
    numbers = [client.chance.randrange(1000) for _ in range(client.chance.randrange(1, 200))]
    table = UPLOAD.format(rows="".join(f"<TR><TD>{number}</TD></TR>" for number in numbers))
    fields = {
        "LANG": "ADQL", "FORMAT": "csv", "UPLOAD": "mine,param:sent",
        "QUERY": "SELECT COUNT(*) AS n, SUM(n) AS s FROM tap_upload.mine",
    }  # fmt: skip
    parts = [f'form-data; name="{name}"\r\n\r\n{value}' for name, value in fields.items()]
    parts.append(
        'form-data; name="sent"; filename="sent.xml"\r\nContent-Type: application/x-votable+xml\r\n\r\n'
        + table
    )
    body = "".join(f"--{BOUNDARY}\r\nContent-Disposition: {part}\r\n" for part in parts)
    answer = client.web.ask(
        "/tap/sync", "POST", f"{body}--{BOUNDARY}--\r\n".encode(),
        Content_Type=f"multipart/form-data; boundary={BOUNDARY}",
    ).expect(200)  # fmt: skip
    expected = f"{len(numbers)},{sum(numbers)}"
    answer.check(answer.text.split()[1:] == [expected], f"expected {expected}")


def cone_search(client: Client) -> None:
    """Search around a place; all that comes lies there, and it is what the database has there."""
    target = client.one_of("cone search")
    answer = client.same(target)
    asked = {name: float(value) for name, value in urllib.parse.parse_qsl(target.partition("?")[2])}
    table = parse(io.BytesIO(answer.body), verify="ignore").get_first_table().array
    for row in table:
        far = separation(asked["RA"], asked["DEC"], float(row["s_ra"]), float(row["s_dec"]))
        answer.check(far <= asked["SR"] + 1e-6, f"a row {far} deg away")
    collection = target.split("/")[1]
    near = [
        row
        for row in client.world.observations
        if f"?{collection}/" in row["obs_publisher_did"]
        and separation(asked["RA"], asked["DEC"], float(row["s_ra"]), float(row["s_dec"])) + 1e-6
        < asked["SR"]
    ]
    found = {str(identifier) for identifier in table["obs_publisher_did"]}
    missing = {row["obs_publisher_did"] for row in near} - found
    answer.check(not missing, f"without {sorted(missing)[:3]}")


def separation(ra: float, dec: float, other_ra: float, other_dec: float) -> float:
    """Give the angle between two places, all in degrees."""
    ra, dec, other_ra, other_dec = (math.radians(angle) for angle in (ra, dec, other_ra, other_dec))
    sides = math.sin((other_dec - dec) / 2) ** 2
    sides += math.cos(dec) * math.cos(other_dec) * math.sin((other_ra - ra) / 2) ** 2
    return math.degrees(2 * math.asin(min(1.0, math.sqrt(sides))))


def harvest(client: Client) -> None:
    """Read records, as registries do; what lists name can be had one by one."""
    target = client.one_of("OAI")
    answer = client.same(target)
    if "ListRecords&metadataPrefix=ivo_vor" in target:
        single = [path for path in client.world.targets["OAI"] if "verb=GetRecord" in path]
        count = len(identifiers(answer.body))
        answer.check(count == len(single), f"{count} records, expected {len(single)}")


def vosi(client: Client) -> None:
    """Look at what services say of themselves."""
    for _ in range(6):
        client.same(client.one_of("VOSI"))


def page(client: Client) -> None:
    """Look at pages."""
    for _ in range(3):
        client.same(client.one_of("page"))


def cross_check(client: Client) -> None:
    """Count links one way and another: what TAP says of a data set agrees with the table of links."""
    row = client.chance.choice(client.world.observations)
    did = row["obs_publisher_did"]
    found = rows(client.web, f"SELECT COUNT(*) AS n FROM datalink.response WHERE id = '{did}'")
    expected = sum(link.identifier == did for link in client.world.links)
    if int(found[0]["n"]) != expected:
        answer = client.web.ask(sync(f"SELECT * FROM datalink.response WHERE id = '{did}'"))
        raise answer.wrong(f"{found[0]['n']} links were counted, expected {expected}")


BEHAVIOURS: dict[str, tuple[int, Behaviour]] = {
    "TAP sync": (14, tap_sync),
    "TAP upload": (2, tap_upload),
    "TAP count": (2, cross_check),
    "cone search": (10, cone_search),
    "OAI": (4, harvest),
    "VOSI": (3, vosi),
    "page": (4, page),
}
