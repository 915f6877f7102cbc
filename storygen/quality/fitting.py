"""Whether a story fits the language that it is to be spoken in, noticed before anything is made."""

from __future__ import annotations

from collections.abc import Iterable

from storygen.quality.languages import compare
from storygen.story import Brief, Script


def strange_language(story: Brief | Script | None) -> str:
    """What is doubtful about the language of a story, in words; empty where it fits or nothing can be said."""
    if story is None:
        return ""
    text = story.topic if isinstance(story, Brief) else "\n".join(_spoken(story))
    guess = compare(text, story.language)
    if guess.fits:
        return ""
    if guess.foreign:
        return f"a voice for {story.language} cannot read the text ({guess.reason})"
    return f"the text is to be spoken in {story.language}, but {guess.reason}"


def _spoken(script: Script) -> Iterable[str]:
    return (line.text for scene in script.scenes for line in scene.lines)
