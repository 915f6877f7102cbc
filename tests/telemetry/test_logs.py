from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storygen import events
from storygen.errors import DiskFull, RenderFailed
from storygen.events import Watch, emit, timed, watched
from storygen.settings import LogSettings
from storygen.story import Check, Verdict
from storygen.telemetry.logs import Logs
from storygen.telemetry.redaction import Redactor
from storygen.telemetry.sinks import DailyFile, Sink
from tests.telemetry.conftest import Traced


@contextmanager
def logging_to(stream: io.StringIO, *others: Any, secrets: tuple[str, ...] = (), **settings: Any) -> Iterator[Logs]:
    logs = Logs(LogSettings(**{"format": "json", "level": "debug"} | settings), stream, Redactor(secrets))
    try:
        with watched(Watch((*others, logs.observer), "run-1")):
            yield logs
    finally:
        logs.close()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_every_line_has_a_dotted_name_a_time_and_the_ids_of_run_and_trace(traced: Traced) -> None:
    stream = io.StringIO()
    with logging_to(stream, traced.observer) as logs, timed("run", "story"), timed("stage", "voice", scene=3) as stage:
        with timed("operation", 'say "hé"'):
            emit(events.Retried(provider="openai", reason="timeout", attempt=1, wait=0.25))
        logging.getLogger("storygen.anything").warning("thing.happened")
        logs.logger.info("other.thing", run_id="", trace_id="", span_id="")
    written = lines(stream)
    assert [line["event"] for line in written] == [
        "run.began",
        "call.retried",
        "operation.ended",
        "thing.happened",
        "other.thing",
        "stage.ended",
        "run.ended",
    ]
    assert all({"timestamp", "level", "run_id", "trace_id", "span_id"} <= set(line) for line in written)
    assert written[2]["operation"] == 'say "hé"'
    assert {line["run_id"] for line in written if line["event"] != "other.thing"} == {"run-1"}
    assert written[5] == written[5] | {"stage": "voice", "scene": 3, "outcome": "success", "span_id": stage.span_id}
    assert len({line["trace_id"] for line in written if line["event"] != "other.thing"}) == 1
    assert datetime.fromisoformat(written[0]["timestamp"]).utcoffset() is not None


def test_an_error_is_told_with_its_trace_once_and_with_what_to_do() -> None:
    stream = io.StringIO()
    with logging_to(stream), suppress(DiskFull), timed("run", "story"), timed("stage", "assembly"):
        raise DiskFull("No space is left.", hint="Delete something.")
    _, stage, run = lines(stream)
    assert (stage["level"], stage["error_type"], stage["hint"]) == ("error", "disk_full", "Delete something.")
    assert "raise DiskFull" in stage["exception"]
    assert run["error_type"] == "disk_full"
    assert "exception" not in run


def test_an_error_is_written_at_once_and_the_rest_when_there_is_time(tmp_path: Path) -> None:
    stream = io.StringIO()
    with logging_to(stream):
        with timed("operation", "quick"):
            pass
        with suppress(RenderFailed), timed("operation", "broken"):
            raise RenderFailed("ffmpeg ended with 1")
        assert [line["outcome"] for line in lines(stream)] == ["success", "failed"]


def test_failed_checks_are_told_and_passed_ones_are_not() -> None:
    stream = io.StringIO()
    with logging_to(stream):
        for verdict in Verdict:
            check = Check(artifact="audio", name="loudness", verdict=verdict, value=-30.0, limit="about -16")
            emit(events.Checked(check=check, provider="builtin"))
    assert [(line["event"], line["level"]) for line in lines(stream)] == [
        ("check.warn", "info"),
        ("check.fail", "warning"),
    ]


def test_what_a_story_says_and_what_is_secret_is_in_no_line() -> None:
    stream = io.StringIO()
    with logging_to(stream, secrets=("hunter2-hunter2",)), timed("run", "story", title="The Drowned Bell"):
        with timed("attempt", "chat", model="m", prompt="Once upon a time", input_messages="[prompt]"):
            pass
        with timed("operation", "fetch", url="https://a.example/x?sig=1", key="is hunter2-hunter2"):
            pass
    text = stream.getvalue()
    assert not any(word in text for word in ("Drowned", "Once upon", "prompt", "sig=1", "hunter2"))
    assert "https://a.example/x" in text


