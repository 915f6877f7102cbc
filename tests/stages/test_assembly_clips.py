"""A clip is seen for exactly as long as its scene, whatever its length, rate and shape, and never stands still."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from storygen.media.cards import Card, letter_layer
from storygen.media.ffmpeg import Command
from storygen.media.probe import probe
from storygen.media.takes import MOST_SLOWED, taken
from storygen.settings import FilmSettings
from storygen.stages import assembly
from storygen.stages.assembly import Side, plan_of
from storygen.story import Film, Frame, Made, Mood, Segment, Shot, Verdict
from storygen.workshop import Workshop
from tests.media import films
from tests.media.films import FILM, FRAME, captions, made, narration, overlay, run, workshop

CLIP_SECONDS = 2.0


def clip(path: Path, *, rate: int = 24, sound: bool = False, source: str = "") -> Path:
    """Two seconds in which something moves all the time."""
    inputs = ("-f", "lavfi", "-i", source or f"testsrc2=s=180x320:r={rate}:d={CLIP_SECONDS:g}")
    hum = ("-f", "lavfi", "-i", f"sine=d={CLIP_SECONDS:g}", "-c:a", "aac") if sound else ()
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-f", "mp4", f"file:{path}")
    run(Command(step="make", args=(*inputs, *hum, *coded)))
    return path


def shot_of(folder: Path, name: str = "clip.mp4", **kind: Any) -> Made[Shot]:
    still = films.still(folder / "still.png", grey=200)
    shot = Shot(image=still, clip=clip(folder / name, **kind), clip_seconds=CLIP_SECONDS)
    return made(shot, f"clip-{name}-{kind}")


def rendered(
    folder: Path, shot: Made[Shot], seconds: float, tools: Workshop | None = None, frame: Frame = FRAME, **parts: Any
) -> Segment:
    voice = narration(folder, seconds)
    tools = tools or workshop(folder / "cache")
    return asyncio.run(
        assembly.render(1, shot, voice, parts.get("captions"), parts.get("overlay"), frame, tools, FILM)
    ).value


def standstill(frames: np.ndarray) -> int:
    """The longest run of pictures that are the same as the one before."""
    moved = np.abs(np.diff(frames.astype(int), axis=0)).mean(axis=(1, 2)) > 0.05
    runs = "".join("." if each else "=" for each in moved).split(".")
    return max(len(each) for each in runs)


@pytest.mark.parametrize("seconds", [0.9, 2.0, 2.7, 3.0, 4.1, 7.3], ids=lambda s: f"{s}s of 2s")
def test_a_clip_lasts_exactly_as_long_as_its_scene_and_moves_to_its_end(tmp_path: Path, seconds: float) -> None:
    segment = rendered(tmp_path, shot_of(tmp_path), seconds)
    frames = films.frames(segment.video, tmp_path)
    assert len(frames) == segment.frames == round(seconds * 30)
    assert standstill(frames) <= 2
    assert standstill(frames[-8:]) <= 2


def test_a_clip_that_is_seen_again_melts_and_does_not_jump(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, source="gradients=s=180x320:r=24:d=2:speed=0.05:seed=3:n=2:c0=black:c1=white")
    frames = films.frames(rendered(tmp_path, shot, 6.0).video, tmp_path).astype(int)
    steps = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2))
    whole = np.abs(frames[59] - frames[0]).mean()
    assert steps.max() < max(2.5 * np.median(steps[steps > 0]), 0.5 * whole)


def test_how_a_clip_is_made_to_last_follows_from_its_length() -> None:
    path = Path("a.mp4")
    assert taken(path, 5.0, 3.0).slowed == 1.0
    assert taken(path, 5.0, 6.0).slowed == pytest.approx(1.2)
    assert taken(path, 5.0, 7.5).slowed == MOST_SLOWED
    assert not taken(path, 5.0, 7.5).repeats
    assert taken(path, 5.0, 7.6).repeats
    assert taken(path, 5.0, 7.6).slowed == 1.0


@pytest.mark.parametrize(("size", "rate"), [("320x180", 24), ("128x128", 60), ("90x160", 12), ("181x321", 25)], ids=str)
def test_any_shape_and_rate_fills_the_frame(tmp_path: Path, size: str, rate: int) -> None:
    grey = f"color=c=0x909090:s={size}:r={rate}:d=2,noise=alls=40:allf=t+u,pad=ceil(iw/2)*2:ceil(ih/2)*2:-1:-1:gray"
    shot = shot_of(tmp_path, source=grey)
    frames = films.frames(rendered(tmp_path, shot, 1.0).video, tmp_path)
    assert frames.shape == (30, 320, 180)
    for edge in (frames[:, :4], frames[:, -4:], frames[:, :, :4], frames[:, :, -4:]):
        assert 100 < edge.mean() < 190  # no bars at any side


def test_a_scene_in_pieces_has_no_seam_where_they_meet(tmp_path: Path) -> None:
    whole = films.frames(rendered(tmp_path, shot_of(tmp_path), 3.4, one_core(tmp_path / "one")).video, tmp_path)
    cut = films.frames(rendered(tmp_path, shot_of(tmp_path), 3.4, workshop(tmp_path / "two")).video, tmp_path)
    assert len(whole) == len(cut) == 102
    assert np.abs(whole.astype(int) - cut.astype(int)).mean(axis=(1, 2)).max() < 3


def one_core(root: Path) -> Workshop:
    tools = workshop(root)
    tools.cores = 1
    return tools


def test_the_words_of_a_scene_lie_over_its_clip_and_nothing_else_changes(tmp_path: Path) -> None:
    plain = shot_of(tmp_path)
    card = Card(picture="", title="Light", subtitle="", mood=Mood.CALM, frame=FRAME, number=1)
    layer = tmp_path / "heading.png"
    assert letter_layer(plain.value.image, card, layer)
    titled = made(replace(plain.value, heading=layer), "titled")
    bare = films.frames(rendered(tmp_path, plain, 1.0).video, tmp_path).astype(int)
    over = films.frames(rendered(tmp_path, titled, 1.0).video, tmp_path).astype(int)
    alpha = np.asarray(Image.open(layer))[..., 3]
    assert np.abs(bare - over)[:, 200:].mean() < 2
    assert over[:, alpha == 255].mean() > 100
    shaded = (alpha > 90) & (alpha < 160)
    assert over[:, shaded].mean() < 0.75 * bare[:, shaded].mean()


def test_subtitles_and_a_terminal_lie_over_a_clip_as_over_a_card(tmp_path: Path) -> None:
    segment = rendered(
        tmp_path,
        shot_of(tmp_path),
        1.0,
        captions=captions(tmp_path, (0.0, 1.0, "Hello")),
        overlay=overlay(tmp_path, 1.0),
    )
    last = films.frames(segment.video, tmp_path)[-1]
    assert last[100:150, 20:160].mean() < 60
    assert (last[250:] > 180).sum() > 50


def test_a_clip_of_other_length_or_words_renders_anew_and_the_same_does_not(tmp_path: Path) -> None:
    tools, shot = workshop(tmp_path / "cache"), shot_of(tmp_path)

    def key(one: Made[Shot]) -> tuple[str, bool]:
        voice = narration(tmp_path, 1.0)
        done = asyncio.run(assembly.render(1, one, voice, None, None, FRAME, tools, FILM))
        return done.key, done.cached

    first, again = key(shot), key(shot)
    other = key(replace(shot, key="another clip"))
    assert again == (first[0], True)
    assert other[0] != first[0]
    assert not list((tmp_path / "cache").rglob("loop.mp4"))


def test_a_film_with_clips_is_whole_and_has_only_the_sound_of_the_voice(tmp_path: Path) -> None:
    tools = workshop(tmp_path / "cache")

    shots = [shot_of(tmp_path, f"{number}.mp4", sound=True, rate=24 + number) for number in range(3)]

    async def work() -> Made[Film]:
        parts = []
        for number, seconds in enumerate((1.0, 2.5, 4.2)):
            voice = narration(tmp_path, seconds, f"{number}.wav", level=0.0 if number else 0.3)
            parts.append((await assembly.render(1, shots[number], voice, None, None, FRAME, tools, FILM), voice))
        return await assembly.join(parts, "Clips", FRAME, tools, FILM)

    film = asyncio.run(work()).value
    assert film.seconds == pytest.approx(7.7, abs=0.001)
    assert all(check.verdict is not Verdict.FAIL for check in film.checks)
    assert standstill(films.frames(film.video, tmp_path)) <= 2
    heard = films.samples(film.video, tmp_path)
    assert np.abs(heard[round(1.1 * 48_000) :]).max() < 0.01
    media = asyncio.run(probe(film.video, tools.ffmpeg))
    assert (len(media.video), len(media.audio)) == (1, 1)


@pytest.mark.parametrize("seconds", [1.6, 2.4, 5.0], ids=["longer", "slowed", "over again"])
def test_clips_go_on_moving_through_the_seam_between_them(tmp_path: Path, seconds: float) -> None:
    tools, plain = workshop(tmp_path / "cache"), shot_of(tmp_path)
    heading = tmp_path / "heading.png"
    card = Card(picture="", title="Light", subtitle="", mood=Mood.CALM, frame=FRAME, number=1)
    assert letter_layer(plain.value.image, card, heading)
    titled = made(replace(plain.value, heading=heading), "titled")
    voice = narration(tmp_path, seconds)
    sides = [
        Side(number=number, mood=Mood.CALM, plan=plan_of(shot, voice, None, None, FRAME, FILM, joined))
        for number, (shot, joined) in enumerate(((titled, (False, True)), (plain, (True, False))), 1)
    ]
    seam = asyncio.run(assembly.seam(*sides, tools, FILM)).value
    frames = films.frames(seam.video, tmp_path)
    assert len(frames) == seam.frames == 16
    assert standstill(frames) <= 1


def test_a_film_that_cannot_be_made_is_a_short_silent_one_that_says_why(tmp_path: Path) -> None:
    reasons = ("voice: openai: quota_exceeded: nothing left {\\fs500}\\N", *(f"reason {n}" for n in range(5)))
    tools = workshop(tmp_path / "cache")
    done = asyncio.run(assembly.placeholder(reasons, "Night\nShift", FRAME, tools, FILM, "Pay the bill."))
    film = done.value
    assert film.seconds == pytest.approx(5.0)
    assert (film.width, film.height) == (180, 320)
    assert all(check.verdict is not Verdict.FAIL for check in film.checks)
    assert np.abs(films.samples(film.video, tmp_path)).max() < 0.001
    frames = films.frames(film.video, tmp_path)
    assert len(frames) == 150
    said = (frames[75] > 200)[60:230]
    assert said.sum() > 300  # letters stand below the heading
    assert not said[:, 172:].any()
    assert not list((tmp_path / "cache").rglob("notice"))


def test_other_reasons_make_another_placeholder(tmp_path: Path) -> None:
    tools = workshop(tmp_path / "cache")
    film = FilmSettings(preset="ultrafast")
    small = Frame(width=90, height=160, fps=10)
    keys = {
        asyncio.run(assembly.placeholder((reason,), "T", small, tools, film)).key for reason in ("one", "two", "one")
    }
    assert len(keys) == 2
