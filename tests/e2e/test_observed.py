"""A film's trace, log and metrics, as whoever watches gets them."""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from storygen.telemetry.receiver import Receiver


def spans_of(shell: Any, *arguments: str, protocol: str = "grpc") -> list[Any]:
    with closing(Receiver()) as receiver:
        port = receiver.grpc_port if protocol == "grpc" else receiver.http_port
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
        done = shell.run(*arguments, env=env)
        assert done.returncode == 0, done.stderr
        return receiver.spans()


def values(span: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in span.attributes}


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_one_trace_tells_one_story(shell: Any, protocol: str) -> None:
    spans = spans_of(shell, "run", shell.write(), protocol=protocol)
    (root,) = [span for span in spans if not span.parent_span_id]
    assert root.name == "invoke_workflow story"
    assert {span.trace_id for span in spans} == {root.trace_id}
    by_id = {span.span_id: span for span in spans}
    under: dict[str, set[str]] = defaultdict(set)
    for span in spans:
        if span.parent_span_id:
            under[by_id[span.parent_span_id].name].add(span.name)
    assert {"stage voice", "stage visuals", "stage terminal", "stage subtitles", "stage assembly"} <= under[root.name]
    assert "call generate_content" in under["stage voice"]
    assert "generate_content espeak-ng" in under["call generate_content"]
    assert "ffmpeg render" in {span.name for span in spans}
    manifest = shell.manifest()
    assert manifest["traceparent"] == f"00-{root.trace_id.hex()}-{root.span_id.hex()}-01"
    assert values(root)["storygen.run.id"] == manifest["run_id"]
    scenes = {values(span).get("storygen.scene.index") for span in spans if span.name == "stage voice"}
    assert scenes == {1, 2}


def test_no_span_shows_what_the_story_says(shell: Any) -> None:
    spans = spans_of(shell, "run", shell.write())
    assert "Nobody answered" not in "".join(str(span) for span in spans)


def test_a_run_that_goes_on_from_another_links_to_its_trace(shell: Any) -> None:
    story = shell.write()
    (shell.home / "state").mkdir()
    with closing(Receiver()) as receiver:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver.grpc_port}"}
        failed = shell.run("run", story, env=env | {"STORYGEN_RUN__STAGE_TIMEOUT__ASSEMBLY": "0.01"})
        assert failed.returncode == 124, failed.stderr
        (first,) = [span for span in receiver.spans() if not span.parent_span_id]
        assert shell.run("run", story, env=env).returncode == 0
        second = [span for span in receiver.spans() if not span.parent_span_id][-1]
    assert [link.trace_id for link in second.links] == [first.trace_id]
    assert first.trace_id != second.trace_id


def test_log_lines_carry_the_run_and_never_the_story(shell: Any) -> None:
    env = {"STORYGEN_LOGS__FORMAT": "json", "STORYGEN_LOGS__FOLDER": str(shell.home / "logs")}
    done = shell.run("run", shell.write(), "-q", env=env)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    run_id = shell.manifest()["run_id"]
    assert {line["run_id"] for line in lines} == {run_id}
    assert {line["event"] for line in lines} >= {"run.began", "stage.ended", "run.ended"}
    assert "Nobody answered" not in done.stderr
    (file,) = (shell.home / "logs").iterdir()
    assert [json.loads(line)["event"] for line in Path(file).read_text("utf-8").splitlines()] == [
        line["event"] for line in lines
    ]
