from __future__ import annotations

import contextlib

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode, get_current_span
from prometheus_client.openmetrics.exposition import generate_latest

from storygen import events
from storygen.errors import Cancelled, ProviderTimeout, RateLimited
from storygen.events import Watch, emit, timed, watched
from storygen.story import Usage
from storygen.telemetry import spans
from storygen.telemetry.observe import observe
from storygen.telemetry.tracing import Tracing
from tests.telemetry.conftest import Measured, Traced

EARLIER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_one_trace_tells_one_story(traced: Traced, watch: Watch) -> None:
    with timed("run", "story", run_id="run-1"), timed("stage", "voice", scene=2):
        with timed("call", "generate_content") as call:
            with timed("attempt", "generate_content", provider="gemini", model="tts-1", output="speech", number=1):
                emit(events.Spent(provider="gemini", model="tts-1", usage=Usage(input_tokens=7), cost_usd=0.01))
            call.add(provider="gemini", attempts=1)
        with timed("ffmpeg", "level") as level:
            level.add(exit_code=0, out_seconds=2.5, speed=30.0, command="ffmpeg -i secret.wav")
    found = {span.name: span for span in traced.spans()}
    assert set(found) == {
        "invoke_workflow story",
        "stage voice",
        "call generate_content",
        "generate_content tts-1",
        "ffmpeg level",
    }
    assert len({span.context.trace_id for span in found.values()}) == 1
    attempt, call_span, stage = found["generate_content tts-1"], found["call generate_content"], found["stage voice"]
    assert attempt.parent
    assert attempt.parent.span_id == call_span.context.span_id
    assert call_span.parent
    assert call_span.parent.span_id == stage.context.span_id
    assert found["invoke_workflow story"].parent is None
    assert attempt.kind is SpanKind.CLIENT
    assert {span.kind for name, span in found.items() if span is not attempt} == {SpanKind.INTERNAL}
    assert dict(attempt.attributes or {}) == {
        "gen_ai.operation.name": "generate_content",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "tts-1",
        "gen_ai.output.type": "speech",
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 0,
        "storygen.attempt": 1,
        "storygen.cost.usd": 0.01,
        "storygen.stage.name": "voice",
        "storygen.scene.index": 2,
        "storygen.outcome": "success",
    }
    assert dict(found["ffmpeg level"].attributes or {}) == {
        "process.exit.code": 0,
        "storygen.output.seconds": 2.5,
        "storygen.ffmpeg.speed": 30.0,
        "storygen.stage.name": "voice",
        "storygen.scene.index": 2,
        "storygen.outcome": "success",
    }


def test_the_root_says_what_the_run_was(traced: Traced, watch: Watch) -> None:
    with timed("run", "story", run_id="run-1", title="A secret title") as run:
        emit(events.Shipped(fidelity="full", seconds=61.5))
        run.add(scenes=6, cost_usd=0.42)
    attributes = dict(traced.named("invoke_workflow story").attributes or {})
    assert attributes == {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": "story",
        "storygen.run.id": "run-1",
        "storygen.scene.count": 6,
        "storygen.cost.usd": 0.42,
        "storygen.cost.band": "0.1 to 1",
        "storygen.fidelity": "full",
        "storygen.film.seconds": 61.5,
        "storygen.outcome": "success",
    }


def test_a_run_that_goes_on_links_to_the_earlier_root_and_a_broken_link_is_none(traced: Traced, watch: Watch) -> None:
    for link in (EARLIER, "00-broken", "", f"00-{'0' * 32}-{'0' * 16}-01"):
        with timed("run", "story", link=link):
            pass
    first, *others = traced.spans()
    assert [f"{link.context.trace_id:032x}" for link in first.links] == ["0af7651916cd43dd8448eb211c80319c"]
    assert first.context.trace_id != first.links[0].context.trace_id
    assert not any(span.links for span in others)


