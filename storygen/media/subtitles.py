"""Cues as files: SRT and VTT for players, ASS for burning in, in a style and with the spoken word lit."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from storygen.media.fonts import ass_sheet, ass_text, font_file, runs
from storygen.media.layout import subtitle_box
from storygen.media.palettes import Colour
from storygen.media.styles import STYLES, Style
from storygen.settings import SubtitleSettings
from storygen.story import Cue, Frame, Word

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont
    from pysubs2 import SSAFile

_EM_SHARE = 2816 / 3408  # of ASS's font size, which counts ascender and descender (Inter's tables)
_EM_PER_COLUMN = 0.52  # of prose in Inter Bold; a line that needs more is set smaller
_FADE_MS, _POP_MS, _POP_FROM = 70, 120, 78
_BOX_AROUND_ALL = 4  # libass's own style of border; its shadow is how far the box stands out
_JOINER = "\u2060"  # has no width, and parts what a reader would take for markup


def columns_that_fit(frame: Frame, settings: SubtitleSettings | None = None) -> int:
    """How many characters of common prose stand in one line of the subtitles, in the style of the settings."""
    style = STYLES[(settings or SubtitleSettings()).style]
    room = subtitle_box(frame).width - 2 * style.padding * _em(frame, style)
    return min(style.most_columns, max(10, int(room / (_em(frame, style) * _EM_PER_COLUMN))))


def write_ass(cues: Sequence[Cue], frame: Frame, path: Path, settings: SubtitleSettings, place: str = "low") -> None:
    """Write cues for burning in, in one of the places of `layout.subtitle_places`."""
    from pysubs2 import SSAEvent

    style = STYLES[settings.style]
    file = _ass_file(frame, style, place)
    for cue in cues:
        text = _sized(cue, frame, style, place)
        text += _heard(cue, style) if settings.highlight else ass_text("\n".join(cue.lines), style.family)
        file.append(SSAEvent(start=_ms(cue.start), end=_ms(cue.end), text=text, style="Default"))
    file.save(str(path), format_="ass")


def write_sidecars(
    cues: Sequence[Cue],
    frame: Frame,
    folder: Path,
    settings: SubtitleSettings,
    language: str = "",
    film: str = "film",
) -> dict[str, Path]:
    """Write `film.srt`, `film.vtt` and `film.ass`; the keys are their suffixes. A translation has no ASS file.

    Files of a translation are named by their language: `film.de.srt`; those of another `film` begin with its name.
    """
    stem = f"{film}.{language}" if language else film
    paths = {kind: folder / f"{stem}.{kind}" for kind in ("srt", "vtt")}
    write_srt(cues, paths["srt"])
    write_vtt(cues, paths["vtt"])
    if not language:
        paths["ass"] = folder / f"{stem}.ass"
        write_ass(cues, frame, paths["ass"], settings)
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
    for sign in ("\\", "{", "<", "--"):
        line = line.replace(sign, sign + _JOINER)
    return line


def _vtt_text(line: str) -> str:
    return html.escape(line.replace("\\", "\\" + _JOINER), quote=False)


def _ass_file(frame: Frame, style: Style, place: str) -> SSAFile:
    from pysubs2 import Alignment, Color, SSAStyle

    box, em = subtitle_box(frame, place), _em(frame, style)
    ground, opacity = style.box or ((0, 0, 0), 0.57)
    pad = round(style.padding * em)
    rim = round((style.outline + style.shadow) * em)
    is_filled = style.heard == "filled"
    file = ass_sheet(frame)
    file.styles["Default"] = SSAStyle(
        fontname=style.family,
        fontsize=_size(frame, style),
        bold=style.bold,
        primarycolor=Color(*(style.lit if is_filled else style.text)),
        secondarycolor=Color(*style.text),
        outlinecolor=Color(12, 12, 20, 20),
        backcolor=Color(*ground, round(255 * (1 - opacity))),
        borderstyle=_BOX_AROUND_ALL if style.box else 1,
        outline=round(em * style.outline, 2),
        shadow=float(pad) if style.box else round(em * style.shadow, 2),
        alignment=Alignment.BOTTOM_CENTER,
        marginl=box.left + pad,
        marginr=frame.width - box.right + pad,
        marginv=frame.height - box.bottom + pad + rim,
        encoding=-1,
    )
    return file


def _sized(cue: Cue, frame: Frame, style: Style, place: str) -> str:
    """The tags that set a cue as small as its box needs it, and let it pop up."""
    box, size, em = subtitle_box(frame, place), _size(frame, style), _em(frame, style)
    pad, rim = 2 * style.padding * em, 2 * (style.outline + style.shadow) * em
    across = (box.width - pad) / max(1.0, _widest(cue, frame, style))
    share = min(across, (box.height - pad - rim) / (size * len(cue.lines)))
    tags = f"\\fs{size * share:.1f}" if share < 1 - 0.5 / size else ""
    if style.pops:
        tags += f"\\fscx{_POP_FROM}\\fscy{_POP_FROM}\\t(0,{_POP_MS},\\fscx100\\fscy100)"
    return f"{{{tags}}}" if tags else ""


def _heard(cue: Cue, style: Style) -> str:
    """The cue's text in which each word stands out as it is heard; what precedes the words names the speaker."""
    words = list(cue.words)
    said = _Filling(style) if style.heard == "filled" else _Lighting(style)
    parts: list[str] = []
    for line in cue.lines:
        rest, text = line, ""
        while words and (place := rest.find(words[0].text)) >= 0:
            text += said.between(rest[:place]) + said.word(words[0], cue)
            rest = rest[place + len(words.pop(0).text) :]
        parts.append(text + said.between(rest))
    return "\\N".join(parts)


