"""The links page as HTML, in DaCHS's look; it needs no script, and no style sheet, to be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from twisted.web.template import Tag, flattenString

from datalink.links_view import VOTABLE_MTYPE, About, Cutout, Group, Link, Section, View
from datalink.links_words import size_text

LONGEST_URL = 8000
"""Longer ones are refused by some servers and browsers; forms send the identifiers then (RFC 9110, 4.1)."""

BUNDLE = "/rd/access/bundle/custom"
CUTOUT = "/rd/access/cutout/dlget"
SITE_WIDE = "/rd/access"

Child = Tag | str | None


@dataclass(frozen=True)
class Site:
    """What the frame of the page says: the site's name, and the operators' e-mail address."""

    name: str
    contact: str | None


def element(name: str, /, *children: Child, **attributes: str | None) -> Tag:
    """Make an element; what is None is left out, and an underscore in an attribute's name is a hyphen."""
    made = Tag(name, children=[child for child in children if child is not None])
    for key, value in attributes.items():
        if value is not None:
            made.attributes[key.rstrip("_").replace("_", "-")] = value
    return made


def page(view: View, site: Site, *, anonymous: bool) -> bytes:
    """Write the page.

    Parameters
    ----------
    view
        What it says.
    site
        Its frame.
    anonymous
        Whether the reader has not logged in.
    """
    title = _title(view)
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="robots", content="nofollow"),
        element("title", f"{title} - {site.name}"),
        element("link", rel="stylesheet", href="/static/css/gavo_dc.css"),
        element("link", rel="stylesheet", href=f"{_service(view)}/page/custom/links.css"),
        element("script", src="/static/js/samp.js", defer="defer"),
        element("script", src=f"{_service(view)}/page/custom/links.js", defer="defer"),
    )
    main = element("main", element("h1", title), *_main(view, anonymous=anonymous), id="content")
    body = element(
        "body",
        element("a", "Skip to the content", href="#content", class_="skip"),
        _sidebar(view, site),
        element("div", main, _footer(site), id="body"),
        class_="container",
    )
    written: list[bytes] = []
    flattenString(None, element("html", head, body, lang="en")).addCallback(written.append)
    return b"<!DOCTYPE html>\n" + written[0]


def _service(view: View) -> str:
    return f"/{view.collection}/q" if view.collection else SITE_WIDE


def _title(view: View) -> str:
    if len(view.sections) == 1 and not view.faults:
        return view.sections[0].title
    if view.sections:
        number = len(view.sections)
        return f"{number} data sets and their files" if number > 1 else "A data set and its files"
    return "No such data set" if view.faults else "Data sets and their files"


def _sidebar(view: View, site: Site) -> Tag:
    logo = element("img", src="/static/img/logo_medium.png", alt=f"{site.name}, home", class_="sidebarlogo")
    entries = [("Help", "/static/help.shtml"), ("Service info", f"{_service(view)}/dl/info")]
    if view.collection:
        entries.append(("Search", f"/{view.collection}/q/cone/form"))
    items = [element("li", element("a", text, href=href)) for text, href in entries]
    return element(
        "div",
        element("div", element("a", logo, href="/"), class_="sidebaritem"),
        element("ul", *items, class_="navigation"),
        id="sidebar",
        role="navigation",
        aria_label="Site",
    )


def _footer(site: Site) -> Tag | None:
    if not site.contact:
        return None
    operators = element("a", "site operators", href=f"mailto:{site.contact}")
    said = element("p", "Please report errors and problems to the ", operators, ". Thanks.")
    return element("div", said, id="footer", role="contentinfo")


def _main(view: View, *, anonymous: bool) -> Iterable[Tag]:
    if view.faults:
        yield _faults(view)
    if not view.sections:
        yield _question()
        return
    alone = len(view.sections) == 1 and not view.faults
    if not alone:
        yield from _all_together(view)
    for number, section in enumerate(view.sections, 1):
        yield _section(section, number, alone=alone, anonymous=anonymous)
    if view.rest:
        yield _rest(view)
    for found in view.abouts:
        yield _about(found)


