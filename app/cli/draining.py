"""An orderly end: what a client has sent before it could know is answered.

When it is stopped, uvicorn closes connections that are idle. A client may be sending a request
there at that moment, which is then lost without an answer. So an idle connection stays open for
another second; a request that comes on it is answered, with `Connection: close`.
"""

from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import Server

from app.cli.joined_writes import JoinedWrites

PATIENCE = 1.0
"""Seconds in which a request that is under way has come."""


class Draining(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._stopping = False

    def connection_made(self, transport: Any) -> None:
        """Begin to serve the connection; what is written there goes by JoinedWrites."""
        super().connection_made(JoinedWrites(transport))  # type: ignore[arg-type] # stands for it

    def shutdown(self) -> None:
        """Answer what there is and what is under way, and close."""
        self._stopping = True
        if self._is_idle():
            self.loop.call_later(PATIENCE, self._close_idle)
        else:
            super().shutdown()

    def on_headers_complete(self) -> None:
        """Begin to answer a request; the last one when the service is being stopped."""
        super().on_headers_complete()
        cycle: RequestResponseCycle | None = self.cycle
        if self._stopping and cycle:
            cycle.keep_alive = False

    def _is_idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _close_idle(self) -> None:
        if self._is_idle():
            self.transport.close()


def run(application: str, **options: Any) -> None:
    """Serve what the application's factory makes, until a signal comes."""
    config = Config(application, factory=True, http=Draining, **options)
    if config.workers > 1:
        from app.cli.workers import Workers  # noqa: PLC0415 - one worker needs no other processes

        Workers(config, [config.bind_socket()]).run()
    else:
        Server(config).run()
