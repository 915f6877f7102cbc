"""What a vendor's text request asks for, whatever the protocol, and what an answer to it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
