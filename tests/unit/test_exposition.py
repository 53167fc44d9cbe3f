"""Prometheus' own linter finds nothing wrong with what is exported."""

import shutil
import subprocess

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
