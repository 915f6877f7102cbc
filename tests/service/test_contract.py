"""The OpenAPI document says what the service really takes and gives."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.service.running import Service, running, settings_below

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
BOUNDED = settings(
    max_examples=12,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One that works on nothing, and in which there is a run in most states."""
    with running(settings_below(tmp_path_factory.mktemp("contract"), queue={"runs_at_once": 0})) as found:
        found.submit()
        found.client.post(f"/runs/{found.submit()['id']}/cancel")
        yield found


def test_nothing_breaks_and_every_answer_is_documented(service: Service) -> None:
    document = schemathesis.openapi.from_url(f"{service.url}/api/v1/openapi.json")
    operations = [found.ok() for found in document.get_all_operations()]
    broken = [said for operation in operations for said in _broken(operation)]
    assert not broken, "\n\n".join(broken)
    assert len(operations) > 20


def _broken(operation: schemathesis.APIOperation) -> Iterator[str]:
    """What is wrong with the answers of one operation."""

    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    @BOUNDED
    def well_formed(case: schemathesis.Case) -> None:
        _call(case)

    @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    @BOUNDED
    def ill_formed(case: schemathesis.Case) -> None:
        _call(case)

    for check in (well_formed, ill_formed):
        try:
            check()
        except Unsatisfiable:  # whatever is sent to an operation without parameters is well-formed
            continue
        except BaseExceptionGroup as failures:
            yield f"{operation.label}: {failures.exceptions}"


def _call(case: schemathesis.Case) -> None:
    if case.path.endswith("/events"):
        case.headers = {**(case.headers or {}), "Last-Event-ID": "99999"}  # or the stream would wait for more
    case.call_and_validate(checks=CHECKS)


def test_the_document_names_models_examples_errors_and_how_to_be_let_in(service: Service) -> None:
    said = service.client.get("/openapi.json").json()
    assert said["openapi"].startswith("3.1")
    assert {"Problem", "Run", "RunDetail"} <= set(said["components"]["schemas"])
    assert said["components"]["securitySchemes"]
    for path, methods in said["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            if path.startswith("/api/"):
                assert operation["security"], where
                assert {"401", "403", "429"} <= set(operation["responses"]), where
    body = said["paths"]["/api/v1/runs"]["post"]["requestBody"]["content"]
    assert set(body) == {"application/json", "multipart/form-data"}
    assert body["application/json"]["schema"]["examples"]


@pytest.mark.parametrize("run", ["%00", "a%00b", "..", "%2e%2e%2f", "'--", "%F0%9F%98%80", "x" * 300])
def test_an_id_that_no_run_can_have_is_none(service: Service, run: str) -> None:
    for route in ("", "/events", "/artifacts", "/artifacts/film.mp4", "/film", "/report", "/explanation"):
        answer = service.client.get(f"{service.url}/api/v1/runs/{run}{route}")
        assert (answer.status_code, answer.json()["kind"]) == (404, "not_found")
    assert service.client.get(f"{service.url}/api/v1/batches/{run}").status_code == 404


def test_the_document_lists_the_settings_of_a_run_and_none_that_are_not_a_callers(service: Service) -> None:
    schemas = service.client.get("/openapi.json").json()["components"]["schemas"]
    groups = schemas["RunSettings"]["properties"]
    assert groups["film"]["properties"]["aspect"]["enum"] == ["9:16", "16:9", "1:1"]
    assert set(groups["budget"]["properties"]) == {"run_usd"}
    assert not {"folders", "vendors", "service", "database", "ffmpeg_path"} & set(groups)
    assert "$ref" not in str(schemas["RunSettings"])
