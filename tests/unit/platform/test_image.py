"""The image's recipe: one version everywhere, clean by its linters, built by what is there."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.tags import Tag, cpython_tags
from packaging.utils import parse_wheel_filename

from app import __version__

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ["build.sh", "validate.sh", ".ci/run"]
BUILDERS = ["docker", "podman", "buildah"]
PYTHONS = [(3, 11), (3, 12), (3, 13)]
MACHINES = ["x86_64", "aarch64"]


def tool(name: str) -> str:
    """Return a linter from the environment or the path, or skip."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} has no wheel for this system and is not installed")
    return found


def run(*command: str | Path, cwd: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    linted = run(tool("hadolint"), "--no-color", "Dockerfile")
    assert (linted.returncode, linted.stdout) == (0, "")


@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_finds_nothing_in_the_scripts(script: str) -> None:
    linted = run(tool("shellcheck"), script)
    assert (linted.returncode, linted.stdout) == (0, "")


def test_the_image_says_the_version_of_the_package() -> None:
    recipe = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"^ARG VERSION=(.*)$", recipe, re.MULTILINE) == [__version__]


def test_the_image_runs_without_root_and_without_a_shell() -> None:
    recipe = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    runtime = recipe.partition(" AS runtime\n")[2]
    assert "\nUSER 10001:10001\n" in runtime
    commands = re.findall(r"^(?:    )?(?:CMD|ENTRYPOINT) (.*)$", runtime, re.MULTILINE)
    assert len(commands) == 2  # the health check's and the container's
    assert all(command.startswith("[") for command in commands)


def test_the_build_sees_nothing_but_what_the_image_is_made_of() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule[1:].rstrip("/") for rule in rules if rule.startswith("!")}
    assert allowed <= {"app", "migrations", "web", "alembic.ini", "pyproject.toml"} | {
        *("README.md", "LICENSE", "requirements.txt", "requirements-build.txt")
    }


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("version", PYTHONS)
def test_every_dependency_has_a_wheel(version: tuple[int, int], machine: str) -> None:
    """The image is built from wheels alone, on each supported Python and machine."""
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(17, 41)]
    platforms += [f"manylinux2014_{machine}", f"linux_{machine}"]
    abi = f"cp{version[0]}{version[1]}"
    usable = {*cpython_tags(version, [abi, "abi3", "none"], platforms)}
    usable |= {Tag(python, "none", "any") for python in ("py3", "py2.py3", "py2")}
    usable |= {Tag("py3", "none", platform) for platform in platforms}
    packages = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([a-z0-9._-]+)==", pins, re.MULTILINE))
    assert pinned
    without = [
        package["name"]
        for package in packages
        if package["name"] in pinned
        and not any(
            usable & parse_wheel_filename(wheel["url"].rpartition("/")[2])[3]
            for wheel in package["wheels"]
        )
    ]
    assert without == []


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with build.sh, and programs that write down how they were called."""
    (tmp_path / "app").mkdir()
    shutil.copy(ROOT / "app" / "__init__.py", tmp_path / "app")
    shutil.copy(ROOT / "build.sh", tmp_path)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("git", "sed", "date", "dirname", "mkdir", "cat"):
        found = shutil.which(name)
        if found:
            (programs / name).symlink_to(found)
    (tmp_path / ".tools/uv/bin").mkdir(parents=True)
    for program in (programs / "make", tmp_path / ".tools/uv/bin/uv"):
        stub(program, "exit 0")
    return tmp_path


def stub(program: Path, body: str) -> None:
    program.write_text(f"#!/bin/bash\n{body}\n", encoding="utf-8")
    program.chmod(0o755)


def build(checkout: Path, *installed: str, **environ: str) -> subprocess.CompletedProcess[str]:
    for name in installed:
        stub(checkout / "programs" / name, 'echo "called: ${0##*/} $*"')
    bash = shutil.which("bash") or "/bin/bash"
    path = str(checkout / "programs")
    return run(bash, "./build.sh", cwd=checkout, PATH=path, **environ)


@pytest.mark.parametrize("builder", BUILDERS)
def test_the_build_uses_the_builder_that_is_there_and_names_it(
    checkout: Path, builder: str
) -> None:
    built = build(checkout, builder)
    assert built.returncode == 0, built.stderr
    assert f"vsm-service:{__version__} with {builder}\n" in built.stdout
    called = [line for line in built.stdout.splitlines() if line.startswith("called:")][-1]
    assert called.startswith(f"called: {builder} build ")
    assert f"--build-arg VERSION={__version__} " in called
    assert f"vsm-service:{__version__} ." in called
    assert ("--format docker" in called) == (builder != "docker")


def test_a_docker_without_its_engine_is_passed_over(checkout: Path) -> None:
    stub(checkout / "programs" / "docker", "exit 1")
    assert " with buildah\n" in build(checkout, "buildah").stdout


def test_without_any_builder_the_build_says_what_is_needed(checkout: Path) -> None:
    built = build(checkout)
    assert built.returncode == 1
    assert "docker, podman or buildah is needed" in built.stderr


def test_image_tag_and_base_can_be_chosen(checkout: Path) -> None:
    chosen = {"IMAGE": "registry.example.com/vsm", "TAG": "7", "PYTHON_IMAGE": "python@sha256:0"}
    called = build(checkout, "podman", **chosen).stdout
    assert "--build-arg PYTHON_IMAGE=python@sha256:0 " in called
    assert "--tag registry.example.com/vsm:7 ." in called
