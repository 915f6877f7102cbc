"""Frames become one file: pieces side by side, put together without encoding again."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from storygen.media.render import Look, concat_list, piece_command, pieces, stitch_command
from storygen.settings import FilmSettings
from storygen.stages.base import Tools
from storygen.story import Segment


async def encode(look: Look, cores: int, tools: Tools, film: FilmSettings, folder: Path) -> Segment:
    """Render the pieces side by side, then put them into one file."""
    cut = pieces(look.frames, look.frame.fps, cores)
    files = [folder / f"piece-{number}.mp4" for number in range(len(cut))]
    commands = [piece_command(look, piece, film, file) for piece, file in zip(cut, files, strict=True)]
    await _together([tools.ffmpeg(command) for command in commands])
    video = folder / "segment.mp4"
    if len(files) == 1:
        files[0].replace(video)
    else:
        listed = folder / "pieces.txt"
        fps = look.frame.fps
        listed.write_text(concat_list([file.name for file in files], [piece.frames / fps for piece in cut]))
        await tools.ffmpeg(stitch_command(listed, fps, look.frames / fps, video))
        for file in (listed, *files):
            file.unlink()
    return Segment(video=video, frames=look.frames)


async def _together(work: Sequence[Coroutine[Any, Any, object]]) -> None:
    """Run side by side; when one fails, end the others and raise its error."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
