"""The sound of a whole film: every voice at its loudness and place, music that makes room for it, and keys."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import accumulate, pairwise
from pathlib import Path

from storygen.errors import InvalidOutput, InvalidSettings, RenderFailed
from storygen.media import music
from storygen.media import soundtrack as mixing
from storygen.media.audio import RATE, Loudness, lufs_command, parse_lufs
from storygen.media.levels import LEVEL_STEPS, Level, first_level, next_level
from storygen.media.probe import probe
from storygen.media.soundtrack import PLACES, Bed, Mix, Stretch, mix_command, parse_mix, write_curve, write_stems
from storygen.settings import MusicSettings, VoiceSettings
from storygen.stages.base import Tools
from storygen.story import NARRATOR, LineKind, Made, Mood, Narration, Overlay, Scene, Soundtrack

_TOLERANCE_LU = 0.3
_ENCODING_DB = 0.5  # peaks grow by about as much when the sound is encoded
_PHRASE_SECONDS = 0.4  # a pause between words that is shorter belongs to what is said
_LEAST_SECONDS = 2.0  # of a film with music, and of a file that can be music


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a film's sound goes by besides its voices.

    `scenes` and `typing` are those of the scenes that are heard, in order, or none; `cast` are all who speak in the
    story, in order of appearance. The same `title` has the same music.
    """

    title: str = ""
    scenes: tuple[Scene, ...] = ()
    typing: tuple[Made[Overlay] | None, ...] = ()
    cast: tuple[str, ...] = ()
    voice: VoiceSettings = field(default_factory=VoiceSettings)
    music: MusicSettings = field(default_factory=partial(MusicSettings, source="off"))
    has_keys: bool = False


SILENT_SCORE = Score()


async def soundtrack(
    voices: Sequence[Made[Narration]], samples: Sequence[int], tools: Tools, score: Score = SILENT_SCORE
) -> Made[Soundtrack]:
    """Make the sound of a film whose scenes have so many samples each.

    The narration has its loudness over the whole film, and peaks stay far enough below the ceiling to be encoded.
    Raises `InvalidSettings` for music that cannot be used.
    """
    spans = [(voice.value, count) for voice, count in zip(voices, samples, strict=True)]
    stretches = [_stretch(number, voice, count, score) for number, (voice, count) in enumerate(spans)]
    bed = await bed_of(spans, tools, score)
    wanted = score.music
    inputs = {
        "format": mixing.FORMAT,
        "voices": [voice.key for voice in voices],
        "stretches": [[stretch.samples, stretch.turns, stretch.keys] for stretch in stretches],
        "level": [score.voice.loudness_lufs, score.voice.true_peak_dbtp],
        "has_keys": score.has_keys,
        "music": [bed.key, wanted.below_voice_lu, wanted.duck_db, wanted.fade_in_seconds, wanted.fade_out_seconds]
        if bed
        else [],
    }
    return await tools.make("mix", inputs, Soundtrack, partial(_mix, stretches, spans, bed, tools, score))


async def check_music(settings: MusicSettings, tools: Tools) -> Made[Bed] | None:
    """Make a user's music ready to be played for any time; None where there is none of the user's.

    Raises `InvalidSettings` for a file that is missing, is no sound or cannot be read to its end.
    """
    path = settings.source
    if not isinstance(path, Path):
        return None
    path = path.expanduser()
    try:
        media = await probe(path, tools.ffmpeg)
        if not media.audio or media.seconds < _LEAST_SECONDS:
            raise InvalidOutput(f"{path.name!r} holds no {_LEAST_SECONDS:g} seconds of sound")
        sha256 = await tools.compute(_fingerprint, path)
        work = partial(_ready, path, media.seconds, tools)
        return await tools.make("music", {"format": music.FORMAT, "sha256": sha256}, Bed, work)
    except (InvalidOutput, RenderFailed, OSError) as error:
        said = getattr(error, "message", "") or str(error)
        raise InvalidSettings(
            f"music.source: {path.name!r} cannot be used as music: {said}",
            hint='Name a sound file that plays from start to end, or set music.source to "builtin" or "off".',
        ) from error


async def _ready(path: Path, seconds: float, tools: Tools, folder: Path) -> Bed:
    head, loop = folder / "head.flac", folder / "loop.flac"
    said = (await tools.ffmpeg(music.loop_command(path, seconds, head, loop))).said
    lufs = parse_lufs(said)
    if lufs == float("-inf"):
        raise InvalidOutput("it is silent")
    return Bed(audio=loop, lufs=lufs, head=head)


async def bed_of(voices: Sequence[tuple[Narration, int]], tools: Tools, score: Score) -> Made[Bed] | None:
    """The music of a film, where it has any: the user's, or chords by the moods of its scenes."""
    total = sum(count for _, count in voices)
    if score.music.source == "off" or total < _LEAST_SECONDS * RATE:
        return None
    if isinstance(score.music.source, Path):
        return await check_music(score.music, tools)
    moods = [scene.mood for scene in score.scenes] or [Mood.NEUTRAL] * len(voices)
    parts = [(mood, count / RATE) for mood, (_, count) in zip(moods, voices, strict=True)]
    seed = int.from_bytes(hashlib.sha256(score.title.encode("utf-8", "surrogatepass")).digest()[:4], "big")

    async def work(folder: Path) -> Bed:
        audio = folder / "music.wav"
        await tools.compute(music.compose, parts, seed, audio)
        said = (await tools.ffmpeg(lufs_command(audio, seconds=total / RATE))).said
        return Bed(audio=audio, lufs=parse_lufs(said))

    return await tools.make("music", {"format": music.FORMAT, "moods": parts, "seed": seed}, Bed, work)


