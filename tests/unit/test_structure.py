"""The shape of the code: short modules, pure definitions, one lock, generated files up to date."""

import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import __version__
from app.main import create_app
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
APP = sorted((ROOT / "app").rglob("*.py"))
PURE = sorted(path for name in ("domain", "flow") for path in (ROOT / "app" / name).rglob("*.py"))

MAX_LINES = 300
LONGER_FOR_A_REASON: dict[str, str] = {}
"""Modules that may be longer, and why."""

CLOCKS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "localtime"),
    ("time", "gmtime"),
}
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", re.IGNORECASE | re.MULTILINE)
REQUIREMENTS = ["requirements.txt", "requirements-dev.txt", "requirements-build.txt"]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def lock() -> dict[str, Any]:
    return tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", APP, ids=relative)
def test_a_module_has_at_most_300_lines(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_LINES or relative(path) in LONGER_FOR_A_REASON


@pytest.mark.parametrize("path", PURE, ids=relative)
def test_domain_and_flow_import_the_standard_library_and_themselves(path: Path) -> None:
    own = ("app.domain", "app.flow") if "flow" in path.parts else ("app.domain",)
    foreign = [
        name
        for name in imported(tree_of(path))
        if name.split(".")[0] not in sys.stdlib_module_names
        and not any(name == package or name.startswith(f"{package}.") for package in own)
    ]
    assert foreign == []


@pytest.mark.parametrize("path", PURE, ids=relative)
def test_domain_and_flow_read_no_clock(path: Path) -> None:
    tree = tree_of(path)
    assert {name.split(".")[0] for name in imported(tree)}.isdisjoint({"time"})
    read = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and (ast.unparse(node.value).split(".")[-1], node.attr) in CLOCKS
    ]
    assert read == []


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_requirements_pin_the_locked_versions(name: str) -> None:
    locked = {(package["name"], package.get("version")) for package in lock()["package"]}
    pins = PIN.findall((ROOT / name).read_text(encoding="utf-8"))
    assert pins
    assert set(pins) - locked == set(), "run `make lock`"


def test_requirements_hold_every_direct_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    direct = {
        "requirements.txt": project["project"]["dependencies"],
        "requirements-dev.txt": project["dependency-groups"]["dev"],
        "requirements-build.txt": [*project["dependency-groups"]["page"], "hatchling"],
    }
    for name, dependencies in direct.items():
        pinned = {package for package, _ in PIN.findall((ROOT / name).read_text(encoding="utf-8"))}
        wanted = {re.split(r"[\[><=~!; ]", each)[0].lower() for each in dependencies}
        assert wanted <= pinned, f"run `make lock`: {wanted - pinned} not in {name}"


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_requirements_name_no_index_and_no_local_path(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    allowed = re.compile(
        r"\s*#|\s+--hash=sha256:[0-9a-f]{64}|[a-z0-9][a-z0-9._-]*==", re.IGNORECASE
    )
    assert [line for line in lines if line and not allowed.match(line)] == []
    assert not re.search(r"https?://|file:|index-url|find-links", "\n".join(lines))


def test_the_lock_names_no_index_but_the_public_one() -> None:
    sources = {json.dumps(package["source"]) for package in lock()["package"]}
    assert sources == {'{"registry": "https://pypi.org/simple"}', '{"editable": "."}'}
    hosts = re.findall(r'url = "(https?://[^/"]+)', (ROOT / "uv.lock").read_text(encoding="utf-8"))
    assert set(hosts) == {"https://files.pythonhosted.org"}


def test_the_version_is_in_the_changelog() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[{re.escape(__version__)}\]", changelog, re.MULTILINE)


def test_the_committed_openapi_document_is_that_of_the_code() -> None:
    app = create_app(Settings.read({}), "postgresql+asyncpg://unused/unused")
    committed = json.loads((ROOT / "openapi.json").read_text(encoding="utf-8"))
    is_current = committed == json.loads(json.dumps(app.openapi()))
    assert is_current, "run `make openapi`"