def _faults(view: View) -> Tag:
    items = []
    for fault in view.faults:
        message = fault.message if fault.message.endswith(".") else f"{fault.message}."
        items.append(element("li", element("code", fault.identifier or "(empty)"), f": {message}"))
    heading = "What was not found" if view.sections else "What is wrong"
    return element("section", element("h2", heading), element("ul", *items), class_="warning faults")


def _question() -> Tag:
    """Ask for an identifier."""
    hint = "An obs_publisher_did such as ivo://..., or an obs_id; results of searches have them."
    return element(
        "form",
        element("label", "Identifier of a data set", for_="identifier"),
        element(
            "input", type="text", name="ID", id="identifier", required="required", aria_describedby="hint"
        ),
        element("button", "Show its files", type="submit"),
        element("p", hint, id="hint", class_="hint"),
        method="get",
        action="",
        class_="fields",
    )


def _all_together(view: View) -> Iterable[Tag]:
    contents = [
        element("li", element("a", section.title, href=f"#data-{number}"))
        for number, section in enumerate(view.sections, 1)
    ]
    yield element("ol", *contents, class_="contents")
    actions = []
    wanted = view.downloadable
    if len(wanted) > 1:
        text = f"Everything of {len(wanted)} event lists in one archive"
        withheld = sum(section.notice is not None for section in view.sections)
        if withheld:
            text += f", without {withheld} that you may not have"
        actions.append(_sending(BUNDLE, wanted, text))
    every = [section.identifier for section in view.sections]
    query = [("ID", identifier) for identifier in every] + [("RESPONSEFORMAT", "votable")]
    href = f"{_service(view)}/dl/dlmeta?{urlencode(query)}"
    if len(href) <= LONGEST_URL:
        actions.append(
            _anchor(Link(href, "All these links", "application/x-votable+xml", mtype=VOTABLE_MTYPE))
        )
    if actions:
        yield element("ul", *[element("li", action) for action in actions], class_="actions")


def _sending(path: str, identifiers: Sequence[str], text: str) -> Tag:
    """Make a link that carries identifiers, or a form if there are too many for one."""
    href = f"{path}?{urlencode([('ID', identifier) for identifier in identifiers])}"
    if len(href) <= LONGEST_URL:
        return element("a", text, href=href)
    hidden = [element("input", type="hidden", name="ID", value=identifier) for identifier in identifiers]
    return element("form", *hidden, element("button", text, type="submit"), method="post", action=path)


def _rest(view: View) -> Tag:
    text = f"The links of {len(view.rest)} more"
    return element("div", _sending(f"{_service(view)}/page/custom", view.rest, text), class_="actions")


def _section(section: Section, number: int, *, alone: bool, anonymous: bool) -> Tag:
    level = 2 if alone else 3
    title = None if alone else element("h2", section.title)
    parts = [title]
    if section.simulated:
        parts.append(
            element("p", element("strong", "Simulated data"), ": no telescope took them.", class_="simulated")
        )
    if section.notice:
        parts.append(_notice(section, anonymous=anonymous))
    facts = [element("div", element("dt", name), element("dd", value)) for name, value in section.facts]
    parts.append(element("dl", *facts, class_="facts"))
    parts.append(_terms(section))
    groups = list(section.groups)
    late = [group for group in groups if group.semantics == "#documentation"]
    for group in [group for group in groups if group not in late]:
        parts.append(_group(group, number, level))
    if section.cutout:
        parts.append(_cutout(section.cutout, number, level))
    parts += [_group(group, number, level) for group in late]
    document = Link(
        section.document, "These links as a table", "application/x-votable+xml", mtype=VOTABLE_MTYPE
    )
    parts.append(element("p", _anchor(document), class_="actions"))
    return element("section", *parts, id=f"data-{number}", class_="dataset")


def _terms(section: Section) -> Tag:
    return element("p", element("a", "Terms of use, and how to cite", href=f"#about-{section.collection}"))


def _notice(section: Section, *, anonymous: bool) -> Tag:
    assert section.notice is not None
    login = None
    if section.notice.login and anonymous:
        query = urlencode([("ID", section.identifier), ("login", "1")])
        login = element("a", "Log in", href=f"?{query}")
    said = section.notice.text
    if login is None:
        return element("p", said, class_="warning notice")
    return element("p", said, " ", login, " to get them, if you have the right.", class_="warning notice")


