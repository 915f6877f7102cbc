"""A film from one command, and what happens when things go wrong on the way."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from storygen.story import Stage

TOPIC_STAGES = [stage.value for stage in Stage]


def test_a_script_becomes_a_film_with_all_that_belongs_to_it(shell: Any, probe: Callable[[Path], Any]) -> None:
    done = shell.run("run", shell.write())
    assert done.returncode == 0, done.stderr
    folder = shell.home / "films" / "the-jar"
    film = probe(folder / "film.mp4")
    (video,), (audio,) = film.video, film.audio
    assert (video.codec, video.width, video.height, video.fps) == ("h264", 180, 320, 30)
    assert (video.profile, video.pixel_format, audio.codec) == ("High", "yuv420p", "aac")
    manifest = shell.manifest()
    assert manifest["outcome"] == "success"
    assert manifest["fidelity"] == "full"
    assert film.seconds == pytest.approx(manifest["film_seconds"], abs=0.05)
    listed = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert listed == {*manifest["files"], "manifest.json", "report.json", "report.html"}
    assert {"film.srt", "film.vtt", "film.ass", "script.json", "parts/02-dark/voice.wav"} <= listed
    assert "Nobody answered" in (folder / "film.srt").read_text("utf-8")
    assert str(folder.relative_to(shell.home)) in done.stdout
    assert shell.leftovers() == []


def test_a_topic_becomes_a_film(shell: Any) -> None:
    done = shell.run("run", "a fox who sells umbrellas", "--seconds", "12", "--aspect", "1:1")
    assert done.returncode == 0, done.stderr
    manifest = shell.manifest()
    assert manifest["source"]["format"] == "topic"
    assert len(manifest["scenes"]) >= 2
    stages = {row["name"]: row for row in shell.report()["stages"]}
    assert set(stages) == set(TOPIC_STAGES)


def test_a_story_can_come_through_a_pipe(shell: Any) -> None:
    done = shell.run("run", "-", "--strategy", "audio-only", stdin="It rained.\n\nThen it stopped.\n".encode("utf-16"))
    assert done.returncode == 0, done.stderr
    assert [film.name for film in shell.films()] == ["film.m4a"]


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        (["run", "missing.md"], b"", 2, "missing.md"),
        (["run", "-"], b"", 2, "empty"),
        (["run", "-"], b"\x89PNG\r\n\x1a\n\0\0", 2, "PNG"),
        (["run", "x", "--aspect", "4:3"], b"", 2, "film.aspect"),
        (["run", "x", "--config", "none.toml"], b"", 2, "none.toml"),
        (["run", "x", "--out", "/proc/films"], b"", 2, "/proc/films"),
        (["run", "x", "--language", "xx"], b"", 1, "language"),
        (["report", "nothing"], b"", 2, "run"),
        (["validate", "missing.mp4"], b"", 2, "missing.mp4"),
        (["frobnicate"], b"", 2, "frobnicate"),
    ],
)
def test_a_mistake_ends_with_its_code_and_a_sentence_and_writes_nothing(
    shell: Any, arguments: list[str], stdin: bytes, code: int, said: str
) -> None:
    done = shell.run(*arguments, stdin=stdin)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert shell.films() == []


KILLER = """
import os, signal, sys
from storygen import production
from storygen.cli import app

class Killer:
    begun = 0
    def began(self, timed):
        if timed.kind == "stage" and timed.name == {stage!r}:
            self.begun += 1
            if self.begun == 2 or timed.scene is None or timed.name == "terminal":
                os.kill(os.getpid(), signal.SIGKILL)
    def ended(self, timed): pass
    def noted(self, event, within): pass

