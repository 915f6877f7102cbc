"""The history of runs: found again, kept for as long as asked, safe with several processes at once."""

from __future__ import annotations

import dataclasses
import sqlite3
import time
from pathlib import Path

import pytest

from storygen.errors import CallerMistake, ResourceFailure
from storygen.store.history import History, PastRun
from storygen.telemetry.report import build
from tests.telemetry.runs import simple


def past(run_id: str = "run-1", ago: float = 0.0, folder: Path | None = None, outcome: str = "success") -> PastRun:
    recording = dataclasses.replace(simple(), run_id=run_id)
    run = PastRun.from_report(build(recording).to_json(), recording.to_document(), folder)
    return dataclasses.replace(run, started=time.time() - ago, outcome=outcome)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "state" / "history.sqlite")


def test_an_empty_history_says_how_to_make_a_run_and_writes_nothing(history: History) -> None:
    with pytest.raises(CallerMistake) as caught:
        history.find()
    assert "storygen run" in caught.value.hint
    assert history.since(0) == []
    assert history.durations() == []
    assert not history.path.parent.exists()


def test_a_broken_file_is_named_with_what_to_do(history: History) -> None:
    history.path.parent.mkdir(parents=True)
    history.path.write_bytes(b"this is no database at all" * 200)
    with pytest.raises(CallerMistake, match="is broken") as caught:
        history.record(past())
    assert "move" in caught.value.hint


def test_the_history_of_a_newer_storygen_is_left_alone(history: History) -> None:
    history.record(past())
    with sqlite3.connect(history.path) as database:
        database.execute("PRAGMA user_version=99")
    database.close()
    with pytest.raises(CallerMistake, match="newer storygen"):
        history.record(past("run-2"))


def test_a_folder_that_cannot_be_made_is_the_machine_s_fault(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    with pytest.raises(ResourceFailure, match=r"history\.sqlite"):
        History(tmp_path / "state" / "history.sqlite").record(past())
