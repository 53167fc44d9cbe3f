"""Several worker processes on one address, and their orderly end.

The parent listens as well, though it accepts nothing. So it stops listening before they do; else
new connections would wait there in vain for its end.
"""

from uvicorn.server import Server
from uvicorn.supervisors import multiprocess

from app.cli.draining import DrainingServer


class Worker(multiprocess.Process):
    """One worker process, whose end leaves no connection without an answer."""

    @property
    def server(self) -> Server:
        """The server that runs in the process."""
        if self._server is None:
            self._server = DrainingServer(self.config)
        return self._server


multiprocess.Process = Worker  # type: ignore[misc] # the supervisor has no other place to name it


class Workers(multiprocess.Multiprocess):
    """Several worker processes on one address."""

    def terminate_all(self) -> None:
        """Listen no more, and have the workers end."""
        for each in self.sockets:
            each.close()
        super().terminate_all()
