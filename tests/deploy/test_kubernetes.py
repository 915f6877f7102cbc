"""The manifests: valid for the oldest and the newest cluster, within what a restricted namespace takes, and whole."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest

from storygen.mixin.config import load
from storygen.settings import QueueSettings
from storygen.telemetry.names import BY_NAME
from tests.deploy.conftest import PINNED, ROOT, read

OPERATOR, KEDA = (
    json.loads(Path(__file__).with_name(f"{name}.json").read_text("utf-8")) for name in ("operator", "keda")
)
OTHERS = ("monitoring.coreos.com/", "keda.sh/")
MAKERS = ("storygen", "service", "calls", "renders")
BOARDS = ROOT / "dashboards"
# A ConfigMap that is applied is kept once more in an annotation, for which this is the limit.
LONGEST_ANNOTATION = 256 * 1024


def of(manifests, kind: str) -> list:
    return [found for found in manifests if found["kind"] == kind]


def by_name(group) -> str:
    return group["name"]


def containers(deployments) -> list:
    return [container for spec in deployments.values() for container in spec["template"]["spec"]["containers"]]


@pytest.mark.parametrize("version", ["1.29", "1.37"])
def test_every_object_has_the_form_that_its_cluster_knows(manifests, version):
    for found in manifests:
        if not found["apiVersion"].startswith(OTHERS):
            kubernetes_validate.validate(found, version, strict=True)


def test_what_the_prometheus_operator_reads_has_its_form(manifests):
    theirs = [found for found in manifests if found["apiVersion"].startswith("monitoring.coreos.com/")]
    assert {found["kind"] for found in theirs} == {"ServiceMonitor", "PrometheusRule"}
    for found in theirs:
        jsonschema.validate(found, OPERATOR)


def test_the_rules_of_the_cluster_are_those_of_the_container(manifests):
    (rule,) = of(manifests, "PrometheusRule")
    files = (ROOT / "deploy/prometheus/rules").glob("*.yml")
    groups = [group for path in files for group in read(path.relative_to(ROOT))["groups"]]
    assert sorted(rule["spec"]["groups"], key=by_name) == sorted(groups, key=by_name)


@pytest.mark.parametrize(
    "folder", ["deploy/kubernetes", "deploy/jaeger", "deploy/collector", "deploy/workers", "dashboards"]
)
def test_a_kustomization_names_what_is_there_and_leaves_nothing_out(folder):
    here = read(f"{folder}/kustomization.yaml")
    generated = [name for one in here.get("configMapGenerator", ()) for name in one["files"]]
    named = [*here.get("resources", ()), *here.get("components", ()), *generated]
    assert [name for name in named if not (ROOT / folder / name).exists()] == []
    there = {path.name for path in (ROOT / folder).iterdir()} - {"kustomization.yaml", "compose.yaml", "README.md"}
    assert there <= set(named)


def test_the_gateway_joins_what_is_there(manifests):
    component = read("deploy/collector/kustomization.yaml")
    (namespace,) = of(manifests, "Namespace")
    assert component["kind"] == "Component"
    assert component["namespace"] == namespace["metadata"]["name"]
    there = {(found["kind"], found["metadata"]["name"]) for found in manifests}
    assert {(patch["target"]["kind"], patch["target"]["name"]) for patch in component["patches"]} <= there


def test_files_of_a_generator_are_not_outside_of_its_folder():
    for path in ROOT.glob("**/kustomization.yaml"):
        for one in read(path.relative_to(ROOT)).get("configMapGenerator", ()):
            assert [name for name in one["files"] if ".." in name] == []


def test_grafana_finds_every_board_by_its_label():
    here = read("dashboards/kustomization.yaml")
    assert here["generatorOptions"]["labels"] == {"grafana_dashboard": "1"}
    assert {name for one in here["configMapGenerator"] for name in one["files"]} == {
        path.name for path in BOARDS.glob("*.json")
    }
    assert max(path.stat().st_size for path in BOARDS.glob("*.json")) < LONGEST_ANNOTATION


def test_pods_ask_for_nothing_that_a_restricted_namespace_refuses(manifests, deployments):
    (namespace,) = of(manifests, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for spec in deployments.values():
        pod = spec["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
    for container in containers(deployments):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_containers_are_pinned_bounded_and_asked_for_their_health(deployments):
    pinned = {image["name"]: f"{image['newName']}:{image['newTag']}" for image in read_images()}
    for container in containers(deployments):
        assert PINNED.match(pinned.get(container["image"], container["image"]))
        assert container["resources"].keys() == {"requests", "limits"}
        assert {"cpu", "memory", "ephemeral-storage"} == container["resources"]["limits"].keys()
        ports = {port["name"] for port in container["ports"]}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe]["httpGet"]["port"] in ports


def read_images() -> list:
    return read("deploy/kubernetes/kustomization.yaml")["images"]


def test_the_cluster_and_the_compose_file_run_the_same_versions(deployments, services):
    pinned = {image["name"]: f"{image['newName']}:{image['newTag']}" for image in read_images()}
    for name, spec in deployments.items():
        (container,) = spec["template"]["spec"]["containers"]
        assert pinned.get(container["image"], container["image"]) == services[name]["image"]
        assert container["args"] == services[name]["command"]


def test_volumes_that_are_mounted_are_there(manifests, deployments):
    claims = {claim["metadata"]["name"] for claim in of(manifests, "PersistentVolumeClaim")}
    generated = {one["name"] for folder in ("jaeger", "collector") for one in read_generators(f"deploy/{folder}")}
    for spec in deployments.values():
        pod = spec["template"]["spec"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        mounted = {mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]}
        assert mounted == set(volumes)
        for volume in volumes.values():
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            config = volume.get("configMap", {}).get("name")
            given = volume.get("secret", {}).get("secretName") == "storygen-callers"
            assert claim in claims or config in generated or "emptyDir" in volume or given


def read_generators(folder: str) -> list:
    return read(f"{folder}/kustomization.yaml")["configMapGenerator"]


def test_services_and_monitors_lead_to_ports_that_are_there(manifests, deployments):
    services = {found["metadata"]["name"]: found for found in of(manifests, "Service")}
    for name, service in services.items():
        labels = deployments[name]["template"]["metadata"]["labels"]
        (container,) = deployments[name]["template"]["spec"]["containers"]
        assert service["spec"]["selector"].items() <= labels.items()
        numbers = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert all(numbers[port["targetPort"]] == port["port"] for port in service["spec"]["ports"])
    for monitor in of(manifests, "ServiceMonitor"):
        service = services[monitor["metadata"]["name"]]
        assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
        ports = {port["name"] for port in service["spec"]["ports"]}
        assert {endpoint["port"] for endpoint in monitor["spec"]["endpoints"]} <= ports


def test_storygen_is_scraped_under_the_job_that_rules_ask_for_as_often_as_they_expect(manifests):
    config = load()
    (monitor,) = [found for found in of(manifests, "ServiceMonitor") if found["metadata"]["name"] == config.job]
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["interval"] == config.scrape
    assert {"action": "replace", "targetLabel": "service_name", "replacement": "storygen"} in endpoint["relabelings"]


def test_keys_are_referred_to_and_never_written_down(manifests, deployments):
    assert of(manifests, "Secret") == []
    for name in MAKERS:
        (container,) = deployments[name]["template"]["spec"]["containers"]
        assert {"secretRef": {"name": "storygen-keys", "optional": True}} in container["envFrom"]
        assert ({"secretRef": {"name": "storygen-servers"}} in container["envFrom"]) == (name != "storygen")
    for name in set(deployments) - set(MAKERS):
        (other,) = deployments[name]["template"]["spec"]["containers"]
        assert "envFrom" not in other


def test_no_connection_is_allowed_that_is_not_named(manifests, deployments):
    policies = {policy["metadata"]["name"]: policy["spec"] for policy in of(manifests, "NetworkPolicy")}
    everybody = [policy for policy in policies.values() if policy["podSelector"] == {}]
    assert everybody == [{"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}]
    for name in deployments:
        assert policies[name]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": name}
    for name in MAKERS:
        outside = [to["ipBlock"] for rule in policies[name]["egress"] for to in rule["to"] if "ipBlock" in to]
        assert outside
        assert all("169.254.0.0/16" in block["except"] for block in outside)


def test_workers_are_scaled_by_the_age_of_the_oldest_story_that_waits(manifests, deployments):
    scaled = of(manifests, "ScaledObject")
    assert {found["spec"]["scaleTargetRef"]["name"] for found in scaled} == {"calls", "renders"}
    for found in scaled:
        jsonschema.validate(found, KEDA)
        assert "replicas" not in deployments[found["spec"]["scaleTargetRef"]["name"]]
        (trigger,) = found["spec"]["triggers"]
        (name,) = re.findall(r"storygen_\w+", trigger["metadata"]["query"])
        (state,) = re.findall(r'state="(\w+)"', trigger["metadata"]["query"])
        assert BY_NAME[name].name == "storygen_job_oldest_age_seconds"
        assert state in next(label for label in BY_NAME[name].labels if label.name == "state").values
        assert f'job="{load().job}"' in trigger["metadata"]["query"]


def test_what_makes_films_is_given_longer_to_end_than_it_asks_for(deployments):
    for name in MAKERS:
        pod = deployments[name]["template"]["spec"]
        assert pod["terminationGracePeriodSeconds"] > QueueSettings().grace_seconds + 10


def test_an_eviction_leaves_somebody_at_work(manifests):
    budgets = {found["metadata"]["name"]: found["spec"] for found in of(manifests, "PodDisruptionBudget")}
    assert budgets.keys() == {"service", "calls", "renders"}
    for name, spec in budgets.items():
        assert spec["selector"]["matchLabels"] == {"app.kubernetes.io/name": name}


def test_workers_are_scraped_under_the_job_that_rules_ask_for(manifests):
    here = read("deploy/kubernetes/kustomization.yaml")
    for monitor in of(manifests, "ServiceMonitor"):
        if monitor["metadata"]["name"] in {"service", "calls", "renders"}:
            label = monitor["spec"]["jobLabel"]
            assert {pairs["pairs"].get(label) for pairs in here["labels"]} == {load().job}
            assert monitor["spec"]["endpoints"][0]["interval"] == load().scrape
