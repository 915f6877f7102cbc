"""Who speaks with which voice, and how long they pause."""

from __future__ import annotations

import pytest

from storygen.media.speech import pause_share
from storygen.providers.speech.joining import pause_behind
from storygen.providers.speech.voices import CAST, NARRATOR_VOICE, cast_voices
from storygen.story import NARRATOR, Line


def test_nobody_gets_from_the_pool_what_was_chosen_for_another() -> None:
    cast = (NARRATOR, *(f"speaker {number}" for number in range(len(CAST))))
    chosen = {"Speaker 3": CAST[0].variant, "somebody who comes later": f"de+{CAST[1].variant}"}
    voices = cast_voices(cast, (), chosen)
    assert voices["speaker 3"].variant == CAST[0].variant
    rest = [(voices[name].variant, voices[name].pitch) for name in cast if name not in {"speaker 3", NARRATOR}]
    assert len(set(rest)) == len(rest)
    assert not {CAST[0].variant, CAST[1].variant, NARRATOR_VOICE.variant} & {variant for variant, _ in rest}


def test_who_appears_later_changes_nobodys_voice() -> None:
    few = cast_voices(("narrator", "Ada"), ("Ada",), {"Cleo": "f3"})
    many = cast_voices(("narrator", "Ada", "Bob", "Cleo"), ("Ada",), {"Cleo": "f3"})
    assert few["ada"] == many["ada"]
    assert many["cleo"].variant == "f3" != many["ada"].variant


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("It ended.", 1.0),
        ("Who?", 1.25),
        ("“Who?”", 1.25),
        ("And then...", 1.6),
        ("I—", 1.6),
        ("So,", 0.7),
        ("So", 0.85),
    ],
)
def test_a_pause_follows_how_a_line_ends(text: str, share: float) -> None:
    lines = (Line(text=text), Line(text="Yes.", speaker="Ada"), Line(text="No."))
    assert pause_share(text) == share
    assert pause_behind(lines, 0, 0.5) == pytest.approx(0.5 * share)
    assert pause_behind(lines, 2, 0.5) == 0.0
