"""The vocabulary profile: which terms and media types we publish, in one place.

Two documents name the same things differently (``Talk``, the proposal of 2025 that the service in
Paris follows, and ``Draft``, the interest group's draft of 2026). ``Vocabulary.named`` picks one.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest.errors import ConfigError

RESPONSE_QUALIFIERS = {"aeff": "aeff", "edisp": "edisp", "psf": "psf", "bkg": "bkgrate", "rad_max": "rad-max"}
"""Kind of GADF HDU to the term of the IVOA response-type vocabulary, on which both documents agree; only
the size of a point-like cut (RAD_MAX) has no term there, and gets one in the same style."""


@dataclass(frozen=True)
class Vocabulary:
    """The terms of one profile.

    Attributes
    ----------
    name
        ``talk`` or ``draft``.
    event_list, event_bundle
        ``dataproduct_type`` and ``content_qualifier`` of an event list, and of a file that holds
        events and responses.
    response_subtype
        ``dataproduct_subtype`` of responses: Talk's type of all of them; the Draft has types for each
        of them only, and they keep the subtype of the release (None).
    gadf
        Media type of a FITS file after GADF.
    """

    name: str
    event_list: str
    event_bundle: str
    response_subtype: str | None
    gadf: str = "application/x-fits-gadf"

    @staticmethod
    def named(name: str) -> Vocabulary:
        """Give the profile of that name.

        Raises
        ------
        ConfigError
            There is no such profile.
        """
        if name not in PROFILES:
            raise ConfigError(f"vocabulary profile {name!r}: expected one of {', '.join(sorted(PROFILES))}")
        return PROFILES[name]


PROFILES = {
    "talk": Vocabulary("talk", "event-list", "event-bundle", "response-function"),
    "draft": Vocabulary("draft", "hea-event-list", "hea-event-bundle", None),
}
