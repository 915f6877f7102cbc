"""The typefaces that storygen carries, which of them draws which character, and text made safe for ASS.

A machine may have no font at all, so nothing here asks the system unless a character is in none of the carried files
(Chinese, Japanese, Korean and a few more: too large to carry). ASS styles that hold text of people set `Encoding` to
-1, which makes libass find the direction of each line by its first strong letter; with another value mixed text comes
out in the wrong order.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from storygen.story import Frame

if TYPE_CHECKING:
    from pysubs2 import SSAFile

FONT_DIR = Path(__file__).parent / "typefaces"

SANS = "Inter"
SANS_SEMIBOLD = "Inter Semi Bold"
MONO = "JetBrains Mono"
EMOJI = "Noto Emoji"

_FILES: dict[str, tuple[str, str]] = {
    SANS: ("Inter-Regular.otf", "Inter-Bold.otf"),
    SANS_SEMIBOLD: ("Inter-SemiBold.otf", "Inter-Bold.otf"),
    MONO: ("JetBrainsMono-Regular.ttf", "JetBrainsMono-Bold.ttf"),
    "Noto Sans Hebrew": ("NotoSansHebrew-Regular.ttf", "NotoSansHebrew-Bold.ttf"),
    "Noto Sans Arabic": ("NotoSansArabic-Regular.ttf", "NotoSansArabic-Bold.ttf"),
    EMOJI: ("NotoEmoji-Regular.ttf", "NotoEmoji-Regular.ttf"),
    "DejaVu Sans": ("DejaVuSans.ttf", "DejaVuSans.ttf"),
}
_FALLBACKS = ("Noto Sans Hebrew", "Noto Sans Arabic", EMOJI, "DejaVu Sans")

_SYSTEM_FOLDERS = (
    "~/.local/share/fonts",
    "~/.fonts",
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/Library/Fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    "C:/Windows/Fonts",
)
_SYSTEM_FILES = frozenset(
    {
        "notosanscjk-regular.ttc",
        "notosanscjksc-regular.otf",
        "notosanscjkjp-regular.otf",
        "notosanscjkkr-regular.otf",
        "sourcehansans-regular.ttc",
        "droidsansfallbackfull.ttf",
        "droidsansfallback.ttf",
        "wqy-microhei.ttc",
        "wqy-zenhei.ttc",
        "hiragino sans gb.ttc",
        "applesdgothicneo.ttc",
        "arial unicode.ttf",
        "msyh.ttc",
        "yugothr.ttc",
        "malgun.ttf",
        "nirmala.ttf",
        "nirmala.ttc",
        "notosansdevanagari-regular.ttf",
        "notosansbengali-regular.ttf",
        "notosanstamil-regular.ttf",
        "notosanstelugu-regular.ttf",
        "notosansthai-regular.ttf",
        "notosansgeorgian-regular.ttf",
        "notosansethiopic-regular.ttf",
        "notosanssymbols-regular.ttf",
        "notosanssymbols2-regular.ttf",
    }
)

_EMOJI_LOOK = "\ufe0f"
_JOINER = "\u200d"
_BREAKS = str.maketrans(dict.fromkeys("\r\v\f\x85\u2028\u2029", "\n") | {"\t": "    "})


def font_file(family: str, *, bold: bool = False) -> Path:
    """The file that holds `family`: a carried one, or one that `runs` found on this machine."""
    if family in _FILES:
        return FONT_DIR / _FILES[family][bold]
    return _system_fonts()[family]


def runs(text: str, family: str) -> list[tuple[str, str]]:
    """Cut `text` into pieces, each with the family that can draw it: `family`, or else the first fallback that can.

    Letters stay with their marks and emoji sequences with their parts; spaces stay with what is before them. What
    nobody can draw stays with `family`, which draws its box for the unknown.
    """
    if text.isascii():
        return [(text, family)] if text else []
    found: list[tuple[str, str]] = []
    for cluster in clusters(text):
        last = found[-1] if found else None
        if last and last[1] != EMOJI and cluster.isspace() and _can_draw(last[1], cluster):
            chosen = last[1]  # though not in emoji, whose space is as wide as a face
        else:
            chosen = _family_for(cluster, family) or family
        if last and last[1] == chosen:
            found[-1] = (last[0] + cluster, chosen)
        else:
            found.append((cluster, chosen))
    return found


def covers(text: str) -> tuple[str, ...]:
    """The characters of `text` that no font at hand can draw, each once; empty where all is well."""
    if text.isascii():
        return ()
    visible = dict.fromkeys(character for character in text if not is_invisible(character))
    return tuple(character for character in visible if _family_for(character, SANS) is None)


def clean(text: str) -> str:
    """`text` with newlines as its only control characters, tabs as spaces, and lone surrogates as the unknown sign."""
    text = text.replace("\r\n", "\n").translate(_BREAKS)
    if text.isprintable():
        return text
    kept = (c for c in text if c == "\n" or unicodedata.category(c) != "Cc")
    return "".join("\ufffd" if unicodedata.category(c) == "Cs" else c for c in kept)


def ass_text(text: str, family: str) -> str:
    r"""`text` as the text of an ASS event whose style uses `family`: every character is data, newlines become `\N`.

    Characters that the family lacks are set in one that has them. Braces and backslashes are shown; control characters
    go, and lone surrogates, which no file can hold, become the sign for the unknown.
    """
    parts: list[str] = []
    set_in = family
    for piece, chosen in runs(clean(text), family):
        if chosen != set_in:
            parts.append(f"{{\\fn{chosen}}}")
            set_in = chosen
        parts.append(_escape(piece))
    if set_in != family:
        parts.append(f"{{\\fn{family}}}")
    return "".join(parts)


def _escape(text: str) -> str:
    # libass knows \{ and \}, but no escaped backslash: a word joiner, which has no width, parts it from what follows
    text = text.replace("\\", "\\\u2060")
    return text.replace("{", "\\{").replace("}", "\\}").replace("\n", "\\N")


def clusters(text: str) -> Iterator[str]:
    """Each character with the marks, joiners and modifiers that belong to it."""
    cluster = ""
    for character in text:
        if cluster and (cluster[-1] == _JOINER or _extends(character)):
            cluster += character
            continue
        if cluster:
            yield cluster
        cluster = character
    if cluster:
        yield cluster


def _extends(character: str) -> bool:
    return (
        unicodedata.category(character) in ("Mn", "Me", "Mc")
        or character == _JOINER
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
    )


def is_invisible(character: str) -> bool:
    """Whether a character only steers others: joiners, directions, looks of emoji, controls."""
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") or "\ufe00" <= character <= "\ufe0f"


def _family_for(cluster: str, family: str) -> str | None:
    """The first family that can draw the whole cluster, else the one that can draw its first character."""
    if _EMOJI_LOOK in cluster and _can_draw(EMOJI, cluster):
        return EMOJI
    for candidate in (family, *_FALLBACKS):
        if _can_draw(candidate, cluster):
            return candidate
    for candidate in _system_fonts():
        if _can_draw(candidate, cluster):
            return candidate
    return _family_for(cluster[0], family) if len(cluster) > 1 else None


def _can_draw(family: str, cluster: str) -> bool:
    known = _characters(family)
    return all(ord(character) in known or is_invisible(character) for character in cluster)


@lru_cache(maxsize=64)
def _characters(family: str) -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with font_file(family).open("rb") as file, TTFont(file, lazy=True, fontNumber=0) as font:
        return frozenset(font.getBestCmap())


@lru_cache(maxsize=1)
def _system_fonts() -> dict[str, Path]:
    """Fonts of this machine for what is too large to carry: family and file, best known first."""
    from fontTools.ttLib import TTFont, TTLibError

    found: dict[str, Path] = {}
    for folder in _SYSTEM_FOLDERS:
        for where, _, names in os.walk(Path(folder).expanduser()):
            for name in sorted(names):
                if name.lower() not in _SYSTEM_FILES:
                    continue
                path = Path(where, name)
                try:
                    with path.open("rb") as file, TTFont(file, lazy=True, fontNumber=0) as font:
                        font.getBestCmap()
                        family = str(font["name"].getDebugName(1))
                except (OSError, TTLibError, ValueError, KeyError):
                    continue
                found.setdefault(family, path)
    return found


def ass_sheet(frame: Frame) -> SSAFile:
    """An empty ASS file that measures in pixels of the frame and breaks lines only where it is told to."""
    from pysubs2 import SSAFile

    file = SSAFile()
    file.info |= {
        "PlayResX": str(frame.width),
        "PlayResY": str(frame.height),
        "WrapStyle": "2",
        "ScaledBorderAndShadow": "yes",
        "YCbCr Matrix": "TV.709",
    }
    return file
