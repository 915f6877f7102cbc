"""A folder of stories becomes films: what happens to each file, and what never happens to any."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from storygen import watching
from storygen.cli.watch import _as_json, _as_text
from storygen.errors import DiskFull, InvalidSettings, RenderFailed
from storygen.reloading import Reloader
from storygen.resilience.gears import Gears
from storygen.store.inbox import Inbox
from storygen.watching import Finished, Watcher

STORY = "# The Jar\n\n## Scene: Light\n\nIt glowed.\n"


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for stories, with films, cache and state beside it; looks follow each other quickly."""
    monkeypatch.chdir(tmp_path)
    for kind in ("films", "cache", "state"):
        monkeypatch.setenv(f"STORYGEN_FOLDERS__{kind.upper()}", str(tmp_path / kind))
    monkeypatch.setenv("STORYGEN_FILM__HEIGHT", "144")
    monkeypatch.setenv("STORYGEN_FILM__FPS", "10")
    monkeypatch.setenv("STORYGEN_FILM__PRESET", "ultrafast")
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.02)
    folder = tmp_path / "stories"
    folder.mkdir()
    return folder


def watched(
    inbox: Path, until: Callable[[list[Finished]], bool], *, at_once: int = 2, observers: Any = (), **options: Any
) -> list[Finished]:
    """What is told until the condition holds; ends after a minute at the latest."""
    told: list[Finished] = []

    async def go() -> None:
        gears = Gears()
        watcher = Watcher(Inbox(inbox), Reloader(), gears, observers, at_once=at_once, tell=told.append, **options)
        task = asyncio.create_task(watcher.run())
        try:
            async with asyncio.timeout(60):
                while not until(told) and not task.done():
                    await asyncio.sleep(0.01)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await gears.close()

    asyncio.run(go())
    return told


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_story_becomes_a_film_and_moves_to_done(inbox: Path) -> None:
    (inbox / "jar.md").write_text(STORY)
    (told,) = watched(inbox, bool)
    assert (told.story, told.outcome, told.fidelity, told.error) == ("jar.md", "success", "full", None)
    assert told.folder is not None
    assert (told.folder / "film.mp4").stat().st_size > 1000
    assert told.seconds > 0
    assert told.film_seconds is not None
    assert names(inbox) == ["done", "failed"]
    assert names(inbox / "done") == ["jar.md"]


def test_bad_input_fails_alone_and_says_why_in_a_file(inbox: Path) -> None:
    (inbox / "bad.md").write_bytes(b"\0\1\2")
    (inbox / "good.md").write_text(STORY)
    told = {each.story: each for each in watched(inbox, lambda told: len(told) == 2)}
    assert told["good.md"].outcome == "success"
    assert told["bad.md"].outcome == "failed"
    assert names(inbox / "failed") == ["bad.md", "bad.md.error.json"]
    error = json.loads((inbox / "failed" / "bad.md.error.json").read_text())
    assert error["kind"] == "invalid_script"
    assert "binary" in error["message"]
    assert error["run_id"] == ""