def test_retries_and_fallbacks_are_events_of_the_call_and_only_the_attempt_has_the_error(
    traced: Traced, watch: Watch
) -> None:
    with timed("call", "chat"):
        with contextlib.suppress(RateLimited), timed("attempt", "chat", provider="openai", model="gpt-5"):
            raise RateLimited("slow down")
        emit(events.Retried(provider="openai", reason="rate_limited", attempt=1, wait=0.5))
        with timed("operation", "clean up"):
            emit(events.FellBack(from_provider="openai", to_provider="builtin", reason="rate_limited"))
    attempt, call = traced.named("chat gpt-5"), traced.named("call chat")
    assert [(e.name, dict(e.attributes or {})) for e in call.events] == [
        ("retry", {"attempt": 1, "reason": "rate_limited", "wait": 0.5}),
        ("fallback", {"from": "openai", "to": "builtin", "reason": "rate_limited"}),
    ]
    assert attempt.attributes
    assert attempt.attributes["error.type"] == "rate_limited"
    assert attempt.status.status_code is StatusCode.ERROR
    assert call.attributes
    assert "error.type" not in call.attributes
    assert call.status.status_code is StatusCode.UNSET


def test_who_cancels_makes_no_error(traced: Traced, watch: Watch) -> None:
    with contextlib.suppress(Cancelled), timed("run", "story"):
        raise Cancelled("stopped")
    root = traced.named("invoke_workflow story")
    assert root.status.status_code is StatusCode.UNSET
    assert root.attributes
    assert root.attributes["storygen.outcome"] == "cancelled"


def test_the_words_of_strangers_and_secrets_do_not_reach_a_span(traced: Traced, watch: Watch) -> None:
    with contextlib.suppress(ValueError), timed("stage", "script"):
        raise ValueError("the prompt was: tell me a secret")
    with contextlib.suppress(ProviderTimeout), timed("stage", "voice"):
        raise ProviderTimeout("GET https://api.example/v1?key=abc did not answer")
    with timed("operation", "fetch", url="https://u:pw@example.org/a?X-Amz-Signature=abc"):
        pass
    assert traced.named("stage script").status.description == "ValueError"
    assert traced.named("stage voice").status.description == "GET https://api.example/v1 did not answer"
    assert (traced.named("operation fetch").attributes or {})["storygen.metadata.url"] == "https://example.org/a"


@pytest.mark.parametrize("allowed", [False, True])
def test_prompts_are_on_spans_only_where_that_is_allowed(allowed: bool) -> None:
    traced = Traced(content=allowed)
    with watched(Watch((traced.observer,))), timed("attempt", "chat", model="m", input_messages="[a prompt]"):
        pass
    assert ("gen_ai.input.messages" in (traced.named("chat m").attributes or {})) is allowed


def test_every_attribute_that_a_field_becomes_is_declared(traced: Traced, watch: Watch) -> None:
    for kind, span in spans.SPANS.items():
        if not span.room:
            with timed(kind, "name", **dict.fromkeys(span.fields, 1), unheard_of="x"):  # type: ignore[arg-type]
                pass
    for kind, made in zip((k for k, s in spans.SPANS.items() if not s.room), traced.spans(), strict=True):
        assert set(spans.SPANS[kind].fields.values()) <= set(made.attributes or {})
        assert kind == "operation" or "x" not in (made.attributes or {}).values()


def test_a_span_is_current_while_its_work_goes_on_and_no_longer(traced: Traced, watch: Watch) -> None:
    with timed("operation", "outer") as outer:
        assert f"{get_current_span().get_span_context().span_id:016x}" == outer.span_id
    assert not get_current_span().get_span_context().is_valid


def test_figures_lead_to_their_trace_where_it_is_sampled(measured: Measured, traced: Traced, watch: Watch) -> None:
    with timed("run", "story") as run, timed("attempt", "chat", provider="openai", model="gpt-5") as attempt:
        emit(events.Spent(provider="openai", model="gpt-5", usage=Usage(), cost_usd=0.5))
    exposed = generate_latest(measured.registry).decode()
    for timed_work in (run, attempt):
        ids = f'{{span_id="{timed_work.span_id}",trace_id="{timed_work.trace_id}"}}'
        assert ids in exposed
    assert exposed.count("# {") == 3


def test_a_span_that_is_not_sampled_leaves_no_ids_behind(measured: Measured) -> None:
    tracing = Tracing(TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False).get_tracer("test"))
    with watched(Watch((tracing, measured.observer))), observe("work") as work:
        pass
    assert (work.trace_id, work.span_id) == ("", "")
    assert b"# {" not in generate_latest(measured.registry)
