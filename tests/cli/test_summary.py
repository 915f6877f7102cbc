"""`storygen summary`, as typed."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from storygen.cli.summary import summary
from storygen.store.history import History
from tests.summaries.past import run


@pytest.fixture(autouse=True)
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STORYGEN_FOLDERS__STATE", str(tmp_path / "state"))
    made = History(tmp_path / "state" / "history.sqlite")
    for ago in (60, 3600, 30 * 3600):
        made.record(run(time.time() - ago, run_id=f"run-{ago}"))
    return made


def typed(*words: str) -> str:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(summary)
    return CliRunner().invoke(app, list(words), catch_exceptions=False).stdout


def test_the_last_day_is_summed_up_in_a_sentence_and_tables() -> None:
    shown = typed()
    assert shown.startswith("2 runs, 100 % of them went well, for $0.1")
    assert "Slowest runs" in shown


def test_json_has_the_figures_of_both_periods() -> None:
    said = json.loads(typed("--since", "1d", "--json"))
    assert (said["now"]["runs"], said["before"]["runs"]) == (2, 1)


def test_the_page_is_written_into_a_file(tmp_path: Path) -> None:
    typed("--since", "7d", "--html", "week.html")
    assert "The last 7d" in (tmp_path / "week.html").read_text("utf-8")
