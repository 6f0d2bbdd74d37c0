"""A client that keeps a number of connections busy: ``python load.py URL CONNECTIONS SECONDS``.

A process of its own, so that reading the answers does not disturb who measures. Prints, as JSON, how many
answers of which status came within the time, and how many bytes they had.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from urllib.parse import urlsplit


async def _ask(host: str, port: int, target: str, until: float, found: Counter[str]) -> None:
    """Ask the same again and again over one connection."""
    request = f"GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
    reader = writer = None
    while time.monotonic() < until:
        if writer is None or reader is None:
            reader, writer = await asyncio.open_connection(host, port)
        writer.write(request)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            size = await _body(reader, head)
        except (asyncio.IncompleteReadError, ConnectionError):
            found["broken"] += 1
            reader = writer = None
            continue
        found[head.split(b" ", 2)[1].decode()] += 1
        found["bytes"] += size
        if b"connection: close" in head:
            writer.close()
            reader = writer = None


async def _body(reader: asyncio.StreamReader, head: bytes) -> int:
    """Read a body; gives its size."""
    for line in head.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return await _skip(reader, int(line.partition(b":")[2]))
    if b"transfer-encoding: chunked" not in head:
        return len(await reader.read())
    total = 0
    while size := int(await reader.readline(), 16):
        total += await _skip(reader, size)
        await reader.readline()
    await reader.readline()
    return total


async def _skip(reader: asyncio.StreamReader, size: int) -> int:
    left = size
    while left:
        received = await reader.read(min(left, 1 << 20))
        if not received:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(received)
    return size


async def keep_busy(url: str, connections: int, seconds: float) -> Counter[str]:
    """Ask over several connections; gives numbers of answers by status, and their ``bytes``."""
    parts = urlsplit(url)
    found: Counter[str] = Counter()
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    until = time.monotonic() + seconds
    asking = [
        _ask(parts.hostname or "localhost", parts.port or 80, target, until, found)
        for _ in range(connections)
    ]
    _, late = await asyncio.wait([asyncio.create_task(one) for one in asking], timeout=seconds)
    for task in late:  # heavy answers may be on their way
        task.cancel()
    return found


if __name__ == "__main__":
    print(json.dumps(asyncio.run(keep_busy(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))))
