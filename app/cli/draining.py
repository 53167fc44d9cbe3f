"""An orderly end: what a client has sent before it could know is answered.

When it is stopped, uvicorn closes connections that are idle. A client may be sending a request
there at that moment, which is then lost without an answer. So an idle connection stays open for
another second; a request that comes on it is answered, with `Connection: close`.

It also leaves connections that the kernel has made and nobody has accepted yet; the kernel resets
them, whatever was sent there. So they are accepted when the service ceases to listen.
"""

import asyncio
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import Server, ServerState

from app.cli.joined_writes import JoinedWrites

PATIENCE = 1.0
"""Seconds in which a request that is under way has come."""
TURN = 0.01
"""Seconds after which the event loop has read what lay there already."""


class State(ServerState):
    """What the connections of a server know of it."""

    stopping = False


class Draining(HttpToolsProtocol):
    """One connection."""

    server_state: State

    def connection_made(self, transport: Any) -> None:
        """Begin to serve the connection; what is written there goes by JoinedWrites."""
        super().connection_made(JoinedWrites(transport))  # type: ignore[arg-type] # stands for it
        if self.server_state.stopping:
            self.shutdown()

    def shutdown(self) -> None:
        """Answer what there is and what is under way, and close."""
        if self._is_idle():
            self.loop.call_later(PATIENCE, self.loop.call_later, TURN, self._close_idle)
        else:
            super().shutdown()

    def on_headers_complete(self) -> None:
        """Begin to answer a request; the last one when the service is being stopped."""
        super().on_headers_complete()
        cycle: RequestResponseCycle | None = self.cycle
        if self.server_state.stopping and cycle:
            cycle.keep_alive = False

    def _is_idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _close_idle(self) -> None:
        if self._is_idle():
            self.transport.close()


class DrainingServer(Server):
    """A server whose end leaves no connection without an answer."""

    server_state: State

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.server_state = State()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept what waits, listen no more, answer all there is, and end."""
        self.server_state.stopping = True
        taken = self._cease_to_listen(sockets or [])
        loop = asyncio.get_running_loop()
        for each in taken:
            with suppress(OSError):  # it may have gone meanwhile
                await loop.connect_accepted_socket(self._connection, each)
        await super().shutdown(sockets)

    def _cease_to_listen(self, sockets: Iterable[socket.socket]) -> list[socket.socket]:
        """Close what listens, and return the connections that waited there.

        Nothing may come between the last look and the end: it is one turn of the event loop, and
        the descriptor that is looked at is the last one of this process.
        """
        listening = [
            socket.socket(fileno=os.dup(each.fileno()))
            for server in self.servers
            for each in server.sockets
        ]
        for server in self.servers:
            server.close()
        for each in sockets:
            each.close()
        taken: list[socket.socket] = []
        for each in listening:
            with each:
                taken += _waiting(each)
        return taken

    def _connection(self) -> Draining:
        return Draining(self.config, self.server_state, self.lifespan.state)


def _waiting(listening: socket.socket) -> Iterator[socket.socket]:
    listening.setblocking(False)
    while True:
        try:
            connection, _ = listening.accept()
        except ConnectionAbortedError:  # this one has gone, others may wait
            continue
        except OSError:
            return
        connection.setblocking(False)
        yield connection


def run(application: str, **options: Any) -> None:
    """Serve what the application's factory makes, until a signal comes."""
    config = Config(application, factory=True, http=Draining, **options)
    if config.workers > 1:
        from app.cli.workers import Workers  # noqa: PLC0415 - one worker needs no other processes

        Workers(config, [config.bind_socket()]).run()
    else:
        DrainingServer(config).run()
