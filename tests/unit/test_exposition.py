"""Prometheus' own linter finds nothing wrong with what is exported."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.observed import everything

KEPT_NAMES = {
    "vsm_cycle_time_hours": "use base unit",  # a promised name; the base unit is beside it
    # exact quantiles of a moving window: a summary's are of all time, and streamed
    "_time_quantile_seconds": 'should not have "quantile" label',
}


def test_promtool_finds_nothing_wrong() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed; it comes with the package prometheus")
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=everything(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    found = (checked.stdout + checked.stderr).decode().splitlines()
    unexpected = [
        line
        for line in found
        if not any(name in line and reason in line for name, reason in KEPT_NAMES.items())
    ]
    assert unexpected == []


def test_gauges_of_workers_add_up_while_they_live(tmp_path: Path) -> None:
    script = """
import subprocess, sys
from app.telemetry import Observation
from app.telemetry.exposition import exposition
from app.telemetry.process import POOL_IN_USE

def in_use():
    lines = exposition(Observation()).decode().splitlines()
    return next(line for line in lines if line.startswith("vsm_database_pool_in_use "))

POOL_IN_USE.inc(2)
worker = subprocess.Popen(
    [sys.executable, "-c", "from app.telemetry.process import POOL_IN_USE as p; p.inc(3);"
     "print(flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
worker.stdout.readline()
print(in_use())
worker.kill()
worker.wait()
print(in_use())
"""
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert run.stdout.splitlines() == [
        "vsm_database_pool_in_use 5.0",
        "vsm_database_pool_in_use 2.0",
    ]
