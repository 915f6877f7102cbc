"""The built-in writer, as a reader and a producer meet it."""

from __future__ import annotations

import asyncio
import re
import socket
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storygen.errors import ContentRejected
from storygen.providers.text.base import IdeasRequest, ScriptRequest
from storygen.providers.text.builtin import Builtin
from storygen.quality.text import check_length
from storygen.story import Brief, Idea, Ideas, LineKind, Mood, Script, Verdict
from tests.stages.text_tools import Tools

TOPICS = (
    "a lighthouse keeper who is afraid of the dark",
    "why cats purr",
    "Why is the sky blue?",
    "teamwork",
    "El faro",
    "🐙",
    "a red balloon",
    "A boy finds a robot in the woods and teaches it to dance",
    "my grandmother's ring",
    "love in Paris",
    "an honest thief with a wooden leg",
    "{hero} %s \\n <b>" * 120,
    "",
)


def ideas(topic: str, *, seed: int = 0, seconds: float = 60, count: int = 4) -> Ideas:
    brief = Brief(topic=topic, seed=seed, seconds=seconds)
    return asyncio.run(Builtin().answer(IdeasRequest(brief=brief, count=count), Path())).value


def story(topic: str, *, seed: int = 0, seconds: float = 60, pick: int = 0) -> Script:
    brief = Brief(topic=topic, seed=seed, seconds=seconds)
    idea = ideas(topic, seed=seed, seconds=seconds).candidates[pick]
    return asyncio.run(Builtin().answer(ScriptRequest(brief=brief, idea=idea), Path())).value


def spoken(script: Script) -> str:
    return " ".join(scene.spoken for scene in script.scenes)


def sentences(script: Script) -> list[str]:
    return [
        sentence for scene in script.scenes for line in scene.lines for sentence in re.split(r"(?<=[.!?]) ", line.text)
    ]


def every_story(seconds: float = 60) -> list[Script]:
    return [story(topic, seed=seed, seconds=seconds, pick=seed) for topic in TOPICS for seed in range(4)]


def test_the_same_brief_gives_the_same_story() -> None:
    assert story("teamwork", seed=3) == story("teamwork", seed=3)


def test_the_story_of_this_edition_stays_as_it_is() -> None:
    # A stored story is found by the edition: whoever changes the tables raises it, and this line.
    assert Builtin().fingerprint == {"edition": 2}
    assert story("why cats purr", seed=1).title == "Why Cats Purr"


def test_five_seeds_give_five_stories() -> None:
    told = [spoken(story("a lighthouse keeper who is afraid of the dark", seed=seed)) for seed in range(5)]
    shared = [
        len(set(one.split()) & set(two.split())) / len(set(one.split())) for one in told for two in told if one != two
    ]
    assert len(set(told)) == 5
    assert sum(shared) / len(shared) < 0.7


def test_no_story_needs_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a socket was connected")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert story("teamwork").scenes


@pytest.mark.parametrize("seconds", [40, 60, 90, 150, 240, 300])
def test_the_words_fill_the_seconds_at_165_a_minute(seconds: float) -> None:
    for script in every_story(seconds):
        assert 0.8 <= len(spoken(script).split()) / (seconds * 165 / 60) <= 1.2, script.title
        assert 8 <= seconds / len(script.scenes) <= 14, script.title


@pytest.mark.parametrize("seconds", [4.1, 5, 8, 10, 11.9, 12, 16, 19.9, 20, 30])
def test_a_short_film_is_told_in_few_words_that_its_check_accepts(seconds: float) -> None:
    for script in every_story(seconds):
        assert len(script.scenes) >= 2, script.title
        assert check_length(script, Brief(topic="", seconds=seconds)).verdict is not Verdict.FAIL, spoken(script)


def test_no_sentence_is_said_twice_in_a_story() -> None:
    for script in every_story(240):
        double = [text for text, times in Counter(sentences(script)).items() if times > 1 and len(text.split()) > 2]
        assert not double, script.title


def test_no_story_has_a_placeholder_or_a_wrong_article() -> None:
    for script in every_story(240):
        for scene in script.scenes:
            for text in (scene.spoken, scene.title, scene.subtitle, scene.picture, *scene.on_screen, *scene.directions):
                assert not re.search(r"[{}]|  |\ba [aeio]|\ban [^aeiouh ]|\bthe the\b| ,| \.(?!\.)", text), text
        assert all(text[0].isupper() or text[0] in '“"' for text in sentences(script) if text)


def test_a_story_has_two_voices_a_direction_text_on_the_screen_and_pictures() -> None:
    for seconds in (27, 60, 180):
        for script in every_story(seconds):
            speakers = {line.speaker for scene in script.scenes for line in scene.lines}
            kinds = {line.kind for scene in script.scenes for line in scene.lines}
            assert len(speakers) == 2
            assert kinds == {LineKind.NARRATION, LineKind.DIALOGUE}
            assert any(scene.directions for scene in script.scenes)
            assert 1 <= sum(bool(scene.on_screen) for scene in script.scenes) <= 2
            assert all(scene.title and scene.picture.count(",") >= 3 and scene.lines for scene in script.scenes)


