"""The embedded database: a real PostgreSQL 18 on this machine, with nothing to install.

    postgres.py       this process's use of it: start, stop, is_running, reset
    server.py         the one server of a data folder, whichever process started it
    cluster.py        the data: made aside and moved into place, or refused
    socket_folder.py  where the server listens: a private folder, no TCP
    archives.py       backups of the database, and their return
    programs.py       PostgreSQL's programs, from a package or a copy of it
    owner.py          the operating-system user that runs it; root never does
    lock.py           locks that end with their holders

Three locks in the data folder say everything, and the kernel keeps them: `start.lock` is held while
a process starts or stops the server, `users.lock` is shared by all that use it, and `server.lock`
is inherited by every PostgreSQL process. A killed process, of ours or of PostgreSQL's, lets go of
its locks, so the next start finds the truth whatever happened before. No process runs beside the
server, nothing is registered to run at exit, and no signal handler is installed.
"""

from app.domain.errors import EmbeddedDatabaseError
from app.store.embedded.postgres import EmbeddedPostgres, default_data_dir, is_running, reset

__all__ = [
    "EmbeddedDatabaseError",
    "EmbeddedPostgres",
    "default_data_dir",
    "is_running",
    "reset",
]
