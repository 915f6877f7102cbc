"""A card that says in plain words what broke: what a film shows that could not be made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storygen.media.cards import Card, paint
from storygen.media.fonts import SANS, ass_text
from storygen.media.layout import Box, still_title_box, subtitle_box
from storygen.story import Frame, Mood

if TYPE_CHECKING:
    from pysubs2 import SSAFile

FORMAT = 1  # raise it when the same words look different
_MOST_REASONS, _LONGEST = 3, 260
_EM_SHARE = 2816 / 3408  # of ASS's font size, which counts ascender and descender (Inter's tables)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is said: the film's title, why it is not here, and what to do."""

    title: str
    reasons: tuple[str, ...]
    advice: str
    frame: Frame


def post(notice: Notice, picture: Path, words: Path, seconds: float) -> None:
    """Paint the card, and write the words that stand on it as ASS events."""
    heading = "This film could not be made"
    card = Card(
        picture="fog over hills",
        title=heading,
        subtitle=notice.title,
        mood=Mood.DARK,
        frame=notice.frame,
        number=1,
    )
    place = still_title_box(notice.frame, paint(card, picture))
    _write(notice, place, words, seconds)


def _write(notice: Notice, place: Box, path: Path, seconds: float) -> None:
    from pysubs2 import SSAEvent

    said = [_short(reason) for reason in notice.reasons[:_MOST_REASONS]]
    more = len(notice.reasons) - _MOST_REASONS
    if more > 0:
        said.append(f"And {more} more.")
    text = "\\N\\N".join(ass_text(line, SANS) for line in (*said, _short(notice.advice)) if line)
    file = _file(notice.frame, place, sum(map(len, said)) + len(notice.advice))
    file.append(SSAEvent(start=0, end=round(seconds * 1000), text=text, style="Default"))
    file.save(str(path), format_="ass")


def _file(frame: Frame, title: Box, letters: int) -> SSAFile:
    from pysubs2 import Alignment, Color, SSAFile, SSAStyle

    em = min(frame.width / 24, frame.height / 24) * (1.0 if letters < 300 else 0.8)
    file = SSAFile()
    file.info |= {
        "PlayResX": str(frame.width),
        "PlayResY": str(frame.height),
        "WrapStyle": "0",
        "ScaledBorderAndShadow": "yes",
        "YCbCr Matrix": "TV.709",
    }
    file.styles["Default"] = SSAStyle(
        fontname=SANS,
        fontsize=round(em / _EM_SHARE, 1),
        primarycolor=Color(255, 255, 255),
        outlinecolor=Color(12, 12, 20, 20),
        outline=round(em * 0.08, 2),
        shadow=0,
        alignment=Alignment.TOP_LEFT,
        marginl=title.left,
        marginr=frame.width - subtitle_box(frame).right,
        marginv=title.bottom + round(em),
        encoding=-1,
    )
    return file


def _short(text: str) -> str:
    line = " ".join(text.split())
    line = line[:1].upper() + line[1:]
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST].rstrip()}…"
