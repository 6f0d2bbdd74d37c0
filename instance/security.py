"""security.txt (RFC 9116): whom to tell about a weakness of this service.

Without somebody who reads what is sent there is no such file: a wrong address would be worse than none.
"""

from __future__ import annotations

import datetime
import re

from instance.settings import SECURITY_CONTACT, Settings

PATH = "/.well-known/security.txt"
VALID_DAYS = 364
"""From the start of the proxy on; RFC 9116, section 2.5.5, recommends less than a year."""


def contact(settings: Settings) -> str:
    """Give the contact as a URI; empty if the operator has named nobody.

    The operator's address counts where there is none for this purpose, but not the one of the built-in
    settings: nobody gets what is sent to a name that ends in ``.example`` (RFC 2606).
    """
    chosen = settings.security_contact or settings.contact
    if not settings.security_contact and re.search(r"[@.]example(\.(com|net|org))?$", chosen):
        return ""
    # What the operator's address may be made of is not limited; what stands in nginx's configuration is.
    if not re.fullmatch(SECURITY_CONTACT, chosen):
        return ""
    return chosen if chosen.startswith("https:") else f"mailto:{chosen}"


def document(settings: Settings, now: datetime.datetime) -> str:
    """Write the file; empty if there is nobody to name."""
    whom = contact(settings)
    if not whom:
        return ""
    expires = (now + datetime.timedelta(days=VALID_DAYS)).astimezone(datetime.UTC)
    return (
        f"Contact: {whom}\n"
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}\n"
        "Preferred-Languages: en\n"
        f"Canonical: {settings.url}{PATH}\n"
    )


def location(settings: Settings, now: datetime.datetime) -> str:
    """Write the proxy's place for it."""
    text = document(settings, now)
    if not text:
        return f"        location = {PATH} {{ return 404; }}\n"
    return f"""\
        location = {PATH} {{
            default_type 'text/plain; charset=utf-8';
            return 200 '{text}';
        }}
"""
