"""Files of the user's: looked at before anything is paid for, then brought to what the other stages work with."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from storygen.errors import InvalidOutput, InvalidScript, RenderFailed
from storygen.media.audio import parse_loudness
from storygen.media.footage import (
    Footage,
    clip_command,
    glance_command,
    known_kind,
    listen_command,
    refuse_cut_wav,
    refuse_length,
    refuse_media,
    sound_command,
    walk_command,
)
from storygen.media.given import FORMAT, fit_picture, size_of_picture
from storygen.media.probe import probe
from storygen.providers.speech.base import Take
from storygen.stages.base import Tools
from storygen.story import Frame, GivenFile, Made, Scene, Script

R = TypeVar("R")
_STEPS = {"image": "visuals", "clip": "visuals", "sound": "voice"}
_WORDS_PER_SECOND = 1.5  # slower than anybody speaks, so that a clip is rather brought for too long
_AROUND_SECONDS = 10.0
_TYPED_PER_SECOND = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a picture of the user's is, in pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """A picture that fills the frame: where the eye should go, and whether all of it is seen."""

    image: Path
    focus: tuple[float, float]
    is_whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Filmed:
    """A clip of `seconds` that fills the frame, and a picture of it."""

    video: Path
    still: Path
    seconds: float


async def inspect(script: Script, tools: Tools) -> None:
    """Look at all files that a script names.

    Raises `InvalidScript` that names the scene, the file, what is wrong and what would be right, for the first that is
    damaged, cut off, too large, or something else than it is said to be.
    """
    named = {
        (kind, file.sha256): (number, file)
        for number, scene in reversed(list(enumerate(script.scenes, 1)))
        for kind in _STEPS
        if (file := getattr(scene.given, kind, None))
    }

    async def look(kind: str, number: int, file: GivenFile) -> InvalidScript | None:
        try:
            await (_seen(file, tools) if kind == "image" else footage_of(file, kind, tools))
        except InvalidScript as error:
            return InvalidScript(f"scene {number}: {error.message}", hint=error.hint, scene=number)
        return None

    found = await asyncio.gather(*(look(kind, number, file) for (kind, _), (number, file) in named.items()))
    wrong = sorted((error for error in found if error), key=lambda error: error.scene or 0)
    if wrong:
        for other in wrong[1:]:
            wrong[0].add_note(f"{other.message} ({other.hint})")
        raise wrong[0]


async def bring_picture(file: GivenFile, frame: Frame, tools: Tools) -> Made[Brought]:
    """A picture upright, in sRGB, filling the frame. Raises `InvalidScript`."""

    async def work(folder: Path) -> Brought:
        image = folder / "picture.jpg"
        fitted = await tools.compute(fit_picture, file.path, frame, image)
        return Brought(image=image, focus=fitted.focus, is_whole=fitted.is_whole)

    return await _make("image", file, {"frame": frame, "kind": "picture"}, Brought, tools, work)


async def bring_clip(scene: Scene, file: GivenFile, frame: Frame, tools: Tools) -> Made[Filmed]:
    """As much of a clip as its scene can last, filling the frame. Raises `InvalidScript`."""
    found = (await footage_of(file, "clip", tools)).value
    seconds = min(found.seconds, await _longest(scene, tools))
    video = found.video
    if video is None:
        raise InvalidScript(f"{file.name}: there is no picture in it", hint="name another clip")

    async def work(folder: Path) -> Filmed:
        clip, still = folder / "clip.mp4", folder / "still.jpg"
        await tools.ffmpeg(clip_command(file.path, video, frame, seconds, clip, still))
        there = (await probe(clip, tools.ffmpeg)).seconds
        refuse_length(seconds, there)
        return Filmed(video=clip, still=still, seconds=there)

    return await _make("clip", file, {"frame": frame, "kind": "clip", "seconds": seconds}, Filmed, tools, work)


async def bring_sound(file: GivenFile, tools: Tools) -> Made[Take]:
    """Recorded speech as a take: 48 kHz mono, without times of words. Raises `InvalidScript`."""
    found = (await footage_of(file, "sound", tools)).value
    loudness = found.loudness
    if loudness is None:
        raise InvalidScript(f"{file.name}: there is no sound in it", hint="name another recording")

    async def work(folder: Path) -> Take:
        audio = folder / "recorded.wav"
        await tools.ffmpeg(sound_command(file.path, loudness, found.seconds, audio))
        return Take(audio=audio, words=())

    return await _make("sound", file, {"kind": "take"}, Take, tools, work)


async def footage_of(file: GivenFile, kind: str, tools: Tools) -> Made[Footage]:
    """What a clip or sound is, once it was read to its end. Raises `InvalidScript`."""

    async def work(_: Path) -> Footage:
        known_kind(file.path)
        media = await probe(file.path, tools.ffmpeg)
        refuse_media(media, kind)
        if kind == "sound":
            heard = await tools.ffmpeg(listen_command(file.path))
            loudness = parse_loudness(heard.said)
            refuse_length(media.seconds, heard.out_seconds)
            await tools.compute(refuse_cut_wav, file.path)
            if math.isinf(loudness.lufs):
                raise InvalidScript("nothing can be heard in it", hint="record it louder, or name another file")
            return Footage(seconds=heard.out_seconds, loudness=loudness)
        there = (await tools.ffmpeg(walk_command(file.path))).out_seconds
        refuse_length(media.seconds, there)
        await tools.ffmpeg(glance_command(file.path, media.video[0]))
        return Footage(seconds=media.seconds or there, video=media.video[0])

    return await _make(kind, file, {"kind": f"look at {kind}"}, Footage, tools, work)


async def _seen(file: GivenFile, tools: Tools) -> Made[Seen]:
    async def work(_: Path) -> Seen:
        width, height = await tools.compute(size_of_picture, file.path)
        return Seen(width=width, height=height)

    return await _make("image", file, {"kind": "look at image"}, Seen, tools, work)


async def _longest(scene: Scene, tools: Tools) -> float:
    """More seconds than a scene will last, in steps of ten, so that a few other words need no other clip."""
    if scene.given and scene.given.sound:
        spoken = (await footage_of(scene.given.sound, "sound", tools)).value.seconds
    elif scene.lines:
        spoken = len(scene.spoken.split()) / _WORDS_PER_SECOND
    else:
        return math.inf if scene.seconds is None else scene.seconds + 1
    typed = sum(map(len, scene.on_screen)) / _TYPED_PER_SECOND
    return 10.0 * math.ceil((max(spoken, typed) + _AROUND_SECONDS) / 10)


async def _make(
    kind: str,
    file: GivenFile,
    inputs: dict[str, object],
    expect: type[R],
    tools: Tools,
    work: Callable[[Path], Awaitable[R]],
) -> Made[R]:
    """Make something of a file's content; whatever is wrong with it is said as one error, with the file's name."""

    async def checked(folder: Path) -> R:
        try:
            made = await work(folder)
            if await tools.compute(_fingerprint, file.path) != file.sha256:
                raise InvalidScript("it was changed since the script was read", hint="run it again")
        except InvalidScript as error:
            raise InvalidScript(f"{file.name}: {error.message}", hint=error.hint) from error
        except (InvalidOutput, RenderFailed, FileNotFoundError, PermissionError) as error:
            raise _unreadable(file, error) from error
        return made

    return await tools.make(_STEPS[kind], {"format": FORMAT, "given": file.sha256, **inputs}, expect, checked)


def _unreadable(file: GivenFile, error: Exception) -> Exception:
    """What is said of a file that cannot be read; where ffmpeg itself was ended, the file is not to blame."""
    if isinstance(error, RenderFailed) and (error.status or 0) < 0:
        return error
    if isinstance(error, InvalidOutput) and "too large" in error.message:
        return InvalidScript(f"{file.name}: it{error.message.removeprefix(repr(file.path.name))}", hint=error.hint)
    return InvalidScript(
        f"{file.name}: it cannot be read to its end",
        hint="it may be damaged or cut off: copy it again, or save it anew as MP4, WAV or PNG",
    )


def _fingerprint(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
