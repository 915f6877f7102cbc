"""The rows that belong to one label of a script, and the lines that are spoken in them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from storygen.scripts.drafts import utterances
from storygen.scripts.labels import Label, Role, manner_of, person, speaker_and_manner
from storygen.story import NARRATOR, Line, LineKind

_MANNER = re.compile(r"[*_]?\(([^()]{1,80})\)[*_]?\s+")
_SOUND_WORDS = re.compile(r"\b(?:sfx|music|sounds?|effects?|ambien\w+|score)\b", re.IGNORECASE)


@dataclass(slots=True)
class Block:
    """Rows that belong to one label; `inline` when text stood beside the label."""

    role: Role
    rows: list[str]
    speaker: str = NARRATOR
    manner: str = ""
    inline: bool = False
    gap: bool = False


def block_of(label: Label) -> Block:
    """The block that a label begins."""
    first = [label.rest] if label.rest else []
    block = Block(role=label.role or Role.DIALOGUE, rows=first, inline=bool(first))
    if label.role is None:
        return replace(block, speaker=person(label.name), manner=manner_of(label.arguments))
    if label.role is Role.SOUND or (label.role is Role.AUDIO and _SOUND_WORDS.search(label.arguments)):
        return replace(block, role=Role.DIRECTION, rows=[f"{label.arguments or label.name}: {label.rest}"])
    speaker, manner = speaker_and_manner(label.arguments)
    return replace(
        block, role=Role.NARRATION if label.role is Role.AUDIO else label.role, speaker=speaker, manner=manner
    )


def spoken_lines(block: Block) -> list[Line]:
    """What a block of narration or dialogue says, each with the manner that an aside before it names."""
    kind = LineKind.DIALOGUE if block.role is Role.DIALOGUE else LineKind.NARRATION
    lines = []
    for text in utterances(block.rows):
        manner = block.manner
        aside = _MANNER.match(text)
        if aside:
            manner = aside[1].strip()
        lines.append(Line(text=text[aside.end() if aside else 0 :], speaker=block.speaker, manner=manner, kind=kind))
    return lines
