"""Whatever a run looks like, there is a picture, or an error that says which column is missing."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from datalink.previews import EVENT_KINDS, RESPONSE_KINDS, Subject, draw
from ingest.errors import KeywordError
from tests.gadf_variants import Variant, variants

PNG = b"\x89PNG\r\n\x1a\n"
quick = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
COLUMNS = {"counts-map": {"RA", "DEC"}, "energy-spectrum": {"ENERGY"}, "event-rate": {"TIME"}}


def content_of(variant: Variant) -> bytes:
    with tempfile.TemporaryDirectory() as place:
        return variant.write(Path(place)).read_bytes()


@quick
@given(variants())
def test_event_lists_in_any_spelling_have_pictures(variant: Variant) -> None:
    content = content_of(variant)
    subject = Subject("A run", "from somewhere", False)
    for kind in EVENT_KINDS:
        if variant.without in COLUMNS[kind]:
            with pytest.raises(KeywordError) as raised:
                draw(kind, content, subject, "small")
            assert raised.value.keyword == variant.without
        else:
            assert draw(kind, content, subject, "small").startswith(PNG)


@quick
@given(variants())
def test_responses_in_any_spelling_have_pictures(variant: Variant) -> None:
    content = content_of(variant)
    for kind in variant.responses:
        assert draw(RESPONSE_KINDS[kind], content, Subject("A run", "", False), "small").startswith(PNG)
