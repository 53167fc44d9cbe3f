"""A lock on a file, kept by the kernel: it ends with its last holder, even with a killed one."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from app.domain.errors import EmbeddedDatabaseError
from app.store.embedded.owner import Owner

PAUSE = 0.01


class Lock:
    """An open lock file; a process that inherits `fd` holds the lock as well."""

    def __init__(self, path: Path, owner: Owner) -> None:
        self.path = path
        self.fd = owner.open_file(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go; closing twice does no harm."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def take(self) -> bool:
        """Take the lock for this holder alone, unless anybody else has it."""
        return self._lock(fcntl.LOCK_EX)

    def share(self) -> bool:
        """Take the lock together with others, unless one has it alone."""
        return self._lock(fcntl.LOCK_SH)

    def wait(self, patience: float) -> None:
        """Take the lock for this holder alone; wait for others that have it."""
        until = time.monotonic() + patience
        while not self.take():
            if time.monotonic() > until:
                raise EmbeddedDatabaseError(
                    f"another process has been starting or stopping the embedded database for"
                    f" {patience:.0f} s (`fuser {self.path}` names it); stop it and try again"
                )
            time.sleep(PAUSE)

    def _lock(self, operation: int) -> bool:
        try:
            fcntl.flock(self.fd, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
