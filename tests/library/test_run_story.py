"""What other programs may give, and what they get back."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from storygen.errors import InvalidScript, InvalidSettings
from storygen.library import run_story, run_story_sync, submit_story
from storygen.production import Performance
from storygen.resilience.gears import Gears
from storygen.settings import Settings
from storygen.store.artifacts import Store
from storygen.store.history import PastRun
from storygen.vendors.server import Simulation

SCRIPT = "# The Lamp\n\n## One\n\nADA: Who is there?\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folders = {name: tmp_path / name for name in ("films", "cache", "state")}
    return Settings.model_validate({"folders": folders, "film": {"height": 144, "fps": 10, "strategy": "audio-only"}})


class Runs:
    """A history in memory."""

    def __init__(self) -> None:
        self.runs: list[PastRun] = []

    def record(self, run: PastRun) -> None:
        self.runs.append(run)


def test_a_text_becomes_a_film_in_the_folder_that_was_named(settings: Settings, tmp_path: Path) -> None:
    made = run_story_sync(SCRIPT, settings, folder=tmp_path / "mine")
    assert made.delivery.folder == tmp_path / "mine"
    assert made.delivery.manifest.title == "The Lamp"
    assert made.report.run.outcome == "success"


def test_words_are_never_the_name_of_a_file(settings: Settings, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "secret.md").write_text("# Hidden\n\n## One\n\nADA: Nobody may hear this.\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    assert run_story_sync(Path("secret.md"), settings).delivery.manifest.title == "Hidden"
    assert run_story_sync("secret.md", settings).delivery.manifest.title != "Hidden"


def test_store_and_history_that_are_brought_along_stand_for_those_of_the_settings(
    settings: Settings, tmp_path: Path
) -> None:
    history: Any = Runs()
    run_story_sync(SCRIPT, settings, store=Store(tmp_path / "elsewhere"), history=history)
    assert [run.title for run in history.runs] == ["The Lamp"]
    assert not (tmp_path / "state" / "history.sqlite").exists()
    assert list((tmp_path / "elsewhere").rglob("entry.json"))
    assert not list((tmp_path / "cache").rglob("entry.json"))


def test_two_equal_runs_at_the_same_time_cause_one_vendor_call(settings: Settings, tmp_path: Path) -> None:
    with Simulation() as vendor:
        vendor.plan([{"fault": "slow", "vendor": "elevenlabs", "seconds": 0.2}])
        speaking = {"elevenlabs": {"base_url": vendor.url("elevenlabs"), "api_keys": ["a-key"]}}
        chosen = settings.model_dump() | {"providers": {"speech": ["elevenlabs"]}, "vendors": speaking}
        gears = Gears()

        async def both() -> list[Performance]:
            folders = (tmp_path / "one", tmp_path / "two")
            runs = (run_story(SCRIPT, chosen, folder=folder, gears=gears) for folder in folders)
            return await asyncio.gather(*runs)

        made = asyncio.run(both())
        assert [each.report.run.outcome for each in made] == ["success", "success"]
        assert len(vendor.requests("elevenlabs")) == 1


def test_a_capability_that_there_is_not_is_refused(settings: Settings) -> None:
    with pytest.raises(InvalidSettings, match="there is no sppech"):
        run_story_sync(SCRIPT, settings, providers={"sppech": ()})


def test_what_is_no_story_is_refused_as_everywhere(settings: Settings) -> None:
    with pytest.raises(InvalidScript):
        run_story_sync("", settings)


def test_inside_of_an_event_loop_the_other_function_is_named(settings: Settings) -> None:
    async def inside() -> None:
        run_story_sync(SCRIPT, settings)

    with pytest.raises(InvalidSettings, match="event loop") as caught:
        asyncio.run(inside())
    assert "run_story" in caught.value.hint


def test_the_names_are_at_the_front_door_and_opening_it_is_cheap() -> None:
    code = "import sys, storygen; print('pydantic' in sys.modules, storygen.run_story.__name__)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "False run_story\n"
    assert (run_story.__name__, submit_story.__name__) == ("run_story", "submit_story")
