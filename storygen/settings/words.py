"""Settings of all text that is seen: subtitles and terminals."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from storygen.settings.base import Group, Names
from storygen.settings.film import language_tag

SubtitleStyle = Literal["clean", "boxed", "bold-pop", "karaoke"]
_MOST_LANGUAGES = 20


def _tags(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) > _MOST_LANGUAGES:
        raise ValueError(f"no more than {_MOST_LANGUAGES} languages")
    return tuple(dict.fromkeys(map(language_tag, names)))


class SubtitleSettings(Group):
    """How subtitles are cut, how they look, and where they go; they always stand beside the film, too."""

    mode: Literal["burned", "soft", "both"] = "burned"
    """Part of the picture, a track of the film that a player switches on and off, or both."""
    style: SubtitleStyle = "clean"
    """White with an outline, white in a box, large with a pop for each word, or words that fill with colour."""
    languages: Annotated[Names, AfterValidator(_tags)] = ()
    """Languages that the subtitles are translated into, as files beside the film; a text provider has to do it."""
    max_characters: int = Field(42, ge=10, le=80)
    """Longest line, in characters."""
    max_lines: int = Field(2, ge=1, le=3)
    """Most lines at once."""
    max_characters_per_second: float = Field(20.0, ge=5, le=40)
    """Fastest reading speed."""
    highlight: bool = True
    """Whether the word that is spoken stands out."""

    @property
    def is_burned(self) -> bool:
        """Whether the picture holds them."""
        return self.mode != "soft"


class TerminalSettings(Group):
    """How on-screen text is typed."""

    theme: Literal["dark", "light", "matrix", "hacker", "vscode"] = "dark"
    """Colours of the terminal."""
    characters_per_second: float = Field(22.0, ge=2, le=200)
    """Typing speed."""
    glitch: bool = False
    """Whether the text shakes for a few frames now and then; it never flashes."""
    key_sounds: bool = False
    """Whether soft keys are heard while text is typed."""
