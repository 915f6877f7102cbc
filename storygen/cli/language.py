"""What is said of a source whose text does not fit the language of its voice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storygen.scripts import Reading


def with_language(reading: Reading) -> Reading:
    """The reading with a warning, in front, where a voice of its language would misread the text."""
    from storygen.quality.fitting import strange_language
    from storygen.scripts.base import warning

    said = strange_language(reading.brief or reading.script)
    if not said:
        return reading
    hint = "name the language of the text with --language, such as --language de"
    if reading.format in {"json", "yaml"}:
        hint = "name the language of the text with `language:` in it, or with --language"
    return replace(reading, issues=(warning(0, said, hint), *reading.issues))
