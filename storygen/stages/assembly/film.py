"""All scenes and their sound, joined into the finished film, which is measured."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from storygen.errors import InvalidScript, RenderFailed
from storygen.media import outputs
from storygen.media.audio import join_wavs
from storygen.media.captions import shift
from storygen.media.outputs import MOST_TRACKS, Joined, Label, Soft, Subtitles, described, join_command, plain
from storygen.media.render import FORMAT, concat_list
from storygen.media.subtitles import write_srt, write_vtt
from storygen.media.timeline import AUDIO_RATE, Span, chapters, samples, spans
from storygen.quality.video import FilmPlan, check_film
from storygen.settings import FilmSettings
from storygen.stages.base import Tools
from storygen.story import Film, Frame, Made, Narration, Segment, Strategy, Verdict

Part = tuple[Made[Segment] | None, Made[Narration]]
_NO_LABEL = Label()


async def join(
    parts: Sequence[Part],
    title: str,
    frame: Frame,
    tools: Tools,
    film: FilmSettings,
    label: Label = _NO_LABEL,
) -> Made[Film]:
    """Join the scenes and their sound into the finished film, label it, and measure it.

    Raises `RenderFailed` where the film does not pass its checks, and `InvalidScript` where there is nothing to join.
    """
    if not parts:
        raise InvalidScript("There is no scene to make a film of.", hint="Write at least one scene.")
    if film.strategy is Strategy.AUDIO_ONLY:
        parts = [(None, narration) for _, narration in parts]
    inputs = {
        "format": [FORMAT, outputs.FORMAT],
        "parts": [[segment.key if segment else "", narration.key] for segment, narration in parts],
        "title": plain(title),
        "frame": asdict(frame),
        "label": label,
    }
    return await tools.make("join", inputs, Film, partial(put_together, parts, title, frame, tools, label=label))


async def put_together(
    parts: Sequence[Part], title: str, frame: Frame, tools: Tools, folder: Path, label: Label = _NO_LABEL
) -> Film:
    """Join the parts in `folder` and measure what came out. Raises `RenderFailed` where it is not as planned."""
    segments = [segment.value for segment, _ in parts if segment]
    if segments and len(segments) < len(parts):
        raise RenderFailed("some scenes have a picture and some have none", hint="Render every scene or none.")
    scratch = folder / "scratch"
    scratch.mkdir()
    scenes = [(segment.value if segment else None, voice.value) for segment, voice in parts]
    lengths, when, sound = samples(scenes, frame.fps), spans(scenes, frame.fps), scratch / "sound.wav"
    await tools.compute(join_wavs, [(voice.audio, n) for (_, voice), n in zip(scenes, lengths, strict=True)], sound)
    joined = Joined(
        listed=_list_segments(segments, frame.fps, scratch) if segments else None,
        sound=sound,
        label=_write_label(title, label, when, scratch),
        language=label.language,
        tracks=soft_subtitles(label, when, scratch),
        fps=frame.fps,
        seconds=sum(lengths) / AUDIO_RATE,
    )
    video = folder / ("film.mp4" if segments else "film.m4a")
    await tools.ffmpeg(join_command(joined, video))
    plan = FilmPlan(
        frame=frame if segments else None,
        frames=sum(segment.frames for segment in segments),
        seconds=joined.seconds,
    )
    checks = await check_film(video, plan, tools.ffmpeg, scratch)
    failed = [f"{one.name} is {one.value}, wanted is {one.limit}" for one in checks if one.verdict is Verdict.FAIL]
    if failed:
        raise RenderFailed("the finished film is not as planned", hint="; ".join(failed))
    shutil.rmtree(scratch)
    width, height = (frame.width, frame.height) if segments else (0, 0)
    return Film(video=video, seconds=joined.seconds, width=width, height=height, checks=checks)


def soft_subtitles(label: Label, when: Sequence[Span], folder: Path, suffix: str = "srt") -> Subtitles:
    """Write the subtitles that a player can show into `folder`, each language a file."""
    write = {"srt": write_srt, "vtt": write_vtt}[suffix]
    files = []
    for number, track in enumerate(label.tracks[:MOST_TRACKS]):
        shifted = (shift(cues, span.start) for cues, span in zip(track.scenes, when, strict=True))
        cues = tuple(cue for scene in shifted for cue in scene)
        if cues:
            file = folder / f"subtitles-{number}.{suffix}"
            write(cues, file)
            files.append(Soft(file=file, language=track.language))
    return Subtitles(files=tuple(files), are_shown=label.shows_tracks)


def _write_label(title: str, label: Label, when: Sequence[Span], folder: Path) -> Path:
    """Write what the film tells of itself, with the chapters that its scenes' titles are."""
    titled = chapters([plain(name) for name in label.titles], when, plain(title)) if label.titles else ()
    file = folder / "label.txt"
    file.write_text(described(title, label.description, titled), "utf-8")
    return file


def _list_segments(segments: Sequence[Segment], fps: int, folder: Path) -> Path:
    """Give the segments plain names in `folder`, because a list of names cannot hold every name, and list them."""
    names = [f"scene-{number}.mp4" for number in range(len(segments))]
    for segment, name in zip(segments, names, strict=True):
        try:
            os.link(segment.video, folder / name)
        except OSError:
            shutil.copyfile(segment.video, folder / name)
    listed = folder / "scenes.txt"
    listed.write_text(concat_list(names, [segment.frames / fps for segment in segments]))
    return listed
