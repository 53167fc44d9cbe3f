"""What the manifests promise: they fit together, survive a rollout, and give nothing away."""

import re
import tomllib
from typing import Any

import pytest

from app import __version__
from app.cli.serving import GRACE
from app.settings import SETTINGS
from app.store.shared import CONNECTIONS
from tests.unit.platform.conftest import PLATFORM, ROOT, Manifests, plain, rendered, walk

CLUSTER_WIDE = {"Namespace"}
ARGO_CD = {"Application"}
READ_BY_THE_DRIVER = {"PGSSLMODE", "PGSSLROOTCERT"}
CONTRACT = {
    "postgresql/db-vsm-cluster.yaml",
    "postgresql/db-vsm-credentials.yaml",
    *(f"vsm-service/{each}.yaml" for each in ("deployment", "service", "ingress")),
    *(f"vsm-service/{each}.yaml" for each in ("configmap", "serviceaccount")),
    "vsm-service-application.yaml",
}
PASSWORD = re.compile(r"password", re.IGNORECASE)
READ = "DATABASE_READ_HOST"


def wave(manifest: dict[str, Any]) -> int:
    annotations = manifest["metadata"].get("annotations", {})
    return int(annotations.get("argocd.argoproj.io/sync-wave", "0"))


def settings_of(deployed: Manifests) -> dict[str, str]:
    data: dict[str, str] = deployed.one("ConfigMap", "vsm-service-config")["data"]
    return data


def cluster_of(deployed: Manifests) -> dict[str, Any]:
    return deployed.one("Cluster")


# ------------------------------------------------------------------ the parts fit together


def test_the_files_that_are_promised_are_there() -> None:
    assert {each for each in CONTRACT if not (PLATFORM / "apps" / each).is_file()} == set()


def test_the_version_is_the_same_everywhere(deployed: Manifests) -> None:
    labels = {
        value
        for each in deployed.all
        for path, value in walk(each)
        if path.endswith(".app.kubernetes.io/version")
    }
    assert labels == {__version__}
    assert {each["image"].rpartition(":")[2] for each in deployed.containers} == {__version__}


def test_everything_is_in_one_namespace_which_comes_first(deployed: Manifests) -> None:
    for each in deployed.all:
        if each["kind"] not in CLUSTER_WIDE | ARGO_CD:
            assert each["metadata"]["namespace"] == "fawkes", each["metadata"]["name"]
    assert deployed.one("Namespace")["metadata"]["name"] == "fawkes"
    order = sorted(deployed.all, key=wave)
    assert order[0]["kind"] == "Namespace"


def test_argo_cd_makes_the_database_before_the_service(deployed: Manifests) -> None:
    waves = [wave(deployed.one(kind)) for kind in ("Namespace", "Cluster", "Deployment")]
    assert waves == sorted(set(waves))
    assert wave(deployed.one("ConfigMap", "vsm-service-config")) < wave(deployed.one("Deployment"))


def test_argo_cd_never_deletes_data(deployed: Manifests) -> None:
    for kind in ("Cluster", "Namespace"):
        options = deployed.one(kind)["metadata"]["annotations"]["argocd.argoproj.io/sync-options"]
        assert {"Prune=false", "Delete=false"} <= set(options.split(","))


def test_whatever_selects_the_service_selects_its_pods(deployed: Manifests) -> None:
    labels = deployed.pod["metadata"]["labels"].items()
    selectors = [
        deployed.one("Service")["spec"]["selector"],
        deployed.one("Deployment")["spec"]["selector"]["matchLabels"],
        deployed.one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        deployed.one("NetworkPolicy", "vsm-service")["spec"]["podSelector"]["matchLabels"],
        *(each["labelSelector"]["matchLabels"] for each in spread(deployed)),
    ]
    assert all(selector.items() <= labels for selector in selectors)
    service = deployed.one("Service")["metadata"]["labels"].items()
    monitor = deployed.one("ServiceMonitor")["spec"]["selector"]["matchLabels"]
    assert monitor.items() <= service
    assert deployed.pod["metadata"]["labels"]["app"] == "vsm-service"


def spread(deployed: Manifests) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = deployed.pod["spec"]["topologySpreadConstraints"]
    return found


def test_port_80_of_the_service_leads_to_port_8000_of_the_container(deployed: Manifests) -> None:
    (port,) = deployed.one("Service")["spec"]["ports"]
    (served,) = deployed.containers[-1]["ports"]
    assert (port["port"], port["targetPort"]) == (80, served["name"])
    assert served["containerPort"] == 8000
    assert deployed.one("Service")["spec"]["type"] == "ClusterIP"
    backend = deployed.one("Ingress")["spec"]["rules"][0]["http"]["paths"][0]["backend"]
    assert backend["service"] == {"name": "vsm-service", "port": {"name": port["name"]}}
    assert deployed.one("ServiceMonitor")["spec"]["endpoints"][0]["port"] == port["name"]


