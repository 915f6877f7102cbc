"""The recorder keeps what happened in one run, and nothing of another."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from storygen.errors import CallerMistake, RateLimited
from storygen.events import CacheLooked, Progressed, Watch, emit, timed, watched
from storygen.telemetry.recorder import Recorder, Recording
from tests.telemetry.runs import ZERO, Told, rich


def test_a_recording_comes_back_from_its_json_as_it_was() -> None:
    recording = rich()
    assert Recording.from_document(json.loads(json.dumps(recording.to_document()))) == recording


def test_work_is_recorded_with_where_it_was_and_how_it_ended() -> None:
    recorder = Recorder()
    with watched(Watch([recorder], "run-9")), timed("run", "story", title="A"):
        with pytest.raises(RateLimited), timed("stage", "voice", scene=3), timed("operation", "speak"):
            raise RateLimited("slow down")
        emit(CacheLooked(cache="speech", result="hit"))
    recording = recorder.recording()
    operation, stage, run = recording.entries
    assert (operation.kind, operation.stage, operation.scene, operation.within) == ("operation", "voice", 3, "stage")
    assert (stage.outcome, stage.error, stage.message) == ("failed", "rate_limited", "slow down")
    assert (run.outcome, run.fields) == ("success", {"title": "A"})
    assert recording.run_id == "run-9"
    assert recording.notes[0].data["result"] == "hit"


def test_second_zero_is_when_the_first_work_began_and_its_clock_time_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 5_000_000.0)
    monkeypatch.setattr(time, "perf_counter", lambda: ZERO)
    recorder = Recorder()  # made 7 seconds before the first work begins
    Told(recorder).work("run", "story", 7, 9)
    recording = recorder.recording()
    assert recording.run is not None
    assert (recording.run.started, recording.run.ended) == (0.0, 2.0)
    assert recording.began_at == 5_000_007.0


def test_two_sessions_at_once_never_mix() -> None:
    async def session(name: str) -> Recording:
        recorder = Recorder(name)
        with watched(Watch([recorder], name)):
            for _ in range(20):
                with timed("operation", name):
                    await asyncio.sleep(0)
                    emit(CacheLooked(cache=name, result="miss"))
        return recorder.recording()

    async def both() -> list[Recording]:
        return await asyncio.gather(session("a"), session("b"))

    for name, recording in zip("ab", asyncio.run(both()), strict=True):
        assert {entry.name for entry in recording.entries} == {name}
        assert [note.data["cache"] for note in recording.notes] == [name] * 20


def test_an_endless_session_keeps_sums_instead_of_growing() -> None:
    recorder = Recorder(detail_limit=10)
    with watched(Watch([recorder])):
        for number in range(25):
            try:
                with timed("operation", "step"):
                    if number == 20:
                        raise ValueError
            except ValueError:
                pass
    recording = recorder.recording()
    assert len(recording.entries) == 10
    assert recording.folded["step"].times == 15
    assert recording.folded["step"].failures == 1


def test_beyond_the_limit_stages_and_the_run_are_still_kept() -> None:
    recorder = Recorder(detail_limit=1)
    with watched(Watch([recorder])), timed("run", "story"):
        with timed("operation", "a"), timed("operation", "b"):
            pass
        with timed("stage", "voice"):
            pass
    assert [entry.name for entry in recorder.recording().entries] == ["b", "voice", "story"]


def test_progress_is_not_recorded() -> None:
    recorder = Recorder()
    with watched(Watch([recorder])), timed("run", "story"):
        emit(Progressed(done=1, total=2))
    assert recorder.recording().notes == ()


def test_values_that_json_does_not_know_never_break_a_report() -> None:
    recorder = Recorder()
    with (
        watched(Watch([recorder])),
        timed("operation", "own", path=Path("x"), thing=object(), many={1: (2, {3})}, big="x" * 9999, odd=float("nan")),
    ):
        pass
    document = recorder.recording().to_document()
    fields = json.loads(json.dumps(document, allow_nan=False))["entries"][0][-1]
    assert fields["many"] == {"1": [2, [3]]}
    assert fields["odd"] is None
    assert len(fields["big"]) == 500


def test_an_error_holds_no_memory_of_the_work_that_raised_it() -> None:
    import gc
    import weakref

    class Heavy:
        pass

    def work() -> weakref.ref[Heavy]:
        heavy = Heavy()
        with timed("operation", "heavy"):
            held.append(weakref.ref(heavy))
            raise ValueError("no")

    held: list[weakref.ref[Heavy]] = []
    recorder = Recorder()
    with watched(Watch([recorder])), pytest.raises(ValueError, match="no"):
        work()
    gc.collect()
    assert recorder.recording().entries[0].error == "ValueError"
    assert held[0]() is None


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "no recording"),
        ({"format": "other"}, "no recording"),
        ({"format": "storygen-recording", "version": 99}, "format version 99"),
        ({"format": "storygen-recording", "version": 1, "run_id": "x"}, "damaged"),
        (rich().to_document() | {"entries": [["stage"]]}, "damaged"),
        (rich().to_document() | {"notes": None}, "damaged"),
    ],
)
def test_what_is_no_recording_is_refused_with_the_reason(document: dict[str, object], words: str) -> None:
    with pytest.raises(CallerMistake, match=words):
        Recording.from_document(document)


def test_a_recording_without_an_ended_run_has_none() -> None:
    recording = rich()
    assert replace(recording, entries=recording.entries[:-1]).run is None
