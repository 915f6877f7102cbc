"""A film says what it is: title, chapters and subtitles come out of the file as they went in, in every kind of file."""

from __future__ import annotations

import asyncio
import html
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from storygen.media.ffmpeg import Command
from storygen.media.outputs import Label, Track, described, plain
from storygen.media.timeline import Chapter, Span
from storygen.media.tongues import three_letters
from storygen.stages import assembly
from storygen.stages.assembly.extras import with_extras
from storygen.story import Cue, Film, Made
from tests.media.films import FILM, FRAME, frames, made, narration, run, shot, workshop

HOSTILE = "a=b;c#d\\e\n[CHAPTER]\ntitle=x \\"
TITLES = ("Light", HOSTILE, "")
SAID = "Who is <b>there</b>? -- nobody\\N & {\\b1}all"


def join(mode: str, folder: Path) -> Film:
    """Three scenes joined, with all that can be wanted of them."""
    cues = ((), (Cue(start=0.1, end=0.6, lines=(SAID,)),), ())
    label = Label(
        language="de-AT",
        description="What; it = about",
        titles=TITLES,
        tracks=(
            Track(language="de-AT", scenes=cues),
            Track(language="ja", scenes=cues),
            Track(language="en", scenes=((), (), ())),
        ),
        shows_tracks=mode == "soft",
    )

    async def work() -> Made[Film]:
        tools, picture = workshop(folder / "cache"), made(shot(folder, zoom=1.0), "shot")
        parts = []
        for number in range(3):
            voice = narration(folder, 0.7, f"{number}.wav")
            segment = await assembly.render(number, picture, voice, None, None, FRAME, tools, FILM)
            parts.append((segment, voice))
        wanted = assembly.Wanted(formats=("mp4", "webm", "audio"), shots=(picture,))
        return await assembly.join(parts, "The\nJar", FRAME, tools, FILM, label, wanted)

    return asyncio.run(work()).value


@pytest.fixture(scope="module")
def soft(tmp_path_factory: pytest.TempPathFactory) -> Film:
    return join("soft", tmp_path_factory.mktemp("soft"))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    return join("both", tmp_path_factory.mktemp("both"))


def told(path: Path, folder: Path) -> str:
    """What a film tells of itself, as ffmpeg writes it down."""
    kind = "matroska" if path.suffix == ".webm" else "mov"
    out = folder / "told.txt"
    run(Command(step="probe", args=("-f", kind, "-i", f"file:{path}", "-f", "ffmetadata", f"file:{out}")))
    return out.read_text("utf-8")


