"""The compose file: of the form that its specification gives, and with nothing open that need not be."""

from __future__ import annotations

import json
import re
from configparser import ConfigParser
from importlib.resources import files
from urllib.parse import urlsplit

import jsonschema
import pytest
import typer

from storygen.cli.app import app
from storygen.configuration import known_keys
from storygen.mixin.config import load
from storygen.providers.registry import VENDORS
from storygen.settings import QueueSettings
from tests.deploy.conftest import PINNED, ROOT, read

SERVICES = ("storygen", "service", "inbox", "jaeger", "prometheus", "alertmanager", "grafana")
WORKERS = ("calls", "renders", "redis", "postgres")
ALL = (*SERVICES, *WORKERS, "collector")
MAKERS = ("storygen", "service", "calls", "renders")
VENDOR_VARIABLES = {name for vendor in VENDORS.values() for name in vendor.variables}


def mounts(service) -> list[list[str]]:
    return [volume.rsplit(":", 2 if volume.endswith(":ro") else 1) for volume in service.get("volumes", ())]


@pytest.mark.parametrize("path", ["docker-compose.yml", "deploy/collector/compose.yaml", "deploy/workers/compose.yaml"])
def test_the_file_has_the_form_of_the_compose_specification(path):
    schema = files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json")
    jsonschema.validate(read(path), json.loads(schema.read_text("utf-8")))


def test_the_services_are_those_that_the_documentation_names(compose):
    assert set(compose["services"]) == set(SERVICES)


@pytest.mark.parametrize("name", ALL)
def test_an_image_is_pinned_to_a_version(services, name):
    assert PINNED.match(services[name]["image"])


@pytest.mark.parametrize("name", ALL)
def test_a_port_is_open_to_this_machine_alone(services, name):
    assert [port for port in services[name].get("ports", ()) if not port.startswith("127.0.0.1:")] == []