async def _mix(
    stretches: Sequence[Stretch],
    voices: Sequence[tuple[Narration, int]],
    bed: Made[Bed] | None,
    tools: Tools,
    score: Score,
    folder: Path,
) -> Soundtrack:
    """Put everything together; where the loudness or a peak is off, once more with another level."""
    stems, curve, audio = folder / "stems.pcm", folder / "curve.pcm", folder / "sound.flac"
    places = PLACES[: 1 + max(place for stretch in stretches for _, place in stretch.turns)]
    samples, wanted = sum(count for _, count in voices), score.music
    await tools.compute(write_stems, stretches, len(places), stems, has_keys=score.has_keys)
    is_spoken = any(voice.loudness_lufs is not None for voice, _ in voices)
    target, ceiling = score.voice.loudness_lufs, score.voice.true_peak_dbtp - _ENCODING_DB
    mix = Mix(stems=stems, places=places, samples=samples, has_keys=score.has_keys, level=Level(gain_db=0.0))
    if bed:
        fades = (wanted.fade_in_seconds, wanted.fade_out_seconds)
        await tools.compute(write_curve, _speech(voices), samples / RATE, fades, wanted.duck_db, curve)
        below = wanted.below_voice_lu if is_spoken else 0.0
        mix = replace(mix, bed=bed.value, bed_db=target - below - bed.value.lufs, curve=curve)
    for step in range(LEVEL_STEPS):
        voice, whole = parse_mix((await tools.ffmpeg(mix_command(mix, audio))).said)
        reached = Loudness(lufs=voice.lufs if is_spoken else target, true_peak_dbtp=whole.true_peak_dbtp)
        level = next_level(mix.level, reached, target=target, ceiling=ceiling, tolerance=_TOLERANCE_LU)
        if level is None:
            break
        mix = replace(mix, level=level if step else first_level(reached, target=target, ceiling=ceiling))
    for passing in (stems, curve):
        passing.unlink(missing_ok=True)
    return _told(audio, samples / RATE, voice, whole)


def _told(audio: Path, seconds: float, voice: Loudness, whole: Loudness) -> Soundtrack:
    """A finished soundtrack with what was measured of it, as far as there was anything to measure."""
    voice_lufs, lufs, peak = (
        None if value == float("-inf") else value for value in (voice.lufs, whole.lufs, whole.true_peak_dbtp)
    )
    return Soundtrack(audio=audio, seconds=seconds, voice_lufs=voice_lufs, lufs=lufs, true_peak_dbtp=peak)


def _stretch(number: int, voice: Narration, samples: int, score: Score) -> Stretch:
    """What is heard in a scene, and where."""
    scene = score.scenes[number] if score.scenes else None
    typed = score.typing[number] if score.has_keys and score.typing else None
    keys = tuple(round(time * RATE) for time in typed.value.keys) if typed else ()
    return Stretch(audio=voice.audio, samples=samples, turns=_turns(scene, voice, score.cast), keys=keys)


def _turns(scene: Scene | None, voice: Narration, cast: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Where each line is heard, from the middle of the pause before it on; who speaks alone stands in the middle."""
    if scene is None or not voice.words or len({name.casefold() for name in cast}) < 2:
        return ((0, 0),)
    others = [name for name in dict.fromkeys(name.casefold() for name in cast) if name != NARRATOR]
    seats = {name: 1 + number % (len(PLACES) - 1) for number, name in enumerate(others)}

    def place(index: int) -> int:
        line = scene.lines[index]
        return seats.get(line.speaker.casefold(), 0) if line.kind is LineKind.DIALOGUE else 0

    turns = [(0, place(voice.words[0].line))]
    for before, after in pairwise(voice.words):
        if place(after.line) != turns[-1][1]:
            turns.append((round((before.end + after.start) / 2 * RATE), place(after.line)))
    return tuple(turns)


def _speech(voices: Sequence[tuple[Narration, int]]) -> list[tuple[float, float]]:
    """When somebody speaks in a film, in seconds: phrases, or whole scenes where nobody told of words."""
    starts = accumulate((count for _, count in voices), initial=0)
    spans: list[tuple[float, float]] = []
    for (voice, _), start in zip(voices, starts, strict=False):
        told = [(word.start, word.end) for word in voice.words]
        heard = told or ([(0.0, voice.seconds)] if voice.loudness_lufs is not None else [])
        for begin, end in ((start / RATE + a, start / RATE + b) for a, b in heard):
            if spans and begin - spans[-1][1] < _PHRASE_SECONDS:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((begin, end))
    return spans


def _fingerprint(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
