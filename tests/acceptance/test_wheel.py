"""The wheel that the image installs: all of the package, its migrations and the dashboard."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_DELIVERED = {"__pycache__"}


def test_the_wheel_holds_the_package_the_migrations_and_the_dashboard(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="requirements-build.txt is not installed")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory"]
    built = subprocess.run(
        [*command, tmp_path], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("vsm_service-*.whl")
    packed = set(ZipFile(wheel).namelist())
    sources = {
        str(path.relative_to(ROOT))
        for folder in ("app", "migrations")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not NOT_DELIVERED & set(path.parts)
    }
    assert {name for name in packed if ".dist-info/" not in name} == sources
    assert "app/web/index.html" in packed
    assert any(name.startswith("app/web/assets/") for name in packed)
