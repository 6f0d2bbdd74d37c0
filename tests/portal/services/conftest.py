"""Services and the server's context for all tests here."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import hypothesis
import pytest

from tests.portal.services import worlds

# A busy machine is no reason to fail.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def full() -> Any:
    service = worlds.full(datalink="https://tap.example/dl")
    context = worlds.context(service)
    return SimpleNamespace(tap=service, context=context, service=context.settings.services[0])


@pytest.fixture
def plain() -> Any:
    service = worlds.plain()
    context = worlds.context(service)
    return SimpleNamespace(tap=service, context=context, service=context.settings.services[0])
