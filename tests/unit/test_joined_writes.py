"""What is written in one turn of the event loop leaves in one piece and in order."""

import asyncio
from typing import cast

from app.cli.joined_writes import JoinedWrites


class Socket:
    """Notes what is done to it."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.seen.append(data)

    def close(self) -> None:
        self.seen.append(b"closed")

    def get_extra_info(self, name: str) -> str:
        return f"the {name}"


def joined() -> tuple[Socket, JoinedWrites]:
    socket = Socket()
    return socket, JoinedWrites(cast("asyncio.Transport", socket))


async def test_head_and_body_are_one_write() -> None:
    socket, transport = joined()
    transport.write(b"head ")
    transport.write(b"body")
    assert socket.seen == []
    await asyncio.sleep(0)
    transport.write(b"next")
    await asyncio.sleep(0)
    assert socket.seen == [b"head body", b"next"]


async def test_what_is_pending_is_sent_before_the_end() -> None:
    socket, transport = joined()
    transport.write(b"last words")
    transport.close()
    await asyncio.sleep(0)
    assert socket.seen == [b"last words", b"closed"]


async def test_all_else_is_the_transports_own() -> None:
    _, transport = joined()
    assert transport.get_extra_info("peername") == "the peername"
