"""Voice: the lines of a scene become its sound, with the time of each word, at the loudness of the film."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from storygen.errors import InvalidOutput, InvalidSettings, ProviderFailure
from storygen.media.audio import (
    RATE,
    Loudness,
    envelope,
    measure_command,
    parse_loudness,
    silence_wav,
    trim,
    wav_seconds,
)
from storygen.media.levels import LEVEL_STEPS, Level, first_level, level_command, next_level
from storygen.media.speech import pause_share
from storygen.providers.base import Capability
from storygen.providers.speech.base import SpeechRequest, Take
from storygen.providers.transcription.base import Transcript, TranscriptionRequest
from storygen.quality import hearing
from storygen.quality.audio import check_narration, check_take
from storygen.settings import VoiceSettings
from storygen.stages.base import Tools
from storygen.stages.given import bring_sound, footage_of
from storygen.story import Check, GivenFile, Line, Made, Mood, Narration, Scene, Verdict, Word

LEAD_SECONDS = 0.25
_FORMAT = 1
# How long a scene is let ring out, against a plain one: what is tense goes on at once, what is sad does not.
_LINGERING = {
    Mood.CALM: 1.3,
    Mood.JOYFUL: 0.9,
    Mood.WONDER: 1.4,
    Mood.MYSTERIOUS: 1.5,
    Mood.TENSE: 0.75,
    Mood.DARK: 1.4,
    Mood.MELANCHOLY: 1.6,
}
_TURNS = 2  # how often a voice is asked where other words are heard than are written
_ERROR_RATES = (0.15, 0.5)  # above these a listener's words are worth a look, and are not the script
_LEAST_HEARD = 0.9  # of the words
_BUILTIN = "builtin"  # it says what is written: nobody needs to listen


@dataclass(frozen=True, slots=True, kw_only=True)
class _Times:
    """When the words of a take are heard: None where that has to be estimated. `key` stands for how it is known."""

    words: tuple[Word, ...] | None
    key: str = ""
    checks: tuple[Check, ...] = ()
    cost_usd: float | None = 0.0
    missing: tuple[str, ...] = ()

    @property
    def is_other(self) -> bool:
        """Whether other words were heard than are written."""
        return any(check.verdict is Verdict.FAIL for check in self.checks)


async def speak(
    scene: Scene,
    cast: tuple[str, ...],
    language: str,
    tools: Tools,
    settings: VoiceSettings,
    *,
    listen: bool = False,
) -> Made[Narration]:
    """Speak a scene; where nothing is spoken, silence of the scene's wish or the setting.

    The sound begins with a quarter of a second of silence and ends with a pause, whose length follows the mood and how
    the last line ends: scenes must not run into each other.
    With `listen` what was spoken is transcribed: it gives words their times where the voice tells none, and is held
    against the script. Raises `InvalidOutput` where the voice says something else twice.
    """
    if scene.given and scene.given.sound:
        take, times = await _recorded(scene, scene.given.sound, language, tools, listen=listen)
    elif not any(letter.isalnum() for letter in scene.spoken):
        return await _silence(await _unspoken_seconds(scene, tools, settings), tools)
    else:
        request = SpeechRequest(lines=scene.lines, cast=_known_so_far(scene, cast), language=language)
        take, times = await _taken(request, tools, settings, listen=listen)
    tail = round(settings.pause_seconds * _LINGERING.get(scene.mood, 1.0) * pause_share(scene.spoken), 3)
    inputs = {
        "take": take.key,
        "format": _FORMAT,
        "lead": LEAD_SECONDS,
        "tail": tail,
        "loudness": settings.loudness_lufs,
        "true_peak": settings.true_peak_dbtp,
        **({"times": times.key} if times.key else {}),
    }
    if times.words is None:
        work = partial(_level, take.value, partial(_estimated, take.value.audio, scene.lines), tail, tools, settings)
    else:
        work = partial(_level, take.value, partial(tuple, times.words), tail, tools, settings)
    made = await tools.make("voice", inputs, Narration, work)
    return _of_take(made, take, times, settings)


async def _taken(
    request: SpeechRequest, tools: Tools, settings: VoiceSettings, *, listen: bool
) -> tuple[Made[Take], _Times]:
    """A take, and when its words are heard; a voice that says something else is asked once more."""

    async def check(take: Take) -> tuple[Check, ...]:
        return await tools.compute(check_take, take.audio, take.words, request.lines, settings.words_per_minute)

    paid: float | None = 0.0
    for turn in range(_TURNS):
        take = await tools.call(Capability.SPEECH, replace(request, turn=turn), Take, check)
        times = await _times(take, request, tools, listen=listen)
        paid = _sum(paid, take.cost_usd, times.cost_usd)
        if not times.is_other:
            return replace(take, cost_usd=paid), times
    raise InvalidOutput(
        f"{take.provider} spoke other words than are written, {_TURNS} times.",
        hint="Listen to it; choose another voice or language, or another provider.",
        provider=take.provider,
    )


async def _recorded(
    scene: Scene, file: GivenFile, language: str, tools: Tools, *, listen: bool
) -> tuple[Made[Take], _Times]:
    """Speech that the user recorded; where it says other words than the script, that is told and stays."""
    take = await bring_sound(file, tools)
    if not any(letter.isalnum() for letter in scene.spoken):
        return take, _Times(words=())
    request = SpeechRequest(lines=scene.lines, cast=(), language=language)
    times = await _times(take, request, tools, listen=listen)
    checks = tuple(
        replace(check, verdict=Verdict.WARN) if check.verdict is Verdict.FAIL else check for check in times.checks
    )
    return take, replace(times, checks=checks)


async def _unspoken_seconds(scene: Scene, tools: Tools, settings: VoiceSettings) -> float:
    """How long a scene without words lasts: as it wishes, else as long as its clip, else as long as the setting."""
    if scene.seconds is None and scene.given and scene.given.clip:
        return (await footage_of(scene.given.clip, "clip", tools)).value.seconds
    return scene.seconds or settings.silent_scene_seconds


async def _times(take: Made[Take], request: SpeechRequest, tools: Tools, *, listen: bool) -> _Times:
    """What the voice tells, else what a listener hears, else nothing."""
    told = take.value.words or None
    if not listen or take.provider == _BUILTIN:
        return _Times(words=told) if told else _guess()
    try:
        with tools.part("transcription"):
            heard = await _heard(take.value, request.language, tools, otherwise="" if told else _BUILTIN)
    except ProviderFailure as error:
        reason = f"{error.provider or Capability.TRANSCRIPTION}: {error.kind}: {error.message}"
        unheard = _check("word_error_rate", Verdict.WARN, f"not heard: {error.kind}", f"at most {_ERROR_RATES[0]}")
        return _Times(words=told, checks=(unheard,)) if told else _guess(unheard, missing=(reason,))
    seconds = await tools.compute(wav_seconds, take.value.audio)
    try:
        with tools.part("alignment"):
            found = await tools.compute(hearing.compare, request.lines, heard.value.words, request.language, seconds)
    except ImportError as error:
        raise InvalidSettings(
            "providers.transcription needs a package that is not installed.", hint="Run pip install jiwer."
        ) from error
    checks = (_error_rate(found), *(() if told else (_share(found),)))
    return _Times(words=told or found.words, key="" if told else heard.key, checks=checks, cost_usd=heard.cost_usd)


async def _heard(take: Take, language: str, tools: Tools, *, otherwise: str) -> Made[Transcript]:
    def request() -> TranscriptionRequest:
        with take.audio.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return TranscriptionRequest(sha256=sha256, language=language, seconds=wav_seconds(take.audio), path=take.audio)

    async def check(transcript: Transcript) -> tuple[Check, ...]:
        count = len(transcript.words)
        return (_check("heard_words", Verdict.PASS if count else Verdict.FAIL, count, "at least 1"),)

    asked = await tools.compute(request)
    return await tools.call(Capability.TRANSCRIPTION, asked, Transcript, check, otherwise=otherwise)


def _guess(*checks: Check, missing: tuple[str, ...] = ()) -> _Times:
    estimated = _check("word_times", Verdict.WARN, "estimated", "told by the voice or heard")
    return _Times(words=None, key="estimated", checks=(*checks, estimated), missing=missing)


def _estimated(audio: Path, lines: tuple[Line, ...]) -> tuple[Word, ...]:
    return hearing.estimate(lines, envelope(audio), wav_seconds(audio))


def _error_rate(found: hearing.Hearing) -> Check:
    low, high = _ERROR_RATES
    verdict = Verdict.PASS if found.error_rate <= low else Verdict.WARN if found.error_rate <= high else Verdict.FAIL
    return _check("word_error_rate", verdict, round(found.error_rate, 3), f"at most {low}")


def _share(found: hearing.Hearing) -> Check:
    verdict = Verdict.PASS if found.heard_share >= _LEAST_HEARD else Verdict.WARN
    return _check("word_times", verdict, round(found.heard_share, 3), f"at least {_LEAST_HEARD}")


def _check(name: str, verdict: Verdict, value: float | str, limit: str) -> Check:
    return Check(artifact="audio", name=name, verdict=verdict, value=value, limit=limit)


def _sum(*costs: float | None) -> float | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def _known_so_far(scene: Scene, cast: tuple[str, ...]) -> tuple[str, ...]:
    """The cast up to the last of a scene's speakers: who only appears later leaves the scene's key as it is."""
    return cast[: 1 + max(cast.index(line.speaker) for line in scene.lines)]


async def _silence(seconds: float, tools: Tools) -> Made[Narration]:
    async def work(folder: Path) -> Narration:
        audio = folder / "voice.wav"
        return Narration(audio=audio, seconds=await tools.compute(silence_wav, audio, seconds), words=())

    return await tools.make("voice", {"silence": seconds, "format": _FORMAT}, Narration, work)


async def _level(
    take: Take, told: Callable[[], tuple[Word, ...]], tail: float, tools: Tools, settings: VoiceSettings, folder: Path
) -> Narration:
    """Trim a take and bring it to the wanted loudness; a limiter's loss is made up in a few rounds."""
    raw, audio = folder / "trimmed.wav", folder / "voice.wav"
    with tools.part("alignment"):
        words = await tools.compute(told)
    words = await tools.compute(trim, take.audio, words, raw, lead=LEAD_SECONDS, tail=tail)
    seconds = await tools.compute(wav_seconds, raw)
    target, ceiling = settings.loudness_lufs, settings.true_peak_dbtp

    async def measured(level: Level | None) -> Loudness:
        command = (
            level_command(raw, audio, frames=round(seconds * RATE), level=level)
            if level
            else measure_command(raw, seconds=seconds)
        )
        return parse_loudness((await tools.ffmpeg(command)).said)

    with tools.part("normalisation"):
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


def _of_take(made: Made[Narration], take: Made[Take], times: _Times, settings: VoiceSettings) -> Made[Narration]:
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
        missing=(*take.missing, *times.missing),
        checks=(*take.checks, *times.checks, *check_narration(made.value, settings)),
    )
