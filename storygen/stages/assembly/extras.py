"""What a finished film comes with: the picture that stands for it, and the same film as files of other kinds."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from storygen.media import outputs, thumbnail
from storygen.media.outputs import Label, sound_command, webm_command
from storygen.media.thumbnail import Candidate, choose, frame_command
from storygen.media.timeline import Span
from storygen.stages.assembly.soft import soft_subtitles
from storygen.stages.base import Tools
from storygen.story import Film, Frame, Made, Shot

_LATE = 0.8  # of the first scene: by then what is typed stands there


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is made of a film beside MP4: kinds of files, and a thumbnail of one of the `shots`, in their order."""

    formats: tuple[str, ...] = ()
    shots: tuple[Made[Shot] | None, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """One file that was made of a film."""

    file: Path


async def with_extras(
    made: Made[Film], wanted: Wanted, label: Label, when: Sequence[Span], frame: Frame, tools: Tools
) -> Made[Film]:
    """The film with all that is wanted of it, each made once for the film that it belongs to."""
    film = made.value
    if not film.width:
        return made
    thumb = await _thumbnail(made, wanted.shots, when, frame, tools)
    others = [await _sound(made, tools)] if "audio" in wanted.formats else []
    if "webm" in wanted.formats:
        others.append(await _webm(made, label, when, tools))
    files = tuple(other.value.file for other in others)
    return replace(made, value=replace(film, thumbnail=thumb.value.file, others=files))


async def _webm(made: Made[Film], label: Label, when: Sequence[Span], tools: Tools) -> Made[Extra]:
    async def work(folder: Path) -> Extra:
        scratch = folder / "scratch"
        scratch.mkdir()
        out, tracks = folder / "film.webm", soft_subtitles(label, when, scratch, "vtt")
        film = made.value
        await tools.ffmpeg(webm_command(film.video, tracks, seconds=film.seconds, cores=tools.cores, out=out))
        shutil.rmtree(scratch)
        return Extra(file=out)

    return await tools.make("outputs", _inputs("webm", made), Extra, work)


async def _sound(made: Made[Film], tools: Tools) -> Made[Extra]:
    async def work(folder: Path) -> Extra:
        out = folder / "film.m4a"
        await tools.ffmpeg(sound_command(made.value.video, seconds=made.value.seconds, out=out))
        return Extra(file=out)

    return await tools.make("outputs", _inputs("audio", made), Extra, work)


async def _thumbnail(
    made: Made[Film], shots: Sequence[Made[Shot] | None], when: Sequence[Span], frame: Frame, tools: Tools
) -> Made[Extra]:
    """One of the film's pictures with its words; where there are none, what is seen late in the first scene."""
    there = [shot for shot in shots if shot]
    candidates = [
        Candidate(image=shot.value.image, focus=shot.value.focus, words=shot.value.heading if shot.value.clip else None)
        for shot in there
    ]

    async def work(folder: Path) -> Extra:
        out, taken = folder / "thumbnail.jpg", folder / "taken.png"
        if not candidates:
            await tools.ffmpeg(frame_command(made.value.video, _LATE * when[0].end, taken))
        await tools.compute(choose, candidates or [Candidate(image=taken)], frame, out)
        taken.unlink(missing_ok=True)
        return Extra(file=out)

    inputs = {
        "format": thumbnail.FORMAT,
        "kind": "thumbnail",
        "of": [shot.key for shot in there] or made.key,
        "frame": asdict(frame),
    }
    return await tools.make("outputs", inputs, Extra, work)


def _inputs(kind: str, made: Made[Film]) -> dict[str, object]:
    return {"format": outputs.FORMAT, "kind": kind, "film": made.key}
