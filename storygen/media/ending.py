"""The closing card: the film's title once more, and the end in the film's language."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storygen.media.canvas import Canvas, Point
from storygen.media.cards import CONTRAST, OVERSIZE, contrast, write
from storygen.media.fonts import covers
from storygen.media.layout import Box, end_box
from storygen.media.lettering import heading
from storygen.media.palettes import mix, palette_for
from storygen.media.scenery import SCENES
from storygen.story import Frame, Mood

if TYPE_CHECKING:
    from PIL import Image

FORMAT = 1  # raise it when closing cards look different
_SCENERY = ("lanterns", "ribbons", "rings", "paper")
_QUALITY = 93
_THE_END = {
    "ar": "النهاية", "cs": "Konec", "da": "Slut", "de": "Ende", "el": "Τέλος", "en": "The End", "es": "Fin",
    "fi": "Loppu", "fr": "Fin", "he": "הסוף", "hi": "समाप्त", "hu": "Vége", "id": "Tamat", "it": "Fine", "ja": "おわり",
    "ko": "끝", "nl": "Einde", "no": "Slutt", "pl": "Koniec", "pt": "Fim", "ro": "Sfârșit", "ru": "Конец", "sv": "Slut",
    "th": "จบ", "tr": "Son", "uk": "Кінець", "vi": "Hết", "zh": "完",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What a closing card says, in which language, and how it feels."""

    title: str
    language: str
    mood: Mood
    frame: Frame
    seed: int = 0


def the_end(language: str) -> str:
    """What stands at the end of films of a language (a BCP 47 tag); nothing where it is unknown or no font draws it."""
    words = _THE_END.get(language.lower().split("-")[0], "")
    return "" if covers(words) else words


def paint_end(ending: Ending, path: Path) -> Point:
    """Paint a closing card as a JPEG file, the same bytes for the same card, and return where the eye should go.

    Its words keep within the safe area while it grows up to `layout.LARGEST_ZOOM`.
    """
    frame = ending.frame
    digest = hashlib.sha256(f"{ending.title}\x1f{ending.seed}".encode("utf-8", "replace")).digest()
    width, height = (round(pixels * OVERSIZE / 2) * 2 for pixels in (frame.width, frame.height))
    canvas = Canvas(width, height, palette_for(ending.mood, digest[0]), int.from_bytes(digest[:8], "big"))
    SCENES[_SCENERY[digest[1] % len(_SCENERY)]](canvas)
    canvas.finish()
    _say(canvas, ending, end_box(Frame(width=canvas.width, height=canvas.height, fps=frame.fps)))
    canvas.image.save(path, "JPEG", quality=_QUALITY, subsampling=0)
    return 0.5, 0.5


def _say(canvas: Canvas, ending: Ending, box: Box) -> None:
    """The title in the middle of the box, a bar over it, the end below it, on ground that is dark enough."""
    bar = max(2, round(canvas.side * 0.0065))
    room = box.height - bar * 8
    words = heading(ending.title, the_end(ending.language), box.width, room, round(canvas.side * 0.10))
    top = box.top + bar * 8 + (room - words.used) // 2
    ink = mix(canvas.palette.light, (255, 255, 255), 0.65)
    inks = (ink, mix(ink, canvas.palette.accent, 0.35))
    ground = mix(canvas.palette.near, (0, 0, 0), 0.4)
    area = (box.left, top, box.right, top + max(1, words.used))
    for step in range(8, 20):
        shaded = canvas.image.copy()
        shaded.paste(ground, (0, 0), _evenly(canvas, step * 0.05))
        if min(contrast(one, shaded.crop(area)) for one in inks) >= CONTRAST * 1.08:
            break
    canvas.image = shaded
    write(canvas.image, words, (box.left, top), inks, canvas.palette, centred=True)
    middle = (box.left + box.right) // 2
    canvas.image.paste(canvas.palette.accent, (middle - bar * 7, top - bar * 5, middle + bar * 7, top - bar * 4))


def _evenly(canvas: Canvas, strength: float) -> Image.Image:
    from PIL import Image

    return Image.new("L", canvas.image.size, round(255 * strength))
