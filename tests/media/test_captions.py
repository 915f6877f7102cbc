from __future__ import annotations

import asyncio
import html
import math
from itertools import pairwise
from pathlib import Path

import pysubs2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from storygen.media.captions import Limits, cut, shift
from storygen.media.ffmpeg import Command, escape, find_binary, local, run
from storygen.media.fonts import FONT_DIR
from storygen.media.layout import subtitle_box
from storygen.media.subtitles import columns_that_fit, write_ass, write_sidecars
from storygen.settings import SubtitleSettings
from storygen.story import Cue, Frame, Line, Word

UPRIGHT, WIDE = Frame(width=1080, height=1920, fps=30), Frame(width=1920, height=1080, fps=30)
LIMITS = Limits(columns=33, lines=2, speed=20.0)
TOKENS = st.one_of(
    st.sampled_from(["the", "and", "harbour", "found.", "Who?", "yes,", "a", "because", "—", "😀", "don't", "1984"]),
    st.text(st.characters(exclude_categories=("Z", "C")), min_size=1, max_size=12),
    st.sampled_from(
        [
            "https://example.org/a/very/long/address/that/never/ends?x=1",
            "我今天很高兴。" * 12,
            "e" + "\u0301" * 90,
            "שלום",
        ]
    ),
)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[tuple[Word, ...], tuple[Line, ...], float]:
    """Words with times, at all paces from very slow to far too fast, by several speakers."""
    pace = draw(st.floats(0.02, 0.3))
    lines, words, at = [], [], draw(st.floats(0, 1))
    for index in range(draw(st.integers(1, 4))):
        tokens = draw(st.lists(TOKENS, min_size=1, max_size=25))
        lines.append(
            Line(text=" ".join(tokens), speaker=draw(st.sampled_from(["narrator", "Ada", "The Old Gull of the North"])))
        )
        for token in tokens:
            length = max(0.02, pace * min(20, len(token)))
            words.append(Word(text=token, start=at, end=at + length, line=index))
            at += length + draw(st.sampled_from([0.0, 0.0, 0.1, 1.5]))
    return tuple(words), tuple(lines), at + draw(st.floats(0.0, 2.0))


def flat(text: str) -> str:
    return "".join(text.split())


@settings(max_examples=150)
@given(
    scenes(),
    st.sampled_from(
        [
            LIMITS,
            Limits(columns=42, lines=2, speed=17.0),
            Limits(columns=12, lines=1, speed=20.0),
            Limits(columns=20, lines=3, speed=12.0),
        ]
    ),
)
def test_the_laws_of_subtitles_hold_for_any_words(
    scene: tuple[tuple[Word, ...], tuple[Line, ...], float], limits: Limits
) -> None:
    words, lines, seconds = scene
    cues = cut(words, lines, seconds, limits)
    assert flat("".join(word.text for cue in cues for word in cue.words)) == flat("".join(word.text for word in words))
    for cue in cues:
        assert 0 <= cue.start < cue.end <= seconds + 1e-9
        assert 1 <= len(cue.lines) <= limits.lines
        assert max(map(len, cue.lines)) <= limits.columns
        assert len({lines[word.line].speaker for word in cue.words}) == 1
        assert flat("".join(cue.lines)).endswith(flat("".join(word.text for word in cue.words)))
    assert all(before.end <= after.start for before, after in pairwise(cues))
    characters = [len(" ".join(cue.lines)) for cue in cues]
    if sum(count / limits.speed + 0.02 for count in characters) <= seconds - 0.02:
        for cue, count in zip(cues, characters, strict=True):
            assert count / (cue.end - cue.start) <= limits.speed + 1e-6


def spoken(
    *lines: tuple[str, str], pace: float = 0.07, gap: float = 0.0
) -> tuple[tuple[Word, ...], tuple[Line, ...], float]:
    """Lines as (speaker, text), spoken evenly."""
    words, at = [], 0.25
    for index, (_, text) in enumerate(lines):
        for token in text.split():
            words.append(Word(text=token, start=at, end=at + pace * len(token), line=index))
            at = words[-1].end + (0.3 if token[-1] in ".?!" else 0.05) + gap
    return tuple(words), tuple(Line(text=text, speaker=who) for who, text in lines), at


def texts(cues: tuple[Cue, ...]) -> list[tuple[str, ...]]:
    return [cue.lines for cue in cues]


