"""Texts behind the simulated vendors: answers that satisfy the schema asked for, told by the built-in writer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from storygen.errors import StorygenError
from storygen.providers.text.base import IdeasRequest, ScriptRequest
from storygen.providers.text.builtin import LONGEST_SECONDS, Builtin
from storygen.story import Brief, Idea
from storygen.vendors.schemas import fill, names
from storygen.vendors.tongues import translated

_TAGGED = re.compile(r"<topic>\s*(.{1,2000}?)\s*</topic>", re.IGNORECASE | re.DOTALL)
_TOPIC = re.compile(r"\btopic\b\W{0,6}(?:is|of)?[\s:=\"“”'*`]*([^\n\"“”]{3,200})", re.IGNORECASE)
_QUOTED = re.compile(r"[\"“]([^\"”\n]{3,200})[\"”]")
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)\s*(?:s\b|sec)", re.IGNORECASE)
_MINUTES = re.compile(r"(\d+(?:\.\d+)?)\s*min", re.IGNORECASE)
_COUNT = re.compile(r"\b(\d+)\s+(?:\w+\s+){0,2}?(?:ideas|candidates|ways)\b", re.IGNORECASE)


class Writer:
    """Writes with the built-in writer where a story is asked for, and fills any other schema."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._builtin = Builtin()

    async def text(self, prompt: str) -> str:
        """A plain answer."""
        idea = (await self._ideas(prompt))[0]
        return f"{idea.hook} {idea.logline}"

    async def structured(self, prompt: str, schema: Mapping[str, Any]) -> Any:
        """A value that satisfies a JSON schema: ideas or a script where it looks like that, plausible words else."""
        return fill(schema, await self._story(prompt, names(schema)))

    async def _story(self, prompt: str, wanted: frozenset[str]) -> Any:
        if "lines" in wanted and (lines := translated(prompt)):
            return {"lines": lines}
        if "scenes" in wanted:
            idea = self._chosen(prompt, await self._ideas(prompt))
            script = (await self._builtin.answer(ScriptRequest(brief=_brief(prompt), idea=idea), self._folder)).value
            return asdict(script)
        ideas = [asdict(idea) for idea in await self._ideas(prompt)]
        return {"candidates": ideas, "ideas": ideas, **ideas[0]}

    async def _ideas(self, prompt: str) -> tuple[Idea, ...]:
        found = _COUNT.search(prompt)
        count = int(found[1]) if found else 4
        try:
            answer = await self._builtin.answer(IdeasRequest(brief=_brief(prompt), count=count), self._folder)
        except StorygenError:
            answer = await self._builtin.answer(IdeasRequest(brief=Brief(topic="a story")), self._folder)
        return answer.value.candidates

    def _chosen(self, prompt: str, ideas: tuple[Idea, ...]) -> Idea:
        """The idea that the prompt names by its title, or the first."""
        return next((idea for idea in ideas if idea.title in prompt), ideas[0])


def _brief(prompt: str) -> Brief:
    """What a prompt asks for, as far as it says so in ordinary words."""
    found = _TAGGED.search(prompt) or _TOPIC.search(prompt) or _QUOTED.search(prompt)
    topic = (found[1] if found else prompt.strip().splitlines()[-1] if prompt.strip() else "a story").strip(" .*`'")
    minutes, seconds = _MINUTES.search(prompt), _SECONDS.search(prompt)
    asked = float(seconds[1]) if seconds else float(minutes[1]) * 60 if minutes else 60.0
    return Brief(topic=topic[:200] or "a story", seconds=min(LONGEST_SECONDS, max(5.0, asked)))
