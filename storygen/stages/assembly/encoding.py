"""Frames become one file: pieces side by side, put together without encoding again."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from storygen.media.glances import SUFFIX
from storygen.media.picture import Look
from storygen.media.render import concat_list, piece_command, pieces, stitch_command
from storygen.settings import FilmSettings
from storygen.stages.base import Tools
from storygen.story import Segment


async def encode(look: Look, tools: Tools, film: FilmSettings, folder: Path) -> Segment:
    """Render what a scene shows between its seams, piece by piece, then put the pieces into one file."""
    cut = pieces(look)
    files = [folder / f"piece-{number}.mp4" for number in range(len(cut))]
    commands = [piece_command(look, piece, film, file) for piece, file in zip(cut, files, strict=True)]
    await _together([tools.ffmpeg(command) for command in commands])
    video, frames = folder / "segment.mp4", sum(piece.frames for piece in cut)
    glances = _together_in(video.with_suffix(SUFFIX), [file.with_suffix(SUFFIX) for file in files])
    if len(files) == 1:
        files[0].replace(video)
    else:
        listed = folder / "pieces.txt"
        fps = look.frame.fps
        listed.write_text(concat_list([file.name for file in files], [piece.frames / fps for piece in cut]))
        await tools.ffmpeg(stitch_command(listed, fps, frames / fps, video))
        for file in (listed, *files):
            file.unlink()
    return Segment(video=video, frames=frames, before=look.before, after=look.after, glances=glances)


def _together_in(whole: Path, parts: Sequence[Path]) -> Path:
    """Put small files one after the other into one, and remove them."""
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))
    for part in parts:
        part.unlink()
    return whole


async def _together(work: Sequence[Coroutine[Any, Any, object]]) -> None:
    """Run side by side; when one fails, end the others and raise its error."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
