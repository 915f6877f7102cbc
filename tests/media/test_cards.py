"""Cards are pictures that can be posted: lit, varied, and with a title that can be read wherever the camera stands."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageStat

from storygen.media import cards, lettering
from storygen.media.canvas import Canvas
from storygen.media.cards import CONTRAST, OVERSIZE, Card, contrast, paint
from storygen.media.layout import LARGEST_ZOOM, still_title_box, title_box
from storygen.media.lettering import heading, in_eye_order, letter, tidy
from storygen.media.scenery import SCENES, scene_for
from storygen.story import Frame, Mood
from tests.media.looking import differs

SMALL = Frame(width=216, height=384, fps=30)
SHAPES = [SMALL, Frame(width=384, height=216, fps=30), Frame(width=240, height=240, fps=30)]
WORDS = st.one_of(
    st.text(max_size=120),
    st.text(alphabet="Wi שם مرح 😀日é-…", max_size=300),
    st.lists(st.text(alphabet="abcW", min_size=1, max_size=30), max_size=20).map(" ".join),
)


def painted(folder: Path, name: str = "card.jpg", **asked: object) -> Image.Image:
    fields: dict[str, object] = {"picture": "", "title": "", "subtitle": "", "mood": Mood.NEUTRAL, "frame": SMALL}
    paint(Card(**{**fields, "number": 1, **asked}), folder / name)  # type: ignore[arg-type]
    with Image.open(folder / name) as image:
        return image.convert("RGB")


@pytest.mark.parametrize("name", sorted(SCENES))
def test_every_scene_shows_something_in_every_mood_and_shape(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cards, "scene_for", lambda description, turn: name)
    for number, mood in enumerate(Mood):
        frame = SHAPES[number % 3]
        image = painted(tmp_path, mood=mood, frame=frame, number=number)
        light = ImageStat.Stat(image.convert("L"))
        assert image.width >= frame.width * OVERSIZE - 2
        assert image.height >= frame.height * OVERSIZE - 2
        assert light.mean[0] > 8
        assert light.stddev[0] > 6


@pytest.mark.parametrize("name", sorted(SCENES))
def test_a_title_can_be_read_over_every_scene(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ground behind the letters, measured without the letters, is dark enough for the weaker ink."""
    inks = []
    monkeypatch.setattr(cards, "scene_for", lambda description, turn: name)
    monkeypatch.setattr(cards, "write", lambda image, words, at, colours, palette: inks.append((at, words, colours)))
    for number, mood in enumerate(Mood):
        image = painted(
            tmp_path, mood=mood, number=number, title="A title that is read", subtitle="and a line under it"
        )
        (left, top), words, colours = inks.pop()
        behind = image.crop((left, top, left + words.width, top + words.used))
        assert min(contrast(colour, behind) for colour in colours) >= CONTRAST


@settings(max_examples=60)
@given(WORDS, WORDS, st.sampled_from([(500, 120, 60), (170, 40, 16), (1000, 180, 84)]))
def test_no_title_is_larger_than_its_box(title: str, subtitle: str, room: tuple[int, int, int]) -> None:
    words = heading(title, subtitle, *room)
    assert words.used <= words.height
    for setting in (words.title, words.subtitle):
        for line in setting.lines:
            assert lettering._width(line, setting) <= words.width


@given(st.floats(0, 1), st.floats(0, 1), st.floats(1, LARGEST_ZOOM), st.sampled_from(SHAPES))
def test_a_title_stays_in_its_place_while_the_picture_grows(x: float, y: float, zoom: float, frame: Frame) -> None:
    safe, still = title_box(frame), still_title_box(frame, (x, y))

    def grown(at: int, focus: float, size: int) -> float:
        return focus * size + (at - focus * size) * zoom

    assert grown(still.left, x, frame.width) >= safe.left - 1
    assert grown(still.right, x, frame.width) <= safe.right + 1
    assert grown(still.top, y, frame.height) >= safe.top - 1
    assert grown(still.bottom, y, frame.height) <= safe.bottom + 1


@pytest.mark.parametrize(
    "title", ["Plain", "שלום עולם", "مرحبا", "🚀 Emoji ✓", "W" * 5000, "日本語", "x\x00y\ud800z\n\u202e"]
)
def test_any_title_is_drawn(title: str, tmp_path: Path) -> None:
    without = painted(tmp_path, picture="sea", number=2)
    with_title = painted(tmp_path, picture="sea", title=title, number=2)
    box = still_title_box(Frame(width=without.width, height=without.height, fps=30), (0.5, 0.47))
    area = (box.left, box.top, box.right, box.bottom)
    assert contrast((255, 255, 255), with_title.crop(area)) < 1.6  # bright letters stand there
    assert differs(without.crop(area), with_title.crop(area)) > 2


def test_right_to_left_titles_are_put_into_the_order_of_the_eye() -> None:
    assert in_eye_order("שלום abc", from_right=True) == "abc םולש"
    assert heading("שלום abc", "", 500, 120, 60).title.from_right
    joined = in_eye_order("مرحبا", from_right=True)
    assert all("\ufe70" <= letter <= "\ufeff" for letter in joined)


