"""A client of HTTP/1.1 that costs little: it shares the machine with the service."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 60.0
"""Seconds for an answer; what takes longer has failed."""

IDLE = 4.0
"""Seconds after which a connection is not used again; the service closes it after five."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return what the body says."""
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """Return the name of the problem that this tells of; empty for success."""
        if self.status < 400:  # noqa: PLR2004 - where errors begin
            return ""
        return str(self.json().get("type", self.status)).removeprefix("/problems/")


class HttpClient:
    """One connection that is kept, for one request at a time."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._used_at = 0.0

    async def send(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send a request and read its answer. Raises OSError or TimeoutError if there is none."""
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await self._open()
                writer.write(self._request(method, path, body, headers or {}))
                reply = await _reply(reader)
                self._used_at = time.monotonic()
                return reply
        except (OSError, EOFError, TimeoutError):
            self.close()
            raise

    async def listen(self, path: str) -> asyncio.StreamReader:
        """Ask for what does not end; returns the stream behind the answer's head."""
        reader, writer = await self._open()
        writer.write(self._request("GET", path, None, {"Accept": "text/event-stream"}))
        await reader.readuntil(b"\r\n\r\n")
        return reader

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._streams:
            self._streams[1].close()
        self._streams = None

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if time.monotonic() - self._used_at > IDLE:
            self.close()
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port, limit=1 << 20)
        return self._streams

    def _request(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> bytes:
        content = body if isinstance(body, bytes) else b"" if body is None else _json(body)
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}:{self._port}"]
        if content:
            lines.append(f"Content-Length: {len(content)}")
            if "Content-Type" not in headers:
                lines.append("Content-Type: application/json")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + content


def _json(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


async def _reply(reader: asyncio.StreamReader) -> Reply:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    if headers.get("transfer-encoding") == "chunked":
        body = await _chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Reply(int(first.split(" ", 2)[1]), headers, body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readexactly(2)
    return b"".join(parts)
