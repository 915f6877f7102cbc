"""Making a script fit to be spoken."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storygen.settings import VoiceSettings
from storygen.stages.revise import revise
from storygen.story import Line, LineKind, Made, Revision, Scene, Script
from tests.stages.text_tools import Tools


def revised(*texts: str, language: str = "en", **scene: object) -> Made[Revision]:
    whole = Scene(lines=tuple(Line(text=text) for text in texts), **scene)  # type: ignore[arg-type]
    script = Script(title="T", scenes=(whole,), language=language)
    return asyncio.run(revise(script, Tools(Path(tempfile.gettempdir())), VoiceSettings()))


def spoken(text: str, language: str = "en") -> str:
    return revised(text, language=language).value.script.scenes[0].spoken


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("It was 1984.", "It was nineteen eighty-four."),
        ("In 1500 he sailed.", "In fifteen hundred he sailed."),
        ("The 1500 sailors slept.", "The one thousand five hundred sailors slept."),
        ("the 1990s and the '80s", "the nineteen nineties and the eighties"),
        ("1914-1918", "Nineteen fourteen to nineteen eighteen"),
        ("She was 1st, then 22nd.", "She was first, then twenty-second."),
        ("Pi is 3.14.", "Pi is three point one four."),
        ("1,250,000 people", "One million two hundred and fifty thousand people"),
        ("It cost $5.50.", "It cost five dollars and fifty cents."),
        ("£1 or €0.99 or $3-5 million", "One pound or ninety-nine cents or three to five million dollars"),
        ("50% of it", "Fifty percent of it"),
        ("at 7:05 pm", "at seven oh five p.m."),
        ("At 10:30 or 7:00.", "At ten thirty or seven o'clock."),
        ("on 3 May 2024", "on May third, twenty twenty-four"),
        ("on 2024-03-05", "on March fifth, twenty twenty-four"),
        ("120 km/h at 20°C", "One hundred and twenty kilometres an hour at twenty degrees Celsius"),
        ("1 kg, 2 kg", "One kilogram, two kilograms"),
        ("wait 3-5 days", "wait three to five days"),
        ("1/2 cup, 3/4 full, 1½ hours", "One half cup, three quarters full, one and a half hours"),
        (
            "Dr. Lee met St. Anna on Main St. Then it rained.",
            "Doctor Lee met Saint Anna on Main Street. Then it rained.",
        ),
        ("Tools, e.g. saws, etc.", "Tools, for example saws, and so on."),
        ("He left the U.S.", "He left the US."),
        ("World War II", "World War Two"),
        ("Henry VIII in Chapter IV", "Henry the Eighth in Chapter Four"),
        ("the part I like", "the part I like"),
        ("Malcolm X spoke", "Malcolm X spoke"),
        ("**Bold** <b>and</b> [here](http://x.y)", "Bold and here"),
        ("See https://www.example.com/a?b=1.", "See example dot com."),
        ("Write to me@example.org!", "Write to me at example dot org!"),
        ("#LoveWins 🎉", "Love Wins"),
        ("🎉", "party popper"),
        ("STOP RIGHT THERE! NASA said so.", "Stop right there! NASA said so."),
        ("I AM NOT A ROBOT", "I am not a robot"),
        ("salt & pepper + 1 = fun", "salt and pepper plus one equals fun"),
        ("Wait.... what?!?", "Wait… what?"),
        ("agent 007", "agent zero zero seven"),
        ("call 555-1234", "call five five five, one two three four"),
    ],
)
def test_it_is_said_as_a_person_would_say_it(written: str, said: str) -> None:
    assert spoken(written) == said


def test_other_languages_lose_markup_and_keep_their_abbreviations() -> None:
    assert spoken("<b>Dr.</b> Weiß hat 42 Katzen", "de") == "Dr. Weiß hat zweiundvierzig Katzen"
    assert spoken("Hay 25 gatos & perros", "es") == "Hay veinticinco gatos & perros"
    assert spoken("am 3. Mai, 3,5 %", "de") == "am 3. Mai, 3,5 %"
    assert spoken("他有42只猫", "zh") == "他有42只猫"


def test_a_sentence_too_long_for_a_breath_is_split_and_loses_no_word() -> None:
    long = (
        "When the storm came over the hills that night, nobody in the village had expected it to be so strong, and they"
        " ran to the church with everything that they could carry, but the doors were locked."
    )
    said = spoken(long)
    assert said.count(".") > 1
    assert [word.strip(".,").lower() for word in said.split()] == [word.strip(".,").lower() for word in long.split()]


def test_a_sentence_that_cannot_be_split_stays_whole_and_is_remarked_upon() -> None:
    long = "the " + "very " * 40 + "old man slept."
    made = revised(long)
    assert made.value.script.scenes[0].spoken == long
    assert any("too long for one breath" in remark for remark in made.value.review.remarks)


def test_every_difference_is_kept_with_its_place_and_rule() -> None:
    made = revised("Fine as it is.", "It is 5 km.")
    assert [(change.scene, change.line, change.rule) for change in made.value.changes] == [(0, 1, "number")]
    assert made.value.changes[0].before == "It is 5 km."
    assert made.value.changes[0].after == "It is five kilometres."


def test_a_line_without_anything_to_say_is_left_out_and_the_difference_kept() -> None:
    made = revised("***", "Hello there.")
    assert [line.text for line in made.value.script.scenes[0].lines] == ["Hello there."]
    assert made.value.changes[-1].after == ""


def test_text_on_the_screen_and_titles_never_change() -> None:
    made = revised("It is 5 km.", title="5 km", on_screen=("$ rm -rf 5 km & **x**",), directions=("5 km",))
    scene = made.value.script.scenes[0]
    assert (scene.title, scene.on_screen, scene.directions) == ("5 km", ("$ rm -rf 5 km & **x**",), ("5 km",))


BITS = """Dr. |Mr. Smith|U.S.|e.g.|etc.|St. |No. 5|1984|$5.50|3-5|3–5 km|1/2|½|7:05 pm|May 5|50%|-5°C|<b>|**|_|`|#tag|#5|\
[a](b)|http://x.y/z.|a@b.co|🎉|👩‍🚀|&amp;amp;|AT&T|STOP|RIGHT THERE|I|NASA|World War II|Henry VIII|...|…|--|—|\
;|, and he said|\
, but the man was|; |: |word|the long road home|went over the hills and far away with the others|. |! |?|"|“|”|(|)|'|+|=|C#|\
1,000|007|21st|1990s|'80s|1.2.3|MP3|4x|1920x1080|٣|é|日本|\n|\t|p.m.|10k|5 €|/|w/|24/7|~|^|{|}|]|[|<|>|in |s|,|.|-|:|0|12"""  # noqa: E501
TRICKY = st.one_of(
    st.lists(st.sampled_from([*BITS.split("|"), " "]), max_size=40).map("".join),
    st.text(max_size=80),
)


@settings(max_examples=250)
@given(TRICKY, st.sampled_from(["en", "de", "fr", "zh"]))
def test_revising_what_was_revised_changes_nothing(text: str, language: str) -> None:
    once = revised(text, language=language).value
    again = asyncio.run(revise(once.script, Tools(Path(tempfile.gettempdir())), VoiceSettings())).value
    assert again.script == once.script
    assert again.changes == ()


@settings(max_examples=60)
@given(TRICKY)
def test_no_digit_is_left_for_an_english_voice(text: str) -> None:
    assert not any(character in "0123456789" for character in spoken(text))


def test_the_review_counts_words_and_measures_the_pace_against_the_plan() -> None:
    text = " ".join(["word"] * 80)
    planned, free = revised(text, seconds=10.0).value.review, revised(text).value.review
    assert (planned.words, planned.pace, free.pace) == (80, 480.0, 165)
    assert free.minutes == pytest.approx(80 / 165, abs=0.01)
    assert any("too fast" in remark for remark in planned.remarks)
    assert not any("too fast" in remark for remark in free.remarks)


@pytest.mark.parametrize(
    ("first", "hook"),
    [
        ("Who stole the moon?", True),
        ("Seven doors, and all of them are open to the wind tonight.", True),
        ("Nobody has seen the keeper since the winter came to town.", True),
        ("This is what happens when you leave the light on overnight.", True),
        ("It rained.", True),
        ("The town is on the coast and it has a harbour and a church.", False),
        ("", False),
    ],
)
def test_a_hook_is_a_question_a_number_a_tension_a_you_or_short(first: str, hook: bool) -> None:
    review = revised(f"{first} And then it goes on." if first else "").value.review
    assert review.has_hook is hook
    assert review.hook == first


def test_comedy_beats_are_quoted() -> None:
    scene = Scene(
        lines=(
            Line(text="The keeper lifts the heavy lid, holds his breath, and looks at what is left of the machine."),
            Line(text="It was like that.", speaker="Ivo", kind=LineKind.DIALOGUE),
            Line(text="They go home.", speaker="Ana", kind=LineKind.DIALOGUE, manner="dryly"),
            Line(text="The sun is up."),
        )
    )
    script = Script(title="T", scenes=(scene,))
    made = asyncio.run(revise(script, Tools(Path(tempfile.gettempdir())), VoiceSettings()))
    assert made.value.review.beats == ("It was like that.", "They go home.")


def test_the_author_is_told_of_scenes_without_words_and_too_long_over_one_picture() -> None:
    scenes = (
        Scene(lines=(Line(text="Why? " + "Word by word. " * 40),)),
        Scene(title="Nothing"),
        Scene(title="Typed", on_screen=("> ls",)),
    )
    made = asyncio.run(revise(Script(title="T", scenes=scenes), Tools(Path(tempfile.gettempdir())), VoiceSettings()))
    assert [remark.split(" ")[1] for remark in made.value.review.remarks] == ["1", "2"]


def test_the_checks_of_the_review_come_with_the_result() -> None:
    made = revised("The town is on the coast and it has a harbour. " * 12, seconds=5.0)
    warned = {check.name for check in made.checks if check.verdict == "warn"}
    assert {"pace", "hook"} <= warned


def test_the_result_depends_on_the_script_the_pace_and_the_edition_of_the_rules() -> None:
    tools = Tools(Path(tempfile.gettempdir()))
    script = Script(title="T", scenes=(Scene(lines=(Line(text="Hi."),)),))
    asyncio.run(revise(script, tools, VoiceSettings(words_per_minute=180)))
    assert tools.made == [("revise", {"script": script, "words_per_minute": 180, "rules": 2})]


def test_a_line_of_a_hundred_thousand_signs_is_done_in_the_end() -> None:
    assert revised("1,*<a [" * 15_000).value.review.words
