"""XML of other servers, read without entities, DTDs from elsewhere, or bombs."""

from __future__ import annotations

from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from portal.server.services.errors import AnswerError

MAX_DEPTH = 100


def read(content: bytes) -> Element:
    """Read a document; namespaces are left out of the names.

    Parameters
    ----------
    content
        The document.

    Returns
    -------
    Element
        Its root.

    Raises
    ------
    AnswerError
        If it is no well-formed XML, or declares entities.
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise AnswerError("A service sent XML that is nested too deeply to be read.")
        builder.start(name.rpartition(":")[2], {k.rpartition(":")[2]: v for k, v in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name.rpartition(":")[2])

    def refuse(*_: object) -> None:
        raise AnswerError("A service sent XML with entities of its own, which are not read.")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = refuse
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise AnswerError("A service sent something that is no XML where XML was expected.") from error
    return builder.close()


def text(element: Element | None) -> str | None:
    """Give an element's text in one line.

    Parameters
    ----------
    element
        An element, or None.

    Returns
    -------
    str or None
        None where there is no text.
    """
    if element is None:
        return None
    return " ".join("".join(element.itertext()).split()) or None