@pytest.mark.parametrize("name", ALL)
def test_a_service_has_no_rights_that_it_does_not_need(services, name):
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[1-9]\d*:\d+", service["user"])
    assert not service.keys() & {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices"}


@pytest.mark.parametrize("name", ALL)
def test_a_service_is_bounded_in_memory_cores_and_processes(services, name):
    assert services[name]["deploy"]["resources"]["limits"].keys() == {"memory", "cpus", "pids"}
    assert services[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", [*SERVICES, *WORKERS])
def test_the_health_of_a_service_is_asked_at_a_port_that_it_listens_on(services, name):
    test = services[name]["healthcheck"]["test"]
    assert test[0] == "CMD"
    assert re.search(r"http://127\.0\.0\.1:\d+|-h 127\.0\.0\.1 ", " ".join(test))


def test_a_service_waits_only_for_the_health_of_those_that_can_tell_it(services):
    awaited = {
        other
        for service in services.values()
        for other, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_healthy"
    }
    assert [name for name in awaited if "healthcheck" not in services[name]] == []


def test_all_that_is_mounted_is_there_and_files_of_the_project_cannot_be_written_to(compose, workers, services):
    for service in services.values():
        for source, *_, last in mounts(service):
            if source.startswith("./"):
                assert (ROOT / source).exists(), source
                assert last == "ro"
            elif not source.startswith("$"):
                assert source in {*compose["volumes"], *workers["volumes"]}


def test_every_volume_is_used(compose):
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    assert [name for name in compose["volumes"] if not re.search(rf"(- |:-){name}\}}?:/", text)] == []


def test_the_keys_of_vendors_come_from_the_environment_and_reach_storygen_alone(services):
    for name in MAKERS:
        assert services[name]["environment"].keys() >= VENDOR_VARIABLES
        assert {services[name]["environment"][variable] for variable in VENDOR_VARIABLES} == {None}
    for name in set(services) - set(MAKERS):
        assert not services[name].get("environment", {}).keys() & VENDOR_VARIABLES
        assert "env_file" not in services[name]


def test_no_deployed_file_holds_a_secret():
    named = re.compile(r"""(?i)\b[\w.-]*(?:password|api_?key|secret|token)["']?\s*[:=]\s*["']?[\w${]""")
    looks = re.compile(r"\b(?:sk|pk|xi|rk)-[\w-]{8,}|\bAIza[\w-]{10,}|BEGIN [A-Z ]*PRIVATE KEY")
    allowed = re.compile(r"automountServiceAccountToken: false|secret: \{secretName: [\w-]+, ")
    paths = [ROOT / "docker-compose.yml", *(path for path in (ROOT / "deploy").rglob("*") if path.is_file())]
    found = [
        f"{path.name}: {line.strip()}"
        for path in paths
        if path.suffix not in {".md", ".lock"}
        for line in path.read_text("utf-8").splitlines()
        if (named.search(line) or looks.search(line)) and not allowed.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("name", [*MAKERS, "inbox"])
def test_storygen_is_started_with_a_command_that_it_has(services, name):
    command, *args = services[name]["command"]
    group = typer.main.get_command(app)
    context = group.commands[command].make_context(command, list(args))
    assert context.params["host" if name == "inbox" else "metrics_port"] in {"0.0.0.0", 9464}
    if command == "worker":
        assert context.params["queues"] == name


def test_prometheus_keeps_what_the_objectives_need_and_stores_exemplars(services):
    flags = services["prometheus"]["command"]
    assert f"--storage.tsdb.retention.time={load().retention}" in flags
    assert "--enable-feature=exemplar-storage" in flags
    assert [flag for flag in flags if "lifecycle" in flag or "admin" in flag] == []


def test_prometheus_finds_its_rules_its_targets_and_its_alertmanager(services):
    config = read("prometheus.yml")
    mounted = {target for _, target, *_ in mounts(services["prometheus"])}
    assert {pattern.rsplit("/", 1)[0] for pattern in config["rule_files"]} <= mounted
    listed = [*config["scrape_configs"], *config["alerting"]["alertmanagers"]]
    addresses = [address for job in listed for entry in job["static_configs"] for address in entry["targets"]]
    names = [name for job in listed for found in job.get("dns_sd_configs", ()) for name in found["names"]]
    assert {address.split(":")[0] for address in (*addresses, *names)} <= {*services, "localhost"}
    assert {*names, "storygen"} == set(MAKERS)


def test_redis_and_the_database_are_reached_by_storygen_alone_and_not_from_outside(workers, services):
    assert workers["networks"]["queue"] == {"internal": True}
    inside = {name for name, service in services.items() if "queue" in service["networks"]}
    assert inside - {"redis", "postgres"} == {"calls", "renders"}
    assert workers["services"]["service"]["networks"] == ["stack", "queue"]
    for name in ("redis", "postgres"):
        assert services[name]["networks"] == ["queue"]
        assert "ports" not in services[name]


def test_the_service_and_its_workers_share_one_queue(workers):
    wanted = {"STORYGEN_QUEUE__ENGINE", "STORYGEN_QUEUE__BROKER", "STORYGEN_DATABASE__URL"}
    said = [workers["services"][name]["environment"] for name in ("service", "calls", "renders")]
    assert len({tuple(sorted((name, one[name]) for name in wanted)) for one in said}) == 1


@pytest.mark.parametrize("name", MAKERS)
def test_what_makes_films_is_given_longer_to_end_than_it_asks_for(services, name):
    patience = int(services[name]["stop_grace_period"].removesuffix("s"))
    assert patience >= QueueSettings().grace_seconds + (0 if name == "storygen" else 10)


def test_settings_in_the_environment_are_some_that_there_are(services, workers):
    known = {key.upper().replace(".", "__") for key in known_keys()}
    said = [name for name in MAKERS for name in services[name]["environment"]]
    said += list(workers["services"]["service"]["environment"])
    assert [name for name in said if name.startswith("STORYGEN_") and name.removeprefix("STORYGEN_") not in known] == []


def test_alertmanager_tells_the_inbox(services):
    receivers = read("deploy/alertmanager/alertmanager.yml")["receivers"]
    urls = [hook["url"] for receiver in receivers for hook in receiver.get("webhook_configs", ())]
    assert {urlsplit(url).netloc for url in urls} == {"inbox:9099"}


def test_grafana_finds_its_boards_and_its_data_and_lets_nobody_administer(services):
    grafana = services["grafana"]
    mounted = {target for _, target, *_ in mounts(grafana)}
    providers = read(next((ROOT / "deploy/grafana/provisioning/dashboards").glob("*.y*ml")))["providers"]
    assert {provider["options"]["path"] for provider in providers} <= mounted
    sources = read(next((ROOT / "deploy/grafana/provisioning/datasources").glob("*.y*ml")))["datasources"]
    assert {urlsplit(source["url"]).hostname for source in sources} <= set(services)
    said = ConfigParser()
    said.read_string((ROOT / "deploy/grafana/grafana.ini").read_text("utf-8"))
    assert said["security"]["disable_initial_admin_creation"] == "true"
    assert said["auth.anonymous"]["org_role"] == "Viewer"
    assert [name for name in grafana["environment"] if "PASSWORD" in name or "AUTH" in name] == []
