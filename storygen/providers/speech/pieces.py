"""A scene cut into requests: runs of lines of one speaker (or two), none longer than a vendor takes at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from storygen.errors import InvalidScript
from storygen.providers.speech.joining import pause_behind
from storygen.story import Line

_SENTENCE_ENDS = ".!?…\u3002\uff01\uff1f"  # the last three are Chinese and Japanese
_CLOSING = "\"'”’»)]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one speaker says in one go; its words are (line, text), lines are broken as they were written."""

    speaker: str
    manner: str
    words: tuple[tuple[int, str], ...]

    @property
    def text(self) -> str:
        """The words as they are sent."""
        lines = groupby(self.words, key=lambda word: word[0])
        return "\n".join(" ".join(text for _, text in words) for _, words in lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One request: its turns, and the seconds of silence behind it."""

    turns: tuple[Turn, ...]
    pause: float = 0.0

    @property
    def text(self) -> str:
        """All that is spoken."""
        return "\n".join(turn.text for turn in self.turns)

    @property
    def words(self) -> tuple[tuple[int, str], ...]:
        """All words, as (line, text)."""
        return tuple(word for turn in self.turns for word in turn.words)

    @property
    def speakers(self) -> tuple[str, ...]:
        """Who speaks, in order of appearance, as names are compared."""
        return tuple(dict.fromkeys(turn.speaker for turn in self.turns))


def cut(lines: Sequence[Line], *, limit: int, pause_seconds: float, speakers: int = 1) -> tuple[Piece, ...]:
    """The requests that speak `lines`, each of at most `limit` characters and `speakers` speakers.

    Raises `InvalidScript` where there is nothing to speak, or a single word is longer than the limit.
    """
    turns = [turn for run in _runs(lines) for turn in _short(run, limit)]
    if not turns:
        raise InvalidScript("There is nothing to speak in this scene.", hint="Give it narration or dialogue.")
    pieces = list(_together(turns, limit, speakers))
    behind = [_pause(piece, following, lines, pause_seconds) for piece, following in pairwise(pieces)]
    return tuple(replace(piece, pause=pause) for piece, pause in zip(pieces, [*behind, 0.0], strict=True))


def _runs(lines: Sequence[Line]) -> Iterator[Turn]:
    """Neighbouring lines that one speaker says in one manner."""
    spoken = [(index, line) for index, line in enumerate(lines) if line.text.split()]
    for (speaker, manner), run in groupby(spoken, key=lambda each: (each[1].speaker.casefold(), each[1].manner)):
        words = tuple((index, word) for index, line in run for word in line.text.split())
        yield Turn(speaker=speaker, manner=manner, words=words)


def _short(turn: Turn, limit: int) -> Iterator[Turn]:
    """A turn in parts that are short enough, cut where a sentence ends, else between two words."""
    words = turn.words
    while words:
        count = _fitting(words, limit)
        if count < len(words):
            ends = [at for at in range(1, count + 1) if words[at - 1][1].rstrip(_CLOSING)[-1:] in _SENTENCE_ENDS]
            count = ends[-1] if ends else count
        yield replace(turn, words=words[:count])
        words = words[count:]


def _fitting(words: Sequence[tuple[int, str]], limit: int) -> int:
    length = -1
    for count, (_, word) in enumerate(words):
        length += 1 + len(word)
        if length <= limit:
            continue
        if not count:
            raise InvalidScript(
                f"A word of {len(word):,} characters is too long to be spoken.",
                hint=f"Break it into words of at most {limit:,} characters.",
            )
        return count
    return len(words)


def _together(turns: Sequence[Turn], limit: int, speakers: int) -> Iterator[Piece]:
    """As many neighbouring turns in a piece as fit."""
    piece = Piece(turns=(turns[0],))
    for turn in turns[1:]:
        longer = replace(piece, turns=(*piece.turns, turn))
        if speakers > 1 and len(longer.speakers) <= speakers and len(longer.text) <= limit:
            piece = longer
        else:
            yield piece
            piece = Piece(turns=(turn,))
    yield piece


def _pause(piece: Piece, following: Piece, lines: Sequence[Line], pause_seconds: float) -> float:
    """None where a line was cut in the middle."""
    last = piece.words[-1][0]
    return 0.0 if following.words[0][0] == last else pause_behind(lines, last, pause_seconds)