def test_the_settings_are_ones_that_the_service_reads(deployed: Manifests) -> None:
    known = {setting.name for setting in SETTINGS} | READ_BY_THE_DRIVER
    assert set(settings_of(deployed)) <= known
    assert not [name for name in settings_of(deployed) if PASSWORD.search(name)]


def test_the_service_finds_its_database(deployed: Manifests) -> None:
    cluster, settings = cluster_of(deployed), settings_of(deployed)
    name = cluster["metadata"]["name"]
    created = cluster["spec"]["bootstrap"]["initdb"]
    assert settings["DATABASE_HOST"] == f"{name}-rw.fawkes.svc"
    assert settings[READ] == f"{name}-ro.fawkes.svc"
    assert settings["DATABASE_NAME"] == created["database"]
    assert settings["DATABASE_USER"] == created["owner"]
    for kind, named in (("PodMonitor", "db-vsm"), ("NetworkPolicy", "db-vsm")):
        spec = deployed.one(kind, named)["spec"]
        selector = spec.get("selector") or spec["podSelector"]
        assert selector["matchLabels"]["cnpg.io/cluster"] == name


def test_the_password_is_the_one_that_the_database_was_made_with(deployed: Manifests) -> None:
    cluster = cluster_of(deployed)
    made_with = cluster["spec"]["bootstrap"]["initdb"].get("secret")
    # without a secret of ours the operator makes one, named after the cluster
    expected = made_with["name"] if made_with else f"{cluster['metadata']['name']}-app"
    for container in deployed.containers:
        (variable,) = container["env"]
        assert variable["name"] == "DATABASE_PASSWORD"
        assert variable["valueFrom"]["secretKeyRef"] == {"name": expected, "key": "password"}


