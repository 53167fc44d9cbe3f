"""Where the server's socket is: a folder that only the owner (and root) can enter.

It is `run/` in the data folder. The path of a socket may have about a hundred bytes; where the data
folder lies deeper, the socket gets a private folder under /tmp instead, noted in the data folder.
"""

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from app.store.embedded.owner import Owner

PORT = 5432
"""Not a TCP port: nothing listens there. It is part of the socket's name."""
SOCKET_FOLDER = "run"
SOCKET_NAME = f".s.PGSQL.{PORT}"
LONGEST_PATH = 103
"""In bytes; macOS allows the fewest."""
SHORT_BASE = "/tmp"  # noqa: S108 - mkdtemp makes the folder private
NOTE = "socket-folder"


def socket_folder(data_dir: Path, owner: Owner) -> Path:
    """Return the folder for a new server's socket, made if need be; no other server runs.

    What a killed server left there is removed, because PostgreSQL would heed its lock file as soon
    as its process id is in use again.
    """
    inside = data_dir / SOCKET_FOLDER
    if len(os.fsencode(inside / SOCKET_NAME)) <= LONGEST_PATH:
        owner.make_folder(inside)
        folder = inside
    else:
        folder = _noted(data_dir, owner) or _make_short(data_dir, owner)
    _clear(folder)
    return folder


def forget_socket_folder(data_dir: Path, owner: Owner) -> None:
    """Remove the private folder under /tmp, if there is one; the server is stopped."""
    noted = _noted(data_dir, owner)
    if noted:
        _clear(noted)
        with contextlib.suppress(OSError):
            noted.rmdir()
    (data_dir / NOTE).unlink(missing_ok=True)


def _make_short(data_dir: Path, owner: Owner) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="vsm-", dir=SHORT_BASE))
    owner.take(folder)
    fd = owner.open_file(data_dir / NOTE)
    with open(fd, "w", encoding="utf-8") as note:  # noqa: PTH123 - opened by us, follows no link
        note.truncate()
        note.write(str(folder))
    return folder


def _clear(folder: Path) -> None:
    for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
        (folder / name).unlink(missing_ok=True)


def _noted(data_dir: Path, owner: Owner) -> Path | None:
    """Return the noted folder if it still is what we made: the owner's, and closed to others."""
    try:
        folder = Path((data_dir / NOTE).read_text(encoding="utf-8"))
        found = folder.lstat()
    except OSError:
        return None
    ours = found.st_uid == owner.uid and stat.S_IMODE(found.st_mode) == stat.S_IRWXU
    return folder if ours and stat.S_ISDIR(found.st_mode) else None
