"""security.txt of a running instance."""

import datetime

from instance import security
from instance.settings import load


def test_it_is_served_if_there_is_somebody_to_name(instance):
    """RFC 9116: one Contact and one Expires at least, in the future and less than a year ahead."""
    answer = instance.get(security.PATH)
    whom = security.contact(load())
    if not whom:
        assert answer.status == 404
        return
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert fields["Contact"] == whom
    ahead = datetime.datetime.fromisoformat(fields["Expires"]) - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(0) < ahead < datetime.timedelta(days=365)
    assert fields["Canonical"] == load().url + security.PATH
