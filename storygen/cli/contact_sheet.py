"""`storygen contact-sheet`: some moments of a film on one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_TIME_LIMIT = 600.0


def contact_sheet(
    film: Annotated[Path, typer.Argument(help="A film.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The picture, PNG or JPEG by its name.")] = Path("contact-sheet.jpg"),
    frames: Annotated[int, typer.Option(min=1, max=64, help="How many moments.")] = 12,
    columns: Annotated[int, typer.Option(min=1, max=64, help="How many side by side.")] = 6,
    width: Annotated[int, typer.Option(min=32, max=1920, help="Width of each, in pixels.")] = 240,
) -> None:
    """Put moments of FILM, spread evenly over it, side by side on one picture."""
    import asyncio
    from functools import partial

    from storygen.configuration import load
    from storygen.errors import CallerMistake, InvalidOutput
    from storygen.media import contact, ffmpeg, probe

    if not film.is_file():
        raise CallerMistake(f"{str(film)!r} is not a file", hint="Name a film that exists.")
    if out.suffix.lower() not in {".png", ".jpg", ".jpeg"}:
        raise CallerMistake(f"--out: {out.name!r} is no PNG or JPEG", hint="Name it .png or .jpg.")
    settings = load()
    binary = ffmpeg.find_binary(settings.ffmpeg_path)
    run = partial(ffmpeg.run, binary=binary, timeout=_TIME_LIMIT, stall_after=settings.run.stall_seconds)

    async def work() -> None:
        media = await probe.probe(film, run)
        if not media.video:
            raise CallerMistake(f"{film.name!r} has no picture", hint="Name a film that is seen.")
        times = contact.moments(media.seconds, frames)
        await run(contact.sheet_command(film, times, min(columns, frames), width, out))

    try:
        asyncio.run(work())
    except InvalidOutput as error:
        raise CallerMistake(error.message, hint=error.hint) from error
    typer.echo(str(out))
