"""What the pipeline under the drill is told and fed."""

from __future__ import annotations

import signal
import subprocess
import tomllib
from pathlib import Path

from storygen.drill.ffmpeg import Ffmpeg
from storygen.drill.load import Stories, clear
from storygen.drill.settings import as_toml, merged
from storygen.scripts import read_text
from tests.servers import eventually


def test_the_same_seed_tells_the_same_stories_and_no_two_are_alike() -> None:
    one, other = Stories(3), Stories(3)
    told = [one.tale(3) for _ in range(50)]
    assert told == [other.tale(3) for _ in range(50)]
    assert len(set(told)) == 50


def test_a_tale_is_a_script_with_as_many_scenes_as_asked_for() -> None:
    script = read_text(Stories(1).tale(3).encode(), "tale.md").script
    assert script is not None
    assert [len(scene.lines) for scene in script.scenes] == [1, 1, 1]


def test_settings_survive_being_written() -> None:
    values = {
        "a": 1,
        "group": {"b": 'q"\\u00e9', "list": ["x"], "of group": {"elevenlabs/*": 0.5, "no": False}},
        "c": {},
    }
    assert tomllib.loads(as_toml(values)) == {key: value for key, value in values.items() if key != "c"}


def test_changes_go_on_top_and_none_takes_away() -> None:
    below = {"a": {"b": 1, "c": 2}, "d": 3}
    assert merged(below, {"a": {"b": None, "e": 4}}) == {"a": {"c": 2, "e": 4}, "d": 3}


def test_only_what_has_not_changed_for_long_is_cleared(tmp_path: Path) -> None:
    import os

    for name, age in (("old", 100), ("new", 0)):
        (tmp_path / "films" / name).mkdir(parents=True)
        os.utime(tmp_path / "films" / name, (tmp_path.stat().st_mtime - age,) * 2)
    clear(tmp_path, "films/*", 50)
    assert [path.name for path in (tmp_path / "films").iterdir()] == ["new"]


def test_one_ffmpeg_is_held_and_the_next_does_its_work(tmp_path: Path) -> None:
    ffmpeg = Ffmpeg(tmp_path)
    ffmpeg.set("hold")
    with subprocess.Popen([ffmpeg.path, "-version"], stdout=subprocess.PIPE) as held:
        eventually((tmp_path / "ffmpeg.held").exists)
        other = subprocess.run([ffmpeg.path, "-version"], capture_output=True, check=False)
        assert held.poll() is None
        held.kill()
    assert other.stdout.startswith(b"ffmpeg")
    ffmpeg.set("die")
    assert subprocess.run([ffmpeg.path, "-version"], check=False).returncode == -signal.SIGKILL
    ffmpeg.set("")
    assert subprocess.run([ffmpeg.path, "-version"], capture_output=True, check=False).returncode == 0
