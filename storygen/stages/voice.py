"""Voice: the lines of a scene become its sound, with the time of each word, at the loudness of the film."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from storygen.media.audio import (
    LEVEL_STEPS,
    RATE,
    Level,
    Loudness,
    first_level,
    level_command,
    measure_command,
    next_level,
    parse_loudness,
    silence_wav,
    trim,
    wav_seconds,
)
from storygen.providers.base import Capability
from storygen.providers.speech.base import SpeechRequest, Take
from storygen.quality.audio import check_narration, check_take
from storygen.settings import VoiceSettings
from storygen.stages.base import Tools
from storygen.story import Check, Made, Narration, Scene

LEAD_SECONDS = 0.25
_FORMAT = 1


async def speak(
    scene: Scene, cast: tuple[str, ...], language: str, tools: Tools, settings: VoiceSettings
) -> Made[Narration]:
    """Speak a scene; where nothing is spoken, silence of the scene's wish or the setting.

    The sound begins with a quarter of a second of silence and ends with a pause: scenes must not run into each other.
    """
    if not any(letter.isalnum() for letter in scene.spoken):
        return await _silence(scene.seconds or settings.silent_scene_seconds, tools)
    request = SpeechRequest(lines=scene.lines, cast=_known_so_far(scene, cast), language=language)

    async def check(take: Take) -> tuple[Check, ...]:
        return await tools.compute(check_take, take.audio, take.words, scene.lines)

    take = await tools.call(Capability.SPEECH, request, Take, check)
    inputs = {
        "take": take.key,
        "format": _FORMAT,
        "lead": LEAD_SECONDS,
        "tail": settings.pause_seconds,
        "loudness": settings.loudness_lufs,
        "true_peak": settings.true_peak_dbtp,
    }
    made = await tools.make("voice", inputs, Narration, partial(_level, take.value, tools, settings))
    return _of_take(made, take, settings)


def _known_so_far(scene: Scene, cast: tuple[str, ...]) -> tuple[str, ...]:
    """The cast up to the last of a scene's speakers: who only appears later leaves the scene's key as it is."""
    return cast[: 1 + max(cast.index(line.speaker) for line in scene.lines)]


async def _silence(seconds: float, tools: Tools) -> Made[Narration]:
    async def work(folder: Path) -> Narration:
        audio = folder / "voice.wav"
        return Narration(audio=audio, seconds=await tools.compute(silence_wav, audio, seconds), words=())

    return await tools.make("voice", {"silence": seconds, "format": _FORMAT}, Narration, work)


async def _level(take: Take, tools: Tools, settings: VoiceSettings, folder: Path) -> Narration:
    """Trim a take and bring it to the wanted loudness; a limiter's loss is made up in a few rounds."""
    raw, audio = folder / "trimmed.wav", folder / "voice.wav"
    words = await tools.compute(trim, take.audio, take.words, raw, lead=LEAD_SECONDS, tail=settings.pause_seconds)
    seconds = await tools.compute(wav_seconds, raw)
    target, ceiling = settings.loudness_lufs, settings.true_peak_dbtp

    async def measured(level: Level | None) -> Loudness:
        command = (
            level_command(raw, audio, frames=round(seconds * RATE), level=level)
            if level
            else measure_command(raw, seconds=seconds)
        )
        return parse_loudness((await tools.ffmpeg(command)).said)

    level: Level | None = first_level(await measured(None), target=target, ceiling=ceiling)
    for _ in range(LEVEL_STEPS):
        if level is None:
            break
        reached = await measured(level)
        level = next_level(level, reached, target=target, ceiling=ceiling)
    raw.unlink()
    return Narration(
        audio=audio,
        seconds=await tools.compute(wav_seconds, audio),
        words=words,
        loudness_lufs=reached.lufs,
        true_peak_dbtp=reached.true_peak_dbtp,
    )


def _of_take(made: Made[Narration], take: Made[Take], settings: VoiceSettings) -> Made[Narration]:
    """The narration with what its take cost and where that came from; cached only where both were."""
    return replace(
        made,
        provider=take.provider,
        model=take.model,
        attempts=take.attempts,
        cached=made.cached and take.cached,
        seconds=made.seconds + take.seconds,
        cost_usd=take.cost_usd,
        usage=take.usage,
        missing=take.missing,
        checks=(*take.checks, *check_narration(made.value, settings)),
    )
