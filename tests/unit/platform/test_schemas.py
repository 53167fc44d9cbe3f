"""Every manifest fits the schemas of the API server, with no field that it does not know."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.conftest import SHARED
from tests.unit.platform.conftest import (
    APPS,
    PLATFORM,
    RECOVERY,
    ROOT,
    Manifest,
    Manifests,
    files,
    load,
    read,
    rendered,
)

KUBERNETES = ["1.30", "1.34", kubernetes_validate.latest_version()]
"""The oldest version that knows what is used (`preStop.sleep`), and newer ones."""

CRDS = SHARED / "crds"
OWN_SCHEMAS = {
    "postgresql.cnpg.io",
    "monitoring.coreos.com",
    "argoproj.io",
    "barmancloud.cnpg.io",
}
NO_SCHEMA = {"barmancloud.cnpg.io"}
"""Groups whose definitions are not among the schemas: these manifests are checked by reading."""


def group(manifest: Manifest) -> str:
    name, slash, _version = manifest["apiVersion"].partition("/")
    return str(name) if slash else ""


def custom_files() -> list[Path]:
    return [path for path in files() if {group(each) for each in read(path).all} & OWN_SCHEMAS]


def mistakes(manifest: Manifest, version: str) -> str | None:
    """Return what an API server would refuse, None where all is well."""
    try:
        kubernetes_validate.validate(manifest, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{manifest['kind']} {'.'.join(map(str, error.path))}: {error.message}"
    return None


@cache
def schema(manifest_group: str, kind: str, version: str) -> dict[str, Any]:
    file = CRDS / f"{manifest_group}_{kind.lower()}_{version}.json"
    # Go takes a pattern's flags behind its ^, Python wants them first
    text = file.read_text(encoding="utf-8").replace('"^(?i)', '"(?i)^')
    found: dict[str, Any] = json.loads(text)
    return found


def check_core(manifests: Manifests, version: str) -> None:
    core = [each for each in manifests.all if group(each) not in OWN_SCHEMAS]
    assert [problem for each in core if (problem := mistakes(each, version))] == []


def check_custom(manifests: Manifests) -> None:
    if not CRDS.exists():
        pytest.skip("the schemas of custom resources are not beside this checkout")
    for each in manifests.all:
        if group(each) in OWN_SCHEMAS - NO_SCHEMA:
            version = each["apiVersion"].rpartition("/")[2]
            # not jsonschema.validate: it would judge the schemas, too, which are not ours
            known = schema(group(each), each["kind"], version)
            jsonschema.Draft7Validator(known).validate(each)


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(APPS)))
def test_a_file_fits_the_core_schemas_strictly(path: Path, version: str) -> None:
    check_core(read(path), version)


@pytest.mark.parametrize("path", custom_files(), ids=lambda path: str(path.relative_to(APPS)))
def test_a_file_fits_the_schemas_of_custom_resources_strictly(path: Path) -> None:
    check_custom(read(path))


@pytest.mark.parametrize("overlay", ["dev", "production"])
def test_an_overlay_fits_all_schemas_strictly(overlay: str) -> None:
    manifests = rendered(overlay)
    for version in KUBERNETES:
        check_core(manifests, version)
    check_custom(manifests)


def test_an_unknown_field_is_refused() -> None:
    service = read(APPS / "vsm-service" / "service.yaml").one("Service")
    service["spec"]["portz"] = []
    assert "portz" in (mistakes(service, KUBERNETES[0]) or "")


def test_an_unknown_field_of_a_custom_resource_is_refused() -> None:
    cluster = read(APPS / "postgresql" / "db-vsm-cluster.yaml")
    cluster.one("Cluster")["spec"]["managed"] = {"services": {"primary": {}}}
    with pytest.raises(jsonschema.ValidationError, match="primary"):
        check_custom(cluster)


def test_a_key_that_is_said_twice_is_refused() -> None:
    with pytest.raises(yaml.YAMLError, match="said twice"):
        load("kind: Service\nkind: Secret\n")


def test_the_example_of_a_recovery_fits_the_schema_and_the_backups() -> None:
    recovered = read(RECOVERY).one("Cluster")
    production = rendered("production")
    (source,) = recovered["spec"]["externalClusters"]
    assert recovered["spec"]["bootstrap"]["recovery"]["source"] == source["name"]
    parameters = source["plugin"]["parameters"]
    assert parameters["serverName"] == production.one("Cluster")["metadata"]["name"]
    assert parameters["barmanObjectName"] == production.one("ObjectStore")["metadata"]["name"]
    check_custom(read(RECOVERY))


def test_every_file_of_the_base_is_in_its_kustomization() -> None:
    base = yaml.safe_load((APPS / "kustomization.yaml").read_text(encoding="utf-8"))
    application = "vsm-service-application.yaml"  # Argo CD's own; it deploys the others
    expected = {str(path.relative_to(APPS)) for path in files()} - {application}
    listed = {each for each in base["resources"] if each.endswith(".yaml")}
    assert listed == expected, "list it in platform/apps/kustomization.yaml"


def test_every_file_of_an_overlay_is_used_by_it() -> None:
    for folder in sorted((PLATFORM / "overlays").iterdir()):
        told = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
        used = {*told["resources"], *(patch.get("path") for patch in told.get("patches", ()))}
        there = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
        assert there <= used


def test_the_application_points_at_an_overlay_that_is_there() -> None:
    application = read(APPS / "vsm-service-application.yaml").one("Application")
    source = application["spec"]["source"]
    assert (ROOT / source["path"] / "kustomization.yaml").is_file()
    assert application["spec"]["destination"]["namespace"] == "fawkes"