def test_the_database_has_room_for_the_pools_of_all_replicas(deployed: Manifests) -> None:
    replicas = deployed.one("HorizontalPodAutoscaler")["spec"]["maxReplicas"]
    surge = deployed.one("Deployment")["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
    pool = int(settings_of(deployed)["DATABASE_POOL_SIZE"])
    room = int(cluster_of(deployed)["spec"]["postgresql"]["parameters"]["max_connections"])
    # should reads fall back to the primary, it has twice the pools; 20 are for people and operator
    assert (replicas + surge) * (2 * pool + CONNECTIONS) + 20 <= room


# ------------------------------------------------------------------ it survives


def test_the_database_loses_nothing_with_one_instance(deployed: Manifests) -> None:
    spec = cluster_of(deployed)["spec"]
    assert spec["instances"] == 3
    synchronous = spec["postgresql"]["synchronous"]
    expected = {"method": "any", "number": 1, "dataDurability": "required"}
    assert expected.items() <= synchronous.items()


def test_a_rollout_takes_no_replica_before_another_is_ready(deployed: Manifests) -> None:
    strategy = deployed.one("Deployment")["spec"]["strategy"]
    assert strategy["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert deployed.one("Deployment")["spec"]["replicas"] >= 2
    assert deployed.one("HorizontalPodAutoscaler")["spec"]["minReplicas"] >= 2


def test_the_grace_period_has_room_for_pre_stop_and_requests_in_flight(
    deployed: Manifests,
) -> None:
    waits = deployed.containers[-1]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert waits + GRACE < deployed.pod["spec"]["terminationGracePeriodSeconds"]
    readiness = deployed.containers[-1]["readinessProbe"]
    assert waits > readiness["periodSeconds"]


def test_the_three_probes_ask_three_questions(deployed: Manifests) -> None:
    service = deployed.containers[-1]
    startup, live, ready = (
        service[f"{each}Probe"] for each in ("startup", "liveness", "readiness")
    )
    assert ready["httpGet"]["path"] == "/ready"
    assert live["httpGet"]["path"] == startup["httpGet"]["path"] == "/api/v1/health"
    patience = [each["periodSeconds"] * each["failureThreshold"] for each in (ready, live, startup)]
    assert patience == sorted(set(patience))


def test_replicas_are_kept_apart(deployed: Manifests) -> None:
    affinity = deployed.pod["spec"]["affinity"]["podAntiAffinity"]
    (rule,) = affinity["preferredDuringSchedulingIgnoredDuringExecution"]
    assert rule["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"
    assert spread(deployed)


def test_the_schema_is_migrated_before_the_service_starts(deployed: Manifests) -> None:
    migrate, service = deployed.containers
    assert migrate["command"] == ["vsm", "migrate"]
    assert migrate["image"] == service["image"]
    assert migrate["envFrom"] == service["envFrom"]


# ------------------------------------------------------------------ it gives nothing away


def test_pods_fit_the_restricted_standard(deployed: Manifests) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/, and more."""
    spec = deployed.pod["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 10001
    assert spec["securityContext"]["runAsGroup"] == 10001
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    for container in deployed.containers:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not [port for port in container.get("ports", ()) if "hostPort" in port]
    kinds = {key for volume in spec["volumes"] for key in volume if key != "name"}
    assert kinds <= {"emptyDir", "secret"}


def test_no_token_of_kubernetes_is_in_the_pod(deployed: Manifests) -> None:
    assert deployed.pod["spec"]["automountServiceAccountToken"] is False
    assert deployed.one("ServiceAccount")["automountServiceAccountToken"] is False
    name = deployed.one("ServiceAccount")["metadata"]["name"]
    assert deployed.pod["spec"]["serviceAccountName"] == name


def test_every_container_has_requests_and_limits(deployed: Manifests) -> None:
    for container in deployed.containers:
        for kind in ("requests", "limits"):
            assert container["resources"][kind].keys() == {"cpu", "memory"}


def test_the_development_secret_warns(deployed: Manifests) -> None:
    text = (PLATFORM / "apps/postgresql/db-vsm-credentials.yaml").read_text(encoding="utf-8")
    assert text.startswith("# WARNING: FOR DEVELOPMENT ONLY")
    for secret in deployed.of_kind("Secret"):
        assert "development only" in secret["metadata"]["annotations"]["vsm-service/warning"]


def test_production_has_no_secret_in_git(production: Manifests) -> None:
    assert production.of_kind("Secret") == []
    development = plain().one("Secret")["stringData"]["password"]
    assert development not in str(production.all)


def test_production_verifies_whom_it_talks_to(production: Manifests) -> None:
    assert settings_of(production)["PGSSLMODE"] == "verify-full"
    certificate = settings_of(production)["PGSSLROOTCERT"]
    for container in production.containers:
        mounts = {each["mountPath"] for each in container["volumeMounts"]}
        assert certificate.rpartition("/")[0] in mounts
    (tls,) = production.one("Ingress")["spec"]["tls"]
    hosts = [rule["host"] for rule in production.one("Ingress")["spec"]["rules"]]
    assert tls["hosts"] == hosts


def test_the_database_speaks_tls_only(deployed: Manifests) -> None:
    rules = cluster_of(deployed)["spec"]["postgresql"]["pg_hba"]
    assert [rule.split()[0] for rule in rules] == ["hostssl", "hostnossl"]
    assert rules[-1] == "hostnossl all all all reject"


def test_production_is_backed_up(production: Manifests) -> None:
    (plugin,) = cluster_of(production)["spec"]["plugins"]
    store = production.one("ObjectStore")
    assert plugin["isWALArchiver"] is True
    assert plugin["parameters"]["barmanObjectName"] == store["metadata"]["name"]
    backup = production.one("ScheduledBackup")["spec"]
    assert backup["method"] == "plugin"
    assert backup["pluginConfiguration"]["name"] == plugin["name"]
    assert backup["cluster"]["name"] == cluster_of(production)["metadata"]["name"]
    assert len(backup["schedule"].split()) == 6


def test_the_host_of_the_contract_leads_to_the_development_deployment() -> None:
    for deployed in (plain(), rendered("dev")):
        hosts = [rule["host"] for rule in deployed.one("Ingress")["spec"]["rules"]]
        assert hosts == ["vsm-service.127.0.0.1.nip.io"]
        assert cluster_of(deployed)["metadata"]["name"] == "db-vsm-dev"


@pytest.mark.parametrize("kind", ["body size", "memory"])
def test_an_import_of_the_largest_size_fits(deployed: Manifests, kind: str) -> None:
    largest = int(settings_of(deployed)["VSM_MAX_IMPORT_MB"])
    if kind == "body size":
        annotations = deployed.one("Ingress")["metadata"]["annotations"]
        assert annotations["nginx.ingress.kubernetes.io/proxy-body-size"] == f"{largest}m"
    else:  # two at once: 22 times their size, as measured, and what the process needs by itself
        assert deployed.containers[-1]["resources"]["limits"]["memory"] == "1Gi"
        assert 2 * 22 * largest + 120 < 1024


def test_the_package_supports_the_python_of_the_image() -> None:
    recipe = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    base = re.search(r"python:(\d+)\.(\d+)-slim", recipe)
    assert base is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest = re.search(r"(\d+)\.(\d+)", project["requires-python"])
    assert oldest is not None
    assert tuple(map(int, base.groups())) >= tuple(map(int, oldest.groups()))
