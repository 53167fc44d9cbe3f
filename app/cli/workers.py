"""Several worker processes on one address, and their orderly end.

The parent listens as well, though it accepts nothing. So it stops listening before they do; else
new connections would wait there in vain for its end.
"""

from uvicorn.supervisors.multiprocess import Multiprocess


class Workers(Multiprocess):
    """Several worker processes on one address."""

    def terminate_all(self) -> None:
        """Listen no more, and have the workers end."""
        for each in self.sockets:
            each.close()
        super().terminate_all()
