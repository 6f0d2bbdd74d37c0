"""What tells clients of a DataLink service that bundles take many identifiers: a service descriptor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gavo import base, rscdef, svcs
from gavo.base import makeStruct
from gavo.protocols import datalink as dachs

from datalink.bundles.service import PATH

TAR = "application/x-tar"


class BundleLink(dachs.ExternalProcLinkDef):  # type: ignore[misc]
    """A row of a DataLink document with the semantics #package, and the service descriptor behind it."""

    def asDict(self) -> dict[str, Any]:  # noqa: N802 - DaCHS's name
        """Give the row."""
        return dict(super().asDict()) | {"semantics": "#package", "content_type": TAR}


def bundle_of(identifiers: Sequence[str]) -> BundleLink:
    """Give the row that leads to one bundle of several data sets.

    Parameters
    ----------
    identifiers
        Those that were asked for together; the row is one of the first.
    """
    options = [makeStruct(rscdef.Option, content_=identifier) for identifier in identifiers]
    key = makeStruct(
        svcs.InputKey,
        name="ID",
        type="text",
        ucd="meta.id;meta.main",
        description="Data sets that go into the archive, repeatedly",
        multiplicity="multiple",
        values=makeStruct(rscdef.Values, options=options),
    )
    link = BundleLink(
        identifiers[0],
        [key],
        base.getCurrentServerURL() + PATH,
        "Bundle",
        f"Any of these {len(identifiers)} data sets together, with index tables, as one archive (tar)",
        localSemantics="#tar",
    )
    link.serviceDescriptor.name = "bundle"
    return link
