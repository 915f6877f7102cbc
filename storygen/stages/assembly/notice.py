"""The film that stands in for one that could not be made."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from storygen.media.audio import RATE, silence_wav
from storygen.media.notice import FORMAT as NOTICE_FORMAT
from storygen.media.notice import Notice, post
from storygen.media.outputs import plain
from storygen.media.picture import Look
from storygen.media.render import FORMAT
from storygen.settings import FilmSettings
from storygen.stages.assembly.encoding import encode
from storygen.stages.assembly.film import put_together
from storygen.stages.assembly.sound import soundtrack
from storygen.stages.base import Tools
from storygen.story import Captions, Film, Frame, Made, Narration, Shot

_NOTICE_SECONDS = 5.0
_ADVICE = "Run it again when that is mended: what is finished is kept."


async def placeholder(
    reasons: Sequence[str], title: str, frame: Frame, tools: Tools, film: FilmSettings, hint: str = ""
) -> Made[Film]:
    """A short silent film that stands in for one that could not be made: its card says what broke and what to do."""
    notice = Notice(title=plain(title), reasons=tuple(reasons), advice=f"{hint} {_ADVICE}".strip(), frame=frame)

    async def work(folder: Path) -> Film:
        scratch = folder / "notice"
        scratch.mkdir()
        picture, words, sound = scratch / "card.jpg", scratch / "words.ass", scratch / "silence.wav"
        await tools.compute(post, notice, picture, words, _NOTICE_SECONDS)
        look = Look(
            shot=Shot(image=picture, zoom=1.0),
            overlay=None,
            captions=Captions(cues=(), ass=words),
            frame=frame,
            frames=round(_NOTICE_SECONDS * frame.fps),
        )
        segment = await encode(look, tools, film, scratch)
        silence = Narration(audio=sound, seconds=silence_wav(sound, _NOTICE_SECONDS), words=())
        silent = Made(value=silence, key="silence", provider="")
        heard = await soundtrack([silent], [round(_NOTICE_SECONDS * RATE)], tools)
        parts = [(Made(value=segment, key="", provider=""), silent)]
        made = await put_together(parts, heard.value, title, film.encoded(frame), tools, folder)
        shutil.rmtree(scratch)
        return made

    return await tools.make("join", {"format": [FORMAT, NOTICE_FORMAT], "notice": notice, **film.coding}, Film, work)
