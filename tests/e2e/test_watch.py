"""`storygen watch` as a process: told to stop, killed, and started again."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Timer
from typing import Any
from urllib.request import urlopen

import pytest

SLOW = {"STORYGEN_FILM__HEIGHT": "1080", "STORYGEN_FILM__PRESET": "slower"}


def inbox(shell: Any, *names: str) -> Path:
    folder: Path = shell.home / "stories"
    folder.mkdir(exist_ok=True)
    for name in names:
        shell.write(name=f"stories/{name}")
    return folder


def first_line(child: subprocess.Popen[str], stream: str, holds: Callable[[str], bool]) -> str:
    """The first line that holds; a process that says none within a minute is killed, which ends the wait."""
    guard = Timer(60, child.kill)
    guard.start()
    try:
        return next((line for line in getattr(child, stream) if holds(line)), "")
    finally:
        guard.cancel()


def test_films_are_told_of_line_by_line_while_the_metrics_stay_open(shell: Any) -> None:
    folder = inbox(shell, "a.md")
    child = shell.start("watch", str(folder), "--json", "--metrics-port", "0")
    url = first_line(child, "stderr", lambda line: line.startswith("Metrics: ")).split()[1]
    made = json.loads(first_line(child, "stdout", bool))
    shell.write(name="stories/b.md", text="# Another\n\nOnce there was a lamp.\n")
    again = json.loads(first_line(child, "stdout", bool))
    assert [(each["story"], each["outcome"], each["fidelity"]) for each in (made, again)] == [
        ("a.md", "success", "full"),
        ("b.md", "success", "full"),
    ]
    with urlopen(url, timeout=10) as answer:
        assert b'storygen_runs_started_total{pipeline="story"} 2.0' in answer.read()
    child.send_signal(signal.SIGTERM)
    assert child.wait(20) == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_stop_leaves_the_story_that_is_being_made_and_nothing_else(shell: Any, number: int, code: int) -> None:
    folder = inbox(shell, "a.md")
    env = {**SLOW, "STORYGEN_LOGS__FORMAT": "json"}
    child = shell.start("watch", str(folder), env=env)
    assert first_line(child, "stderr", lambda line: '"run.began"' in line)
    child.send_signal(number)
    assert child.wait(20) == code
    assert [path.name for path in folder.iterdir() if path.is_file()] == ["a.md"]
    assert shell.leftovers() == []


def test_a_killed_process_goes_on_from_what_was_made(shell: Any) -> None:
    folder = inbox(shell, "a.md")
    env = {"STORYGEN_LOGS__FORMAT": "json"}
    child = shell.start("watch", str(folder), env={**SLOW, **env})
    assert first_line(child, "stderr", lambda line: "stage.ended" in line and '"voice"' in line)
    child.kill()
    child.wait(20)
    assert (folder / "a.md").exists()
    child = shell.start("watch", str(folder), "--json", env=env)
    made = json.loads(first_line(child, "stdout", bool))
    assert made["outcome"] == "success"
    assert (folder / "done" / "a.md").exists()
    child.send_signal(signal.SIGTERM)
    assert child.wait(20) == 0
    voices = [scene["cached"] for scene in shell.manifest()["scenes"]]
    assert any("voice" in cached for cached in voices)


def test_a_folder_that_is_not_there_is_a_mistake_of_the_caller(shell: Any) -> None:
    done = shell.run("watch", "nowhere")
    assert done.returncode == 2
    assert "no such folder" in done.stderr
    assert "Traceback" not in done.stderr
