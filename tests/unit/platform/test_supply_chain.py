"""What comes in is pinned and its licence is known; what must not go out is found."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
PERMISSIVE = {
    *("0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0"),
    *("MPL-2.0", "PSF-2.0", "Unlicense", "Zlib"),
}
"""Licences that may be delivered together with the Apache License 2.0."""

ROW = re.compile(r"^\| `([^`]+)` \| (\S+) \| (.+) \|$", re.MULTILINE)
PLANTED = "AKIA" + "IOSFODNN7EXAMPLQ"


def licences() -> ModuleType:
    """Return the program that writes the page."""
    spec = importlib.util.spec_from_file_location("licences", ROOT / ".ci" / "licences.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def listed() -> list[tuple[str, ...]]:
    return ROW.findall((ROOT / "docs" / "licences.md").read_text(encoding="utf-8"))


def test_the_page_of_licences_lists_what_is_locked() -> None:
    program = licences()
    locked = {*program.pinned(), *(row[:2] for row in program.web_rows())}
    assert {row[:2] for row in listed()} == locked, "run `make licences`"


def test_every_licence_may_be_delivered_with_ours() -> None:
    for name, _version, told in listed():
        choices = [set(re.split(r" AND ", each)) for each in re.split(r" OR ", told.strip("()"))]
        assert any(choice <= PERMISSIVE for choice in choices), (name, told)


def steps() -> list[dict[str, Any]]:
    jobs = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def test_every_action_is_pinned_by_commit_and_says_its_version() -> None:
    uses = re.findall(r"uses: (.*)", WORKFLOW.read_text(encoding="utf-8"))
    assert len(uses) == sum("uses" in step for step in steps())
    pinned = re.compile(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert [each for each in uses if not pinned.fullmatch(each)] == []


def test_the_workflow_may_only_read_unless_a_job_says_more() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    writing = {name for name, job in workflow["jobs"].items() if "permissions" in job}
    assert writing == {"image"}


def test_the_workflow_runs_what_ci_runs_and_no_text_of_strangers() -> None:
    scripts = [step["run"] for step in steps() if "run" in step]
    assert "bash .ci/run" in scripts
    assert any("./validate.sh" in script for script in scripts)
    assert not [script for script in scripts if "${{" in script]  # values come by environment


def test_renovate_is_told_of_every_pin_that_it_would_not_find() -> None:
    configuration = json.loads((ROOT / "renovate.json").read_text(encoding="utf-8"))
    for manager in configuration["customManagers"]:
        (pattern,) = manager["managerFilePatterns"]
        files = [
            path
            for path in (ROOT / "Dockerfile", ROOT / "Makefile", *(ROOT / "platform").rglob("*.*"))
            if re.search(pattern.strip("/"), str(path.relative_to(ROOT)))
        ]
        (text,) = manager["matchStrings"]
        found = re.compile(text.replace("(?<", "(?P<"))
        assert any(found.search(path.read_text(encoding="utf-8")) for path in files), manager


def scan(path: Path) -> subprocess.CompletedProcess[str]:
    hook = Path(sys.executable).with_name("detect-secrets-hook")
    return subprocess.run(
        [hook, "--baseline", ROOT / ".secrets.baseline", path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (f"key = '{PLANTED}'", 1),
        (f"password = '{PLANTED[4:]}'", 1),
        ("password = 'change-me'", 0),
    ],
)
def test_the_scan_finds_a_secret_and_leaves_placeholders_alone(
    tmp_path: Path, line: str, status: int
) -> None:
    leak = tmp_path / "settings.py"
    leak.write_text(f"{line}\n", encoding="utf-8")
    assert scan(leak).returncode == status


def test_the_scan_excuses_no_secret_by_a_list() -> None:
    baseline = json.loads((ROOT / ".secrets.baseline").read_text(encoding="utf-8"))
    assert baseline["results"] == {}
