"""The manifests as tests see them: each file alone, and what kustomize makes of an overlay."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
PLATFORM = ROOT / "platform"
APPS = PLATFORM / "apps"

Manifest = dict[str, Any]


class Manifests:
    """A set of manifests that are deployed together; each is known by its kind and name."""

    def __init__(self, manifests: list[Manifest]) -> None:
        self.all = manifests

    def of_kind(self, kind: str) -> list[Manifest]:
        return [each for each in self.all if each["kind"] == kind]

    def one(self, kind: str, name: str | None = None) -> Manifest:
        (found,) = [each for each in self.of_kind(kind) if name in (None, each["metadata"]["name"])]
        return found

    @property
    def pod(self) -> Manifest:
        """The pod of the service."""
        pod: Manifest = self.one("Deployment")["spec"]["template"]
        return pod

    @property
    def containers(self) -> list[Manifest]:
        """The containers of that pod, the one that migrates first."""
        return [*self.pod["spec"]["initContainers"], *self.pod["spec"]["containers"]]


RECOVERY = PLATFORM / "recovery" / "db-vsm-recovered.yaml"
"""An example that is applied by hand when it is needed; no part of a deployment."""


@cache
def files() -> tuple[Path, ...]:
    """Return every file of manifests that is applied by itself."""
    found = sorted(APPS.rglob("*.yaml"))
    return tuple(path for path in found if path.name != "kustomization.yaml")


class StrictLoader(yaml.SafeLoader):
    """Refuses a key that is said twice, as the API server does."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key) for key, _value in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.constructor.ConstructorError(
                None, None, f"said twice: {twice}", node.start_mark
            )
        return super().construct_mapping(node, deep)


def load(text: str) -> Manifests:
    documents = yaml.load_all(text, StrictLoader)
    return Manifests([each for each in documents if each])


def read(path: Path) -> Manifests:
    return load(path.read_text(encoding="utf-8"))


@cache
def renderer() -> tuple[str, ...] | None:
    """Return the command that renders a folder, if there is a kustomize of version 5."""
    if shutil.which("kustomize"):
        return ("kustomize", "build")
    if not shutil.which("kubectl"):
        return None
    told = subprocess.run(
        ["kubectl", "version", "--client", "--output=json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    version = json.loads(told.stdout or "{}").get("kustomizeVersion", "")
    return ("kubectl", "kustomize") if version.startswith("v5") else None


@cache
def rendered(name: str) -> Manifests:
    """Render an overlay, or skip where nothing can."""
    command = renderer()
    if command is None:
        pytest.skip("neither kustomize nor kubectl 1.27 or newer is installed")
    done = subprocess.run(
        [*command, str(PLATFORM / "overlays" / name)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return load(done.stdout)


def plain() -> Manifests:
    """Return what the single files hold, as `kubectl apply -f` sends them."""
    return Manifests([each for path in files() for each in read(path).all])


@pytest.fixture(params=["plain", "dev", "production"])
def deployed(request: pytest.FixtureRequest) -> Manifests:
    """Each way of deploying the service."""
    return plain() if request.param == "plain" else rendered(request.param)


@pytest.fixture
def production() -> Manifests:
    return rendered("production")


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value inside a manifest with its path."""
    yield path, value
    if isinstance(value, dict):
        for key, each in value.items():
            yield from walk(each, f"{path}.{key}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from walk(each, f"{path}[{index}]")