def test_letters_and_subtitle_keep_their_own_rows() -> None:
    words = heading("Title", "subtitle", 400, 120, 60)
    mask = Image.new("L", (400, 120))
    letter(words.subtitle, mask, words.title.height + words.gap)
    box = mask.getbbox()
    assert box is not None
    assert box[1] >= words.title.height


def test_an_unnamed_first_scene_carries_the_title_of_the_film(tmp_path: Path) -> None:
    named = painted(tmp_path, film="The Film", number=1)
    area = still_title_box(Frame(width=named.width, height=named.height, fps=30), (0.5, 0.46))
    crop = named.crop((area.left, area.top, area.right, area.bottom))
    assert contrast((255, 255, 255), crop) < 1.6
    later = painted(tmp_path, film="The Film", number=2).crop((area.left, area.top, area.right, area.bottom))
    assert contrast((255, 255, 255), later) > 1.6


def test_the_same_card_has_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.jpg", "two.jpg"):
        painted(tmp_path, name, picture="forest", title="Again", mood=Mood.WONDER)
    assert (tmp_path / "one.jpg").read_bytes() == (tmp_path / "two.jpg").read_bytes()


@pytest.mark.parametrize("picture", ["", "the sea", "a city"])
def test_neighbours_are_never_alike(picture: str, tmp_path: Path) -> None:
    film = [painted(tmp_path, picture=picture, number=number).resize((54, 96)) for number in range(1, 9)]
    for one, other in pairwise(film):
        difference = [a - b for a, b in zip(ImageStat.Stat(one).mean, ImageStat.Stat(other).mean, strict=True)]
        assert differs(one, other) > 4 or max(map(abs, difference)) > 8


def test_neighbours_have_other_colours_and_where_nothing_is_asked_another_scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[tuple[str, object]] = []

    def remember(description: str, turn: int) -> str:
        used.append((scene_for(description, turn), cards.palette_for(Mood.NEUTRAL, turn)))
        return used[-1][0]

    monkeypatch.setattr(cards, "scene_for", remember)
    for number in range(1, 9):
        painted(tmp_path, number=number)
    assert all(one[0] != other[0] and one[1] != other[1] for one, other in pairwise(used))


def test_a_title_shrinks_before_it_is_cut() -> None:
    long = "Into the woods we go again, because nobody told us that the path was closed"
    words = heading(long, "below", 900, 180, 84)
    assert " ".join(words.title.lines) == long
    assert words.title.size < heading("Short", "below", 900, 180, 84).title.size
    assert heading("word " * 200, "", 500, 120, 60).title.lines[-1].endswith("…")


def test_neighbours_that_show_the_same_scene_mirror_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def glowing(canvas: Canvas) -> tuple[float, float]:
        canvas.image.paste((0, 0, 0), (0, 0, *canvas.image.size))
        canvas.disc((0.2, 0.5), 0.1, (255, 255, 255))
        return 0.2, 0.5

    monkeypatch.setitem(SCENES, "sea", glowing)
    sides = []
    for number in (1, 2):
        card = Card(picture="sea", title="", subtitle="", mood=Mood.CALM, frame=SMALL, number=number)
        focus = paint(card, tmp_path / "card.jpg")
        with Image.open(tmp_path / "card.jpg") as image:
            at = focus[0] * image.width, focus[1] * image.height
            assert image.convert("L").crop((at[0] - 5, at[1] - 5, at[0] + 5, at[1] + 5)).getextrema()[1] > 200
        sides.append(focus[0])
    assert sorted(sides) == [0.2, 0.8]


LETTERS = "Wij.,-… שלוםַאקץ مرحبا َلآلام สวัสดีครับ नमस्ते क्ष 我日本語한국 😀👩\u200d🚀e\u0301\u202e Ωжß"


@settings(max_examples=60, deadline=None)
@given(
    st.text(alphabet=LETTERS, max_size=200),
    st.text(alphabet=LETTERS, max_size=90),
    st.integers(60, 700),
    st.integers(24, 160),
)
def test_no_letter_of_any_script_is_drawn_outside_its_box(title: str, subtitle: str, width: int, height: int) -> None:
    words = heading(title, subtitle, width, height, max(8, height // 2))
    assert words.used <= height or words.title.size <= 8
    margin = 40
    for setting in (words.title, words.subtitle):
        for line in setting.lines:
            room = Image.new("L", (width + margin, setting.height + margin))
            letter(replace(setting, lines=(line,)), room, 0)
            seen = room.getbbox()
            assert seen is None or seen[2] - seen[0] <= width + setting.size * 0.15


def test_the_words_of_a_description_choose_the_scene() -> None:
    asked = {
        "A lighthouse above the waves": "sea",
        "Rows of servers in a data center at night": "machines",
        "DARK FOREST": "forest",
        "a rocket on its way to Mars": "space",
        "snow on the roof in winter": "snow",
    }
    assert {words: scene_for(words, 0) for words in asked} == asked
    assert len({scene_for("nothing in particular", turn) for turn in range(12)}) == 12


def test_a_title_is_looked_at_no_further_than_it_can_be_shown() -> None:
    assert len(tidy("a " * 1_000_000)) <= 400
