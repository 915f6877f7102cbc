"""Jaeger's configuration; a Jaeger is started with it where there is one."""

from __future__ import annotations

import json
import time
from urllib.request import Request, urlopen

import pytest
import yaml

from storygen.mixin import jaeger
from storygen.mixin.config import load, seconds
from storygen.stack.servers import Program, Server, find
from storygen.stack.web import HOST, ask, free_ports
from storygen.telemetry import spans
from tests.deploy.conftest import ROOT, read

TRACE = "5b8efff798038103d269b633813fc60c"


def test_it_is_the_version_whose_searches_grafana_can_ask(services):
    # Later ones have dropped the addresses that Grafana's data source calls.
    assert services["jaeger"]["image"] == "jaegertracing/jaeger:2.20.0"


def test_traces_are_kept_on_disk_as_long_as_metrics():
    config = load()
    store = read("deploy/jaeger/jaeger.yaml")["extensions"]["jaeger_storage"]["backends"]["disk"]["badger"]
    assert store["ephemeral"] is False
    hours = float(store["ttl"]["spans"].removesuffix("h"))
    assert hours * 3600 == seconds(config.retention) >= config.objectives.days * 86_400


def test_traces_are_kept_on_the_volume_of_the_container_and_of_the_cluster(services, deployments):
    folders = read("deploy/jaeger/jaeger.yaml")["extensions"]["jaeger_storage"]["backends"]["disk"]["badger"]
    (container,) = deployments["jaeger"]["template"]["spec"]["containers"]
    (mounted,) = [mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "traces"]
    assert f"traces:{mounted}" in services["jaeger"]["volumes"]
    assert all(folder.startswith(f"{mounted}/") for folder in folders["directories"].values())


def test_outside_of_a_container_it_listens_on_this_machine_alone():
    text = (ROOT / "deploy/jaeger/jaeger.yaml").read_text("utf-8")
    assert "0.0.0.0" not in text
    assert text.count("${env:JAEGER_LISTEN_HOST:-127.0.0.1}") == 6


def test_its_pages_lead_from_attributes_that_spans_carry_to_boards_that_there_are():
    carried = {attribute for span in spans.SPANS.values() for attribute in span.fields.values()}
    carried |= {spans.STAGE_NAME, spans.GENAI_PROVIDER}
    for link in json.loads((ROOT / "deploy/jaeger/ui.json").read_text("utf-8"))["linkPatterns"]:
        assert link["key"] in carried
        uid = link["url"].split("/d/")[1].split("?")[0]
        assert (ROOT / f"dashboards/{uid}.json").is_file()


@pytest.fixture
def server(tmp_path):
    binary = find(["jaeger"])
    if binary is None:
        pytest.skip("no jaeger on the PATH: its tests need 2.20.0 from https://www.jaegertracing.io/download")
    grpc, http, query, query_grpc, metrics, health = free_ports(6)
    ports = jaeger.Ports(grpc=grpc, http=http, query=query, query_grpc=query_grpc, metrics=metrics, health=health)
    (tmp_path / "ui.json").write_text(json.dumps(jaeger.links(load())))
    document = jaeger.document(load(), host=HOST, ports=ports, folder=str(tmp_path), ui=str(tmp_path / "ui.json"))
    (tmp_path / "jaeger.yaml").write_text(yaml.safe_dump(document))
    program = Program(
        name="Jaeger",
        binary=binary,
        args=["--config", str(tmp_path / "jaeger.yaml")],
        ready=f"http://{HOST}:{health}/status",
        log=tmp_path / "log",
    )
    server = Server(program)
    server.start()
    server.wait_ready()
    yield server, ports
    server.stop()


def send_span(ports: jaeger.Ports) -> None:
    now = time.time_ns()
    span = {
        "traceId": TRACE,
        "spanId": "eee19b7ec3c1b174",
        "name": "stage voice",
        "startTimeUnixNano": str(now - 10**9),
        "endTimeUnixNano": str(now),
        "attributes": [{"key": spans.STAGE_NAME, "value": {"stringValue": "voice"}}],
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "storygen"}}]}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
    url = f"http://{HOST}:{ports.http}/v1/traces"
    with urlopen(Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})) as answer:
        assert answer.status == 200


def until(found, deadline: float = 20.0):
    end = time.monotonic() + deadline
    while not (value := found()) and time.monotonic() < end:
        time.sleep(0.05)
    return value


def test_a_trace_is_found_by_its_stage_and_is_still_there_after_a_restart(server):
    running, ports = server
    query = f"http://{HOST}:{ports.query}/api"

    def by_stage() -> list[str]:
        found = ask(f"{query}/traces", service="storygen", tags=json.dumps({spans.STAGE_NAME: "voice"}))
        return [trace["traceID"] for trace in found["data"]]

    send_span(ports)
    assert until(by_stage) == [TRACE]
    running.stop()
    running.start()
    running.wait_ready()
    assert ask(f"{query}/v3/services") == {"services": ["storygen"]}
    assert by_stage() == [TRACE]
    (whole,) = ask(f"{query}/v3/traces/{TRACE}")["result"]["resourceSpans"]
    assert whole["scopeSpans"][0]["spans"][0]["name"] == "stage voice"
