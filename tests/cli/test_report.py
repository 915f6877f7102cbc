"""`storygen report`, as typed."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from storygen.cli.report import duration, report
from storygen.errors import CallerMistake, InvalidSettings
from storygen.store.history import History, PastRun
from storygen.telemetry.recorder import Recording
from storygen.telemetry.report import build
from tests.telemetry.runs import rich, simple


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STORYGEN_FOLDERS__STATE", str(tmp_path / "state"))
    return History(tmp_path / "state" / "history.sqlite")


def record(history: History, recording: Recording, run_id: str, folder: Path | None = None) -> None:
    recording = dataclasses.replace(recording, run_id=run_id)
    past = PastRun.from_report(build(recording).to_json(), recording.to_document(), folder)
    history.record(dataclasses.replace(past, started=time.time()))


def typed(*words: str) -> Any:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(report)
    result = CliRunner().invoke(app, list(words))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_the_latest_run_is_reported(history: History) -> None:
    record(history, rich(), "first")
    record(history, simple(), "second")
    assert typed().stdout.startswith("The Lighthouse\nsuccess, full after 10.0 s, 1 scene")


def test_a_run_is_found_by_the_beginning_of_its_id_or_its_folder(history: History, tmp_path: Path) -> None:
    record(history, simple(), "aaa-1", tmp_path / "films" / "a")
    record(history, rich(), "bbb-2")
    assert "run aaa-1" in typed("aaa").stdout
    assert "run aaa-1" in typed("films/a").stdout


def test_json_is_the_report_s_stable_form(history: History) -> None:
    record(history, simple(), "one")
    assert json.loads(typed("--json").stdout)["run"]["run_id"] == "one"


def test_html_goes_to_a_file_or_to_standard_output(history: History, tmp_path: Path) -> None:
    record(history, simple(), "one")
    assert typed("--html", "-").stdout.startswith("<!doctype html>")
    typed("--html", "page.html")
    assert "The Lighthouse" in (tmp_path / "page.html").read_text()


def test_html_that_cannot_be_written_says_where(history: History) -> None:
    record(history, simple(), "one")
    with pytest.raises(InvalidSettings, match="nowhere"):
        typed("--html", "nowhere/page.html")


def test_two_runs_are_compared(history: History) -> None:
    record(history, rich(speed=2.0), "slow")
    record(history, rich(), "fast")
    assert "stage: script" in typed("--compare", "slow", "fast").stdout
    rows = json.loads(typed("--compare", "slow", "fast", "--json").stdout)["rows"]
    assert rows[0]["ratio"] < 0.6


def test_the_last_days_are_summed_up(history: History) -> None:
    record(history, rich(), "one")
    record(history, simple(), "two")
    assert typed("--since", "7d").stdout.startswith("2 runs in the last 7d: 100 % succeeded")
    assert json.loads(typed("--since", "1h", "--json").stdout)["runs"] == 2


def test_an_unknown_run_is_a_mistake_of_the_caller_answered_with_the_nearest(history: History) -> None:
    record(history, simple(), "20261103-storm")
    with pytest.raises(CallerMistake) as caught:
        typed("20261103-strom")
    assert caught.value.exit_code == 2
    assert "20261103-storm" in caught.value.hint


def test_before_the_first_run_it_says_how_to_make_one(history: History) -> None:
    with pytest.raises(CallerMistake) as caught:
        typed()
    assert "storygen run" in caught.value.hint
    assert typed("--since", "7d").stdout == "no runs in the last 7d\n"


@pytest.mark.parametrize("text", ["", "d", "7", "7x", "-7d", "0d", "1.5d", "7 d", "\u0667d", "9999999999d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidSettings, match="no duration"):
        duration(text)


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1800), ("12h", 43_200), ("7d", 604_800), ("2w", 1_209_600)])
def test_durations_are_read(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "words",
    [("x", "--since", "7d"), ("x", "--compare", "a", "b"), ("--html", "-", "--json"), ("--html", "-", "--since", "7d")],
)
def test_flags_that_do_not_go_together_are_refused(history: History, words: tuple[str, ...]) -> None:
    with pytest.raises(InvalidSettings):
        typed(*words)
