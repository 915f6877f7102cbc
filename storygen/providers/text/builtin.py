"""The built-in writer: a grammar of tales, not a model. It needs no network; the same brief gives the same story."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

from storygen.errors import ContentRejected
from storygen.providers.base import Answer
from storygen.providers.text.base import IdeasRequest, ScriptRequest, TranslationRequest, WritingRequest
from storygen.providers.text.pictures import dress
from storygen.providers.text.tales import TALES, Tale, Wording
from storygen.providers.text.turns import ENCOUNTERS, EXPLAINER_INTROS, INTROS, LASTS, TITLES, TURNS, Encounter
from storygen.providers.text.world import World, draw, imagine
from storygen.story import Brief, Idea, Ideas, Line, LineKind, Scene, Script, Translation, Usage

WORDS_PER_MINUTE = 165
SCENE_SECONDS = 9.0
LONGEST_SECONDS = 300.0
BRISK_SECONDS = 40.0
TERSE_SECONDS = 20.0
TWO_SCENES_SECONDS = 12.0
MOST_IDEAS = 12

# Beats come in by rank as a film gets longer; they are told in the order of the other list.
_RANK = ("hook", "find", "last", "want", "turn", "attempt", "obstacle", "home", "clue", "low")
_ORDER = ("hook", "home", "want", "attempt", "obstacle", "meet", "clue", "low", "turn", "find", "last")
_TENSION = re.compile(r"\b(gone|missing|lose|lost|disappears|locked|nobody|never|afraid|one night)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """A tale that is about to be told in a world; a brisk one takes the shortest wordings."""

    tale: Tale
    world: World
    title: str
    salt: tuple[object, ...]
    brisk: bool


@dataclass(slots=True)
class _Beat:
    """A scene in the making: the parts that are said, and those that wait for more time."""

    name: str
    said: list[tuple[int, str]]
    more: list[tuple[int, str]]
    encounter: Encounter | None = None


class Builtin:
    """Writes ideas and scripts in English from tables of tales, places and people."""

    name = "builtin"
    model = "grammar"
    operation = "chat"
    output = "json"

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """The edition of the tables; raised whenever the same brief would give another story."""
        return {"edition": 2}

    def expected(self, request: WritingRequest) -> Usage:  # noqa: ARG002 - tables use nothing up
        """Nothing that anybody bills."""
        return Usage()

    @overload
    async def answer(self, request: IdeasRequest, folder: Path) -> Answer[Ideas]: ...
    @overload
    async def answer(self, request: ScriptRequest, folder: Path) -> Answer[Script]: ...
    @overload
    async def answer(self, request: TranslationRequest, folder: Path) -> Answer[Translation]: ...
    async def answer(
        self,
        request: WritingRequest,
        folder: Path,  # noqa: ARG002  # the protocol's shape; a writer leaves no files
    ) -> Answer[Ideas] | Answer[Script] | Answer[Translation]:
        """Write what is asked for.

        Raises `ContentRejected` for a translation, a language that is not English, or over 5 minutes.
        """
        if isinstance(request, TranslationRequest):
            raise ContentRejected(
                "The built-in writer does not translate.",
                hint="Configure a text provider (STORYGEN_PROVIDERS__TEXT), or ask for no `subtitles.languages`.",
                provider="builtin",
            )
        _refuse(request.brief)
        if isinstance(request, IdeasRequest):
            return Answer(value=_ideas(request.brief, request.count))
        return Answer(value=_script(request.brief, request.idea))


def _refuse(brief: Brief) -> None:
    if brief.language.lower().split("-")[0] != "en":
        raise ContentRejected(
            f"The built-in writer writes English only, not {brief.language!r}.",
            hint="Give a script or a text in that language, or configure a text provider (STORYGEN_PROVIDERS__TEXT).",
            provider="builtin",
        )
    if brief.seconds > LONGEST_SECONDS:
        raise ContentRejected(
            f"The built-in writer has material for {LONGEST_SECONDS:.0f} s, not for {brief.seconds:.0f} s.",
            hint="Ask for a shorter film, give a script or a text of your own, or configure a text provider.",
            provider="builtin",
        )


def _plans(brief: Brief) -> list[_Plan]:
    """Every way in which the brief can be told, with different titles."""
    plans: list[_Plan] = []
    for turn in range(2):
        for tale in TALES:
            world = imagine(brief.topic, brief.seed * 2 + turn, tale.tone)
            titles = TITLES[world.theme].get(tale.tone, ())
            if titles:
                first = draw(range(len(titles)), brief.topic, brief.seed, tale.tone)
                title = titles[(first + turn) % len(titles)].format_map(world.slots)
                title = re.sub(r"(?<=\w )(The|A|An)\b", lambda word: word[0].lower(), title)
                salt = (brief.topic, brief.seed, turn, tale.tone)
                plans.append(_Plan(tale=tale, world=world, title=title, salt=salt, brisk=brief.seconds < BRISK_SECONDS))
    return list({plan.title.lower(): plan for plan in reversed(plans)}.values())[::-1]


def _ideas(brief: Brief, count: int) -> Ideas:
    found = [(_idea(plan), at) for at, plan in enumerate(_plans(brief))]
    best = sorted(found, key=lambda pair: (-pair[0].score, pair[1]))
    # One of each tone before a second of any: the choice should be a choice.
    tones: dict[str, int] = {}
    ranked = []
    for idea, _ in best:
        tones[idea.tone] = tones.get(idea.tone, 0) + 1
        ranked.append((tones[idea.tone], idea))
    kept = [idea for _, idea in sorted(ranked, key=lambda pair: pair[0])][: max(1, min(count, MOST_IDEAS))]
    return Ideas(candidates=tuple(sorted(kept, key=lambda idea: -idea.score)))


def _idea(plan: _Plan) -> Idea:
    hook = _fill(_wording(plan, "hook")[0], plan)
    slots = plan.world.slots
    first = f"{slots['hero']}, {slots['a_role']}{slots['relative']},"
    if plan.world.theme == "premise":
        first = f"{slots['hero']}, {slots['a_role']} whom nobody believes,"
    task = f"has to find the {slots['thing']} {slots['marked']}{slots['deadline']}"
    if plan.tale.tone == "curious":
        question = slots["question"].rstrip(".")
        task = f"sets out to answer one question in one night: {question}"
    end = "" if task.endswith("?") else "."
    return Idea(
        title=plan.title,
        logline=f"{first} {task}{end}",
        hook=hook,
        tone=plan.tale.tone,
        audience=plan.tale.audience,
        score=_score(plan, hook),
    )


def _score(plan: _Plan, hook: str) -> float:
    """Half of it is how well the tale suits the topic.

    Then 0.1 for a hook of at most 16 words, 0.1 for a question or a word of tension in it, 0.05 for a title of at most
    5 words, and up to 0.25 by the seed, so that seeds differ.
    """
    suits = plan.tale.suits[plan.world.topic.kind.value]
    chance = draw(range(26), *plan.salt, "score") / 100
    short = 0.1 if len(hook.split()) <= 16 else 0.0
    tense = 0.1 if "?" in hook or _TENSION.search(hook) else 0.0
    title = 0.05 if len(plan.title.split()) <= 5 else 0.0
    return round(min(1.0, 0.5 * suits + short + tense + title + chance), 2)


def _script(brief: Brief, idea: Idea) -> Script:
    plans = _plans(brief)
    own = next((plan for plan in plans if plan.title == idea.title and plan.tale.tone == idea.tone), None)
    if own is None:
        like = [plan for plan in plans if plan.tale.tone == idea.tone] or plans
        own = replace(draw(like, brief.topic, brief.seed, idea.title), title=idea.title)
    wanted = brief.seconds * WORDS_PER_MINUTE / 60
    count = max(3, min(len(_RANK) + 2 * len(ENCOUNTERS), round(brief.seconds / SCENE_SECONDS)))
    beats = _beats(own, count)
    while len(beats) > 3 and sum(map(_count, beats)) > 1.15 * wanted:
        beats = _beats(own, len(beats) - 1)
    if brief.seconds < TERSE_SECONDS:
        beats = _terse(own, 2 if brief.seconds < TWO_SCENES_SECONDS else 3)
    _fit(beats, wanted)
    scenes = tuple(_scene(beat, own, at, len(beats)) for at, beat in enumerate(beats))
    return Script(title=own.title, scenes=scenes, language=brief.language, tone=own.tale.tone, logline=idea.logline)


def _beats(plan: _Plan, count: int) -> list[_Beat]:
    chosen = set(_RANK[:count])
    start = draw(range(len(ENCOUNTERS)), *plan.salt, "encounter")
    extra = max(0, count - len(_RANK))
    met = [ENCOUNTERS[(start + at) % len(ENCOUNTERS)] for at in range((extra + 1) // 2)]
    beats: list[_Beat] = []
    for name in _ORDER:
        if name == "meet":
            for at, encounter in enumerate(met):
                whole = 2 * at + 1 < extra
                parts = (encounter.meet, encounter.part) if whole else ((*encounter.meet[:1], *encounter.part),)
                beats += [_parts(part, plan, ("meet", "part")[no], encounter) for no, part in enumerate(parts)]
        elif name in chosen:
            beats.append(_parts(_wording(plan, name), plan, name))
    if "want" not in chosen:
        beats[0].said.append((9, _fill("{friend}, {friend_role}, comes along.", plan)))
    return beats


def _terse(plan: _Plan, count: int) -> list[_Beat]:
    """The beginning, perhaps the find, and the end: a part of each; the narrator alone says more if time is left."""
    beats = [_parts(_wording(plan, name), plan, name) for name in _ORDER if name in ("hook", "last", "find")[:count]]
    for beat in beats:
        first, *rest = [part for part in beat.said if not part[1].startswith(">")]
        beat.said, beat.more = [first], [*rest, *(part for part in beat.more if not part[1].startswith(">"))]
    return beats


def _parts(wording: Wording, plan: _Plan, name: str, encounter: Encounter | None = None) -> _Beat:
    beat = _Beat(name, [], [], encounter)
    for at, part in enumerate(wording):
        optional = part.startswith("+")
        text = part.removeprefix("+").lstrip()
        (beat.more if optional else beat.said).append((at, _fill(text, plan)))
    return beat


def _wording(plan: _Plan, beat: str) -> Wording:
    own = plan.tale.beats.get(beat)
    theme = plan.world.theme
    shared = {"clue": plan.world.solution.clue, "find": plan.world.solution.find}
    options = own or shared.get(beat) or {"turn": TURNS, "last": LASTS}[beat][theme]
    return min(options, key=_essential) if plan.brisk else draw(options, *plan.salt, beat)


def _essential(wording: Wording) -> int:
    return sum(len(part) for part in wording if not part.startswith("+"))


def _fill(text: str, plan: _Plan) -> str:
    slots = plan.world.slots
    if "{intro}" in text:
        intros = EXPLAINER_INTROS if plan.tale.tone == "curious" else INTROS[plan.world.theme]
        text = text.replace("{intro}", min(intros, key=len) if plan.brisk else draw(intros, *plan.salt, "intro"))
    return text.format_map(slots)


def _fit(beats: list[_Beat], wanted: float) -> None:
    """Say more, part by part where least is said, until the words fill the time."""
    while True:
        missing = wanted - sum(_count(beat) for beat in beats)
        able = [beat for beat in beats if beat.more and _size(_next(beat)) <= missing * 1.5 + 2]
        if missing < 4 or not able:
            return
        poorest = min(able, key=_count)
        part = _next(poorest)
        poorest.more.remove(part)
        poorest.said = sorted([*poorest.said, part])


def _next(beat: _Beat) -> tuple[int, str]:
    """The part that comes next: in the order of the wording, for a later one may lean on an earlier one."""
    return min(beat.more)


def _count(beat: _Beat) -> int:
    return sum(_size(part) for part in beat.said)


def _size(part: tuple[int, str]) -> int:
    return len(part[1].split(": ", 1)[-1].split()) if part[1].startswith(">") else len(part[1].split())


def _scene(beat: _Beat, plan: _Plan, at: int, count: int) -> Scene:
    lines: list[Line] = []
    for _, part in beat.said:
        if part.startswith(">"):
            manner, text = part[1:].strip().split(": ", 1)
            lines.append(
                Line(text=_upper(text), speaker=plan.world.slots["friend"], manner=manner, kind=LineKind.DIALOGUE)
            )
        elif lines and lines[-1].kind is LineKind.NARRATION:
            lines[-1] = replace(lines[-1], text=f"{lines[-1].text} {part}")
        else:
            lines.append(Line(text=part))
    return dress(
        Scene(lines=tuple(lines), mood=plan.tale.moods[beat.name]),
        beat=beat.name,
        tale=plan.tale,
        world=plan.world,
        encounter=beat.encounter,
        along=at / max(1, count - 1),
        salt=plan.salt,
    )


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
