"""The sound of a whole film: voices at their places from left to right, music that makes room for them, keys.

What is spoken is first written one scene after the other into raw sound with a channel for each place, which needs no
arithmetic; ffmpeg then puts the places between left and right, adds the music and measures, in one reading. Nothing is
held in memory but what is being copied.
"""

from __future__ import annotations

import math
import random
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from storygen.errors import InvalidOutput
from storygen.media.audio import FLAC, METER, RATE, Loudness, opened, parse_loudness, wav_reader
from storygen.media.ffmpeg import Command, local
from storygen.media.levels import Level, limiter

FORMAT = 1  # raise it when the same inputs give another sound than before
CURVE_RATE = 200  # values a second of how loud the music is
# From -1 (left) to 1 (right): the middle is the narrator's, the others stand beside each other, not in the corners.
PLACES = (0.0, -0.25, 0.25, -0.4, 0.4)
_KEYS_PLACE = 0.15
_SUMMARY = re.compile(r"ebur128@(voice|whole) @[^\]]*\] Summary:(.*?)(?=\[|\Z)", re.DOTALL)
_EDGE = RATE // 200  # samples over which a scene's sound comes and goes, so that no join can click
_CHUNK = 65_536
_ATTACK, _RELEASE = 0.4, 0.9  # seconds that the music takes to go down and to come up
_BEFORE, _BEHIND = 0.05, 0.15  # seconds around speech in which it stays down
_KEY_SECONDS, _KEY_LEVEL, _KEY_KINDS = 0.03, 0.05, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The sound of one scene as the film has it, cut or padded with silence to its samples.

    `turns` are pairs of a sample and the number of the channel that the voice is heard in from there on; `keys` are the
    samples at which a key of the terminal is struck.
    """

    audio: Path
    samples: int
    turns: tuple[tuple[int, int], ...] = ((0, 0),)
    keys: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed:
    """Music and how loud it is: as long as the film, or where there is a `head`, played round and round behind that."""

    audio: Path
    lufs: float
    head: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What goes into the sound of a film of `samples`: raw voices at `places`, the music, and how both are levelled.

    `curve` holds how loud the music is at each time, `bed_db` its level besides.
    """

    stems: Path
    places: tuple[float, ...]
    samples: int
    has_keys: bool
    level: Level
    bed: Bed | None = None
    bed_db: float = 0.0
    curve: Path | None = None


def write_stems(stretches: Sequence[Stretch], places: int, out: Path, *, has_keys: bool) -> None:
    """Write the scenes one after the other as raw 16-bit sound of 48 kHz, a channel for each place, then one for keys.

    Raises `InvalidOutput` where a scene's sound is not 48 kHz mono 16-bit WAV.
    """
    channels = places + has_keys
    with out.open("wb") as file:
        for stretch in stretches:
            for start, block in _spoken(stretch):
                frames = array("h", bytes(2 * channels * len(block)))
                bounds = [*(first for first, _ in stretch.turns[1:]), stretch.samples]
                for (first, place), end in zip(stretch.turns, bounds, strict=True):
                    a, b = max(first - start, 0), min(end - start, len(block))
                    if a < b:
                        frames[a * channels + place : b * channels : channels] = block[a:b]
                if has_keys:
                    frames[places::channels] = _struck(stretch.keys, start, len(block))
                file.write(frames.tobytes())


def write_curve(
    speech: Sequence[tuple[float, float]], seconds: float, fades: tuple[float, float], depth_db: float, out: Path
) -> None:
    """Write how loud music is, raw and 200 times a second: down by `depth_db` under speech, and faded at both ends.

    `speech` are spans in order; before one the music goes down in time, behind it it comes up slowly, so that it does
    not breathe between words. A fade takes at most a quarter of the film.
    """
    fade_in, fade_out = (min(fade, seconds / 4) for fade in fades)
    spans = [(-math.inf, -math.inf), *speech, (math.inf, math.inf)]
    values = array("h")
    index = 0
    for number in range(math.ceil(seconds * CURVE_RATE) + 1):
        now = number / CURVE_RATE
        while now >= spans[index + 1][0] - _BEFORE:
            index += 1
        since = (now - spans[index][1] - _BEHIND) / _RELEASE
        until = (spans[index + 1][0] - _BEFORE - now) / _ATTACK
        openness = _smooth(min(since, until))
        faded = _smooth(now / fade_in if fade_in else 1.0) * _smooth((seconds - now) / fade_out if fade_out else 1.0)
        values.append(round(32_767 * faded * 10 ** (-depth_db * (1 - openness) / 20)))
    out.write_bytes(values.tobytes())


def mix_command(mix: Mix, out: Path) -> Command:
    """Write the sound of a film as 48 kHz stereo FLAC and measure the narration and the whole; `parse_mix` reads it."""
    channels = len(mix.places) + mix.has_keys
    inputs = ["-f", "s16le", "-ar", str(RATE), "-ac", str(channels), "-i", local(mix.stems)]
    voice = f"[0:a]{_panned(mix.places, 0)},volume={mix.level.gain_db:.4f}dB:precision=double"
    limited = [limiter(mix.level.ceiling_db)] if mix.level.ceiling_db is not None else []
    meter = ",".join(
        [*limited, "ebur128@voice=framelog=quiet,anullsink"]
    )  # what the limiter takes is taken from it, too
    steps = [f"{voice},asplit[voice][told]", f"[told]{meter}"]
    layers = ["[voice]"]
    if mix.has_keys:
        steps.append(f"[0:a]{_panned((_KEYS_PLACE,), len(mix.places))}[keys]")
        layers.append("[keys]")
    if mix.bed and mix.curve:
        more, music = _music(mix.bed, mix.bed_db, mix.curve)
        inputs += more
        steps += music
        layers.append("[music]")
    whole = f"{''.join(layers)}amix=inputs={len(layers)}:normalize=0:duration=first"
    end = [*limited, f"apad=whole_len={mix.samples}", f"atrim=end_sample={mix.samples}"]
    end.append(METER.replace("=", "@whole=", 1))
    steps.append(",".join([whole, *end, "aformat=sample_fmts=s16[out]"]))
    clean = ("-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact", *FLAC, local(out))
    args = (*inputs, "-filter_complex", ";".join(steps), "-map", "[out]", *clean)
    return Command(step="mix", args=args, seconds=mix.samples / RATE)


