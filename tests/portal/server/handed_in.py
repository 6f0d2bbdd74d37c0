"""What tests of jobs have in common: baskets, jobs that are made of them, and services that run them."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from portal.server.settings import RunnerSettings, ServiceSettings
from portal.server.tables_jobs import JobRow
from tests.portal.opus_server import OPUS
from tests.portal.uws_server import UWS

EVENTS = ["ivo://example/~?000", "ivo://example/~?001", "ivo://example/~?002"]
RESPONSE = "ivo://example/~?004"
PNG = b"\x89PNG\r\n" + bytes(range(256))
both = pytest.mark.parametrize("uws", [UWS, OPUS], indirect=True)
"""Runs a test at a service that keeps to the standard, and at one like OPUS."""


def runners(uws, **more):
    return {
        "runners": [
            RunnerSettings(key="own", label="The runner", url=uws.url, is_own=not isinstance(uws, OPUS)),
            RunnerSettings(key="opus", label="OPUS", url=uws.url),
        ],
        "services": [
            ServiceSettings(key="own", label="The archive", url=uws.tap_url, is_own=True),
            ServiceSettings(key="other", label="Another archive", url="http://127.0.0.1:9/tap"),
        ],
    } | more


async def basket(client, dids=EVENTS, others=()):
    items = [{"service": "own", "did": did} for did in dids]
    items += [{"service": "other", "did": did} for did in others]
    answer = await client.post("/api/baskets", json={"name": "Crab", "items": items})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def start(client, **more):
    body = {"basket": await basket(client), **more}
    answer = await client.post("/api/jobs", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def old(served):
    """Make all that was seen of jobs an hour old."""
    async with served.context.sessions.begin() as session:
        then = datetime.now(UTC) - timedelta(hours=1)
        await session.execute(update(JobRow).values(seen=then, made=then))


async def look(served, client, job):
    await old(served)
    answer = await client.get(f"/api/jobs/{job['id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()
