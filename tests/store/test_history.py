"""The history of runs: found again, kept for as long as asked, safe with several processes at once."""

from __future__ import annotations

import dataclasses
import sqlite3
import subprocess
import sys
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


def test_a_recorded_run_comes_back_whole(history: History, tmp_path: Path) -> None:
    run = past(folder=tmp_path / "films" / "a")
    history.record(run)
    assert history.find("run-1") == run


def test_without_an_id_the_latest_run_is_found(history: History) -> None:
    for run in (past("old", 50), past("new", 5), past("older", 500)):
        history.record(run)
    assert history.find().run_id == "new"


def test_a_run_is_found_by_the_only_id_that_begins_so_and_by_its_folder(history: History, tmp_path: Path) -> None:
    history.record(past("abc-1", folder=tmp_path / "films" / "one"))
    history.record(past("abd-2"))
    assert history.find("abc").run_id == "abc-1"
    assert history.find(str(tmp_path / "films" / ".." / "films" / "one")).run_id == "abc-1"


def test_a_beginning_that_fits_several_runs_names_them(history: History) -> None:
    history.record(past("abc-1"))
    history.record(past("abd-2"))
    with pytest.raises(CallerMistake, match=r"abd-2, abc-1|abc-1, abd-2"):
        history.find("ab")


def test_an_unknown_run_is_answered_with_the_nearest_ids(history: History) -> None:
    history.record(past("20261103-storm"))
    with pytest.raises(CallerMistake) as caught:
        history.find("20261103-strom")
    assert "20261103-storm" in caught.value.hint


@pytest.mark.parametrize("run", ["%", "_", "' OR 1=1 --", "a\0b", ""])
def test_what_sql_or_a_path_would_read_specially_finds_nothing(history: History, run: str) -> None:
    history.record(past())
    with pytest.raises(CallerMistake):
        history.find(run)


def test_an_empty_history_says_how_to_make_a_run_and_writes_nothing(history: History) -> None:
    with pytest.raises(CallerMistake) as caught:
        history.find()
    assert "storygen run" in caught.value.hint
    assert history.since(0) == []
    assert history.durations() == []
    assert not history.path.parent.exists()


def test_runs_older_than_the_setting_leave_when_a_new_one_comes(history: History) -> None:
    short = History(history.path, keep_days=7)
    short.record(past("old", ago=6.9 * 86_400))
    short.record(past("older", ago=7.1 * 86_400))
    short.record(past("new"))
    assert [run.run_id for run in short.since(0)] == ["old", "new"]


def test_since_gives_the_runs_of_that_time_oldest_first(history: History) -> None:
    for run in (past("c", 10), past("a", 3000), past("b", 20)):
        history.record(run)
    found = history.since(time.time() - 60)
    assert [run.run_id for run in found] == ["b", "c"]
    assert found[0].report["sentence"].startswith("voice took 40 %")


def test_only_runs_that_went_well_are_asked_how_long_things_take(history: History) -> None:
    history.record(past("good"))
    history.record(past("bad", outcome="failed"))
    (only,) = history.durations()
    assert only.durations["voice"] == pytest.approx((6.0,))
    assert only.durations["join"] == pytest.approx((0.5,))
    assert only.scenes == 1


def test_several_processes_record_at_once_and_none_is_lost(history: History) -> None:
    script = (
        "import sys, dataclasses; from pathlib import Path; from tests.store.test_history import past;"
        "from storygen.store.history import History;"
        "[History(Path(sys.argv[1])).record(past(f'{sys.argv[2]}-{n}')) for n in range(10)]"
    )
    command = [sys.executable, "-c", script, str(history.path)]
    writers = [subprocess.Popen([*command, str(writer)]) for writer in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert len(history.since(0)) == 30


def test_a_run_that_is_recorded_again_replaces_the_first(history: History) -> None:
    history.record(past("run-1"))
    history.record(past("run-1", outcome="failed"))
    assert [run.outcome for run in history.since(0)] == ["failed"]


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
