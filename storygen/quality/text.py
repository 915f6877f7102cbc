"""What a good text is: long enough and not too long, in the language of its voice, with words in its scenes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from storygen.quality.languages import compare
from storygen.story import Brief, Check, Ideas, Script, Translation, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much text is wanted, both ends included; None means that end is open."""

    least_characters: int | None = 1
    most_characters: int | None = 1_000_000
    least_words: int | None = 1
    most_words: int | None = None
    least_lines: int | None = None
    most_lines: int | None = None


_ANY = Limits()
_LONGEST_LINE = 2_000


def check_text(text: str, *, language: str, limits: Limits = _ANY) -> tuple[Check, ...]:
    """Characters, words and lines against their limits, and the language against the voice.

    Letters of another writing fail, for a voice cannot read them; words of another language warn.
    """
    filled = sum(1 for line in text.splitlines() if line.strip())
    return (
        _within("characters", len(text.strip()), limits.least_characters, limits.most_characters),
        _within("words", len(text.split()), limits.least_words, limits.most_words),
        _within("lines", filled, limits.least_lines, limits.most_lines),
        check_language(text, language),
    )


def check_language(text: str, language: str) -> Check:
    """Whether a voice of `language` can read the text; the value says why not."""
    guess = compare(text, language)
    verdict = Verdict.PASS if guess.fits else Verdict.FAIL if guess.foreign else Verdict.WARN
    return _check("language", verdict, guess.reason, language)


def check_script(script: Script) -> tuple[Check, ...]:
    """Scenes, words and the longest line of a script, scenes in which nothing happens, and its language."""
    spoken = " ".join(scene.spoken for scene in script.scenes)
    on_screen = sum(len(scene.on_screen) for scene in script.scenes)
    empty = sum(1 for scene in script.scenes if not scene.spoken.strip() and not scene.on_screen)
    longest = max((len(line.text) for scene in script.scenes for line in scene.lines), default=0)
    words = len(spoken.split())
    something = Verdict.PASS if words else Verdict.WARN if on_screen else Verdict.FAIL
    return (
        _within("scenes", len(script.scenes), 1, None),
        _check("words", something, words, "at least 1"),
        _check("empty_scenes", Verdict.WARN if empty else Verdict.PASS, empty, "at most 0"),
        _within("line_characters", longest, None, _LONGEST_LINE, otherwise=Verdict.WARN),
        check_language(spoken, script.language),
    )


def check_length(script: Script, brief: Brief, words_per_minute: float = 165.0) -> Check:
    """Words against the brief's seconds: beyond a quarter warns; under two fifths or over two and a half times fails.

    Up to 40 words too many never fail: a story of three scenes needs them, however short the film.
    """
    words = sum(len(scene.spoken.split()) for scene in script.scenes)
    wanted = brief.seconds / 60 * words_per_minute
    far = words < 0.4 * wanted or words > max(2.5 * wanted, wanted + 40)
    off = abs(words - wanted) > max(0.25 * wanted, 10)
    verdict = Verdict.FAIL if far else Verdict.WARN if off else Verdict.PASS
    return _check("length", verdict, words, f"about {wanted:.0f}", "words")


def check_ideas(ideas: Ideas, count: int) -> tuple[Check, ...]:
    """Candidates with distinct titles, something in every field, scores from 0 to 1, and the best first."""
    found = ideas.candidates
    titles = Counter(idea.title.strip().lower() for idea in found)
    double = sum(number - 1 for number in titles.values())
    blank = sum(1 for idea in found if not (idea.title.strip() and idea.logline.strip() and idea.hook.strip()))
    wrong = sum(1 for idea in found if not 0 <= idea.score <= 1)
    scores = [idea.score for idea in found]
    number = Verdict.FAIL if not found else Verdict.WARN if len(found) < count else Verdict.PASS
    return (
        _check("candidates", number, len(found), f"at least {count}"),
        _none("duplicate_titles", double),
        _none("blank_fields", blank),
        _none("scores_outside", wrong),
        _none("out_of_order", 0 if scores == sorted(scores, reverse=True) else 1),
    )


def check_translation(translation: Translation, count: int, language: str) -> tuple[Check, ...]:
    """As many lines as were given, something in each of them, and the language that was asked for."""
    lines = translation.lines
    blank = sum(1 for line in lines if not line.strip())
    same = Verdict.PASS if len(lines) == count else Verdict.FAIL
    return (
        _check("lines", same, len(lines), f"{count}"),
        _none("blank_fields", blank),
        check_language(" ".join(lines), language),
    )


def _none(name: str, count: int) -> Check:
    return _check(name, Verdict.FAIL if count else Verdict.PASS, count, "at most 0")


def _within(name: str, value: int, least: int | None, most: int | None, *, otherwise: Verdict = Verdict.FAIL) -> Check:
    good = (least is None or value >= least) and (most is None or value <= most)
    ends = [f"at least {least}" if least is not None else "", f"at most {most}" if most is not None else ""]
    return _check(name, Verdict.PASS if good else otherwise, value, ", ".join(filter(None, ends)) or None)


def _check(name: str, verdict: Verdict, value: float | str | None, limit: str | None, unit: str = "") -> Check:
    return Check(artifact="text", name=name, verdict=verdict, value=value, limit=limit, unit=unit)