def _group(group: Group, number: int, level: int) -> Tag:
    shown = _figure if group.semantics == "#preview" else _item
    items = [element("li", *shown(link)) for link in group.links]
    kind = "pictures" if group.semantics == "#preview" else "links"
    anchor = f"data-{number}-{group.semantics.removeprefix('#') or 'other'}"
    heading = element(f"h{level}", group.heading, id=anchor)
    return element("section", heading, element("ul", *items, class_=kind), aria_labelledby=anchor)


def _figure(link: Link) -> list[Tag | None]:
    image = element("img", src=link.thumbnail, alt=f"{link.text}, picture in full", loading="lazy")
    return [
        element(
            "figure", element("a", image, href=link.href), element("figcaption", f"{link.text}{_size(link)}")
        )
    ]


def _item(link: Link) -> list[Tag | None]:
    image = None
    if link.picture and link.thumbnail:
        small = element("img", src=link.thumbnail, alt=f"Picture of it: {link.text}", loading="lazy")
        image = element("a", small, href=link.picture, class_="picture")
    return [image, _anchor(link)]


def _anchor(link: Link) -> Tag:
    """Make a link with what it leads to, and what a script needs to send it somewhere."""
    media = element("code", link.content_type)
    about = element("span", f"{link.format}{_size(link)} ", media, class_="media")
    return element(
        "span", element("a", link.text, href=link.href, data_mtype=link.mtype), " ", about, class_="link"
    )


def _size(link: Link) -> str:
    return "" if link.size is None else f", {size_text(link.size)}"


def _cutout(cutout: Cutout, number: int, level: int) -> Tag:
    anchor = f"data-{number}-cutout"
    fields = (
        ("CIRCLE", "Region", cutout.circle, "Right ascension, declination and radius in degrees (ICRS)."),
        ("TIME", "Time", cutout.time, "Two MJD in TT; -Inf and +Inf are no limits."),
        ("ENERGY", "Energy", cutout.energy, "Two energies in eV; 1 TeV is 1e12."),
    )
    inputs: list[Tag] = []
    for name, label, example, hint in fields:
        own = f"{anchor}-{name.lower()}"
        box = element(
            "input", type="text", name=name, id=own, placeholder=example, aria_describedby=f"{own}-hint"
        )
        said = f"{hint} For example: {example}" if example else hint
        inputs += [
            element("label", label, for_=own),
            box,
            element("p", said, id=f"{own}-hint", class_="hint"),
        ]
    own = f"{anchor}-responses"
    choice = element(
        "select",
        element("option", "with all instrument responses", value="all"),
        element("option", "without", value="none"),
        name="RESPONSES",
        id=own,
    )
    form = element(
        "form",
        element("input", type="hidden", name="ID", value=cutout.identifier),
        *inputs,
        element("label", "Responses", for_=own),
        choice,
        element("button", "Get these events", type="submit"),
        method="get",
        action=CUTOUT,
        class_="fields",
    )
    advice = "Fields that stay empty set no limit. The answer is an event list with its good time intervals."
    heading = element(f"h{level}", "Select events", id=anchor)
    return element("section", heading, element("p", advice), form, aria_labelledby=anchor)


def _about(about: About) -> Tag:
    more = []
    if about.doi:
        more.append(
            element("li", element("a", f"doi:{about.doi}", href=f"https://doi.org/{quote(about.doi)}"))
        )
    more.append(element("li", element("a", "More about these data", href=_web(about.reference_url))))
    terms = [element("p", about.rights)]
    if _web(about.rights_uri):
        terms.append(element("p", element("a", "The terms in full", href=_web(about.rights_uri))))
    return element(
        "section",
        element("h2", f"Terms of use: {about.title}"),
        element("p", f"By {', '.join(about.creators)}."),
        *terms,
        element("p", about.attribution),
        element("ul", *more),
        id=f"about-{about.collection}",
        class_="about",
    )


def _web(uri: str | None) -> str | None:
    """Give a URI only if a browser may follow it."""
    return uri if uri and uri.startswith(("http://", "https://")) else None