def test_the_mood_changes_along_the_story_and_ends_well() -> None:
    for script in every_story(60):
        assert len({scene.mood for scene in script.scenes}) >= 3
        assert script.scenes[-1].mood in {Mood.JOYFUL, Mood.CALM}


def test_the_hero_is_in_every_picture_and_named_throughout() -> None:
    for script in every_story(90):
        asked_for = re.findall(r"ask for (\w+)", " ".join(script.scenes[0].on_screen))
        hero = asked_for[0] if asked_for else script.logline.split(",")[0]
        assert spoken(script).count(hero) >= 3
        assert all(hero in scene.picture for scene in script.scenes)


def test_the_hero_keeps_the_pronoun_that_the_topic_gives() -> None:
    told = " ".join(spoken(story("a girl who lost her hat", seed=seed)) for seed in range(6))
    assert "who lost her hat" in told
    assert not re.search(r"\b(?:he|him|himself)\b", " ".join(s for s in [told] if "inventor" not in s))


def test_the_topic_is_heard_in_the_story() -> None:
    for topic, words in (
        ("a lighthouse keeper who is afraid of the dark", ("lighthouse keeper", "afraid of the dark")),
        ("why cats purr", ("why cats purr",)),
        ("Why is the sky blue?", ("Why is the sky blue?", "the sky")),
        ("teamwork", ("teamwork",)),
        ("El faro", ("El faro",)),
        ("🐙", ("an octopus",)),
        ("a red balloon", ("red balloon",)),
        ("A boy finds a robot in the woods", ("a boy finds a robot in the woods", "the robot")),
        ("love in Paris", ("love in Paris",)),
        ("an honest thief with a wooden leg", ("an honest thief who has a wooden leg",)),
    ):
        told = spoken(story(topic))
        assert all(word in told for word in words), (topic, told)


def test_a_question_is_explained_and_a_person_is_followed() -> None:
    assert ideas("how planes fly").best.tone == "curious"
    assert ideas("a pirate who gets seasick").best.tone != "curious"


def test_the_candidates_differ_and_the_best_is_first() -> None:
    for topic in TOPICS:
        found = ideas(topic, count=4).candidates
        assert len(found) == 4
        assert len({idea.title.lower() for idea in found}) == len({idea.tone for idea in found}) == 4
        assert all(
            0 <= idea.score <= 1 and idea.title and idea.logline and idea.hook and idea.audience for idea in found
        )
        assert [idea.score for idea in found] == sorted((idea.score for idea in found), reverse=True)


def test_the_script_opens_with_the_hook_of_its_idea() -> None:
    for topic in TOPICS:
        for pick in range(3):
            brief = Brief(topic=topic, seed=pick)
            idea = ideas(topic, seed=pick).candidates[pick]
            script = asyncio.run(Builtin().answer(ScriptRequest(brief=brief, idea=idea), Path())).value
            assert script.title == idea.title
            assert script.scenes[0].spoken.startswith(idea.hook)


def test_the_idea_of_another_writer_is_told_under_its_own_title() -> None:
    idea = Idea(title="Somebody Else's", logline="l", hook="h", tone="noir", audience="all", score=0.5)
    request = ScriptRequest(brief=Brief(topic="teamwork"), idea=idea)
    assert asyncio.run(Builtin().answer(request, Path())).value.title == "Somebody Else's"


def test_another_language_is_refused_with_a_way_on() -> None:
    with pytest.raises(ContentRejected) as refused:
        asyncio.run(Builtin().answer(IdeasRequest(brief=Brief(topic="El faro", language="es")), Path()))
    assert not refused.value.retryable
    assert "English only" in refused.value.message
    assert "script" in refused.value.hint
    assert "text provider" in refused.value.hint


def test_a_film_of_an_hour_is_refused_rather_than_padded() -> None:
    with pytest.raises(ContentRejected, match="300 s"):
        asyncio.run(Builtin().answer(IdeasRequest(brief=Brief(topic="x", seconds=3600)), Path()))


@settings(max_examples=60)
@given(st.text(max_size=300), st.integers(0, 10_000))
def test_any_text_at_all_becomes_a_story(topic: str, seed: int) -> None:
    script = story(topic, seed=seed)
    assert len(script.scenes) >= 3
    assert all(scene.lines for scene in script.scenes)
    assert all(character.isprintable() for character in spoken(script))


def test_the_stages_take_what_it_writes(tmp_path: Path) -> None:
    from storygen.stages import idea, script

    brief, tools = Brief(topic="why cats purr"), Tools(tmp_path, Builtin())
    found = asyncio.run(idea.choose(brief, tools))
    told = asyncio.run(script.write(brief, found.value.best, tools))
    assert {check.verdict for check in (*found.checks, *told.checks)} == {"pass"}


def test_the_narrator_says_who_the_other_voice_is() -> None:
    for seconds in (27, 60):
        for script in every_story(seconds):
            friend = next(
                line.speaker for scene in script.scenes for line in scene.lines if line.kind is LineKind.DIALOGUE
            )
            narrated = " ".join(
                line.text for scene in script.scenes for line in scene.lines if line.kind is LineKind.NARRATION
            )
            assert re.search(rf"\b{friend}, \w+", narrated), (script.title, narrated)
