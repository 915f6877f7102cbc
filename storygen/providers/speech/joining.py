"""How the parts of a scene that were spoken one by one become one take."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from storygen.media.audio import join_wavs
from storygen.media.speech import pause_share
from storygen.story import Line, Word

_SAME_SPEAKER = 0.6  # of the pause between lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A stretch that was spoken: its mono 16-bit file, the frames it takes with the pause behind it, and its words.

    `written` are the words as (line, text), `slots` the start and end of each in seconds from the start of the part;
    `slots` is None where the voice does not tell.
    """

    audio: Path
    rate: int
    frames: int
    written: tuple[tuple[int, str], ...]
    slots: tuple[tuple[float, float], ...] | None

    @property
    def seconds(self) -> float:
        """How long it takes, with its pause."""
        return self.frames / self.rate


def pause_behind(lines: Sequence[Line], index: int, pause_seconds: float) -> float:
    """Seconds of silence behind a line: none behind the last, less where the same speaker goes on.

    How long it is follows how the line ends; a vendor's stored takes keep the pauses that they were spoken with.
    """
    following = next((line for line in lines[index + 1 :] if line.text.split()), None)
    if following is None:
        return 0.0
    same = following.speaker.casefold() == lines[index].speaker.casefold()
    return pause_seconds * pause_share(lines[index].text) * (_SAME_SPEAKER if same else 1.0)


async def join(parts: Sequence[Part], take: Path) -> tuple[Word, ...]:
    """Write the parts one after the other into `take`, delete their files, and return when each word is heard.

    There are no words where any part does not tell.
    """
    await asyncio.to_thread(join_wavs, [(part.audio, part.frames) for part in parts], take)
    for part in parts:
        part.audio.unlink()
    if any(part.slots is None for part in parts):
        return ()
    offsets = accumulate((part.seconds for part in parts), initial=0.0)
    return tuple(word for part, offset in zip(parts, offsets, strict=False) for word in _placed(part, offset))


def _placed(part: Part, offset: float) -> list[Word]:
    """The words of a part whose sound begins at `offset` seconds."""
    pairs = zip(part.written, part.slots or (), strict=True)
    return [Word(text=text, start=offset + a, end=offset + b, line=line) for (line, text), (a, b) in pairs]
