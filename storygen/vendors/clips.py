"""Clips behind the simulated vendors: a painted card that is slowly come closer to, as a small MP4 file."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from storygen.media import ffmpeg
from storygen.vendors.pictures import Painter
from storygen.vendors.sound import run_ffmpeg

_LOOKS = 3  # pictures that clips are made of: a clip is dear to make, and its content matters to nobody
_FPS = 24


class Filmer:
    """Films; what was filmed once is kept."""

    def __init__(self, folder: Path, painter: Painter) -> None:
        self._folder = folder
        self._painter = painter
        self._filmed: dict[str, bytes] = {}
        self._lock = asyncio.Lock()

    async def film(self, prompt: str, ratio: str, seconds: float) -> bytes:
        """A clip of exactly `seconds`, of the pixels that a ratio such as "720:1280" names."""
        look = int(hashlib.sha256(prompt.encode()).hexdigest()[:8], 16) % _LOOKS
        key = f"{ratio.replace(':', 'x')}-{seconds:g}-{look}"
        async with self._lock:
            if key not in self._filmed:
                self._filmed[key] = await self._make(key, look, ratio, seconds)
        return self._filmed[key]

    async def _make(self, key: str, look: int, ratio: str, seconds: float) -> bytes:
        width, height = (int(side) for side in ratio.split(":"))
        still, out = self._folder / f"{key}.png", self._folder / f"{key}.mp4"
        themes = ("the sea at night", "a city street", "mountains in the morning")
        picture = await self._painter.paint(themes[look], width // 2, height // 2)
        await asyncio.to_thread(still.write_bytes, picture)
        frames = round(seconds * _FPS)
        zoom = f"zoompan=z=1+0.15*on/{frames}:d={frames}:s={width}x{height}:fps={_FPS},format=yuv420p"
        read = ("-f", "png_pipe", "-i", ffmpeg.local(still), "-vf", zoom, "-frames:v", str(frames))
        coded = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "30", "-movflags", "+faststart", "-f", "mp4")
        await run_ffmpeg(ffmpeg.Command(step="render", args=(*read, *coded, ffmpeg.local(out)), seconds=seconds))
        data = await asyncio.to_thread(out.read_bytes)
        still.unlink()
        out.unlink()
        return data
