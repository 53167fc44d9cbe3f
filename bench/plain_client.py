"""A client of HTTP that takes next to no time itself: one connection, kept, and a few bytes read.

A library's client takes half a millisecond for a request, which is not the service's.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class PlainClient:
    """One connection to a service."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def get(self, path: str, headers: Mapping[str, str]) -> bytes:
        """Return the body of the answer; raises RuntimeError if it is any but 200."""
        lines = [f"GET {path} HTTP/1.1", "Host: bench"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._writer.write("\r\n".join([*lines, "", ""]).encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        found = _LENGTH.search(head)
        body = await self._reader.readexactly(int(found[1])) if found else b""
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{path}: {(head + body).decode()}")
        return body


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[PlainClient]:
    """Open a connection to the service at a URL, for the block."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        yield PlainClient(reader, writer)
    finally:
        writer.close()
