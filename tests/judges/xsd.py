"""Validate XML against the XML Schemas bundled with DaCHS, without any network.

The schemas import each other by namespace, with addresses on the web as hints where
to find them. Here every import is answered from the directory of schemas; an address
that was followed would be an error.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lxml import etree

# Where Debian's python3-gavo puts them.
DEBIAN_SCHEMATA = Path("/usr/lib/python3/dist-packages/gavo/resources/schemata")

_XS = "http://www.w3.org/2001/XMLSchema"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_SCHEME = "schemata:///"


def catalog(schemata_dir: Path) -> dict[str, Path]:
    """Find the schema of each namespace.

    Parameters
    ----------
    schemata_dir
        A directory of XSD files.

    Returns
    -------
    dict
        From target namespace to file. Of several files for one namespace it is the
        one with the shortest name, without a version in it: DaCHS' current one.
        Schemas that import a namespace no file defines cannot be used and are left out.

    Raises
    ------
    FileNotFoundError
        If the directory has no schemas.
    """
    found: dict[str, Path] = {}
    imports: dict[str, set[str]] = {}
    for path in sorted(schemata_dir.glob("*.xsd"), key=lambda path: (len(path.name), path.name)):
        root = _parse(path.read_bytes())
        namespace = root.get("targetNamespace")
        if namespace and namespace not in found:
            found[namespace] = path
            imports[namespace] = {element.get("namespace", "") for element in _children(root, "import")}
    if not found:
        raise FileNotFoundError(f"{schemata_dir} has no XSD files; expected gavo/resources/schemata.")
    while lacking := [namespace for namespace in found if not imports[namespace] <= found.keys()]:
        for namespace in lacking:
            del found[namespace]
    return found


def _parser() -> etree.XMLParser:
    return etree.XMLParser(no_network=True, resolve_entities=False, load_dtd=False, huge_tree=True)


def _parse(xml: bytes) -> etree._Element:
    return etree.fromstring(xml, _parser())


def _children(schema: etree._Element, name: str) -> list[etree._Element]:
    return list(schema.iterchildren(f"{{{_XS}}}{name}"))


class _LocalResolver(etree.Resolver):
    """Answer our own addresses with local schemas and refuse all others."""

    def __init__(self, files: dict[str, Path]) -> None:
        self.files = files
        self.names = {path.name: path for path in files.values()}

    def resolve(self, system_url: str, public_id: str, context: object) -> object:
        path = self.names.get(system_url.removeprefix(_SCHEME))
        if path is None:
            raise LookupError(f"no local copy of {system_url}")
        root = _parse(path.read_bytes())
        # The hints are replaced by the namespace's own file: some are outdated, some are wrong.
        for element in _children(root, "import"):
            element.set("schemaLocation", _SCHEME + self.files[element.get("namespace", "")].name)
        return self.resolve_string(etree.tostring(root), context, base_url=system_url)


class Validator:
    """All schemas of a directory as one, so that any ``xsi:type`` of theirs is known.

    Parameters
    ----------
    schemata_dir
        The directory, for instance ``gavo/resources/schemata``.
    """

    def __init__(self, schemata_dir: Path) -> None:
        files = catalog(Path(schemata_dir))
        parser = _parser()
        parser.resolvers.add(_LocalResolver(files))
        wrapper = etree.Element(f"{{{_XS}}}schema", targetNamespace="urn:judges:all")
        for namespace, path in files.items():
            etree.SubElement(
                wrapper, f"{{{_XS}}}import", namespace=namespace, schemaLocation=_SCHEME + path.name
            )
        # Parsed once more, because a schema resolves with the parser its document came from.
        self._schema = etree.XMLSchema(etree.fromstring(etree.tostring(wrapper), parser))
        self.namespaces = frozenset(files)

    def errors(self, xml: bytes) -> list[str]:
        """Say what is wrong with a document.

        Parameters
        ----------
        xml
            The document as it was sent.

        Returns
        -------
        list of str
            One sentence for each fault, with its line; empty if the document is valid.
        """
        try:
            root = _parse(xml)
        except etree.XMLSyntaxError as error:
            return [f"line {error.lineno}: not well-formed XML: {error.msg}"]
        # The parser leaves entities alone, lest they read files, and the validator cannot have them.
        if entities := list(root.iter(etree.Entity)):
            return [f"line {entity.sourceline}: unexpected entity {entity.text}" for entity in entities]
        # A document's own hints where its schemas are would be followed to the web.
        for element in root.iter(etree.Element):
            for hint in ("schemaLocation", "noNamespaceSchemaLocation"):
                element.attrib.pop(f"{{{_XSI}}}{hint}", "")
        self._schema.validate(root)
        return [f"line {entry.line}: {entry.message}" for entry in self._schema.error_log]


def main(arguments: list[str]) -> int:
    """Validate the files named (``-`` for standard input) and print their faults."""
    validator = Validator(DEBIAN_SCHEMATA)
    faulty = False
    for name in arguments:
        for error in validator.errors(sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()):
            faulty = True
            print(f"{name}: {error}")
    return int(faulty)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
