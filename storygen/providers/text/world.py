# ruff: noqa: E501, SIM905  # tables of words
"""The world of one story: who, where, what is missing, and the words that go into the slots of a tale."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from storygen.providers.text.places import (
    HE_ROLES,
    INDOOR_LIGHTS,
    LIGHTS,
    LOOKS,
    PEOPLE,
    PLACES,
    SHE_ROLES,
    TRAITS,
    Place,
)
from storygen.providers.text.topic import Kind, Topic, article, understand
from storygen.providers.text.turns import SOLUTIONS, Solution

T = TypeVar("T")

_WRONG = {
    "why": ("out of habit.", "because somebody bet that it could not be done.", "to save time."),
    "how": ("very carefully, and only on weekdays.", "with a great deal of confidence.", "nobody knows, so please do not stop them."),
    "what": ("it is like cheese, but for people in a hurry.", "it is what is left over when one is finished.", "something with a handle."),
    "who": ("a cousin of a cousin.", "somebody tall.", "the usual people."),
    "where": ("just behind you, until you turn round.", "further than lunch, nearer than Sunday.", "on the left."),
    "when": ("shortly after it is too late.", "always on a Tuesday.", "when nobody is looking."),
    "": ("yes and no, but mostly Tuesday.", "it depends on who is paying.", "only in summer."),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything that stays the same within one story; `slots` fill the wordings."""

    topic: Topic
    theme: str
    solution: Solution
    slots: dict[str, str]
    lights: tuple[str, ...]