def test_the_level_decides_what_is_written() -> None:
    stream = io.StringIO()
    with logging_to(stream, level="warning"), timed("run", "story"), timed("operation", "quick"):
        emit(events.GaveUp(provider="openai", reason="timeout"))
        logging.getLogger("storygen").info("not.this")
    assert [line["event"] for line in lines(stream)] == ["call.gave_up"]


def test_for_the_console_a_line_is_for_people() -> None:
    stream = io.StringIO()
    with logging_to(stream, format="console"), timed("stage", "voice"):
        pass
    line = stream.getvalue()
    assert "stage.ended" in line
    assert "run_id=run-1" in line
    assert "\x1b" not in line
    assert "trace_id" not in line


def test_a_folder_gets_a_file_a_day_beside_the_stream(tmp_path: Path) -> None:
    stream = io.StringIO()
    with logging_to(stream, format="console", folder=tmp_path / "logs"), timed("run", "story"):
        pass
    (file,) = (tmp_path / "logs").iterdir()
    assert file.name == f"storygen-{datetime.now(UTC).date()}.log"
    assert [json.loads(line)["event"] for line in file.read_text().splitlines()] == ["run.began", "run.ended"]
    assert "run.ended" in stream.getvalue()


def test_old_days_are_deleted_and_files_of_others_stay(tmp_path: Path) -> None:
    for name in ("storygen-2026-03-01.log", "storygen-2026-03-08.log", "storygen-2026-03-09.log", "mine.log"):
        (tmp_path / name).write_text("x\n")
    day = datetime(2026, 3, 10, 23, 59, tzinfo=UTC)
    file = DailyFile(tmp_path, keep_days=3, now=lambda: day)
    file.write("a\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "mine.log",
        "storygen-2026-03-08.log",
        "storygen-2026-03-09.log",
        "storygen-2026-03-10.log",
    ]
    day = datetime(2026, 3, 11, 0, 1, tzinfo=UTC)
    file.write("b\n")
    assert not (tmp_path / "storygen-2026-03-08.log").exists()
    assert (tmp_path / "storygen-2026-03-11.log").read_text() == "b\n"


def test_lines_that_cannot_be_written_are_counted_and_stop_nothing() -> None:
    class Full:
        def write(self, text: str) -> None:
            raise OSError(28, "No space left on device")

        def flush(self) -> None: ...

    lost: list[int] = []
    sink = Sink(Full(), lost.append)
    for _ in range(3):
        sink.line("x")
    sink.flush()
    assert lost == [3]


@given(
    st.lists(
        st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\n\r"), max_size=5), max_size=1500
    )
)
def test_lines_come_out_as_they_went_in(texts: list[str]) -> None:
    stream = io.StringIO()
    sink = Sink(stream)
    for text in texts:
        sink.line(text)
    sink.flush()
    assert stream.getvalue() == "".join(f"{text}\n" for text in texts)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("GET https://u:pw@h.example/a/b?X-Amz-Signature=abc&y=1 done", "GET https://h.example/a/b done"),
        ("postgres://user:pw@db/name", "postgres://db/name"),
        ("api_key=foo123 rest", "api_key=[redacted] rest"),
        ('{"authorization": "Bearer abc.def.ghi"}', '{"authorization": "[redacted]"}'),
        ('{"tokens": 5, "input_tokens": 7, "token": "abc"}', '{"tokens": 5, "input_tokens": 7, "token": "[redacted]"}'),
        ("the key sk-abcdefghijk", "the key [redacted]"),
        ("OPENAI_API_KEY=abcdef", "OPENAI_API_KEY=[redacted]"),
        ('{"said":"password=\\"hunter22\\""}', '{"said":"password=\\"[redacted]\\""}'),
        ("nothing here but a story", "nothing here but a story"),
    ],
)
def test_secrets_go_and_the_rest_stays(text: str, wanted: str) -> None:
    assert Redactor().redact(text) == wanted


@given(st.text(min_size=8, max_size=40), st.text("ab", max_size=20), st.booleans())
def test_a_secret_of_the_environment_never_gets_through(random: str, around: str, ascii_only: bool) -> None:
    secret = f"\u00a7{random}"
    redact = Redactor.from_environment({"MY_API_KEY": secret, "HOME": "/home/me"}).redact
    assert redact(f"{around}{secret}{around}") == f"{around}[redacted]{around}"
    line = json.dumps({"said": f"{around}{secret}{around}"}, ensure_ascii=ascii_only)
    assert json.loads(redact(line)) == {"said": f"{around}[redacted]{around}"}
