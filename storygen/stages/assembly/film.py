"""All scenes and their sound, joined into the finished film, which is measured."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from storygen.errors import InvalidScript, RenderFailed
from storygen.media import outputs
from storygen.media.boxes import switch_off_subtitles
from storygen.media.outputs import Joined, Label, described, join_command, plain
from storygen.media.render import FORMAT, concat_list
from storygen.media.timeline import Span, chapters, samples, spans
from storygen.settings import FilmSettings, QualitySettings
from storygen.stages.assembly.extras import Wanted, with_extras
from storygen.stages.assembly.measuring import Aim, joined_well, plan_of
from storygen.stages.assembly.soft import soft_subtitles
from storygen.stages.assembly.sound import SILENT_SCORE, Score, bed_of, soundtrack
from storygen.stages.base import Tools
from storygen.story import Film, Frame, Made, Narration, Segment, Soundtrack, Strategy

Part = tuple[Made[Segment] | None, Made[Narration]]
Seams = Sequence[Made[Segment] | None]
_NO_LABEL = Label()
_AIM = Aim()


async def join(
    parts: Sequence[Part],
    title: str,
    frame: Frame,
    tools: Tools,
    film: FilmSettings,
    label: Label = _NO_LABEL,
    wanted: Wanted | None = None,
    seams: Seams = (),
    score: Score = SILENT_SCORE,
    limits: QualitySettings = _AIM.limits,
) -> Made[Film]:
    """Join the scenes and their sound into the finished film, label it, measure it, and make what is wanted of it.

    `seams` holds what lies before each part, and one more for what lies behind the last.
    Raises `RenderFailed` where the film is not what was joined, and `InvalidScript` where there is nothing to join.
    """
    if not parts:
        raise InvalidScript("There is no scene to make a film of.", hint="Write at least one scene.")
    if film.strategy is Strategy.AUDIO_ONLY:
        parts = [(None, narration) for _, narration in parts]
    frame = film.encoded(frame)
    scenes = [(segment.value if segment else None, voice.value) for segment, voice in parts]
    lengths = samples(scenes, frame.fps)
    sound = await soundtrack([voice for _, voice in parts], lengths, tools, score)
    inputs = {
        "format": [FORMAT, outputs.FORMAT],
        "parts": [segment.key if segment else "" for segment, _ in parts],
        "sound": sound.key,
        "seams": [seam.key if seam else "" for seam in seams],
        "title": plain(title),
        "frame": asdict(frame),
        "label": label,
        "limits": limits.model_dump(exclude={"below", "remake"}),
    }
    is_spoken = any(voice.loudness_lufs is not None for _, voice in scenes)
    aim = Aim(limits=limits, loudness_lufs=score.voice.loudness_lufs if is_spoken else None)
    work = partial(put_together, parts, sound.value, title, frame, tools, label=label, seams=seams, aim=aim)
    made = await tools.make("join", inputs, Film, work)
    if wanted is None:
        return made
    bed = await bed_of([(voice, count) for (_, voice), count in zip(scenes, lengths, strict=True)], tools, score)
    music = bed.value.audio if bed and not bed.value.head else None
    made = replace(made, value=replace(made.value, sound=sound.value.audio, music=music))
    return await with_extras(made, wanted, label, spans(scenes, frame.fps), frame, tools)


async def put_together(
    parts: Sequence[Part],
    sound: Soundtrack,
    title: str,
    frame: Frame,
    tools: Tools,
    folder: Path,
    label: Label = _NO_LABEL,
    seams: Seams = (),
    aim: Aim = _AIM,
) -> Film:
    """Join the parts in `folder` and measure what came out. Raises `RenderFailed` where it is not as planned."""
    segments = [segment.value for segment, _ in parts if segment]
    if segments and len(segments) < len(parts):
        raise RenderFailed("some scenes have a picture and some have none", hint="Render every scene or none.")
    pictures = _in_order(segments, seams)
    scratch = folder / "scratch"
    scratch.mkdir()
    scenes = [(segment.value if segment else None, voice.value) for segment, voice in parts]
    when = spans(scenes, frame.fps)
    joined = Joined(
        listed=_list_pictures(pictures, frame.fps, scratch) if segments else None,
        sound=sound.audio,
        label=_write_label(title, label, when, scratch),
        language=label.language,
        tracks=soft_subtitles(label, when, scratch),
        fps=frame.fps,
        seconds=sound.seconds,
    )
    video = folder / ("film.mp4" if segments else "film.m4a")

    async def make() -> None:
        await tools.ffmpeg(join_command(joined, video))
        if joined.tracks.files and not joined.tracks.are_shown:
            switch_off_subtitles(video)

    plan = await plan_of(pictures, frame, joined.listed, sound, aim, tools)
    checks = await joined_well(make, video, plan, aim, tools, scratch)
    shutil.rmtree(scratch)
    width, height = (frame.width, frame.height) if segments else (0, 0)
    return Film(video=video, seconds=joined.seconds, width=width, height=height, checks=checks)


def _write_label(title: str, label: Label, when: Sequence[Span], folder: Path) -> Path:
    """Write what the film tells of itself, with the chapters that its scenes' titles are."""
    titled = chapters([plain(name) for name in label.titles], when, plain(title)) if label.titles else ()
    file = folder / "label.txt"
    file.write_text(described(title, label.description, titled), "utf-8")
    return file


def _in_order(segments: Sequence[Segment], seams: Seams) -> list[Segment]:
    """The scenes with the seams between them."""
    between = [seam.value if seam else None for seam in seams] or [None] * (len(segments) + 1)
    return [piece for pair in zip(between, [*segments, None], strict=True) for piece in pair if piece]


def _list_pictures(pictures: Sequence[Segment], fps: int, folder: Path) -> Path:
    """Give the pictures plain names in `folder`, because a list of names cannot hold every name, and list them."""
    names = [f"picture-{number}.mp4" for number in range(len(pictures))]
    for picture, name in zip(pictures, names, strict=True):
        try:
            os.link(picture.video, folder / name)
        except OSError:
            shutil.copyfile(picture.video, folder / name)
    listed = folder / "pictures.txt"
    listed.write_text(concat_list(names, [picture.frames / fps for picture in pictures]))
    return listed
