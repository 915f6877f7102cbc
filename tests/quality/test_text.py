"""What a good text is."""

from __future__ import annotations

import pytest

from storygen.quality.spoken import fit
from storygen.quality.text import Limits, check_language, check_script, check_text
from storygen.story import Check, Line, Scene, Script, Verdict


def named(checks: tuple[Check, ...], name: str) -> Check:
    return next(check for check in checks if check.name == name)


ENGLISH = "The keeper climbed the stairs with the lamp, and it was dark, and she was not afraid of it."


@pytest.mark.parametrize(
    ("text", "limits", "name"),
    [
        ("", Limits(), "characters"),
        ("   \n ", Limits(), "words"),
        ("one two three", Limits(least_words=4), "words"),
        ("one two three", Limits(most_words=2), "words"),
        ("one\n\ntwo\nthree", Limits(most_lines=2), "lines"),
        ("one", Limits(least_lines=2), "lines"),
        ("one two three", Limits(most_characters=5), "characters"),
    ],
)
def test_a_text_outside_its_limits_fails_with_the_value_and_the_limit(text: str, limits: Limits, name: str) -> None:
    check = named(check_text(text, language="en", limits=limits), name)
    assert check.verdict is Verdict.FAIL
    assert isinstance(check.value, int)
    assert str(check.limit).startswith("at ")


def test_a_good_text_passes_everything() -> None:
    checks = check_text(
        ENGLISH, language="en", limits=Limits(least_words=3, most_words=50, least_lines=1, most_lines=1)
    )
    assert {check.verdict for check in checks} == {Verdict.PASS}
    assert {check.artifact for check in checks} == {"text"}


@pytest.mark.parametrize(
    ("text", "verdict", "reason"),
    [
        ("Смотритель маяка боится темноты", Verdict.FAIL, "cyrillic"),
        ("حارس المنارة يخاف من الظلام", Verdict.FAIL, "arabic"),
        ("灯台守は暗闇が怖い", Verdict.FAIL, "not en"),
        ("El farero no se acuerda de la luz que estaba en la casa del puerto", Verdict.WARN, "looks like es"),
        ("Der Wärter ist nicht auf dem Turm und die Lampe ist auch nicht da", Verdict.WARN, "looks like de"),
        ("Le gardien est dans la tour et il ne sort pas avec les autres du port", Verdict.WARN, "looks like fr"),
        (ENGLISH, Verdict.PASS, "en"),
        ("Hola amigo", Verdict.PASS, "too few"),
        ("12 + 30 = 42", Verdict.PASS, "no letters"),
        ("She flew from São Paulo to Zürich with a copy of Der Spiegel and the best of intentions", Verdict.PASS, "en"),
    ],
)
def test_a_text_that_an_english_voice_cannot_read_is_noticed_and_the_reason_is_given(
    text: str, verdict: Verdict, reason: str
) -> None:
    check = check_language(text, "en")
    assert check.verdict is verdict
    assert reason in str(check.value)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("El farero no se acuerda de la luz que estaba en la casa", "es"),
        ("Смотритель маяка боится темноты", "ru"),
        ("灯台守は暗闇が怖い", "ja"),
        ("灯塔看守人怕黑", "zh-CN"),
        ("등대지기는 어둠을 무서워한다", "ko"),
        (ENGLISH, "en-GB"),
        ("Vartija pelkää pimeää ja valo on sammunut koko yön ajaksi", "fi"),
    ],
)
def test_a_text_in_the_language_of_its_voice_passes(text: str, language: str) -> None:
    assert check_language(text, language).verdict is Verdict.PASS


def test_english_words_do_not_fit_a_voice_of_another_writing() -> None:
    assert check_language(ENGLISH, "ja").verdict is Verdict.FAIL


def test_a_script_without_scenes_or_without_anything_to_hear_or_see_fails() -> None:
    none = check_script(Script(title="T", scenes=()))
    silent = check_script(Script(title="T", scenes=(Scene(title="A"),)))
    typed = check_script(Script(title="T", scenes=(Scene(on_screen=("> ls",)),)))
    assert named(none, "scenes").verdict is Verdict.FAIL
    assert named(silent, "words").verdict is Verdict.FAIL
    assert named(typed, "words").verdict is Verdict.WARN


def test_an_empty_scene_among_others_and_an_endless_line_warn() -> None:
    scenes = (Scene(lines=(Line(text=ENGLISH),)), Scene(title="Empty"), Scene(lines=(Line(text="and " * 600),)))
    checks = check_script(Script(title="T", scenes=scenes))
    assert named(checks, "empty_scenes").verdict is Verdict.WARN
    assert named(checks, "line_characters").verdict is Verdict.WARN
    assert named(checks, "scenes").verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        (r"{\fs200}It was {\an8\pos(1,2)}here.", "It was here."),
        ("It was fun 🎉.", "It was fun."),
        ("We won! 🏆🥇🏅", "We won!"),
        ("He said “wow 😮”.", "He said “wow”."),
        ("Go 👍🏽 ↗️!", "Go!"),
        ("👍🏽", "thumbs up sign"),
    ],
)
def test_overrides_of_subtitles_and_emoji_beside_words_are_not_spoken(written: str, spoken: str) -> None:
    assert fit(written, "en")[-1][2] == spoken
