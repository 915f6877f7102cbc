from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from storygen.errors import InvalidSettings
from storygen.events import Watch, timed
from storygen.telemetry.endpoint import Endpoint, push_last_run
from tests.telemetry import contract
from tests.telemetry.conftest import Measured

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def endpoint(measured: Measured) -> Iterator[Endpoint]:
    served = Endpoint(measured.registry, 0)
    yield served
    served.close()


def get(endpoint: Endpoint, accept: str = "", path: str = "/metrics") -> tuple[int, str, str]:
    connection = HTTPConnection("127.0.0.1", endpoint.port, timeout=10)
    connection.request("GET", path, headers={"Accept": accept} if accept else {})
    answer = connection.getresponse()
    found = answer.status, answer.headers.get("Content-Type", ""), answer.read().decode()
    connection.close()
    return found


def test_who_asks_for_openmetrics_gets_exemplars(endpoint: Endpoint, watch: Watch) -> None:
    with timed("stage", "voice") as stage:
        pass
    status, content_type, body = get(endpoint, OPENMETRICS)
    assert status == 200
    assert content_type.startswith("application/openmetrics-text")
    exemplars = [s.exemplar for family in parse_openmetrics(body) for s in family.samples if s.exemplar]
    assert [exemplar.labels for exemplar in exemplars] == [{"trace_id": stage.trace_id, "span_id": stage.span_id}]


def test_who_asks_for_text_gets_declared_names_only(endpoint: Endpoint, watch: Watch) -> None:
    with timed("stage", "voice"):
        pass
    status, content_type, body = get(endpoint, "text/plain")
    assert status == 200
    assert content_type.startswith("text/plain")
    declared = {name.removesuffix("_total") for name in contract.metrics()}
    assert {family.name for family in parse_text(body)} <= declared
    assert "# {" not in body


def test_only_the_metrics_are_served(endpoint: Endpoint) -> None:
    assert get(endpoint, path="/etc/passwd")[0] == 404


def test_the_end_of_a_run_waits_for_one_more_scrape(endpoint: Endpoint) -> None:
    get(endpoint)
    results: list[bool] = []
    waiting = threading.Thread(target=lambda: results.append(endpoint.linger(30)))
    waiting.start()
    while not endpoint._closing.is_set():
        pass
    get(endpoint)
    waiting.join(10)
    assert results == [True]


def test_without_a_scrape_the_wait_ends_and_says_so(endpoint: Endpoint) -> None:
    get(endpoint)
    assert endpoint.linger(0.01) is False


def test_ctrl_c_ends_the_wait(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(seconds: float) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(endpoint._seen, "wait", interrupt)
    assert endpoint.linger(30) is False


def test_a_port_that_is_taken_is_said_with_what_to_do(measured: Measured) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InvalidSettings, match=r"port \d+ of 127.0.0.1 cannot be used") as error:
            Endpoint(measured.registry, taken.getsockname()[1])
    assert "--metrics-port" in error.value.hint


def test_a_gateway_is_told_of_the_last_run_and_not_of_its_calls(measured: Measured, watch: Watch) -> None:
    pushed: list[tuple[str, str]] = []

    class Gateway(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            pushed.append((self.path, self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with timed("run", "story"), timed("attempt", "chat", provider="openai", model="gpt-5"):
        pass
    with HTTPServer(("127.0.0.1", 0), Gateway) as server:
        serving = threading.Thread(target=server.handle_request)
        serving.start()
        push_last_run(measured.registry, f"http://127.0.0.1:{server.server_address[1]}")
        serving.join(10)
    ((path, body),) = pushed
    assert path == "/metrics/job/storygen-cli"
    names = {family.name for family in parse_text(body)}
    assert {"storygen_run_duration_seconds", "storygen_last_success_timestamp_seconds"} <= names
    assert not any("attempt" in name or name.startswith("gen_ai") for name in names)


def test_a_gateway_that_is_away_spoils_nothing(measured: Measured, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        push_last_run(measured.registry, f"http://127.0.0.1:{closed.getsockname()[1]}")
    assert [record.message for record in caplog.records] == ["telemetry.push_failed"]