def test_lines_break_by_sense() -> None:
    scene = spoken(
        (
            "narrator",
            "The harbour was quiet when Ada found the letter. It had been lying under the door for three days.",
        )
    )
    assert texts(cut(*scene, LIMITS)) == [
        ("The harbour was quiet", "when Ada found the letter."),
        ("It had been lying", "under the door for three days."),
    ]


def test_a_speaker_is_named_where_he_begins_and_the_narrator_never() -> None:
    scene = spoken(
        ("narrator", "She asked."), ("Ada", "Who is there? Is it you?"), ("Ada", "Speak up!"), ("narrator", "Silence.")
    )
    lines = [" ".join(cue.lines) for cue in cut(*scene, LIMITS)]
    assert lines[0] == "She asked."
    assert lines[1].startswith("Ada: Who is there?")
    assert sum("Ada:" in line for line in lines) == 1
    assert lines[-1] == "Silence."


def test_a_cue_begins_with_its_first_word_and_lingers_into_silence() -> None:
    words = (Word(text="Hello", start=1.0, end=1.5), Word(text="again.", start=4.0, end=4.5))
    first, second = cut(words, (Line(text="Hello again."),), 6.0, LIMITS)
    assert (first.start, second.start) == (1.0, 4.0)
    assert 1.8 <= first.end <= 2.3


def test_speech_that_is_faster_than_reading_borrows_time_from_the_silence_around_it() -> None:
    words, lines, _ = spoken(
        ("narrator", "Everything happened so terribly quickly that nobody could follow it at all, not even Ada."),
        pace=0.02,
    )
    tight = tuple(Word(text=w.text, start=w.start + 2, end=w.end + 2) for w in words)
    cues = cut(tight, lines, 8.0, LIMITS)
    assert all(len(" ".join(cue.lines)) / (cue.end - cue.start) <= 20 for cue in cues)
    assert cues[0].start < tight[0].start
    assert cues[-1].end > tight[-1].end


def test_short_exclamations_stand_long_enough_to_be_seen() -> None:
    scene = spoken(("Ada", "No!"), ("Ben", "Yes!"), ("Ada", "No!"), ("narrator", "So it went on."), pace=0.05)
    cues = cut(scene[0], scene[1], scene[2] + 3, LIMITS)
    assert min(cue.end - cue.start for cue in cues) >= 0.8


def test_nothing_spoken_makes_no_cues() -> None:
    assert cut((), (), 4.0, LIMITS) == ()


def test_cues_move_with_their_words() -> None:
    scene = spoken(("narrator", "Hello there."))
    (cue,) = cut(*scene, LIMITS)
    (moved,) = shift((cue,), 10.5)
    assert (moved.start, moved.end) == (round(cue.start + 10.5, 2), round(cue.end + 10.5, 2))
    assert moved.words[0].start == cue.words[0].start + 10.5


HOSTILE = "Nobody {\\an8}honest <b>said</b> & \\N --> 😀 שלום \\h{x}"


def sidecars(text: str, folder: Path) -> dict[str, Path]:
    return write_sidecars(
        cut(*spoken(("Ada", text)), Limits(columns=42, lines=2, speed=20)), WIDE, folder, SubtitleSettings()
    )


@pytest.mark.parametrize("text", ["Plain words, spoken slowly.", HOSTILE])
def test_the_sidecars_hold_the_words_and_nothing_is_taken_for_markup(text: str, tmp_path: Path) -> None:
    paths = sidecars(text, tmp_path)
    assert {kind: path.name for kind, path in paths.items()} == {
        "srt": "film.srt",
        "vtt": "film.vtt",
        "ass": "film.ass",
    }
    for kind in ("srt", "vtt"):
        raw = paths[kind].read_text("utf-8")
        shown = "\n".join(
            line
            for block in raw.split("\n\n")
            if "-->" in block
            for line in block.split("\n")
            if " --> " not in line and not line.isdigit()
        )
        shown = html.unescape(shown) if kind == "vtt" else shown
        assert flat(shown.replace("\u2060", "")) == flat(f"Ada:{text}")
    assert "<b>" not in paths["srt"].read_text("utf-8") + paths["vtt"].read_text("utf-8")


def test_all_formats_say_the_same_times(tmp_path: Path) -> None:
    files = [
        pysubs2.load(str(path))
        for path in sidecars("One. Two two. Three three three. Four? Five, six and seven.", tmp_path).values()
    ]
    times = [[(event.start, event.end) for event in file] for file in files]
    assert times[0] == times[1] == times[2]


