"""The history of runs keeps its promises in a file of this machine and in a database that machines share."""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from storygen.errors import CallerMistake, ResourceFailure
from storygen.past import open_history
from storygen.settings import DatabaseSettings, FolderSettings, ReportSettings, Settings
from storygen.store.history import Runs
from tests.jobs.postgresql import PostgreSql
from tests.store.test_history import past


def opened(tmp_path: Path, url: str | None, keep_days: int = 90) -> Runs:
    return open_history(
        Settings(
            folders=FolderSettings(state=tmp_path / "state"),
            database=DatabaseSettings(url=url),
            report=ReportSettings(keep_days=keep_days),
        )
    )


@pytest.fixture(params=["file", "sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql").new_database()
    return None if request.param == "file" else f"sqlite:///{tmp_path / 'shared.sqlite'}"


@pytest.fixture
def history(tmp_path: Path, url: str | None) -> Runs:
    return opened(tmp_path, url)


def test_a_recorded_run_comes_back_whole(history: Runs, tmp_path: Path) -> None:
    run = past(folder=tmp_path / "films" / "a")
    history.record(run)
    assert history.find("run-1") == run


def test_without_an_id_the_latest_run_is_found(history: Runs) -> None:
    for run in (past("old", 50), past("new", 5), past("older", 500)):
        history.record(run)
    assert history.find().run_id == "new"


def test_a_run_is_found_by_the_only_id_that_begins_so_and_by_its_folder(history: Runs, tmp_path: Path) -> None:
    history.record(past("abc-1", folder=tmp_path / "films" / "one"))
    history.record(past("abd-2"))
    assert history.find("abc").run_id == "abc-1"
    assert history.find(str(tmp_path / "films" / ".." / "films" / "one")).run_id == "abc-1"
    with pytest.raises(CallerMistake, match=r"abd-2, abc-1|abc-1, abd-2"):
        history.find("ab")


def test_an_unknown_run_is_answered_with_the_nearest_ids(history: Runs) -> None:
    history.record(past("20261103-storm"))
    with pytest.raises(CallerMistake) as caught:
        history.find("20261103-strom")
    assert "20261103-storm" in caught.value.hint


@pytest.mark.parametrize("run", ["%", "_", "' OR 1=1 --", "a\0b", "\ud800", ""])
def test_what_sql_or_a_path_would_read_specially_finds_nothing(history: Runs, run: str) -> None:
    history.record(past())
    with pytest.raises(CallerMistake):
        history.find(run)


def test_an_empty_history_says_how_to_make_a_run(history: Runs) -> None:
    with pytest.raises(CallerMistake) as caught:
        history.find()
    assert "storygen run" in caught.value.hint
    assert (history.since(0), history.durations(), history.last_success()) == ([], [], None)


def test_runs_older_than_the_setting_leave_when_a_new_one_comes(tmp_path: Path, url: str | None) -> None:
    short = opened(tmp_path, url, keep_days=7)
    short.record(past("old", ago=6.9 * 86_400))
    short.record(past("older", ago=7.1 * 86_400))
    short.record(past("new"))
    assert [run.run_id for run in short.since(0)] == ["old", "new"]


def test_since_gives_the_runs_of_that_time_oldest_first_without_their_recordings(history: Runs) -> None:
    for run in (past("c", 10), past("a", 3000), past("b", 20)):
        history.record(run)
    found = history.since(time.time() - 60)
    assert [(run.run_id, run.recording) for run in found] == [("b", {}), ("c", {})]
    assert found[0].report["sentence"].startswith("voice took 40 %")


def test_a_look_over_many_runs_needs_the_memory_of_a_few(history: Runs) -> None:
    for number in range(150):
        history.record(past(f"run-{number}", ago=number))

    def peak(look: Callable[[], int]) -> int:
        tracemalloc.start()
        assert look() == 150
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    look_at_all = peak(lambda: len(history.since(0)))
    assert peak(lambda: sum(1 for _ in history.each(0))) < 0.7 * look_at_all


def test_only_runs_that_went_well_are_asked_how_long_things_take(history: Runs) -> None:
    good = past("good", ago=100)
    history.record(good)
    history.record(past("bad", outcome="failed"))
    (only,) = history.durations()
    assert (only.durations["voice"], only.scenes) == (pytest.approx((6.0,)), 1)
    assert history.last_success() == pytest.approx(good.started + good.seconds)


def test_several_processes_record_at_once_and_none_is_lost(tmp_path: Path, url: str | None) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.jobs.test_history import opened, past;"
        "history = opened(Path(sys.argv[1]), sys.argv[2] or None);"
        "[history.record(past(f'{sys.argv[3]}-{n}')) for n in range(10)]"
    )
    command = [sys.executable, "-c", script, str(tmp_path), url or ""]
    writers = [subprocess.Popen([*command, str(writer)]) for writer in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert len(opened(tmp_path, url).since(0)) == 30


def test_a_run_that_is_recorded_again_replaces_the_first(history: Runs) -> None:
    history.record(past("run-1"))
    history.record(past("run-1", outcome="failed"))
    assert [run.outcome for run in history.since(0)] == ["failed"]


def test_a_database_that_is_away_is_the_machine_s_fault_and_nothing_is_restarted(
    tmp_path: Path, postgresql: PostgreSql
) -> None:
    history = opened(tmp_path, postgresql.new_database())
    history.record(past("before"))
    postgresql.stop()
    for ask in (history.find, history.durations, history.last_success, lambda: history.record(past("lost"))):
        with pytest.raises(ResourceFailure):
            ask()
    postgresql.start()
    history.record(past("after"))
    assert {run.run_id for run in history.since(0)} == {"before", "after"}
