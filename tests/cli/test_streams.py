"""Commands whose standard streams are closed, full, or a pipe that nobody reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
STORY = "# T\n\n## Scene 1\n\nIt opened. It closed again.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "s.md").write_text(STORY, "utf-8")
    return tmp_path


def shell(folder: Path, line: str, **more: str) -> subprocess.CompletedProcess[str]:
    """What bash does with a line in which `storygen` is the program, with small pictures."""
    program = f"storygen() {{ '{sys.executable}' -m storygen \"$@\"; }}; set -o pipefail; {line}"
    small = {"STORYGEN_FILM__HEIGHT": "160", "STORYGEN_FILM__PRESET": "ultrafast", "STORYGEN_FILM__FPS": "10"}
    environment = os.environ | small | {"PYTHONPATH": str(Path(__file__).parents[2])} | more
    return subprocess.run(
        ["bash", "-c", program], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("storygen run - <&-", 2, "there is no standard input"),
        ("storygen check s.md >&-", 0, ""),
        ("storygen check s.md > /dev/full", 1, "standard output cannot be written to"),
        ("storygen --help > /dev/full", 1, "standard output cannot be written to"),
        ("storygen check s.md | head -1", 0, ""),
        ("storygen frobnicate 2>&-", 2, ""),
    ],
)
def test_a_stream_that_is_gone_is_no_breakdown(folder: Path, line: str, code: int, said: str) -> None:
    done = shell(folder, line)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    ("line", "code"),
    [("storygen run s.md 2>&1 | head -1", 0), ("storygen run s.md >&- 2>&-", 0), ("storygen run s.md > /dev/full", 1)],
)
def test_a_film_is_finished_although_nobody_can_be_told(folder: Path, line: str, code: int) -> None:
    done = shell(folder, line)
    assert done.returncode == code, done.stderr
    assert (folder / "films" / "t" / "film.mp4").is_file()
    assert "Traceback" not in done.stderr + done.stdout


def test_a_broken_history_is_told_of_in_plain_lines(folder: Path) -> None:
    (folder / "state").mkdir()
    (folder / "state" / "history.sqlite").write_text("garbage" * 100)
    done = shell(folder, "storygen run s.md", STORYGEN_FOLDERS__STATE="state")
    assert done.returncode == 0, done.stderr
    assert "\nstorygen: This run will not be found again: the history state/history.sqlite is broken" in done.stderr
    assert "Warning" not in done.stderr
    assert ".py" not in done.stderr


@pytest.mark.parametrize("name", ["", "x" * 300, "\udce4\udcff"])
def test_a_folder_that_cannot_be_is_refused_before_anything_is_made(folder: Path, name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "storygen", "run", "s.md", "--out", name],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("storygen: --out: ")
    assert [path.name for path in folder.iterdir()] == ["s.md"]


def test_a_story_in_another_writing_is_filmed_where_only_ascii_can_be_written(folder: Path) -> None:
    (folder / "ar.txt").write_text("في البدء كان النور.", "utf-8")
    done = shell(folder, "storygen run ar.txt --strategy audio-only", **ASCII)
    assert done.returncode == 0, done.stderr
    assert "--language" in done.stderr
    assert len([*(folder / "films").glob("*/film.m4a")]) == 1
