"""Data set identifiers: built and parsed here only.

The form is the one that DaCHS registers for dataset delivery,
``ivo://<authority>/~?<collection>/<observation>[/<part>]`` (IVOA Identifiers 2.0, section 4: a
registered resource, a question mark and a local part). Without a part it names the event list of
an observation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from ingest.errors import IdentifierError

_AUTHORITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{2,}")  # IVOA Identifiers 2.0, section 2.3.1
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_FORM = "ivo://<authority>/~?<collection>/<observation>[/<part>]"


@dataclass(frozen=True)
class DatasetId:
    """Identity of one published data set.

    Attributes
    ----------
    authority
        The IVOA authority of the publisher, without ``ivo://``.
    collection
        Name of the collection's schema, such as ``hess_dr``.
    obs_id
        The observation, as ``obs_id`` has it. Any non-empty text.
    part
        Which data set of the observation: ``None`` is the event list, else a
        content qualifier such as ``aeff``.
    """

    authority: str
    collection: str
    obs_id: str
    part: str | None = None

    def __post_init__(self) -> None:
        if not _AUTHORITY.fullmatch(self.authority):
            raise IdentifierError(
                f"authority {self.authority!r}: expected three or more of letters, digits, '.', '_', '~', '-'"
            )
        if not _NAME.fullmatch(self.collection):
            raise IdentifierError(f"collection {self.collection!r}: expected a lower-case name")
        if not self.obs_id:
            raise IdentifierError("obs_id is empty")
        if self.part is not None and not re.fullmatch(r"[a-z][a-z0-9_-]*", self.part):
            raise IdentifierError(f"part {self.part!r}: expected a lower-case term such as 'aeff'")

    def __str__(self) -> str:
        local = f"{self.collection}/{quote(self.obs_id, safe='')}"
        if self.part is not None:
            local += f"/{self.part}"
        return f"ivo://{self.authority}/~?{local}"


def parse(text: str) -> DatasetId:
    """Parse an identifier in the form that :class:`DatasetId` writes.

    Raises
    ------
    IdentifierError
        The text has another form.
    """
    match = re.fullmatch(r"ivo://([^/?#]+)/~\?([^/]+)/([^/]+)(?:/([^/]+))?", text)
    if not match:
        raise IdentifierError(f"{text!r} is no data set identifier of the form {_FORM}")
    authority, collection, obs_id, part = match.groups()
    try:
        plain = unquote(obs_id, errors="strict")
    except UnicodeDecodeError as error:
        raise IdentifierError(f"{text!r}: the observation is not percent-encoded UTF-8") from error
    parsed = DatasetId(authority, collection, plain, part)
    if str(parsed) != text:
        raise IdentifierError(f"{text!r} is not written as {str(parsed)!r}")
    return parsed
