"""DataLink documents as text: DaCHS makes one of each kind, and the values of others are put into it.

DaCHS builds such a document of a thousand Python objects. Here DaCHS's own core is asked for a document
with marks in place of all values; what is between the marks then serves for all requests, until the RD
is read again.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

from gavo import svcs
from gavo.protocols.soda import DatalinkFault
from gavo.utils.stanxml import escapePCDATA

from datalink.bundles.descriptor import bundle_of
from datalink.cutouts.descriptors import WAYS, Limited, Selectable
from datalink.cutouts.limits import Limits
from datalink.files import EventList
from datalink.links_forms import Form, between, up_to
from datalink.service import Link, Links, Pattern, Together, Withheld

NO_LENGTH = "-1"
"""How DaCHS writes an unknown content_length in this table."""

FIRST_ID, NEXT_ID = "ext_svc", "ext_svc-{:02d}"
"""How DaCHS names service descriptors, the first one and the others."""

BARRIER = 9_007_199_254_740_993
"""A content_length that no file has, as a mark."""


class Writer:
    """Writes the documents of one service, for one way to call this server.

    Parameters
    ----------
    service
        DaCHS's service.
    server
        URL of this server as clients know it, see ``base.getCurrentServerURL``.

    Raises
    ------
    ValueError
        DaCHS's documents are not as expected.
    """

    def __init__(self, service: Any, server: str) -> None:
        self.service, self.server = service, server
        link = {
            "semantics": "@@semantics@@", "description": "@@description@@", "contentType": "@@content-type@@",
            "contentLength": BARRIER, "localSemantics": "@@local-semantics@@",
            "contentQualifier": "@@content-qualifier@@",
        }  # fmt: skip
        found = Pattern("@@id@@", [])
        fault = DatalinkFault.AuthenticationFault("@@id@@", "@@message@@", semantics="#this")
        found.made = (found.makeLink("@@url@@", **link), fault)
        document = self._stock(found).replace(str(BARRIER), "@@content-length@@")
        head, rows, tail = between(document, "<TABLEDATA>", "</TABLEDATA>")
        head = re.sub(r'(name="request_date"[^>]* value=")[^"]*"', r'\1@@now@@"', head)
        rows_found = re.findall("<TR>.*?</TR>", rows)
        if len(rows_found) != 2 or "@@request@@" not in head or "@@now@@" not in head:
            raise ValueError("DaCHS writes other DataLink documents than expected")
        self._head, self._tail = Form(head), tail
        self._link, self._fault = (
            Form(rows_found[0]),
            Form(rows_found[1].replace("AuthenticationFault", "@@kind@@")),
        )
        self._selections: dict[Any, tuple[Form, Form]] = {}
        self._together: tuple[Form, Form, Form] | None = None

    def _stock(self, found: Pattern) -> str:
        """Have DaCHS write a document."""
        core = self.service.core.adaptForDescriptors(svcs.getRenderer("dlmeta"), [found], None)
        arguments = SimpleNamespace(getParam=lambda name: None)
        _, document = core.runForMeta(self.service, arguments, {"accept": {}, "requestURI": "@@request@@"})
        return str(document.decode())

    def document(self, described: Sequence[tuple[Links, Iterable[Any]]], request: str) -> bytes:
        """Write a document.

        Parameters
        ----------
        described
            Descriptors with what `service.entries` gave for each.
        request
            The URL that came.
        """
        rows: list[str] = []
        faults: list[str] = []
        descriptors: list[str] = []
        for found, entries in described:
            identifier = _cell(found.pubDID)
            for entry in entries:
                if isinstance(entry, Link):
                    rows.append(self._link_row(identifier, entry))
                elif isinstance(entry, Withheld):
                    values = {"id": identifier, "kind": entry.kind, "message": _cell(entry.message)}
                    faults.append(self._fault.filled(values))
                else:
                    number = len(descriptors) + 1
                    name = FIRST_ID if number == 1 else NEXT_ID.format(number)
                    row, descriptor = self._described(entry, identifier, name)
                    rows.append(row)
                    descriptors.append(descriptor)
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        head = self._head.filled({"request": _attribute(request), "now": now})
        before, after = up_to(self._tail, "</RESOURCE>")
        return "".join([head, *rows, *faults, before, *descriptors, after]).encode("utf-8")

    def _link_row(self, identifier: str, link: Link) -> str:
        row, size = link.row, link.size
        return self._link.filled(
            {
                "id": identifier,
                "url": _cell(self.server + row["access_path"]),
                "description": _cell(row["description"]),
                "semantics": row["semantics"],
                "content-type": _cell(row["content_type"]),
                "content-length": NO_LENGTH if size is None else str(size),
                "local-semantics": _cell(row["local_semantics"]),
                "content-qualifier": _cell(row["content_qualifier"]),
            }
        )

    def _described(self, entry: Selectable | Together, identifier: str, name: str) -> tuple[str, str]:
        """Give row and descriptor of a service."""
        if isinstance(entry, Together):
            return self._bundle(entry, identifier, name)
        limits = Limits.of(entry.events.row).written()
        key = (entry.renderer, *sorted(limits))
        if key not in self._selections:
            self._selections[key] = self._selection_forms(entry.renderer, limits)
        row, descriptor = self._selections[key]
        values = {
            "id": identifier,
            "service": name,
            "name": _attribute(entry.name),
            "description": _cell(entry.description),
            "dataset": _attribute(entry.events.did),
        }
        for parameter, (low, high) in limits.items():
            values |= {f"{parameter.lower()}-low": low or "", f"{parameter.lower()}-high": high or ""}
        return row.filled(values), descriptor.filled(values)

    def _selection_forms(self, renderer: str, known: Limited) -> tuple[Form, Form]:
        limits = {
            name: (f"@@{name.lower()}-low@@" if low else None, f"@@{name.lower()}-high@@")
            for name, (low, _) in known.items()
        }
        _, standard, how = next(way for way in WAYS if way[0] == renderer)
        events = EventList("@@dataset@@", "", "@@obs-id@@", {}, ())
        made = Selectable("@@id@@", events, renderer, standard, how, "")
        link = made.link(limits)
        link.serviceDescriptor.name = "@@name@@"
        row, descriptor = self._one_service(link)
        return tuple(  # type: ignore[return-value]
            Form(text.replace(escapePCDATA(made.description), "@@description@@"))
            for text in (row, descriptor)
        )

    def _bundle(self, entry: Together, identifier: str, name: str) -> tuple[str, str]:
        if self._together is None:
            made = bundle_of(["@@id@@", "@@option@@"])
            row, descriptor = self._one_service(made)
            text = re.escape(made.description)
            row, descriptor = (re.sub(text, "@@description@@", part) for part in (row, descriptor))
            before, _, after = re.split('(<OPTION [^>]*"@@id@@"[^>]*>)', descriptor)
            option, after = up_to(after, ">")
            self._together = Form(row), Form(option), Form(before + "@@options@@" + after)
        row_form, option_form, descriptor_form = self._together
        options = [option_form.filled({"option": _attribute(other)}) for other in entry.identifiers]
        values = {
            "id": identifier,
            "service": name,
            "description": _cell(bundle_of(entry.identifiers).description),
            "options": "".join(options),
        }
        return row_form.filled(values), descriptor_form.filled(values)

    def _one_service(self, link: Any) -> tuple[str, str]:
        """Have DaCHS write a document with one service, and give row and descriptor."""
        found = Pattern("@@id@@", [])
        found.made = (link,)
        document = self._stock(found)
        _, row, tail = between(document, "<TABLEDATA>", "</TABLEDATA>")
        _, rest = up_to(tail, "</RESOURCE>")
        descriptor = rest.removesuffix("</VOTABLE>")
        if f'<RESOURCE ID="{FIRST_ID}"' not in descriptor or f"<TD>{FIRST_ID}</TD>" not in row:
            raise ValueError("DaCHS names service descriptors in another way than expected")
        return (
            row.replace(f"<TD>{FIRST_ID}</TD>", "<TD>@@service@@</TD>"),
            descriptor.replace(f'<RESOURCE ID="{FIRST_ID}"', '<RESOURCE ID="@@service@@"'),
        )


def _cell(text: str | None) -> str:
    """Write a value of a table, as DaCHS does for VOTable's type char."""
    return "" if text is None else str(escapePCDATA(text.encode("ascii", "replace").decode("ascii")))


def _attribute(text: str) -> str:
    return str(escapePCDATA(text)).replace('"', "&quot;")
