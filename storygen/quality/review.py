# ruff: noqa: E501, SIM905  # tables of words
"""What an editor would say of a script, by simple rules that are stated."""

from __future__ import annotations

import re

from storygen.quality.breath import LONGEST_WORDS, sentences
from storygen.story import LineKind, Review, Scene, Script

_NUMBERS = re.compile(
    r"[0-9]|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|sixty|seventy|eighty"
    r"|ninety|hundred|thousand|million|billion|half|percent)\b",
    re.IGNORECASE,
)
_TENSION = re.compile(
    r"\b(?:never|nobody|gone|missing|lost|lose|secret|secrets|dead|dies|dying|kill|murder|danger|dangerous|afraid|fear|alone"
    r"|suddenly|vanish\w*|disappear\w*|wrong|mistake|last|only|impossible|forbidden|stolen|steals|locked|dark|strange"
    r"|mystery|until|almost|before it is too late|warning|trapped|hidden|lie|lied)\b",
    re.IGNORECASE,
)
_YOU = re.compile(r"\b(?:you|your|yours|yourself|imagine|listen|look)\b", re.IGNORECASE)
_SHORT_HOOK = 6
_LONG_HOOK = 25

_COMIC_MANNERS = frozenset(
    "dry dryly deadpan flat flatly sarcastic sarcastically ironic ironically laughing giggling innocent innocently smug smugly"
    " mock mocking proudly doubtful panicking offended modestly joking wry wryly sheepish sheepishly grinning".split()
)
_COMIC_WORDS = re.compile(
    r"\b(?:technically|apparently|to be fair|in my defen[cs]e|to be safe|on purpose|by accident|no offen[cs]e|awkward|oops"
    r"|ha ha|haha|joke|joking|as one does|which is a lie|not even|in theory|just in case|it is complicated|allegedly)\b",
    re.IGNORECASE,
)
_LAUGHS = re.compile(r"\b(?:laugh\w*|giggl\w*|chuckl\w*|snort\w*|rimshot|beat)\b", re.IGNORECASE)
_TOO_FAST = 1.25
_TOO_SLOW = 0.5
_LONG_SCENE_SECONDS = 30.0


def review(script: Script, words_per_minute: float) -> Review:
    """Words, minutes and pace of a script, its hook, its comedy beats, and remarks for its author.

    The pace is measured against the planned seconds of the scenes that are spoken, where all of them have some; elsewhere
    it is `words_per_minute`.
    """
    counts = [len(scene.spoken.split()) for scene in script.scenes]
    words = sum(counts)
    planned = [scene.seconds for scene, count in zip(script.scenes, counts, strict=True) if count]
    known = sum(second for second in planned if second)
    pace = words / (known / 60) if planned and all(planned) else words_per_minute
    hook = _first_sentence(script)
    return Review(
        words=words,
        minutes=round(words / words_per_minute, 2),
        pace=round(pace, 1),
        hook=hook,
        has_hook=has_hook(hook),
        beats=_beats(script),
        remarks=_remarks(script, counts, words_per_minute, hook),
    )


def has_hook(sentence: str) -> bool:
    """Whether a first sentence holds on to somebody.

    It asks, names a number, has a word of tension, speaks to the viewer, or is very short (at most 6 words); and it is at
    most 25 words long.
    """
    count = len(sentence.split())
    pulls = "?" in sentence or any(found.search(sentence) for found in (_NUMBERS, _TENSION, _YOU))
    return 0 < count <= _LONG_HOOK and (pulls or count <= _SHORT_HOOK)


def _first_sentence(script: Script) -> str:
    text = next((line.text for scene in script.scenes for line in scene.lines if line.text.strip()), "")
    return next(iter(sentences(text)), "")


def _beats(script: Script) -> tuple[str, ...]:
    """Lines that are likely meant to be funny.

    The manner is comic; a direction has somebody laugh; a comic turn of phrase is used; or a short reply (at most 8 words)
    by somebody else follows a much longer set-up.
    """
    beats: list[str] = []
    for scene in script.scenes:
        laughs = any(_LAUGHS.search(direction) for direction in scene.directions)
        before = None
        for at, line in enumerate(scene.lines):
            comic = bool(set(re.findall(r"\w+", line.manner.lower())) & _COMIC_MANNERS) or _LAUGHS.search(line.manner)
            reply = (
                before is not None
                and line.kind is LineKind.DIALOGUE
                and before.speaker != line.speaker
                and len(line.text.split()) <= 8
                and len(before.text.split()) >= 2 * len(line.text.split())
            )
            last = laughs and at == len(scene.lines) - 1
            if comic or reply or last or _COMIC_WORDS.search(line.text):
                beats.append(line.text)
            before = line
    return tuple(beats)


def _remarks(script: Script, counts: list[int], words_per_minute: float, hook: str) -> tuple[str, ...]:
    remarks = [] if has_hook(hook) else ["The first sentence has no hook: a question, a number, a tension, or a you."]
    for number, (scene, count) in enumerate(zip(script.scenes, counts, strict=True), 1):
        remarks += _remarks_on(scene, number, count, words_per_minute)
    return tuple(remarks)


def _remarks_on(scene: Scene, number: int, count: int, words_per_minute: float) -> list[str]:
    if not count:
        return [] if scene.on_screen else [f"Scene {number} has no words."]
    remarks = []
    if scene.seconds:
        pace = count / scene.seconds * 60
        if pace > _TOO_FAST * words_per_minute:
            remarks.append(f"Scene {number} is too fast: {count} words in {scene.seconds:g} s are {pace:.0f} a minute.")
        elif pace < _TOO_SLOW * words_per_minute:
            remarks.append(f"Scene {number} is slow: {count} words in {scene.seconds:g} s are {pace:.0f} a minute.")
    seconds = count / words_per_minute * 60
    if seconds > _LONG_SCENE_SECONDS:
        remarks.append(f"Scene {number} is long: about {seconds:.0f} s over one picture.")
    longest = max((len(sentence.split()) for line in scene.lines for sentence in sentences(line.text)), default=0)
    if longest > LONGEST_WORDS:
        remarks.append(f"Scene {number} has a sentence of {longest} words, too long for one breath.")
    return remarks