class _Lighting:
    """Words that take colour when they begin and lose it when they end."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._plain, self._lit = _tint(style.text), _tint(style.lit)

    def between(self, text: str) -> str:
        return f"{{{_tint(self._style.label)}}}{ass_text(text, self._style.family)}" if text.strip() else text

    def word(self, word: Word, cue: Cue) -> str:
        begin, end = _ms(word.start - cue.start), _ms(word.end - cue.start)
        said = ass_text(word.text, self._style.family)
        if end <= 0 or begin >= _ms(cue.end - cue.start):
            return f"{{{self._plain}}}{said}"
        begin = max(0, begin)
        dark = max(end, begin + _FADE_MS)
        light = f"\\t({begin},{begin + _FADE_MS},{self._lit})\\t({dark},{dark + _FADE_MS},{self._plain})"
        return f"{{{self._plain}{light}}}{said}"


class _Filling:
    """Words that fill with colour from their beginning to their end: karaoke tags, whose times follow each other."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._told = 0  # hundredths of a second of the cue that the tags so far account for

    def between(self, text: str) -> str:
        if not text.strip():
            return text
        label = f"{{\\k0{_tint(self._style.label)}}}{ass_text(text, self._style.family)}"
        return f"{label}{{{_tint(self._style.lit)}}}"

    def word(self, word: Word, cue: Cue) -> str:
        begin = max(self._told, round(100 * (word.start - cue.start)))
        end = max(begin, round(100 * (word.end - cue.start)))
        wait, self._told = begin - self._told, end
        return f"{{\\k{wait}\\kf{end - begin}}}{ass_text(word.text, self._style.family)}"


def _tint(colour: Colour) -> str:
    red, green, blue = colour
    return f"\\1c&H{blue:02X}{green:02X}{red:02X}&"


def _em(frame: Frame, style: Style) -> float:
    """The size of the type in pixels: a 22nd of the width of an upright picture, a 20th of the height of a wide one."""
    return style.size * min(frame.width / 22, frame.height / 20)


def _size(frame: Frame, style: Style) -> float:
    return round(_em(frame, style) / _EM_SHARE, 1)


def _widest(cue: Cue, frame: Frame, style: Style) -> float:
    """Pixels of the widest line, with its outline."""
    em = _em(frame, style)
    widths = (sum(_advance(piece, family) for piece, family in runs(line, style.family)) for line in cue.lines)
    return (max(widths) + 2 * (style.outline + style.shadow)) * em


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
