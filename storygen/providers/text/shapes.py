"""The shapes that a model has to answer in, and what becomes of them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from storygen.providers.text.base import IdeasRequest, TranslationRequest, WritingRequest
from storygen.story import NARRATOR, Idea, Ideas, Line, LineKind, Mood, Scene, Script, Translation

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_MOST_SCENES = 1_000
_MOST_IN_A_SCENE = 60


def _clean(value: object) -> object:
    return " ".join(_CONTROL.sub("", value).split()) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_clean), Field(max_length=4_000)]
Words = Annotated[str, BeforeValidator(_clean), Field(min_length=1, max_length=4_000)]
Title = Annotated[str, BeforeValidator(_clean), Field(min_length=1, max_length=200)]


class _Shape(BaseModel):
    """A part of an answer; an error of it never quotes what was written."""

    model_config = ConfigDict(hide_input_in_errors=True)


class IdeaShape(_Shape):
    """One way to tell the film."""

    title: Title
    logline: Words
    hook: Words
    tone: Words
    audience: Words
    score: float = Field(ge=0, le=1)


class IdeasShape(_Shape):
    """The ideas, best first."""

    ideas: list[IdeaShape] = Field(min_length=1, max_length=50)


class LineShape(_Shape):
    """Words that one speaker says."""

    speaker: Text
    text: Words
    manner: Text


class SceneShape(_Shape):
    """One scene."""

    title: Text
    lines: list[LineShape] = Field(max_length=_MOST_IN_A_SCENE)
    picture: Text
    on_screen: list[Text] = Field(max_length=_MOST_IN_A_SCENE)
    directions: list[Text] = Field(max_length=_MOST_IN_A_SCENE)
    mood: Mood


class ScriptShape(_Shape):
    """The script of the film."""

    title: Title
    tone: Text
    logline: Text
    scenes: list[SceneShape] = Field(min_length=1, max_length=_MOST_SCENES)


class TranslationShape(_Shape):
    """The lines in the other language, as many as there were, in their order."""

    lines: list[Words] = Field(min_length=1, max_length=_MOST_SCENES)


AnyShape = IdeasShape | ScriptShape | TranslationShape


def shape_of(request: WritingRequest) -> type[AnyShape]:
    """The shape that a request is answered in."""
    if isinstance(request, TranslationRequest):
        return TranslationShape
    return IdeasShape if isinstance(request, IdeasRequest) else ScriptShape


def as_record(shape: AnyShape, request: WritingRequest) -> Ideas | Script | Translation:
    """The answer as a record of ours. Raises `ValueError` where nothing is said or shown, or lines are missing."""
    if isinstance(shape, TranslationShape):
        return _translation(shape, request)
    if isinstance(shape, IdeasShape):
        ideas = [Idea(**one.model_dump()) for one in shape.ideas]
        kept = list({idea.title.casefold(): idea for idea in reversed(ideas)}.values())[::-1]
        return Ideas(candidates=tuple(sorted(kept, key=lambda idea: -idea.score)))
    return _script(shape, "" if isinstance(request, TranslationRequest) else request.brief.language)


def _translation(shape: TranslationShape, request: WritingRequest) -> Translation:
    wanted = len(request.lines) if isinstance(request, TranslationRequest) else 0
    if len(shape.lines) != wanted:
        raise ValueError(f"{len(shape.lines)} lines for {wanted}")
    return Translation(lines=tuple(shape.lines))


def _script(shape: ScriptShape, language: str) -> Script:
    scenes = tuple(_scene(one) for one in shape.scenes if one.lines or any(one.on_screen))
    if not scenes:
        raise ValueError("a script in which nothing is said or shown")
    return Script(title=shape.title, scenes=scenes, language=language, tone=shape.tone, logline=shape.logline)


def _scene(shape: SceneShape) -> Scene:
    return Scene(
        title=shape.title,
        lines=tuple(_line(line) for line in shape.lines),
        picture=shape.picture,
        on_screen=tuple(filter(None, shape.on_screen)),
        directions=tuple(filter(None, shape.directions)),
        mood=shape.mood,
    )


def _line(shape: LineShape) -> Line:
    if shape.speaker.casefold() in {"", NARRATOR}:
        return Line(text=shape.text, manner=shape.manner)
    return Line(text=shape.text, speaker=shape.speaker, manner=shape.manner, kind=LineKind.DIALOGUE)
