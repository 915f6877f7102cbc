"""The native stack with a real Prometheus and a real Alertmanager."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from storygen.errors import InvalidSettings, ResourceFailure
from storygen.mixin.config import load
from storygen.stack import servers
from storygen.stack.servers import Program, Server
from storygen.stack.stack import Stack, scaled
from storygen.stack.web import ask, free_ports
from tests.servers import eventually, is_alive, need

SCALE = 600


class Target:
    """A process of storygen, as far as Prometheus sees: metrics with an exemplar, on a port of its own."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = (
                    b"# TYPE storygen_runs_started counter\n"
                    b'storygen_runs_started_total{pipeline="story"} 3 # {trace_id="abc"} 1.0\n# EOF\n'
                )
                self.send_response(200)
                self.send_header("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
                self.end_headers()
                with suppress(BrokenPipeError):  # Prometheus has ended meanwhile
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    running = Target()
    yield running
    running.close()


@pytest.fixture(scope="module")
def stack(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    need("prometheus", "prometheus-alertmanager")
    folder = tmp_path_factory.mktemp("stack") / "what [a] folder"
    with Stack(folder, scaled(load(), SCALE), targets=[target.address]) as running:
        yield running


def is_up(stack: Stack, instance: str, value: str = "1") -> bool:
    return any(found["value"][1] == value for found in stack.query(f'up{{job="storygen", instance="{instance}"}}'))


def test_targets_are_scraped_with_their_exemplars_and_a_service_name(stack: Stack, target: Target) -> None:
    eventually(lambda: is_up(stack, target.address))
    (found,) = stack.query("storygen_runs_started_total")
    assert found["metric"]["service_name"] == "storygen"
    now = time.time()
    (series,) = eventually(lambda: stack.query_exemplars("storygen_runs_started_total", now - 60, now + 60))
    assert series["exemplars"][0]["labels"] == {"trace_id": "abc"}


def test_an_alert_of_the_rules_arrives_and_is_resolved_when_targets_change_while_it_runs(
    stack: Stack, target: Target
) -> None:
    dead = f"127.0.0.1:{free_ports(1)[0]}"
    eventually(lambda: is_up(stack, target.address))
    stack.set_targets([target.address, dead])
    fired = stack.inbox.wait(lambda delivery: delivery.has("StorygenTargetDown"), 40)
    assert fired is not None
    (alert,) = [alert for alert in fired.alerts if alert.name == "StorygenTargetDown"]
    assert fired.receiver == "chat"
    assert alert.labels["instance"] == dead
    assert alert.annotations["runbook_url"].startswith(stack.inbox.url)
    assert any(labels["alertname"] == "StorygenTargetDown" for labels in stack.firing())

    stack.set_targets([target.address])
    assert stack.inbox.wait(lambda delivery: delivery.has("StorygenTargetDown", "resolved"), 40)


def test_a_server_can_be_stopped_and_comes_back_on_the_same_address(stack: Stack) -> None:
    before = stack.servers["alertmanager"]
    stack.stop("alertmanager")
    with pytest.raises(ResourceFailure, match="cannot be reached"):
        ask(f"{stack.alertmanager_url}/api/v2/status")
    with pytest.raises(ResourceFailure, match="alertmanager ended by itself"):
        stack.check()
    stack.restart("alertmanager")
    assert ask(f"{stack.alertmanager_url}/api/v2/status")["versionInfo"]
    assert stack.servers["alertmanager"] not in {before, None}
    stack.check()


def test_the_trace_store_is_gone_while_it_is_stopped(stack: Stack) -> None:
    stack.restart("jaeger")
    assert ask(f"{stack.traces_url}/api/v3/services") == {"services": []}
    stack.stop("jaeger")
    with pytest.raises(ResourceFailure, match="cannot be reached"):
        ask(f"{stack.traces_url}/api/v3/services")
    stack.restart("jaeger")
    assert ask(f"{stack.traces_url}/api/v3/services") == {"services": []}


def test_another_configuration_is_read_while_it_runs(stack: Stack) -> None:
    stack.reload(scaled(load(changes={"alerts": {"TargetDown": {"enabled": False}}}), SCALE))
    groups = ask(f"{stack.prometheus_url}/api/v1/rules")["data"]["groups"]
    names = {rule["name"] for group in groups for rule in group["rules"]}
    assert "StorygenTargetDown" not in names
    assert names


def test_what_prometheus_refuses_is_an_error_with_its_words(stack: Stack) -> None:
    with pytest.raises(ResourceFailure) as refused:
        stack.query("sum(")
    assert "parse error" in refused.value.hint


def test_nothing_is_left_running_and_nothing_is_written_elsewhere(tmp_path: Path) -> None:
    need("prometheus")
    with Stack(tmp_path / "stack", load()) as stack:
        pids = [pid for pid in stack.servers.values() if pid]
        assert pids
    assert not any(map(is_alive, pids))
    assert [path.name for path in tmp_path.iterdir()] == ["stack"]


def test_it_begins_with_a_copy_of_the_data_that_it_is_given(tmp_path: Path) -> None:
    need("prometheus", "promtool")
    import subprocess

    now = int(time.time())
    (tmp_path / "metrics").write_text(f"# TYPE films gauge\nfilms 42 {now - 7200}\nfilms 42 {now - 60}\n# EOF\n")
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", tmp_path / "metrics", tmp_path / "data"]
    subprocess.run(command, check=True, capture_output=True)
    before = sorted(tmp_path.joinpath("data").rglob("*"))
    with Stack(tmp_path / "stack", load(), data=tmp_path / "data") as stack:
        assert [found["value"][1] for found in stack.query("films")] == ["42"]
    assert sorted(tmp_path.joinpath("data").rglob("*")) == before


def test_without_prometheus_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InvalidSettings, match="no prometheus") as missing, Stack(tmp_path / "stack", load()):
        pass
    assert "apt-get install prometheus" in missing.value.hint


def test_without_alertmanager_the_rest_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("prometheus")
    binary = servers.find(["prometheus"])
    assert binary
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "prometheus").symlink_to(binary)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with Stack(tmp_path / "stack", load()) as stack:
        assert stack.missing == ("alertmanager", "jaeger", "grafana")
        assert stack.query("vector(1)")