def draw(options: Sequence[T], *salt: object) -> T:
    """One of the options, always the same one for the same salt."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in salt).encode()).digest()
    return options[int.from_bytes(digest[:8], "big") % len(options)]


def imagine(text: str, seed: int, tone: str) -> World:
    """The world in which a topic is told in a tone; the same topic, seed and tone give the same world."""
    topic, salt = understand(text), (text, seed, tone)
    place = _place(topic, text, salt)
    hero, he = _hero(topic, salt)
    role = topic.role or draw(place.roles, *salt, "role")
    relative = topic.relative
    if topic.kind is Kind.TRAIT and not relative:
        relative = draw(TRAITS, *salt, "trait")
    friends = [person for person in PEOPLE if person[0] != hero]
    friend, friend_he = draw(friends, *salt, "friend")
    at, name = (topic.where, topic.where.split(" ", 1)[1]) if topic.where else (place.at, place.name)
    slots = {
        "hero": hero, **_pronouns(he), "role": role, "relative": " " + relative if relative else "",
        "a_role": role if role[:4] in {"the ", "The "} else article(role), "fear": topic.fear,
        "friend": friend, "friend_his": "her" if friend_he == "she" else "his",
        "friend_role": draw(place.friends, *salt, "friend role"), "at": at, "name": name,
        "crowd": place.crowd, "crowd_short": place.crowd, "deadline": place.deadline,
        "spot1": place.spots[0], "spot2": place.spots[1], "spot3": place.spots[2],
        "beast": place.beast, "beast_short": place.beast_short, "sound": place.sound, "food": place.food,
        "view": place.view, "look": draw(LOOKS, *salt, "look"), "clock": "nine", "later": "ten past nine",
        "said": topic.said, **_thing(topic, place, name, tone), **_question(topic, salt),
    }  # fmt: skip
    theme = "fear" if topic.fear else topic.kind.value
    indoor = place.name in {"Station Nine", "the Night Express", "Alder Lane School"}
    return World(
        topic=topic,
        theme=theme,
        solution=draw(SOLUTIONS, *salt, "solution"),
        slots=slots | _capitals(slots),
        lights=INDOOR_LIGHTS if indoor else LIGHTS,
    )


def _place(topic: Topic, text: str, salt: tuple[object, ...]) -> Place:
    if topic.where:
        return next(place for place in PLACES if place.name == "Lantern Street")
    words = re.findall(r"\w+", f"{topic.role} {text[:200]}".lower())
    for word in words:
        called = [place for place in PLACES if {word, word.removesuffix("s")} & set(place.words)]
        if called:
            return draw(called, *salt, "place")
    return draw(PLACES, *salt, "place")


def _hero(topic: Topic, salt: tuple[object, ...]) -> tuple[str, str]:
    words = f"{topic.relative} {topic.said if topic.kind is Kind.PREMISE else ''}".lower().split()
    head = topic.role.lower().split(" ")[-1]
    he = "she" if head in SHE_ROLES or {"her", "she", "herself"} & set(words) else ""
    he = "he" if head in HE_ROLES or (not he and {"his", "him", "he", "himself"} & set(words)) else he
    heroes = [person for person in PEOPLE if he in ("", person[1])]
    return draw(heroes, *salt, "hero")


def _pronouns(he: str) -> dict[str, str]:
    return {"he": "she", "his": "her", "him": "her"} if he == "she" else {"he": "he", "his": "his", "him": "him"}


def _thing(topic: Topic, place: Place, name: str, tone: str) -> dict[str, str]:
    thing, short, a_thing = place.thing, place.short, article(place.thing)
    stake = place.stake.format(short=short)
    goal, marked = f"the {short}", ""
    if topic.kind is Kind.LABEL:
        marked = f"marked “{topic.said}” "
    if topic.kind is Kind.OBJECT:
        thing, short = topic.said, topic.short
        goal = f"the {short}"
        a_thing = f"the {thing}" if topic.article == "the" else article(thing)
        stake = f"Nobody remembers why {name} needs {a_thing}. Everybody agrees that it does."
    if topic.kind is Kind.PREMISE and topic.short:
        thing = short = topic.short
        a_thing, goal = article(thing), f"the {short}"
        stake = f"Nobody {place.at} believed in the {short}. Now everybody wants to see it."
    if topic.kind is Kind.QUESTION:
        thing, short, a_thing, goal = "blue book of answers", "book", "a blue book of answers", "the book"
        stake = "Without the book, everybody will have to think of something by themselves."
    if tone == "curious":
        goal = "the question"
    return {"thing": thing, "short": short, "stake": stake, "a_thing": a_thing, "goal": goal, "marked": marked}


def _question(topic: Topic, salt: tuple[object, ...]) -> dict[str, str]:
    label = topic.said if topic.plain else f"“{topic.said}”"
    about = label
    if topic.kind is Kind.OBJECT:
        about = f"the {topic.said}" if topic.article == "the" else article(topic.said)
        said = f"what {about} is good for"
    elif topic.kind is Kind.QUESTION:
        about, said = topic.short, topic.said
    else:
        said = f"what {label} really means"
    asked = said if said.endswith("?") else f"{said}."
    first = said.split(" ")[0].lower()
    wrong = _WRONG.get(first, _WRONG[""])
    one = draw(range(len(wrong)), *salt, "wrong")
    return {
        "question": asked,
        "question_in": asked if not asked.endswith("?") else f"the answer to this: {asked}",
        "about": about,
        "label": topic.said,
        "wrong1": wrong[one],
        "wrong2": wrong[(one + 1) % len(wrong)],
    }


_SMALL = frozenset("a an the and or but of in on at to for from with that who by is".split())


def titled(text: str, most: int = 7) -> str:
    """Text in title case, cut to `most` words; words with capitals of their own keep them."""
    words = text.split()[:most]
    out = []
    for at, word in enumerate(words):
        small = at and word.lower() in _SMALL
        out.append(word.lower() if small else word if word != word.lower() else word[:1].upper() + word[1:])
    return " ".join(out).strip(" ,;:-")


def _capitals(slots: dict[str, str]) -> dict[str, str]:
    """The same slots with a capital first letter, or as titles for the names that go into titles."""
    out = {key[0].upper() + key[1:]: value[:1].upper() + value[1:] for key, value in slots.items()}
    for key in ("role", "short", "thing", "a_thing", "fear", "label", "name", "spot3", "beast_short"):
        out[key[0].upper() + key[1:]] = titled(slots[key])
    # Inside a title the preposition stays small: "A Locked Door on Low Skerry".
    out["At"] = slots["at"]
    mark = "" if slots["question"].endswith(".") else "?"
    out["Question"] = titled(slots["question"].rstrip(".?"), 9) + mark
    return out
