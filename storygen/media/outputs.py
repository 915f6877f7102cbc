"""The commands that put a film into files: joined without encoding the picture again, labelled, and as other kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from storygen.media.ffmpeg import Command, local
from storygen.media.probe import source
from storygen.media.timeline import AUDIO_RATE, Chapter, timescale
from storygen.media.tongues import three_letters
from storygen.story import Cue

FORMAT = 1  # raise it when the same scenes and labels give another file than before
MOST_TRACKS = 5  # of subtitles; a film is opened with a limit on its streams
_MOST_DESCRIPTION = 1000
_AUDIO = ("-c:a", "aac", "-b:a", "192k", "-ar", str(AUDIO_RATE))
_WHOLE = ("-fflags", "+bitexact", "-movflags", "+faststart", "-f", "mp4")
# VP9 at a quality like x264's default here; the deadline and the speed are those that a short film can wait for.
_VP9 = ("-c:v", "libvpx-vp9", "-crf", "33", "-b:v", "0", "-deadline", "good", "-cpu-used", "5", "-row-mt", "1")
_NO_BRANDS = [
    arg for name in ("major_brand", "minor_version", "compatible_brands") for arg in ("-metadata", f"{name}=")
]
_OPUS = ("-c:a", "libopus", "-b:a", "128k")


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """Subtitles in one language: the cues of each scene, with times of that scene."""

    language: str
    scenes: tuple[tuple[Cue, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a film tells players of itself: who speaks which language, what it is about, and the titles of its scenes.

    `tracks` are subtitles that a player can show; they are shown from the start where they are not in the picture.
    """

    language: str = "und"
    description: str = ""
    titles: tuple[str, ...] = ()
    tracks: tuple[Track, ...] = ()
    shows_tracks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Soft:
    """Subtitles of the whole film as a file, and their language."""

    file: Path
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtitles:
    """The subtitles that a player can show, and whether it shows the first of them without being asked."""

    files: tuple[Soft, ...] = ()
    are_shown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What is put together: the scenes that `listed` lists (None for sound alone), the sound, the label as a file."""

    listed: Path | None
    sound: Path
    label: Path
    language: str
    tracks: Subtitles
    fps: int
    seconds: float


def join_command(film: Joined, out: Path) -> Command:
    """Join scenes with their sound, their chapters and their subtitles.

    The sound is encoded once over the whole film, because each encoding adds a few milliseconds at its start.
    """
    inputs = ("-f", "concat", "-i", local(film.listed)) if film.listed else ()
    first = int(film.listed is not None)
    label = first + 1
    tracks = [arg for track in film.tracks.files for arg in ("-f", "srt", "-i", local(track.file))]
    return Command(
        step="join",
        seconds=film.seconds,
        args=(
            *(*inputs, "-f", "flac", "-i", local(film.sound), "-f", "ffmetadata", "-i", local(film.label), *tracks),
            *("-map", "0:v", "-c:v", "copy") * first,
            *("-map", f"{first}:a", *_AUDIO, "-flags:a", "+bitexact", "-metadata:s:a:0", _language(film.language)),
            *_tracks(film.tracks, label + 1, "mov_text"),
            *("-map_metadata", str(label), "-map_chapters", str(label)),
            *("-video_track_timescale", str(timescale(film.fps)), *_WHOLE, local(out)),
        ),
    )


def webm_command(film: Path, tracks: Subtitles, *, seconds: float, cores: int, out: Path) -> Command:
    """Encode a finished film once more, as VP9 and Opus in WebM, with subtitles of WebVTT."""
    asked = [arg for track in tracks.files for arg in ("-f", "webvtt", "-i", local(track.file))]
    return Command(
        step="convert",
        seconds=seconds,
        args=(
            *(*source(film), *asked, "-map", "0:v:0", "-map", "0:a:0", *_VP9, "-threads:v", str(cores), *_OPUS),
            *("-flags:v", "+bitexact", "-flags:a", "+bitexact", *_tracks(tracks, 1, "copy")),
            *(
                "-map_metadata",
                "0",
                *_NO_BRANDS,
                "-map_chapters",
                "0",
                "-fflags",
                "+bitexact",
                "-f",
                "webm",
                local(out),
            ),
        ),
    )


def sound_command(film: Path, *, seconds: float, out: Path) -> Command:
    """Take the sound of a finished film out of it, with its chapters, without encoding it again."""
    return Command(
        step="extract",
        seconds=seconds,
        args=(
            *(*source(film), "-map", "0:a:0", "-c:a", "copy", "-map_metadata", "0", "-map_chapters", "0"),
            *(*_WHOLE, local(out)),
        ),
    )


def described(title: str, description: str, chapters: Sequence[Chapter]) -> str:
    """A film's title, description and chapters as ffmpeg reads them.

    Source: "Metadata" in the ffmpeg-formats manual.
    """
    lines = [";FFMETADATA1", f"title={_value(plain(title))}"]
    if told := plain(description, _MOST_DESCRIPTION):
        lines.append(f"description={_value(told)}")
    for chapter in chapters:
        ends = [
            f"{name}={round(time * 1000)}" for name, time in (("START", chapter.span.start), ("END", chapter.span.end))
        ]
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", *ends, f"title={_value(plain(chapter.title))}"]
    return "\n".join(lines) + "\n"


def plain(text: str, most: int = 200) -> str:
    """A text as one line of printable characters, at most so many of them."""
    return "".join(c if c.isprintable() else " " for c in text).strip()[:most]


def _tracks(tracks: Subtitles, first: int, codec: str) -> tuple[str, ...]:
    """The arguments that put subtitles into a film, from the inputs that begin at `first`."""
    args: list[str] = []
    for number, track in enumerate(tracks.files):
        is_shown = tracks.are_shown and number == 0
        args += ["-map", f"{first + number}:s:0", f"-metadata:s:s:{number}", _language(track.language)]
        args += [f"-disposition:s:{number}", "default" if is_shown else "0"]
    return (*args, "-c:s", codec) if args else ()


def _language(tag: str) -> str:
    return f"language={three_letters(tag)}"


def _value(text: str) -> str:
    """A value with its signs escaped; what ends with a backslash would swallow the end of its line all the same."""
    text = text.rstrip("\\ ")
    return "".join(f"\\{c}" if c in "=;#\\" else c for c in text)
