"""Settings of the files that a film becomes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from storygen.settings.base import Group, split

Format = Literal["mp4", "webm", "audio"]


def _once(formats: tuple[Format, ...]) -> tuple[Format, ...]:
    return tuple(dict.fromkeys(formats))


class OutputSettings(Group):
    """The files that a film becomes."""

    formats: Annotated[
        tuple[Format, ...], NoDecode, BeforeValidator(split), AfterValidator(_once), Field(min_length=1)
    ] = ("mp4",)
    """Kinds of files: mp4, webm (VP9 and Opus, which takes several times as long to make), audio (M4A)."""