def test_a_server_that_ends_at_once_shows_the_end_of_its_log(tmp_path: Path) -> None:
    need("prometheus")
    binary = servers.find(["prometheus"])
    assert binary
    program = Program(
        name="prometheus",
        binary=binary,
        args=("--config.file=/nowhere/prometheus.yml",),
        ready=f"http://127.0.0.1:{free_ports(1)[0]}/",
        log=tmp_path / "prometheus.log",
    )
    server = Server(program)
    server.start()
    with pytest.raises(ResourceFailure, match="prometheus ended while it started") as failed:
        server.wait_ready()
    assert "/nowhere/prometheus.yml" in failed.value.hint
    server.stop()


def test_a_server_that_never_answers_is_given_up_and_one_that_will_not_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = servers.find(["sh"])
    assert binary
    program = Program(
        name="deaf",
        binary=binary,
        args=("-c", "trap '' TERM; echo deaf; while true; do sleep 1; done"),
        ready=f"http://127.0.0.1:{free_ports(1)[0]}/",
        log=tmp_path / "log",
    )
    monkeypatch.setattr(servers, "GRACE_SECONDS", 0.1)
    server = Server(program)
    server.start()
    eventually(lambda: "deaf" in server.tail())
    with pytest.raises(ResourceFailure, match=r"not ready after 0\.1 s"):
        server.wait_ready(0.1)
    pid = server.pid
    server.stop()
    assert pid
    assert not is_alive(pid)


# A shell finds the interpreter, because the line with #! takes no path with a space.
GRAFANA = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
Path(os.environ["GF_PATHS_DATA"] + ".json").write_text(json.dumps(dict(os.environ, argv=sys.argv[1:])))
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()
HTTPServer((os.environ["GF_SERVER_HTTP_ADDR"], int(os.environ["GF_SERVER_HTTP_PORT"])), Handler).serve_forever()
"""


def test_a_grafana_is_given_the_sources_and_boards_of_this_stack_and_none_of_our_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in tells what it was given: there is no Grafana to be had where these tests run."""
    need("prometheus", "prometheus-alertmanager")
    stand_in = tmp_path / "bin" / "grafana"
    stand_in.parent.mkdir()
    stand_in.write_text(GRAFANA.replace("{python}", sys.executable))
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stand_in.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("OPENAI_API_KEY", "planted")
    with Stack(tmp_path / "stack", load()) as stack:
        assert stack.config.links.grafana == stack.grafana_url
        given = json.loads((tmp_path / "stack" / "grafana.json").read_text())
        sources = yaml.safe_load((tmp_path / "stack/grafana-provisioning/datasources/storygen.yaml").read_text())
        boards = yaml.safe_load((tmp_path / "stack/grafana-provisioning/dashboards/storygen.yaml").read_text())
        assert {stack.prometheus_url, stack.alertmanager_url} <= {one["url"] for one in sources["datasources"]}
        assert len([*Path(boards["providers"][0]["options"]["path"]).glob("*.json")]) == 9
        assert given["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
        assert given["GF_PATHS_PROVISIONING"] == str(tmp_path / "stack" / "grafana-provisioning")
        assert given["argv"][0] == "server"
        assert "planted" not in given.values()