def _picture(ass: Path, frame: Frame, at: float, out: Path) -> Image.Image:
    look = f"subtitles=filename={escape(str(ass))}:fontsdir={escape(str(FONT_DIR))}"
    source = f"color=c=0x204060:s={frame.width}x{frame.height}:r=25:d={at + 0.5},format=yuv420p,{look}"
    args = ("-f", "lavfi", "-i", source, "-ss", str(at), "-frames:v", "1", local(out))
    asyncio.run(run(Command(step="render", args=args), binary=find_binary(None), timeout=60, stall_after=30))
    return Image.open(out).convert("RGB")


def _ink(image: Image.Image, colour: tuple[int, int, int]) -> tuple[int, int, int, int] | None:
    """The box around all pixels near a colour."""
    channels = [
        channel.point([255 if abs(level - wanted) < 40 else 0 for level in range(256)])
        for channel, wanted in zip(image.split(), colour, strict=True)
    ]
    from PIL import ImageChops

    return ImageChops.multiply(ImageChops.multiply(channels[0], channels[1]), channels[2]).getbbox()


WHITE, YELLOW = (255, 255, 255), (255, 208, 63)


@pytest.mark.parametrize(
    "frame",
    [Frame(width=360, height=640, fps=30), Frame(width=640, height=360, fps=30), Frame(width=360, height=360, fps=30)],
)
@pytest.mark.parametrize(
    "text", ["MMMMMMMM WWWWWWWW MMMMMMMM WWWWWWWW MMMMMMMM", "The harbour was quiet when Ada found the letter."]
)
def test_burnt_in_words_stay_in_their_box(frame: Frame, text: str, tmp_path: Path) -> None:
    cues = cut(*spoken(("narrator", text)), Limits.from_settings(SubtitleSettings(), columns_that_fit(frame)))
    write_ass(cues, frame, tmp_path / "x.ass", SubtitleSettings(highlight=False))
    ink = _ink(_picture(tmp_path / "x.ass", frame, 0.5, tmp_path / "x.png"), WHITE)
    box = subtitle_box(frame)
    assert ink is not None
    assert box.left <= ink[0] < ink[2] <= box.right
    assert box.top <= ink[1] < ink[3] <= box.bottom
    assert ink[3] - ink[1] >= frame.height * 0.015


def test_the_word_that_is_heard_is_lit_and_no_other(tmp_path: Path) -> None:
    frame = Frame(width=640, height=360, fps=30)
    words = tuple(
        Word(text=text, start=at, end=at + 0.9) for at, text in enumerate(("first", "second", "third"), start=1)
    )
    cues = cut(words, (Line(text="first second third"),), 5.0, Limits(columns=42, lines=2, speed=20))
    write_ass(cues, frame, tmp_path / "x.ass", SubtitleSettings())
    lefts = []
    for at in (1.5, 2.5, 3.5):
        lit = _ink(_picture(tmp_path / "x.ass", frame, at, tmp_path / f"{at}.png"), YELLOW)
        assert lit is not None
        lefts.append(lit[0])
        assert lit[2] - lit[0] < 120
    assert lefts == sorted(set(lefts))
    assert _ink(_picture(tmp_path / "x.ass", frame, 1.96, tmp_path / "gap.png"), WHITE) is not None


def test_text_that_looks_like_ass_tags_is_drawn(tmp_path: Path) -> None:
    frame = Frame(width=640, height=360, fps=30)
    for name, text in (("hostile", "{\\an8\\alpha&HFF&}word {\\p1}x"), ("plain", "word")):
        cues = (Cue(start=0, end=2, lines=(text,), words=tuple(Word(text=t, start=1.9, end=2) for t in text.split())),)
        write_ass(cues, frame, tmp_path / f"{name}.ass", SubtitleSettings())
    hostile, plain = (
        _ink(_picture(tmp_path / f"{name}.ass", frame, 0.5, tmp_path / f"{name}.png"), WHITE)
        for name in ("hostile", "plain")
    )
    assert hostile is not None
    assert plain is not None
    assert hostile[1] > frame.height / 2
    assert hostile[2] - hostile[0] > 3 * (plain[2] - plain[0])


def test_common_prose_fills_the_lines_of_each_frame() -> None:
    assert columns_that_fit(WIDE) >= 42
    assert 28 <= columns_that_fit(UPRIGHT) <= 40
    assert math.isclose(columns_that_fit(UPRIGHT), columns_that_fit(Frame(width=540, height=960, fps=30)), abs_tol=1)
