"""What the tests of hostile requests share."""

from __future__ import annotations

import pytest

from tests.live.conftest import Instance
from tests.live.hostile.endpoints import Endpoint, enumerate_all


@pytest.fixture(scope="session")
def endpoints(instance: Instance) -> list[Endpoint]:
    """Give all that the server answers at."""
    return enumerate_all(instance)
