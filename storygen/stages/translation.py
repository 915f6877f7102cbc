"""Translation: the subtitles of a scene in another language, sentence by sentence, at the times of what is spoken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from storygen.errors import ProviderFailure
from storygen.media.captions import Limits, cut
from storygen.media.phrasing import ends_sentence
from storygen.media.subtitles import columns_that_fit
from storygen.providers.base import Capability
from storygen.providers.text.base import TranslationRequest
from storygen.quality.text import check_translation
from storygen.settings import SubtitleSettings
from storygen.stages.base import Tools
from storygen.story import Check, Cue, Frame, Made, Narration, Scene, Translated, Translation, Word


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sentence:
    """What is said between two full stops, or by one speaker, and when."""

    text: str
    start: float
    end: float
    line: int


async def translate(
    narration: Narration,
    scene: Scene,
    languages: tuple[str, str],
    frame: Frame,
    tools: Tools,
    settings: SubtitleSettings,
) -> Made[Translated]:
    """The subtitles of a scene in the second of two languages (BCP 47 tags), cut to the limits of the settings.

    Where nobody translates there are no cues, and `missing` says why.
    """
    source, target = languages
    sentences = _sentences(narration.words)
    if not sentences:
        return Made(value=Translated(language=target), key="", provider="local")
    request = TranslationRequest(lines=tuple(one.text for one in sentences), source=source, target=target)

    async def check(translation: Translation) -> tuple[Check, ...]:
        return check_translation(translation, len(sentences), target)

    try:
        made: Made[Any] = await tools.call(Capability.TEXT, request, Translation, check)
    except ProviderFailure as error:
        reason = f"{error.provider or 'nobody'}: {error.kind}: {error.message}"
        return Made(value=Translated(language=target), key="", provider=error.provider or "nobody", missing=(reason,))
    limits = Limits.from_settings(settings, columns_that_fit(frame))
    cues = await tools.compute(_cut, sentences, made.value.lines, scene, narration.seconds, limits)
    return replace(made, value=Translated(language=target, cues=cues))


def _cut(
    sentences: Sequence[_Sentence], lines: Sequence[str], scene: Scene, seconds: float, limits: Limits
) -> tuple[Cue, ...]:
    words = [word for one, said in zip(sentences, lines, strict=True) for word in _spread(one, said)]
    return cut(words, scene.lines, seconds, limits)


def _spread(sentence: _Sentence, said: str) -> list[Word]:
    """The words of a translated sentence, each with as much of its time as it has of its letters."""
    tokens = said.split()
    share = (sentence.end - sentence.start) / max(1, sum(map(len, tokens)))
    words, start = [], sentence.start
    for token in tokens:
        end = start + share * len(token)
        words.append(Word(text=token, start=start, end=end, line=sentence.line))
        start = end
    return words


def _sentences(words: Sequence[Word]) -> list[_Sentence]:
    """The sentences of a scene; a line of the script always ends one."""
    found: list[_Sentence] = []
    begun: list[Word] = []
    for at, word in enumerate(words):
        following = words[at + 1] if at + 1 < len(words) else None
        begun.append(word)
        if following is None or following.line != word.line or ends_sentence(word.text):
            text = " ".join(one.text for one in begun)
            found.append(_Sentence(text=text, start=begun[0].start, end=word.end, line=word.line))
            begun = []
    return found