def packets(path: Path, stream: str, folder: Path) -> list[str]:
    """The checksums of the packets of a stream."""
    out = folder / "packets.txt"
    copied = ("-map", f"0:{stream}:0", "-c", "copy", "-f", "framecrc", f"file:{out}")
    run(Command(step="probe", args=("-f", "mov", "-i", f"file:{path}", *copied)))
    return [line.split(",")[5].strip() for line in out.read_text().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("kind", [".mp4", ".webm", ".m4a"])
def test_every_kind_of_file_has_the_title_the_description_and_the_chapters(
    film: Film, kind: str, tmp_path: Path
) -> None:
    path = next(path for path in (film.video, *film.others) if path.suffix == kind)
    head, *chapters = told(path, tmp_path).split("[CHAPTER]\n")
    assert len(chapters) == 2
    tags = {name.lower(): value for name, _, value in (line.partition("=") for line in head.splitlines())}
    assert tags["title"] == "The Jar"
    assert tags["description"] == "What\\; it \\= about"
    private = set(tags) - {"title", "description", "major_brand", "minor_version", "compatible_brands", ";ffmetadata1"}
    assert private - {""} <= {"encoder"}, "which ffmpeg writes into what it tells here"
    titles = [re.sub(r"\\(.)", r"\1", part.partition("title=")[2].partition("\n")[0]) for part in chapters]
    assert titles == ["Light", plain(HOSTILE).rstrip("\\ ")]
    starts = [int(part.partition("START=")[2].partition("\n")[0]) for part in chapters]
    bases = [int(part.partition("TIMEBASE=1/")[2].partition("\n")[0]) for part in chapters]
    assert [start / base for start, base in zip(starts, bases, strict=True)] == pytest.approx([0, 0.7], abs=0.001)


@pytest.mark.parametrize("kind", [".mp4", ".webm"])
def test_subtitles_come_back_with_their_words_times_and_languages(film: Film, kind: str, tmp_path: Path) -> None:
    path = next(path for path in (film.video, *film.others) if path.suffix == kind)
    demuxer, out = ("matroska" if kind == ".webm" else "mov"), tmp_path / "out.srt"
    written = ("-c:s", "copy", "-f", "webvtt") if kind == ".webm" else ("-c:s", "srt", "-f", "srt")
    args = ("-f", demuxer, "-i", f"file:{path}", "-map", "0:s:1", *written, f"file:{out}")
    said = run(Command(step="probe", args=args)).said
    assert re.findall(r"\((\w{3})\): Subtitle", said)[:2] in (["deu", "jpn"], ["ger", "jpn"])
    assert (
        said.partition("Stream mapping")[0].count(": Subtitle: " + ("webvtt" if kind == ".webm" else "mov_text")) == 2
    ), "silent tracks are left out"
    text = html.unescape(out.read_text("utf-8"))
    assert "00:00.800 --> 00:01.300" in text.replace(",", ".").replace("00:00:0", "00:0")
    words = re.sub("[\u2060\\s]", "", text.partition("-->")[2].partition("\n")[2])
    assert words == re.sub(r"\s", "", SAID)


def test_subtitles_are_shown_by_themselves_only_where_the_picture_has_none(
    film: Film, soft: Film, tmp_path: Path
) -> None:
    for path, shown in ((film.video, False), (soft.video, True)):
        said = run(Command(step="probe", args=("-f", "mov", "-i", f"file:{path}", "-t", "0", "-f", "null", "-"))).said
        first, second = re.findall(r"Stream #0:\d[^\n]*: Subtitle: [^\n]*", said.partition("Stream mapping")[0])
        assert ("(default)" in first) is shown
        assert "(default)" not in second
    assert packets(film.video, "s", tmp_path) == packets(soft.video, "s", tmp_path)


def test_a_film_of_terminals_alone_is_stood_for_by_what_is_seen_in_it(film: Film, tmp_path: Path) -> None:
    when, tools = (Span(start=0, end=0.7),), workshop(tmp_path / "cache")
    work = with_extras(made(film, "film"), assembly.Wanted(), Label(), when, FRAME, tools)
    thumbnail = asyncio.run(work).value.thumbnail
    assert thumbnail is not None
    seen, shown = np.asarray(Image.open(thumbnail).convert("L"), dtype=float), frames(film.video, tmp_path)
    assert np.abs(seen - shown[17]).mean() < 3
    assert [path.name for path in thumbnail.parent.iterdir() if path.suffix != ".json"] == ["thumbnail.jpg"]


def test_nothing_is_encoded_again_for_the_label_or_for_the_sound_alone(film: Film, tmp_path: Path) -> None:
    (segment,) = film.video.parents[3].rglob("segment.mp4")
    one = packets(segment, "v", tmp_path)
    joined_all = packets(film.video, "v", tmp_path)
    assert len(joined_all) == 3 * len(one) == 63
    # Joining repeats the stream's parameters in the first picture of each scene.
    assert [joined_all[n + 1 : n + 21] for n in (0, 21, 42)] == [one[1:]] * 3
    alone = next(path for path in film.others if path.suffix == ".m4a")
    assert packets(alone, "a", tmp_path) == packets(film.video, "a", tmp_path)


def test_a_webm_shows_and_says_what_the_film_does(film: Film, tmp_path: Path) -> None:
    path = next(path for path in film.others if path.suffix == ".webm")
    measured = ("-filter_complex", "[0:v][1:v]psnr", "-map", "1:a", "-f", "null", "-")
    args = ("-f", "mov", "-i", f"file:{film.video}", "-f", "matroska", "-i", f"file:{path}", *measured)
    said = run(Command(step="probe", args=args)).said
    assert "vp9" in said
    assert "opus" in said
    assert float(re.findall(r"average:([\d.]+)", said)[-1]) > 30


def test_a_label_holds_no_line_that_was_not_meant() -> None:
    chapter = Chapter(title=HOSTILE, span=Span(start=0, end=1))
    lines = described(HOSTILE, "x" * 5000 + HOSTILE, [chapter, replace(chapter, title="\0\x1b[2J\u202e")]).splitlines()
    assert sum(line == "[CHAPTER]" for line in lines) == 2
    assert max(map(len, lines)) < 1100
    assert not any(line.endswith("\\") for line in lines)


@pytest.mark.parametrize(("tag", "code"), [("en", "eng"), ("pt-BR", "por"), ("yue", "yue"), ("xx", "und")])
def test_a_language_has_three_letters(tag: str, code: str) -> None:
    assert three_letters(tag) == code
