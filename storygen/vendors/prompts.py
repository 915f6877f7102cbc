"""What a vendor's text request asks for, whatever the protocol, and what an answer to it is made of."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from storygen.vendors.faults import Fault
from storygen.vendors.wire import Call, Used, dumps
from storygen.vendors.world import World, text_of

REFUSAL = "I'm sorry, but I can't help with that."


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request for text: the words, the tool that has to be called, and the schema that the answer has to satisfy."""

    model: str
    prompt: str
    tool: str = ""
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An answer: its text, which is JSON where a schema was asked for, and the tokens it took."""

    text: str
    used: Used
    refused: bool = False

    @property
    def tokens(self) -> tuple[int, int]:
        """Tokens in and out."""
        return int(self.used.units["input_tokens"]), int(self.used.units["output_tokens"])

    @property
    def pieces(self) -> list[str]:
        """The text as it is streamed."""
        return [self.text[at : at + 40] for at in range(0, len(self.text), 40)] or [""]


async def write(ask: Ask, call: Call, world: World) -> Written:
    """Answer, or refuse, or break what was asked to be JSON, as the call's fault says."""
    if call.meets(Fault.REFUSAL):
        return _written(REFUSAL, ask, call, refused=True)
    if ask.schema is None or ("properties" not in ask.schema and not ask.tool):
        ask = replace(ask, schema=_told(ask.prompt) or ask.schema)
    if ask.schema is None:
        text = await world.writer.text(ask.prompt)
    else:
        value = await world.writer.structured(ask.prompt, ask.schema)
        text = dumps({"answer": "as you wish"} if call.meets(Fault.WRONG_SHAPE) else value).decode()
    if call.meets(Fault.BROKEN_JSON):
        text = text[: len(text) * 2 // 3].rstrip('"}] ') + ' "'
    return _written(text, ask, call)


def _written(text: str, ask: Ask, call: Call, *, refused: bool = False) -> Written:
    units = {"input_tokens": tokens(text_of(dict(call.body))), "output_tokens": tokens(text)}
    return Written(text=text, used=Used(model=ask.model, units=units), refused=refused)


def _told(prompt: str) -> Mapping[str, Any] | None:
    """The schema that stands in the words of a prompt, if one does."""
    decoder = json.JSONDecoder()
    for found in re.finditer(r"\{", prompt):
        try:
            value, _ = decoder.raw_decode(prompt, found.start())
        except ValueError:
            continue
        return value if isinstance(value, dict) and "properties" in value else None
    return None


def tokens(text: str) -> int:
    """About as many tokens as a text has: one for four characters."""
    return max(1, round(len(text) / 4))


def plain_text(content: Any) -> str:
    """The words of a message's content, which is a text or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return ""
