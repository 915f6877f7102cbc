"""Cues as files: SRT and VTT for players, ASS for burning in, with the spoken word lit."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from storygen.media.fonts import SANS, ass_sheet, ass_text, font_file, runs
from storygen.media.layout import subtitle_box
from storygen.settings import SubtitleSettings
from storygen.story import Cue, Frame, Word

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont
    from pysubs2 import SSAFile

_EM_SHARE = 2816 / 3408  # of ASS's font size, which counts ascender and descender (Inter's tables)
_EM_PER_COLUMN = 0.52  # of prose in Inter Bold; a line that needs more is set smaller
_WHITE, _LIT, _LABEL = "&HFFFFFF&", "&H3FD0FF&", "&HF2D9B8&"  # blue, green, red
_FADE_MS = 70
_JOINER = "\u2060"  # has no width, and parts what a reader would take for markup


def columns_that_fit(frame: Frame) -> int:
    """How many characters of common prose stand in one line of the subtitles."""
    return max(10, int(subtitle_box(frame).width / (_em(frame) * _EM_PER_COLUMN)))


def write_ass(cues: Sequence[Cue], frame: Frame, path: Path, *, highlight: bool) -> None:
    """Write cues for burning in: bold white with a dark outline at the bottom of the subtitles' box."""
    from pysubs2 import SSAEvent

    file = _ass_file(frame)
    for cue in cues:
        size = _size(frame) * min(1.0, subtitle_box(frame).width / max(1.0, _widest(cue, frame)))
        smaller = "" if size > _size(frame) - 0.5 else f"{{\\fs{size:.1f}}}"
        text = smaller + (_lit_text(cue) if highlight else ass_text("\n".join(cue.lines), SANS))
        file.append(SSAEvent(start=_ms(cue.start), end=_ms(cue.end), text=text, style="Default"))
    file.save(str(path), format_="ass")


def write_sidecars(
    cues: Sequence[Cue], frame: Frame, folder: Path, settings: SubtitleSettings, stem: str = "film"
) -> dict[str, Path]:
    """Write `film.srt`, `film.vtt` and `film.ass`, or under another `stem`; the keys are their suffixes."""
    paths = {kind: folder / f"{stem}.{kind}" for kind in ("srt", "vtt", "ass")}
    write_srt(cues, paths["srt"])
    write_vtt(cues, paths["vtt"])
    write_ass(cues, frame, paths["ass"], highlight=settings.highlight)
    return paths


def write_srt(cues: Sequence[Cue], path: Path) -> None:
    """Write cues as SRT."""
    _plain_file(cues, _srt_text).save(str(path), format_="srt", keep_ssa_tags=True)


def write_vtt(cues: Sequence[Cue], path: Path) -> None:
    """Write cues as WebVTT."""
    _plain_file(cues, _vtt_text).save(str(path), format_="vtt", keep_ssa_tags=True)


def _plain_file(cues: Sequence[Cue], text_of: Callable[[str], str]) -> SSAFile:
    from pysubs2 import SSAEvent, SSAFile

    file = SSAFile()
    for cue in cues:
        text = "\\N".join(text_of(line) for line in cue.lines)
        file.append(SSAEvent(start=_ms(cue.start), end=_ms(cue.end), text=text))
    return file


def _srt_text(line: str) -> str:
    """SRT knows no escapes: signs that players take for markup are parted from what follows."""
    for sign in ("\\", "<", "--"):
        line = line.replace(sign, sign + _JOINER)
    return line


def _vtt_text(line: str) -> str:
    return html.escape(line.replace("\\", "\\" + _JOINER), quote=False)


def _ass_file(frame: Frame) -> SSAFile:
    from pysubs2 import Alignment, Color, SSAStyle

    box, em = subtitle_box(frame), _em(frame)
    file = ass_sheet(frame)
    file.styles["Default"] = SSAStyle(
        fontname=SANS,
        fontsize=_size(frame),
        bold=True,
        primarycolor=Color(255, 255, 255),
        outlinecolor=Color(12, 12, 20, 20),
        backcolor=Color(0, 0, 0, 110),
        outline=round(em * 0.085, 2),
        shadow=round(em * 0.05, 2),
        alignment=Alignment.BOTTOM_CENTER,
        marginl=box.left,
        marginr=frame.width - box.right,
        marginv=frame.height - box.bottom,
        encoding=-1,
    )
    return file


def _lit_text(cue: Cue) -> str:
    """The cue's text in which each word is lit while it is heard; what precedes the words names the speaker."""
    words = list(cue.words)
    parts: list[str] = []
    for line in cue.lines:
        rest, text = line, ""
        while words and (place := rest.find(words[0].text)) >= 0:
            text += _unlit(rest[:place]) + _lit(words[0], cue)
            rest = rest[place + len(words.pop(0).text) :]
        parts.append(text + _unlit(rest))
    return "\\N".join(parts)


def _unlit(text: str) -> str:
    if not text.strip():
        return text
    return f"{{\\1c{_LABEL}}}{ass_text(text, SANS)}"


def _lit(word: Word, cue: Cue) -> str:
    """One word that takes colour when it begins and loses it when it ends."""
    begin, end = _ms(word.start - cue.start), _ms(word.end - cue.start)
    base = f"\\1c{_WHITE}"
    if end <= 0 or begin >= _ms(cue.end - cue.start):
        return f"{{{base}}}{ass_text(word.text, SANS)}"
    begin = max(0, begin)
    light = f"\\t({begin},{begin + _FADE_MS},\\1c{_LIT})"
    dark = f"\\t({max(end, begin + _FADE_MS)},{max(end, begin + _FADE_MS) + _FADE_MS},\\1c{_WHITE})"
    return f"{{{base}{light}{dark}}}{ass_text(word.text, SANS)}"


def _em(frame: Frame) -> float:
    """The size of the type in pixels: a 22nd of the width of an upright picture, a 20th of the height of a wide one."""
    return min(frame.width / 22, frame.height / 20)


def _size(frame: Frame) -> float:
    return round(_em(frame) / _EM_SHARE, 1)


def _widest(cue: Cue, frame: Frame) -> float:
    """Pixels of the widest line, with its outline."""
    em = _em(frame)
    return max(sum(_advance(piece, family) for piece, family in runs(line, SANS)) * em for line in cue.lines) + 0.2 * em


@lru_cache(maxsize=4096)
def _advance(text: str, family: str) -> float:
    """The width of a text in ems."""
    return _font(family).getlength(text) / 100


@lru_cache(maxsize=16)
def _font(family: str) -> FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.truetype(str(font_file(family, bold=True)), 100)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
