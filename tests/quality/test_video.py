"""A film that no viewer would accept does not pass."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from storygen.errors import InvalidOutput
from storygen.media import ffmpeg
from storygen.media.ffmpeg import Command
from storygen.quality.video import FilmPlan, check_film
from storygen.story import Check, Frame, Verdict
from tests.media.films import BINARY, run

PICTURE = "testsrc=s=180x320:r=30:d=4"
TONE = "sine=d=4:r=48000"
GOOD = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "30", "-c:a", "aac", "-f", "mp4")
PLAN = FilmPlan(frame=Frame(width=180, height=320, fps=30), frames=120, seconds=4.0)


def film(folder: Path, picture: str = PICTURE, tone: str = TONE, *args: str) -> Path:
    path = folder / "film.mp4"
    source = ("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone)
    run(Command(step="make", args=(*source, *GOOD[:-2], *args, *GOOD[-2:], f"file:{path}")))
    return path


def check(path: Path, plan: FilmPlan | None = PLAN, *, thorough: bool = False) -> dict[str, Check]:
    hands = partial(ffmpeg.run, binary=BINARY, timeout=60, stall_after=30)
    checks = asyncio.run(check_film(path, plan, hands, path.parent, thorough=thorough))
    assert not (path.parent / "packets.txt").exists()
    return {check.name: check for check in checks}


@pytest.mark.parametrize("thorough", [True, False])
def test_a_good_film_passes_every_check(tmp_path: Path, thorough: bool) -> None:
    checks = check(film(tmp_path), thorough=thorough)
    assert {check.verdict for check in checks.values()} == {Verdict.PASS}
    assert checks["frames"].value == 120
    assert checks["duration"].value == pytest.approx(4.0, abs=0.02)


def test_a_film_that_differs_from_its_plan_fails(tmp_path: Path) -> None:
    plan = FilmPlan(frame=Frame(width=320, height=180, fps=30), frames=100, seconds=3.3)
    checks = check(film(tmp_path), plan)
    failed = {name for name, check in checks.items() if check.verdict is Verdict.FAIL}
    assert failed == {"resolution", "frames", "duration"}


def test_a_film_without_a_plan_is_held_to_what_every_player_takes(tmp_path: Path) -> None:
    path = film(tmp_path, PICTURE, TONE, "-pix_fmt", "yuv444p", "-profile:v", "high444")
    checks = check(path, None)
    assert checks["pixel_format"].verdict is Verdict.WARN
    assert checks["video_codec"].verdict is Verdict.WARN


@pytest.mark.parametrize("thorough", [True, False])
def test_a_black_film_fails(tmp_path: Path, thorough: bool) -> None:
    checks = check(film(tmp_path, "color=black:s=180x320:r=30:d=4"), thorough=thorough)
    assert checks["black_stretch"].verdict is Verdict.FAIL


def test_black_in_the_middle_is_a_warning(tmp_path: Path) -> None:
    dark = f"{PICTURE},drawbox=t=fill:c=black:enable='between(t,1,2.5)'"
    assert check(film(tmp_path, dark), thorough=True)["black_stretch"].verdict is Verdict.WARN


def test_a_picture_that_stands_still_for_long_is_a_warning(tmp_path: Path) -> None:
    path = film(tmp_path, "color=gray:s=180x320:r=30:d=25", "sine=d=25:r=48000")
    checks = check(path, None)
    assert checks["frozen_stretch"].verdict is Verdict.WARN
    assert checks["frozen_stretch"].value == pytest.approx(25, abs=1.5)


def test_a_silent_film_is_a_warning(tmp_path: Path) -> None:
    checks = check(film(tmp_path, PICTURE, "anullsrc=r=48000:cl=mono:d=4"))
    assert checks["silence_share"].value == pytest.approx(1, abs=0.02)
    assert checks["silence_share"].verdict is Verdict.WARN


def test_sound_that_ends_before_the_picture_fails(tmp_path: Path) -> None:
    checks = check(film(tmp_path, PICTURE, "sine=d=3.9:r=48000"))
    assert checks["end_offset"].value == pytest.approx(0.1, abs=0.03)
    assert checks["end_offset"].verdict is Verdict.FAIL


def test_a_film_of_uneven_rate_fails(tmp_path: Path) -> None:
    uneven = f"{PICTURE},select='not(between(n,30,40))'"
    checks = check(film(tmp_path, uneven, TONE, "-fps_mode", "vfr"))
    assert checks["uneven_frames"].verdict is Verdict.FAIL


def test_damage_inside_a_film_is_found_when_all_is_decoded(tmp_path: Path) -> None:
    path = film(tmp_path)
    data = bytearray(path.read_bytes())
    middle = data.index(b"mdat") + len(data) // 3
    data[middle : middle + 4000] = bytes(4000)
    path.write_bytes(data)
    assert check(path, thorough=True)["decodes"].verdict is Verdict.FAIL


def test_a_text_is_no_film(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_text("not a film")
    with pytest.raises(InvalidOutput):
        check(path, None)
