"""Text of any script becomes visible letters, and never instructions to libass."""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storygen.media import fonts
from storygen.media.fonts import FONT_DIR, MONO, SANS, ass_text, covers, runs
from tests.media.looking import differs, ink, written

HOSTILE = st.text(alphabet=st.sampled_from("{}\\Nnhbfp1&, \n\t\u0431שم😀é\u200d\ufe0f\u0301\u202e日"), max_size=40)
TEXT = st.one_of(HOSTILE, st.text(max_size=60))


@pytest.fixture(autouse=True)
def machine_without_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FONTCONFIG_FILE", "/dev/null")
    monkeypatch.setattr(fonts, "_SYSTEM_FOLDERS", ())
    fonts._system_fonts.cache_clear()
    yield
    fonts._system_fonts.cache_clear()


def test_carried_typefaces_are_small_and_come_with_their_licences() -> None:
    files = [*FONT_DIR.glob("*.[ot]tf")]
    assert {file.name for file in files} == {name for names in fonts._FILES.values() for name in names}
    assert all(file.stat().st_size < 1_000_000 for file in files)
    assert sum(file.stat().st_size for file in files) < 4_000_000
    licences = " ".join(file.read_text("utf-8") for file in FONT_DIR.glob("*.txt"))
    assert all(word in licences for word in ("Inter", "JetBrains", "Noto", "DejaVu", "SIL OPEN FONT LICENSE"))


@given(TEXT)
def test_runs_lose_no_character(text: str) -> None:
    assert "".join(piece for piece, _ in runs(text, SANS)) == text


@given(TEXT)
def test_no_text_becomes_an_instruction(text: str) -> None:
    said = ass_text(text, SANS)
    rest = re.sub(r"\{\\fn(?:" + "|".join(fonts._FILES) + r")\}", "", said)
    rest = re.sub(r"\\[{}N]|\\\u2060", "", rest)
    assert not set(rest) & set("\\{}\n\r")
    assert not any(unicodedata.category(character) in {"Cc", "Cs"} for character in said)
    said.encode("utf-8")


@given(st.text(alphabet=st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=40))
def test_what_is_shown_is_what_was_written(text: str) -> None:
    said = re.sub(r"\{\\fn[^}]*\}", "", ass_text(text, MONO)).replace("\\\u2060", "\\")
    assert said.replace("\\{", "{").replace("\\}", "}") == text


@pytest.mark.parametrize("text", ["שלום", "مرحبا", "😀🚀", "👩‍🚀", "Привет", "Γειά", "✓ → ♞", "1️⃣"])
@pytest.mark.parametrize("family", [SANS, MONO])
def test_every_carried_script_is_drawn_and_not_as_boxes(text: str, family: str, tmp_path: Path) -> None:
    assert covers(text) == ()
    drawn = written(text, tmp_path, family=family)
    visible = sum(not fonts.is_invisible(character) for character in text)
    boxes = written("日" * visible, tmp_path, family=family)
    assert ink(drawn) > 60
    assert differs(drawn, boxes) > 1.0


def test_braces_and_backslashes_are_drawn_as_they_are(tmp_path: Path) -> None:
    shown = written(r"{\b1}a\Nb", tmp_path)
    assert differs(shown, written("ab", tmp_path)) > 1.0
    assert differs(shown, written(r"{\b1}a\Nb", tmp_path, raw=True)) > 1.0
    one_row = shown.convert("L").point(lambda value: 255 * (value > 100)).getbbox()
    assert one_row is not None
    assert one_row[3] - one_row[1] < 50


def test_right_to_left_text_is_read_from_the_right(tmp_path: Path) -> None:
    """An underscore after Hebrew stands left of it, one after Latin right of it."""

    def low_side(text: str) -> float:
        image = written(text, tmp_path).convert("L").point(lambda value: 255 * (value > 100))
        left, _, right, bottom = image.getbbox() or (0, 0, 0, 0)
        rule = image.crop((left, bottom - 1, right, bottom))
        box = rule.getbbox()
        assert box is not None
        return (box[0] + box[2]) / 2 / rule.width

    assert low_side("אבגד ____") < 0.45
    assert low_side("abcd ____") > 0.55


def test_what_no_font_has_is_named_once() -> None:
    assert covers("a日b日本\n\u200d") == ("日", "本")


def test_a_font_of_the_machine_is_used_for_what_is_not_carried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(FONT_DIR / "DejaVuSans.ttf", tmp_path / "NotoSansThai-Regular.ttf")
    (tmp_path / "msyh.ttc").write_bytes(b"not a font")
    monkeypatch.setattr(fonts, "_FALLBACKS", ())
    assert covers("♞") == ("♞",)
    monkeypatch.setattr(fonts, "_SYSTEM_FOLDERS", (str(tmp_path),))
    fonts._system_fonts.cache_clear()
    assert covers("♞") == ()
    assert runs("a♞", SANS) == [("a", SANS), ("♞", "DejaVu Sans")]
