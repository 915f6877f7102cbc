"""Pictures behind the simulated vendors: painted cards of exactly the size that was asked for."""

from __future__ import annotations

import asyncio
import hashlib
import io
from pathlib import Path

from storygen.media.cards import Card, paint
from storygen.story import Frame, Mood

_FORMATS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}


class Painter:
    """Paints a card for a prompt; what was painted once is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._painted: dict[str, bytes] = {}

    async def paint(self, prompt: str, width: int, height: int, form: str = "png") -> bytes:
        """An image of exactly `width` by `height` pixels that follows the words of the prompt."""
        key = hashlib.sha256(f"{width}x{height}.{form} {prompt}".encode()).hexdigest()[:24]
        if key not in self._painted:
            self._painted[key] = await asyncio.to_thread(self._make, key, prompt, width, height, form)
        return self._painted[key]

    def _make(self, key: str, prompt: str, width: int, height: int, form: str) -> bytes:
        from PIL import Image

        frame = Frame(width=width // 2 + width // 2 % 2, height=height // 2 + height // 2 % 2, fps=30)
        seed = int(key[:6], 16)
        card = Card(picture=prompt, title="", subtitle="", mood=Mood.CALM, frame=frame, number=2, seed=seed)
        path = self._folder / f"{key}.jpg"
        paint(card, path)
        with Image.open(path) as image:
            sized = image.resize((width, height))
        path.unlink()
        out = io.BytesIO()
        sized.save(out, _FORMATS[form], **({"compress_level": 1} if form == "png" else {"quality": 88}))
        return out.getvalue()