real = production.perform
production.perform = lambda order, settings, observers=(): real(order, settings, (*observers, Killer()))
app.main()
"""


def kill_in(shell: Any, stage: str, source: str, *more: str) -> None:
    """Run until `stage` has begun, for the second scene where it has scenes, and die there as kill -9 does it."""
    done = subprocess.run(
        [sys.executable, "-c", KILLER.format(stage=stage), "run", source, *more],
        env=shell.environment(),
        cwd=shell.home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("stage", TOPIC_STAGES)
def test_a_run_that_was_killed_goes_on_where_it_was(shell: Any, stage: str) -> None:
    topic, length = "a lighthouse keeper who fears the dark", ("--seconds", "15")
    kill_in(shell, stage, topic, *length)
    assert shell.films() == []
    before = {path.parent for path in (shell.home / "cache").rglob("entry.json")}
    done = shell.run("run", topic, *length)
    assert done.returncode == 0, done.stderr
    after = {path.parent for path in (shell.home / "cache").rglob("entry.json")}
    assert before <= after
    report = shell.report()
    assert report["cache"]["hits"] == len(before)
    assert report["cache"]["misses"] == len(after - before)
    assert shell.leftovers() == []


def test_a_finished_run_costs_nothing_the_second_time(shell: Any) -> None:
    story = shell.write()
    shell.run("run", story)
    first = shell.manifest()
    done = shell.run("run", story)
    assert done.returncode == 0
    assert shell.report()["cache"]["misses"] == 0
    assert shell.manifest()["files"]["film.mp4"] == first["files"]["film.mp4"]


def test_an_edited_scene_costs_that_scene_alone(shell: Any) -> None:
    story = shell.write()
    shell.run("run", story)
    kept = shell.manifest()["scenes"][0]["keys"]
    shell.write((shell.home / story).read_text("utf-8").replace("Nobody answered", "A clock struck"))
    assert shell.run("run", story).returncode == 0
    first, second = shell.manifest()["scenes"]
    assert first["keys"] == kept
    assert set(first["cached"]) == set(kept)
    assert "visuals" in second["cached"]
    assert {"voice", "subtitles", "assembly"}.isdisjoint(second["cached"])
    assert len(list((shell.home / "films").iterdir())) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopping_a_run_leaves_nothing_half_made_and_no_process(shell: Any, number: signal.Signals) -> None:
    child = shell.start("run", "a very long walk", "--seconds", "120", env={"STORYGEN_FILM__HEIGHT": "1280"})
    assert child.stderr is not None
    for line in child.stderr:
        if "assembly" in line:
            break
    pids = _ffmpegs_of(child.pid)
    child.send_signal(number)
    _, said = child.communicate(timeout=30)
    assert child.returncode == 130, said
    assert "goes on from here" in said
    assert shell.films() == []
    assert shell.leftovers() == []
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_impatience_while_a_run_is_being_stopped_changes_nothing(shell: Any) -> None:
    child = shell.start("run", "a very long walk", "--seconds", "120", env={"STORYGEN_FILM__HEIGHT": "1280"})
    assert child.stderr is not None
    for line in child.stderr:
        if "assembly" in line:
            break
    until = time.monotonic() + 30
    while not (pids := _ffmpegs_of(child.pid)) and time.monotonic() < until:
        os.sched_yield()
    assert pids
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        child.send_signal(signal.SIGINT)
        os.sched_yield()
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=30)
    assert child.returncode == 130, said
    assert said.strip().splitlines()[-2:] == [
        "storygen: Stopped.",
        "  What is finished is kept: the same command goes on from here.",
    ]
    assert "Traceback" not in said
    assert "destroyed" not in said
    assert shell.leftovers() == []


def test_two_runs_at_once_share_a_cache(shell: Any) -> None:
    story = shell.write()
    both = [shell.start("run", story, "--out", f"out{n}") for n in (1, 2)]
    ends = [child.communicate(timeout=120) for child in both]
    assert [child.returncode for child in both] == [0, 0], ends
    films = [(shell.home / f"out{n}" / "film.mp4").read_bytes() for n in (1, 2)]
    assert films[0] == films[1]
    assert shell.leftovers() == []


def test_text_that_attacks_is_only_text(shell: Any, tmp_path: Path) -> None:
    nasty = "';drawtext=text=x,[0:v]%{eif\\:1} {\\pos(0,0)} \\N $(touch pwned) `id` \N{GRINNING FACE} שלום"
    text = f"# ../../etc/{nasty}\n\n## Scene: {nasty}\nVisual: {nasty}\nON-SCREEN: {nasty}\n\nHello {nasty} there.\n"
    done = shell.run("run", shell.write(text))
    assert done.returncode == 0, done.stderr
    (film,) = shell.films()
    assert film.resolve().is_relative_to(shell.home / "films")
    assert list(tmp_path.rglob("pwned")) == []
    assert "שלום" in (film.parent / "film.srt").read_text("utf-8")


def _ffmpegs_of(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(entry.parent.name))
    return found


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A file system of two megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=False)
    if mounted.returncode and not os.environ.get("CI"):
        pytest.skip("only root may mount a small disk here; CI does")
    assert mounted.returncode == 0
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_named_and_freeing_it_is_enough(shell: Any, small_disk: Path) -> None:
    story, env = shell.write(), {"STORYGEN_FOLDERS__CACHE": str(small_disk / "cache")}
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 1_700_000)
    done = shell.run("run", story, env=env)
    assert done.returncode == 1, done.stderr
    assert "Free some space" in done.stderr
    assert shell.films() == []
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=100m", str(small_disk)], check=True)
    assert shell.run("run", story, env=env).returncode == 0


def test_a_read_only_folder_is_refused_before_anything_is_made(shell: Any, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = shell.run("run", shell.write(), "--out", str(small_disk / "film"))
    assert done.returncode == 2, done.stderr
    assert "Cannot write into" in done.stderr
    assert list((shell.home / "cache").rglob("entry.json")) == []


def test_the_last_scrape_sees_the_end_of_the_run(shell: Any) -> None:
    from urllib.request import urlopen

    story = shell.write()
    shell.run("run", story)
    child = shell.start("run", story, "--metrics-port", "0")
    assert child.stderr is not None
    address = next(word for line in child.stderr for word in line.split() if word.startswith("http://127.0.0.1"))
    assert child.stdout is not None
    assert "film.mp4" in "".join(line for line, _ in zip(child.stdout, range(2), strict=False))
    text = urlopen(address).read().decode()
    child.communicate(timeout=30)
    assert child.returncode == 0
    assert 'storygen_films_total{fidelity="full",pipeline="story"} 1.0' in text


def test_a_profile_is_written_on_request(shell: Any) -> None:
    assert shell.run("run", shell.write(), "--profile").returncode == 0
    (page,) = (shell.home / "films").glob("*/profile.html")
    assert "pyinstrument" in page.read_text("utf-8")


def test_quiet_means_quiet(shell: Any) -> None:
    done = shell.run("run", shell.write(), "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_manifest_names_what_the_film_was_made_of(shell: Any) -> None:
    shell.run("run", shell.write())
    manifest = shell.manifest()
    assert manifest["scenes"][0]["made_by"]["voice"].startswith("builtin/")
    assert manifest["cost_usd"] == 0
    assert {"python", "storygen", "imageio-ffmpeg"} <= set(manifest["versions"])
    assert json.dumps(manifest).count(str(shell.home)) == 0


def test_one_run_makes_every_shape_and_kind_of_file(shell: Any, probe: Callable[[Path], Any]) -> None:
    args = ("--also", "16:9", "--format", "mp4,webm,audio")
    done = shell.run("run", shell.write(), *args, env={"STORYGEN_FILM__FPS": "10", "STORYGEN_SUBTITLES__MODE": "both"})
    assert done.returncode == 0, done.stderr
    folder = shell.home / "films" / "the-jar"
    manifest = shell.manifest()
    films = {film["name"]: (film["aspect"], film["width"], film["height"]) for film in manifest["films"]}
    assert films == {
        "film.mp4": ("9:16", 180, 320),
        "film.m4a": ("", 0, 0),
        "film.webm": ("9:16", 180, 320),
        "film-16x9.mp4": ("16:9", 320, 180),
        "film-16x9.webm": ("16:9", 320, 180),
    }
    for name, (_, width, height) in films.items():
        media = probe(folder / name)
        assert [(stream.width, stream.height) for stream in media.video] == ([(width, height)] if width else [])
        assert media.seconds == pytest.approx(manifest["film_seconds"], abs=0.1)
        assert str(folder.relative_to(shell.home) / name) in done.stdout
    others = {"thumbnail.jpg", "thumbnail-16x9.jpg", "film.otio", "film-16x9.otio", "film-16x9.srt", "film-16x9.ass"}
    assert others <= set(manifest["files"])
    for timeline in ("film.otio", "film-16x9.otio"):
        named = re.findall(r'"target_url": "([^"]+)"', (folder / timeline).read_text("utf-8"))
        assert len(named) >= 6
        assert [name for name in named if not (folder / unquote(name)).is_file()] == []
    lines = {line["stage"]: line["uses"] for line in manifest["spent"]["lines"]}
    assert lines["voice"] == 2, "each scene is spoken once"
    assert shell.leftovers() == []
