"""Every alert fires when it should and only then, and leads to a runbook."""

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.test_dashboards import EXPORTED

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ROOT / "platform" / "apps" / "vsm-service" / "prometheusrule.yaml"
RUNBOOKS = ROOT / "docs" / "runbooks"
CASES = ROOT / "tests" / "alerts.yaml"
SECTIONS = ["Symptom", "What it means", "How to look", "What to do"]
SEVERITIES = {"warning", "critical"}


@cache
def groups() -> Any:
    return yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))["spec"]["groups"]


def alerts() -> list[dict[str, Any]]:
    return [rule for group in groups() for rule in group["rules"]]


NAMES = [rule["alert"] for rule in alerts()]


def promtool(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    binary = shutil.which("promtool")
    if binary is None:
        pytest.skip("promtool is not installed; it comes with Debian's package prometheus")
    return subprocess.run(
        [binary, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def write(rules: Any, folder: Path) -> None:
    (folder / "rules.yml").write_text(json.dumps({"groups": rules}))  # JSON is YAML


def test_the_rules_are_sound(tmp_path: Path) -> None:
    write(groups(), tmp_path)
    checked = promtool("check", "rules", "--lint-fatal", "rules.yml", folder=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_alerts_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    bare = [
        {
            **group,
            "rules": [{k: v for k, v in rule.items() if k != "annotations"} for rule in rules],
        }
        for group in groups()
        for rules in [group["rules"]]
    ]
    write(bare, tmp_path)
    shutil.copy(CASES, tmp_path / "cases.yml")
    tested = promtool("test", "rules", "cases.yml", folder=tmp_path)
    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(name: str) -> None:
    cases = yaml.safe_load(CASES.read_text(encoding="utf-8"))["tests"]
    fires = [
        bool(each.get("exp_alerts"))
        for case in cases
        for each in case["alert_rule_test"]
        if each["alertname"] == name
    ]
    assert set(fires) == {True, False}


@pytest.mark.parametrize("rule", alerts(), ids=NAMES)
def test_an_alert_says_how_bad_it_is_and_leads_to_a_runbook(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in SEVERITIES
    assert rule["for"]
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"].endswith(f"/docs/runbooks/{rule['alert']}.md")
    runbook = (RUNBOOKS / f"{rule['alert']}.md").read_text(encoding="utf-8")
    assert runbook.startswith(f"# {rule['alert']}\n")
    assert re.findall(r"^## (.+)$", runbook, re.MULTILINE) == SECTIONS


def test_every_runbook_belongs_to_an_alert_and_is_listed() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"} == set(NAMES)
    listed = (RUNBOOKS / "README.md").read_text(encoding="utf-8")
    assert [
        line.strip("| ").split(" | ") for line in listed.splitlines() if line.startswith("| [")
    ] == [
        [f"[{each['alert']}]({each['alert']}.md)", each["labels"]["severity"], each["for"]]
        for each in alerts()
    ]


@pytest.mark.parametrize("rule", alerts(), ids=NAMES)
def test_an_alert_asks_for_series_that_are_exported(rule: dict[str, Any]) -> None:
    asked = re.findall(r"\bvsm_\w+", rule["expr"])
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in asked} <= EXPORTED