def test_what_goes_wrong_in_a_run_is_told_with_its_run_and_stage(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORYGEN_RUN__STAGE_TIMEOUT__ASSEMBLY", "0.001")
    (inbox / "slow.md").write_text(STORY)
    (told,) = watched(inbox, bool)
    assert told.outcome == "timeout"
    assert told.error is not None
    assert (told.error["kind"], told.error["stage"]) == ("stage_timeout", "assembly")
    assert told.run_id == json.loads((inbox / "failed" / "slow.md.error.json").read_text())["run_id"] != ""
    assert told.cost_usd == 0.0


def test_a_name_that_is_taken_gets_a_number_and_nothing_is_overwritten(inbox: Path) -> None:
    (inbox / "done").mkdir()
    (inbox / "done" / "jar.md").write_text("an earlier one")
    (inbox / "jar.md").write_text(STORY)
    watched(inbox, bool)
    assert (inbox / "done" / "jar.md").read_text() == "an earlier one"
    assert (inbox / "done" / "jar-2.md").read_text() == STORY


def test_another_story_under_the_same_name_is_a_film_of_its_own(inbox: Path) -> None:
    (inbox / "jar.md").write_text(STORY)
    (first,) = watched(inbox, bool)
    (inbox / "jar.md").write_text(STORY.replace("glowed", "was dark"))
    (second,) = watched(inbox, bool)
    assert first.folder != second.folder
    assert names(inbox / "done") == ["jar-2.md", "jar.md"]


def test_hidden_files_folders_and_unfinished_files_are_left_alone(inbox: Path) -> None:
    (inbox / ".jar.md").write_text(STORY)
    (inbox / "folder.md").mkdir()
    (inbox / "empty.md").touch()
    seen = Inbox(inbox)
    growing = inbox / "growing.md"
    for _ in range(3):
        with growing.open("a") as file:
            file.write(STORY)
        assert seen.look() == []
    assert [story.name for story in seen.look()] == ["growing.md"]


def test_no_more_are_made_side_by_side_than_asked_for(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    going, most = 0, 0

    async def perform(*_: Any) -> None:
        nonlocal going, most
        going += 1
        most = max(most, going)
        await asyncio.sleep(0.03)
        going -= 1
        raise RenderFailed("not today")

    monkeypatch.setattr(watching, "perform", perform)
    for number in range(7):
        (inbox / f"{number}.md").write_text(STORY)
    told = watched(inbox, lambda told: len(told) == 7, at_once=3)
    assert most == 3
    assert {each.outcome for each in told} == {"failed"}


@pytest.mark.parametrize("reason", [DiskFull("No space is left."), InvalidSettings("Cannot write into films.")])
def test_a_machine_that_cannot_keep_the_film_keeps_the_story_and_waits(
    inbox: Path, monkeypatch: pytest.MonkeyPatch, reason: Exception
) -> None:
    tries = 0

    async def perform(*_: Any) -> None:
        nonlocal tries
        tries += 1
        raise reason

    monkeypatch.setattr(watching, "perform", perform)
    (inbox / "jar.md").write_text(STORY)
    waits: list[float] = []
    original = watching._Patience.wait

    def wait(self: Any) -> float:
        seconds = original(self)
        waits.append(seconds)
        self._until -= seconds - 0.01  # the test does not wait as long
        return seconds

    monkeypatch.setattr(watching._Patience, "wait", wait)
    told = watched(inbox, lambda _: tries >= 8)
    assert told == []
    assert names(inbox) == ["done", "failed", "jar.md"]
    assert waits[:7] == [1, 2, 4, 8, 16, 32, 60]


def test_settings_that_change_count_from_the_next_story_on(inbox: Path) -> None:
    settings = inbox.parent / "storygen.toml"
    settings.write_text('[film]\nstrategy = "audio-only"\n')
    (inbox / "a.md").write_text(STORY)
    adopted: list[Any] = []

    def change(told: list[Finished]) -> bool:
        if len(told) == 1 and not (inbox / "done" / "b.md").exists() and not (inbox / "b.md").exists():
            settings.write_text('[film]\nstrategy = "ui-only"\n[run]\nscenes_at_once = 3\n')
            (inbox / "b.md").write_text(STORY.replace("Jar", "Lamp"))
        return len(told) == 2

    told = watched(inbox, change, adopt=adopted.append)
    made = [sorted(path.suffix for path in each.folder.glob("film.m*")) for each in told if each.folder]
    assert made == [[".m4a"], [".mp4"]]
    assert [each.run.scenes_at_once for each in adopted] == [3]


def test_a_folder_that_vanishes_is_waited_for(inbox: Path, caplog: pytest.LogCaptureFixture) -> None:
    aside = inbox.with_name("aside")
    (inbox / "a.md").write_text(STORY)

    def vanish(told: list[Finished]) -> bool:
        said = caplog.text
        if len(told) == 1 and "cannot be read, and is tried again" not in said and inbox.exists():
            inbox.rename(aside)
        if "cannot be read, and is tried again" in said and aside.exists():
            aside.rename(inbox)
            (inbox / "b.md").write_text(STORY)
        return len(told) == 2

    assert [each.story for each in watched(inbox, vanish)] == ["a.md", "b.md"]
    assert caplog.text.count("is tried again") == 1
    assert "can be read again" in caplog.text


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="no such folder"):
        Inbox(tmp_path / "nowhere")


def test_a_story_that_was_replaced_while_its_film_was_made_stays_for_a_film_of_its_own(inbox: Path) -> None:
    path = inbox / "jar.md"
    path.write_text(STORY)
    seen = Inbox(inbox)
    seen.look()
    (story,) = seen.look()
    path.write_text(STORY + "More.\n")
    seen.put_away(story, "done")
    assert names(inbox / "done") == []
    assert path.exists()


def test_thirty_runs_leave_no_thread_and_no_open_file_behind(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(first: int, last: int) -> None:
        for number in range(first, last):
            (inbox / f"{number}.md").write_text(STORY.replace("Jar", f"Jar {number}"))

    def held() -> tuple[int, int]:
        return threading.active_count(), len([*Path("/proc/self/fd").iterdir()])

    counted: list[tuple[int, int]] = []

    def go_on(told: list[Finished]) -> bool:
        if len(told) >= 5 and not counted:
            counted.append(held())
            write(5, 30)
        if len(told) >= 30:
            counted.append(held())
        return len(told) >= 30

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("open files are counted in /proc")
    monkeypatch.setenv("STORYGEN_FILM__STRATEGY", "audio-only")
    write(0, 5)
    watched(inbox, go_on)
    before, after = counted
    assert after[0] <= before[0] + 1
    assert after[1] <= before[1] + 10  # those of the run that is just ending


def test_a_line_says_what_became_of_a_story() -> None:
    made = Finished(story="a\x1b.md", outcome="success", fidelity="full", film_seconds=61.6, folder=Path("films/a"))
    assert _as_text(made) == "a\\x1b.md: films/a  (62 s, full)"
    error = {"kind": "timeout", "stage": "voice", "provider": "openai", "message": "It took too long."}
    assert _as_text(Finished(story="b.md", error=error)) == "b.md: failed: voice, openai, timeout: It took too long."
    document = json.loads(_as_json(Finished(story="b.md", run_id="r", error=error)))
    assert document["error"] == error
    assert set(document) == {
        *("story", "run_id", "trace_id", "outcome", "fidelity", "reasons", "seconds", "film_seconds", "cost_usd"),
        *("folder", "error"),
    }