def parse_mix(said: str) -> tuple[Loudness, Loudness]:
    """How loud the narration is and how loud the whole; the peak is that of the whole for both.

    Raises `RenderFailed` where ffmpeg did not say.
    """
    found = dict(_SUMMARY.findall(said))
    whole = parse_loudness(f"Summary:{found.get('whole', '')}")
    peak = f"Peak: {whole.true_peak_dbtp} dBFS"
    return parse_loudness(f"Summary:{found.get('voice', '')}{peak}"), whole


def _music(bed: Bed, level_db: float, curve: Path) -> tuple[list[str], list[str]]:
    """The inputs and filters of music: what was made of it, played on and on if need be, times its curve."""
    if bed.head:
        inputs = [*opened(bed.head, "flac"), "-stream_loop", "-1", *opened(bed.audio, "flac")]
    else:
        inputs = [*opened(bed.audio, "wav")]
    inputs += ["-f", "s16le", "-ar", str(CURVE_RATE), "-ac", "1", "-i", local(curve)]
    played = f"aresample={RATE},aformat=sample_fmts=fltp:channel_layouts=stereo"
    steps = ["[1:a][2:a]concat=n=2:v=0:a=1[rounds]", f"[rounds]{played}"] if bed.head else [f"[1:a]{played}"]
    steps[-1] += f",volume={level_db:.4f}dB[loud]"
    steps.append(f"[{3 if bed.head else 2}:a]aresample={RATE},pan=stereo|c0=c0|c1=c0,aformat=sample_fmts=fltp[curve]")
    return inputs, [*steps, "[loud][curve]amultiply[music]"]


def _panned(places: Sequence[float], first: int) -> str:
    """Channels put between left and right so that each is as loud as in the middle (constant power)."""
    angles = [(place + 1) * math.pi / 4 for place in places]
    left = "+".join(f"{math.cos(angle):.5f}*c{number}" for number, angle in enumerate(angles, first))
    right = "+".join(f"{math.sin(angle):.5f}*c{number}" for number, angle in enumerate(angles, first))
    return f"pan=stereo|c0={left}|c1={right},aformat=sample_fmts=fltp"


def _spoken(stretch: Stretch) -> Iterator[tuple[int, array[int]]]:
    """The samples of a scene in blocks, each with the number of its first, with soft edges and silence behind."""
    with wav_reader(stretch.audio) as wav:
        if (wav.getnchannels(), wav.getframerate()) != (1, RATE):
            raise InvalidOutput(f"{stretch.audio.name} is not a mono WAV file of {RATE} Hz.")
        length, at = min(stretch.samples, wav.getnframes()), 0
        while at < length:
            block = array("h", wav.readframes(min(_CHUNK, length - at)))
            _soften(block, at, length)
            yield at, block
            at += len(block)
    while at < stretch.samples:
        count = min(_CHUNK, stretch.samples - at)
        yield at, array("h", bytes(2 * count))
        at += count


def _soften(block: array[int], at: int, length: int) -> None:
    """Fade the first and the last samples of a sound of `length`, of which this block begins at `at`."""
    for number in range(at, min(at + len(block), _EDGE)):
        block[number - at] = block[number - at] * number // _EDGE
    for number in range(max(at, length - _EDGE), at + len(block)):
        block[number - at] = block[number - at] * (length - 1 - number) // _EDGE


def _struck(keys: Sequence[int], start: int, count: int) -> array[int]:
    """The sound of keys in the samples from `start` on."""
    sound = array("h", bytes(2 * count))
    for number, key in enumerate(keys):
        click = _clicks()[(number * 5 + key) % _KEY_KINDS]
        a, b = max(key, start), min(key + len(click), start + count)
        if a < b:
            sound[a - start : b - start] = click[a - key : b - key]
    return sound


@lru_cache(maxsize=1)
def _clicks() -> tuple[array[int], ...]:
    return tuple(_click(random.Random(number)) for number in range(_KEY_KINDS))  # noqa: S311  # no secret


def _click(chance: random.Random) -> array[int]:
    """A soft key: a short knock of one pitch with a little noise, gone within three hundredths of a second."""
    pitch, noise = chance.uniform(1100, 1700), 0.0
    samples = array("h")
    for number in range(round(_KEY_SECONDS * RATE)):
        now = number / RATE
        noise += 0.35 * (chance.uniform(-1, 1) - noise)
        body = math.sin(2 * math.pi * pitch * now) * math.exp(-now / 0.003) + 1.2 * noise * math.exp(-now / 0.006)
        samples.append(round(32_767 * _KEY_LEVEL * body * min(1.0, now / 0.0006)))
    return samples


def _smooth(share: float) -> float:
    """From 0 to 1 without a corner."""
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)
