"""`storygen validate`: measure any artifact, whoever made it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from storygen.media.ffmpeg import Command, Finished
    from storygen.settings import Settings
    from storygen.story import Check

TIMELINE = ".otio"
SUBTITLES = frozenset({".srt", ".vtt", ".ass", ".ssa"})
SOUNDS_AND_CLIPS = frozenset(
    {".aac", ".avi", ".flac", ".m4a", ".m4v", ".mkv", ".mov", ".mp3", ".mp4", ".oga", ".ogg", ".opus", ".wav", ".webm"}
)
STILLS = frozenset({".gif", ".jpeg", ".jpg", ".png", ".webp"})
_TIME_LIMIT = 3600.0


def validate(
    file: Annotated[
        Path, typer.Argument(help="A film, sound, picture, subtitles, timeline, text or script.", show_default=False)
    ],
    sound: Annotated[
        Path | None, typer.Option("--sound", help="The film or sound that subtitles belong to.", show_default=False)
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Measure FILE against what is good for its kind; exit with 1 when a check fails."""
    from storygen.errors import CallerMistake, InvalidOutput
    from storygen.story import Verdict

    for path in (file, sound):
        if path is not None and not path.is_file():
            raise CallerMistake(f"{str(path)!r} is not a file", hint="Name a file that exists.")
    try:
        checks = _measure(file, sound)
    except InvalidOutput as error:
        raise CallerMistake(error.message, hint=error.hint) from error
    except OSError as error:
        raise CallerMistake(f"{str(file)!r} cannot be read: {error.strerror}", hint="Look at its rights.") from error
    good = not any(check.verdict is Verdict.FAIL for check in checks)
    if json_:
        _print_json(file, checks, good=good)
    else:
        _print_table(checks)
    if not good:
        raise typer.Exit(1)


def _measure(file: Path, sound: Path | None) -> tuple[Check, ...]:
    """Run the checks that fit the kind of the file, which its first bytes tell; subtitles are known by their suffix."""
    import asyncio

    from storygen.configuration import load
    from storygen.media import probe
    from storygen.quality.images import check_image
    from storygen.quality.subtitles import check_subtitles
    from storygen.quality.timelines import check_timeline

    settings = load()
    if file.suffix.lower() in SUBTITLES:
        seconds = asyncio.run(_seconds(sound, settings)) if sound else None
        return check_subtitles(file, audio_seconds=seconds, settings=settings.subtitles, limits=settings.quality)
    if file.suffix.lower() == TIMELINE:
        return check_timeline(file)
    if probe.is_media(file):
        return asyncio.run(_media(file, settings))
    if probe.is_still(file):
        return check_image(file, settings.film.frame)
    if file.suffix.lower() in SOUNDS_AND_CLIPS:
        probe.media_demuxer(file)  # raises: a text under such a name is a broken film and not a story
    if file.suffix.lower() in STILLS:
        probe.still_demuxer(file)
    return _text(file, settings)


async def _media(file: Path, settings: Settings) -> tuple[Check, ...]:
    """A film is decoded from start to end, and its sound measured like any sound."""
    from tempfile import TemporaryDirectory

    from storygen.media import probe
    from storygen.quality.audio import AudioLimits, check_audio
    from storygen.quality.video import check_film

    ffmpeg = _ffmpeg(settings)
    limits = AudioLimits(
        loudness_lufs=settings.voice.loudness_lufs,
        loudness_tolerance_lu=settings.quality.loudness_tolerance_lu,
        true_peak_dbtp=settings.quality.true_peak_dbtp,
        clipping_share=settings.quality.clipping_share,
    )
    media = await probe.probe(file, ffmpeg)
    checks: list[Check] = []
    with TemporaryDirectory(prefix="storygen-") as name:
        if media.video:
            checks += await check_film(file, None, ffmpeg, Path(name), limits=settings.quality, thorough=True)
        if media.audio:
            kind = probe.media_demuxer(file)
            checks += await check_audio(file, ffmpeg, Path(name), kind=kind, limits=limits)
    return tuple(checks)


async def _seconds(sound: Path, settings: Settings) -> float:
    from storygen.media import probe

    return (await probe.probe(sound, _ffmpeg(settings))).seconds


def _ffmpeg(settings: Settings) -> Callable[[Command], Awaitable[Finished]]:
    from functools import partial

    from storygen.media import ffmpeg

    binary = ffmpeg.find_binary(settings.ffmpeg_path)
    return partial(ffmpeg.run, binary=binary, timeout=_TIME_LIMIT, stall_after=settings.run.stall_seconds)


def _text(file: Path, settings: Settings) -> tuple[Check, ...]:
    """A text is what storygen would read it as: a script, or else plain words."""
    from storygen.quality.text import check_script, check_text
    from storygen.scripts import read_source

    reading = read_source(str(file), language=settings.film.language)
    if reading.script:
        return check_script(reading.script)
    return check_text(reading.brief.topic if reading.brief else "", language=settings.film.language)


def _print_table(checks: tuple[Check, ...]) -> None:
    rows = [("artifact", "check", "result", "value", "limit")]
    rows += [
        (
            check.artifact,
            check.name,
            check.verdict.value,
            _shown(check.value, check.unit),
            _shown(check.limit, check.unit),
        )
        for check in checks
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        typer.echo("  ".join([*padded, row[4]]).rstrip())


def _shown(value: float | str | None, unit: str) -> str:
    """A value for people, in which nothing commands the terminal."""
    if value is None:
        return "-"
    text = f"{value:.10g}" if isinstance(value, float) else str(value)
    return "".join(c if c.isprintable() else " " for c in f"{text} {unit}".strip())


def _print_json(file: Path, checks: tuple[Check, ...], *, good: bool) -> None:
    import json

    told = [
        {
            "artifact": check.artifact,
            "check": check.name,
            "result": check.verdict.value,
            "value": check.value,
            "limit": check.limit,
            "unit": check.unit,
            "at": check.at,
        }
        for check in checks
    ]
    typer.echo(json.dumps({"file": str(file), "ok": good, "checks": told}, indent=2))
