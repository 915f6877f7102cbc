"""The same input gives the same film, whatever else the machine has to do."""

from __future__ import annotations

import hashlib
from pathlib import Path

from storygen import run_story_sync
from storygen.story import Line, Mood, Scene, Script

SCRIPT = Script(
    title="Twice",
    scenes=(
        Scene(title="One", lines=(Line(text="It rained all day, and nobody came."),), mood=Mood.CALM),
        Scene(lines=(Line(text="Then somebody knocked."),), on_screen=("$ who", "a guest"), mood=Mood.JOYFUL),
        Scene(title="Three", lines=(Line(text="It was the wind, as ever, and then it was night."),)),
    ),
)


def hashes(folder: Path, cores: int) -> dict[str, str]:
    """What a run from scratch leaves behind, without what tells of the run itself."""
    settings = {
        "film": {"height": 144, "fps": 10, "preset": "ultrafast"},
        "folders": {"cache": folder / "cache", "state": folder / "state", "films": folder / "films"},
        "run": {"cores": cores},
    }
    run_story_sync(SCRIPT, settings, folder=folder / "film")
    told = {"manifest.json", "report.json", "report.html"}
    files = (path for path in sorted((folder / "film").rglob("*")) if path.is_file() and path.name not in told)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_film_that_is_made_twice_from_scratch_is_the_same_to_the_last_byte(tmp_path: Path) -> None:
    alone = hashes(tmp_path / "alone", cores=1)
    assert alone == hashes(tmp_path / "shared", cores=3)
    assert {"film/film.mp4", "film/film.srt", "film/thumbnail.jpg"} < set(alone)
