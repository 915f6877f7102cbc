"""Whatever is typed is seen: nothing breaks the typing, nothing leaves the window, nothing vanishes."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pysubs2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from storygen.media import sheet
from storygen.media.fonts import clusters
from storygen.media.panels import THEMES
from storygen.media.sheet import lay_out
from storygen.media.terminal import BEGIN_SECONDS, HOLD_SECONDS, LONGEST_TYPING, rhythm, type_text
from storygen.settings import TerminalSettings
from storygen.story import Frame, Overlay
from tests.media.looking import differs, ink, picture_of

SMALL = Frame(width=216, height=384, fps=30)
DARK = THEMES["dark"]
HOSTILE = [
    'it\'s "quoted": 100% {done}',
    "C:\\new\\N\\h \\{ \\}",
    "{\\an8\\fs200\\p1}m 0 0 l 900 0 900 900",
    "%{pts} $(rm -rf ~) `x` ; | & < > [a];[b]",
    "bell \x07 escape \x1b[31m null \x00",
    "🚀 lift-off ✓ ❤️",
    "שלום עולם 12",
    "مرحبا بالعالم",
    "\u202eoverride\u202c and \ud800",
]


@pytest.fixture(autouse=True)
def machine_without_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FONTCONFIG_FILE", "/dev/null")


def typed(lines: list[str], folder: Path, *, frame: Frame = SMALL, alone: bool = False, **chosen: Any) -> Overlay:
    return type_text(lines, "title", frame, TerminalSettings(**chosen), folder, alone=alone)


def events(overlay: Overlay) -> int:
    return overlay.ass.read_text("utf-8").count("\nDialogue:")


@pytest.mark.parametrize("line", HOSTILE)
def test_hostile_text_is_typed_inside_the_window_and_nowhere_else(line: str, tmp_path: Path) -> None:
    overlay = typed(["first", line], tmp_path)
    shown = picture_of(overlay.ass, SMALL, overlay.seconds)
    without = picture_of(typed(["first", ""], tmp_path).ass, SMALL, 30.0)
    outline = lay_out(["first", line], SMALL, DARK, "high").window.outline
    assert ink(shown) - ink(without) > 25
    outside = shown.copy()
    outside.paste((0, 0, 0), (outline.left, outline.top, outline.right, outline.bottom))
    assert ink(outside) == 0


def test_text_appears_little_by_little_and_stays(tmp_path: Path) -> None:
    overlay = typed(["ls -la", "total 48"], tmp_path)
    middle = BEGIN_SECONDS + (overlay.seconds - HOLD_SECONDS - BEGIN_SECONDS) / 2
    amounts = [ink(picture_of(overlay.ass, SMALL, at)) for at in (0.2, middle, overlay.seconds, overlay.seconds + 600)]
    assert amounts[0] < amounts[1] < amounts[2]
    assert amounts[3] >= amounts[2] * 0.9


def test_the_cursor_blinks_when_all_is_typed(tmp_path: Path) -> None:
    overlay = typed(["done"], tmp_path)
    end = overlay.seconds - HOLD_SECONDS
    assert differs(picture_of(overlay.ass, SMALL, end + 0.2), picture_of(overlay.ass, SMALL, end + 0.73)) > 0.05


def test_a_glitch_is_short_leaves_the_words_in_place_and_never_flashes(tmp_path: Path) -> None:
    """WCAG 2.3.1 allows three flashes a second: here far fewer shakes, and the light of the window hardly changes."""
    calm, shaken = (type_folder(tmp_path / name, glitch=glitch) for name, glitch in (("calm", False), ("glitch", True)))
    assert calm.seconds == shaken.seconds
    ghosts = [event for event in pysubs2.load(str(shaken.ass)) if event.layer == 0]
    begins = sorted({event.start for event in ghosts})
    shakes = [start for start, before in zip(begins, [-9999, *begins], strict=False) if start - before > 200]
    assert len(shakes) >= 2
    assert all(after - before > 1000 for before, after in pairwise(shakes))
    assert all(event.end - event.start <= 50 for event in ghosts)
    still, moved = (picture_of(one.ass, SMALL, (shakes[0] + 20) / 1000) for one in (calm, shaken))
    assert differs(still, moved) > 0.05
    assert abs(ImageStat.Stat(still.convert("L")).mean[0] - ImageStat.Stat(moved.convert("L")).mean[0]) < 2
    words = still.convert("L").point(lambda value: 255 * (value > 200))
    assert ImageChops.subtract(words, moved.convert("L").point(lambda value: 255 * (value > 150))).getbbox() is None


def type_folder(folder: Path, **chosen: Any) -> Overlay:
    folder.mkdir()
    return typed(["ls -la", "total 48", "drwxr-xr-x"], folder, **chosen)


@pytest.mark.parametrize("unit", ["x", "word ", "😀", "ש", "{\\b1}"])
def test_a_line_of_five_thousand_characters_is_typed_to_its_end(unit: str, tmp_path: Path) -> None:
    text = (unit * 5000)[:5000]
    rows = lay_out([text], SMALL, DARK, "high").rows
    assert "".join(row.text for row in rows).replace("\u00a0", "") == text.replace(" ", "")
    overlay = typed([text], tmp_path)
    assert events(overlay) < 1200
    assert overlay.seconds <= BEGIN_SECONDS + LONGEST_TYPING + HOLD_SECONDS + 0.1
    assert ink(picture_of(overlay.ass, SMALL, overlay.seconds)) > 400


def test_where_there_is_far_too_much_a_row_says_how_much_is_left_out() -> None:
    rows = lay_out(["line"] * 30_000, SMALL, DARK, "high").rows
    assert len(rows) == 501
    assert rows[250].text.replace("\u00a0", " ") == "[… 29500 more rows …]"


def test_the_window_scrolls_to_the_last_row(tmp_path: Path) -> None:
    many, few = [f"row {number}" for number in range(60)], ["row 59"]
    shown = picture_of(typed(many, tmp_path).ass, SMALL, 60.0)
    box = lay_out(many, SMALL, DARK, "high").window.text
    lines = lay_out(many, SMALL, DARK, "high")
    last = box.top + int((lines.capacity - 1) * lines.em * sheet.LINE)
    assert ink(shown.crop((0, last, SMALL.width, last + int(lines.em * sheet.LINE)))) > 10
    assert ink(picture_of(typed(few, tmp_path).ass, SMALL, 60.0)) < ink(shown)


def test_at_the_end_the_last_rows_fill_the_window(tmp_path: Path) -> None:
    many = [f"row {number}" for number in range(60)]
    capacity = lay_out(many, SMALL, DARK, "high").capacity
    after = picture_of(typed(many, tmp_path).ass, SMALL, 300.0)
    other = [f"xyz {number}" for number in range(60 - capacity)]
    assert differs(after, picture_of(typed(other + many[-capacity:], tmp_path).ass, SMALL, 300.0)) < 0.01


def test_mixed_rows_keep_the_order_of_the_eye(tmp_path: Path) -> None:
    """Underscores after Hebrew stand left of it."""
    frame = Frame(width=432, height=768, fps=30)
    shown = picture_of(typed(["אבגד ____"], tmp_path, frame=frame).ass, frame, 0.0 + 40.8)
    lit = shown.convert("L").point(lambda value: 255 * (value > 100))
    left, top, right, bottom = lit.getbbox() or (0, 0, 0, 0)
    beginning = lit.crop((left + (right - left) // 4, top, (left + right) // 2 - 4, bottom)).getbbox()
    assert beginning is not None
    assert beginning[3] - beginning[1] < 5


@given(st.text(alphabet="ab cW😀ש日é\u0301-", max_size=120), st.integers(4, 40))
def test_rows_keep_every_letter_and_fit_the_window(text: str, columns: int) -> None:
    rows = list(sheet._wrap(text, columns))
    assert "".join(rows).replace(" ", "") == text.replace(" ", "")
    for row in rows:
        assert sum(map(sheet._columns, clusters(row))) <= columns


@settings(max_examples=40)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=6), st.floats(2, 200))
def test_typing_only_goes_forwards_and_shows_every_row_in_full(lines: list[str], speed: float) -> None:
    rows = lay_out(lines, SMALL, DARK, "high").rows
    states, end = rhythm(rows, speed)
    assert states[0].start == BEGIN_SECONDS
    assert all(one.start <= other.start for one, other in pairwise(states))
    assert states[-1].start <= end <= BEGIN_SECONDS + LONGEST_TYPING + 0.01
    full = {state.row: state.shown for state in states}
    assert full == {number: len(list(clusters(row.text))) for number, row in enumerate(rows)}


def test_typing_is_uneven_but_always_the_same_and_about_as_fast_as_asked() -> None:
    rows = lay_out(["the quick brown fox jumps over the lazy dog and runs"], SMALL, DARK, "high").rows
    states, end = rhythm(rows, 20.0)
    assert rhythm(rows, 20.0) == (states, end)
    gaps = {round(other.start - one.start, 3) for one, other in pairwise(states)}
    assert len(gaps) > 10
    assert 15 < sum(len(row.text) for row in rows) / (end - BEGIN_SECONDS) < 25


def test_typing_lingers_after_the_end_of_a_sentence() -> None:
    rows = lay_out(["One. Two"], Frame(width=384, height=384, fps=30), DARK, "below").rows
    states, _ = rhythm(rows, 5.0)
    waits = {state.shown: after.start - state.start for state, after in pairwise(states)}
    assert waits[4] == max(waits[number] for number in range(1, 8))


def test_commands_get_a_prompt_and_other_lines_do_not() -> None:
    rows = lay_out(["git push", "make haste", "Make haste", "./run.sh", "lsof"], SMALL, DARK, "high").rows
    assert [row.is_command for row in rows] == [True, True, False, True, False]


def test_themes_are_told_apart_at_a_glance(tmp_path: Path) -> None:
    panels = {}
    for name in THEMES:
        with Image.open(typed(["a"], tmp_path, theme=name, alone=True).panel) as image:
            panels[name] = image.convert("RGB").resize((54, 96))
    for (one, first), (other, second) in combinations(panels.items(), 2):
        difference = ImageStat.Stat(ImageChops.difference(first, second)).sum
        assert sum(difference) / (54 * 96 * 3) > 3.5, (one, other)


@pytest.mark.parametrize("theme", sorted(THEMES))
def test_a_window_is_transparent_around_and_opaque_alone(theme: str, tmp_path: Path) -> None:
    with Image.open(typed(["a"], tmp_path, theme=theme).panel) as image:
        assert image.size == (SMALL.width, SMALL.height)
        alpha = image.convert("RGBA").getchannel("A")
        assert alpha.getpixel((0, 0)) == 0
        assert alpha.getextrema()[1] > 230
    with Image.open(typed(["a"], tmp_path, theme=theme, alone=True).panel) as image:
        assert image.size == (SMALL.width, SMALL.height)
        assert image.convert("RGBA").getchannel("A").getextrema() == (255, 255)


@pytest.mark.parametrize("theme", sorted(THEMES))
def test_text_can_be_read_on_every_theme(theme: str) -> None:
    def light(colour: tuple[int, int, int]) -> float:
        parts = [value / 255 for value in colour]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    look = THEMES[theme]
    for ink_colour, paper in ((look.text, look.paper), (look.prompt, look.paper), (look.label, look.bar)):
        bright, dark = sorted((light(ink_colour), light(paper)), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= 4.5


def test_alone_a_window_stands_on_a_ground_of_its_theme(tmp_path: Path) -> None:
    corners = {}
    for theme in THEMES:
        with Image.open(typed(["a"], tmp_path, theme=theme, alone=True).panel) as image:
            corners[theme] = image.convert("RGB").getpixel((1, 1))
    assert len(set(corners.values())) == len(THEMES)
    assert min(corners["light"]) > 200


def test_the_same_text_gives_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        typed(["ls", "שלום"], tmp_path / name, theme="matrix")
    for file in ("panel-high.png", "typing-high.ass"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_right_to_left_rows_stand_at_the_right(tmp_path: Path) -> None:
    shown = picture_of(typed(["שלום"], tmp_path).ass, SMALL, 30.0)
    box = shown.convert("L").point(lambda value: 255 * (value > 100)).getbbox()
    assert box is not None
    assert box[0] > SMALL.width / 2


def test_no_title_of_a_window_leaves_its_bar(tmp_path: Path) -> None:
    light = TerminalSettings(theme="light")
    overlay = type_text(["a"], "a very long title " * 40 + "😀", SMALL, light, tmp_path, alone=False)
    assert re.search(r"\.png$", str(overlay.panel))
    with Image.open(overlay.panel) as image:
        assert image.size == (SMALL.width, SMALL.height)
