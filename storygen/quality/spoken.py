"""Rules that make written text fit to be spoken, one after the other until nothing changes any more."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from re import Match

from storygen.quality.breath import breathe
from storygen.quality.numbers import speak_numbers, words_of
from storygen.quality.tables import (
    ACRONYMS,
    DOTTED,
    ROMAN_AFTER,
    RULERS,
    SHORT,
    SHOUTED,
    SIGNS,
    TITLES,
)

Rule = Callable[[str, str], str]

EDITION = 2
_MOST_PASSES = 12
_LOOK = 60
_TAG = re.compile(r"<!--.*?-->|</?[a-zA-Z][^<>]*>", re.DOTALL)
_OVERRIDE = re.compile(r"\{\\[^{}]*\}")
_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"'“”)\]]+", re.IGNORECASE)
_MAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")


def fit(text: str, language: str) -> tuple[tuple[str, str, str], ...]:
    """Every step from the written to the spoken text: the rule, the text before, the text after; empty if it is fit."""
    base = language.lower().partition("-")[0]
    steps: list[tuple[str, str, str]] = []
    for _ in range(_MOST_PASSES):
        before = len(steps)
        for name, rule in RULES:
            after = rule(text, base)
            if after != text:
                steps.append((name, text, after))
                text = after
        if len(steps) == before:
            break
    return tuple(steps)


def _markup(text: str, _language: str) -> str:
    text = _OVERRIDE.sub("", _TAG.sub(" ", html.unescape(text)))
    text = re.sub(r"```\w*\n?|`", "", text)
    text = re.sub(r"!?\[([^\[\]]*)\]\([^()\s]*(?: \"[^\"]*\")?\)", r"\1", text)
    text = re.sub(r"\[\^[^\]]*\]", "", text)
    text = re.sub(r"\[([^\[\]]+)\]\[[^\[\]]*\]", r"\1", text)
    text = re.sub(r"(?m)^\s*(?:#{1,6}\s+|>+\s?|[-*+•]\s+|(?:[-*_]\s*){3,}$)", "", text)
    for mark in (r"\*{1,3}", r"_{1,3}", "~~"):
        text = re.sub(rf"(?<![\w*_~]){mark}(?=\S)([^*_~]+?)(?<=\S){mark}(?![\w*_~])", r"\1", text)
    return re.sub(r"(?<![\w&#])#(?=[^\W\d_])([\w-]+)", _hashtag, text)


def _hashtag(found: Match[str]) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|_|(?<=[a-z])(?=[0-9])", " ", found[1])


def _address(text: str, language: str) -> str:
    def say(address: str) -> str:
        return address.replace(".", " dot ").replace("-", " dash ") if language == "en" else address

    def link(found: Match[str]) -> str:
        whole = found[0]
        rest = whole.rstrip(".,;:!?")
        host = re.sub(r"^(?:https?://)?(?:www\.)?", "", rest, flags=re.IGNORECASE)
        host = re.split(r"[/?#:]", host)[0].rpartition("@")[2].strip(".-")
        return say(host) + whole[len(rest) :]

    def mail(found: Match[str]) -> str:
        return say(found[0]).replace("@", " at ") if language == "en" else found[0]

    return _MAIL.sub(mail, _URL.sub(link, text))


def _is_picture(mark: str) -> bool:
    return (unicodedata.category(mark) == "So" and ord(mark) >= 0x2300) or mark in "\ufe0f\u20e3"


def _is_modifier(mark: str) -> bool:
    """Whether it only changes the emoji before it: a tone of skin, or a letter of a flag."""
    return 0x1F3FB <= ord(mark) <= 0x1F3FF or 0xE0020 <= ord(mark) <= 0xE007F


def _emoji(text: str, language: str) -> str:
    """Emoji are left out where there are words beside them, and named where there are none (in English)."""
    if not any(_is_picture(mark) for mark in text):
        return text
    beside = any(mark.isalnum() for mark in text)
    out = []
    for at, mark in enumerate(text):
        joins = mark == "\u200d" and at and _is_picture(text[at - 1])
        drawn = text[at + 1 : at + 2] == "\ufe0f" and not mark.isalnum() and mark not in "#*"
        if not _is_picture(mark) and not joins and not drawn and not _is_modifier(mark):
            out.append(mark)
        elif not beside and language == "en" and mark not in "\ufe0f\u20e3\u200d" and not _is_modifier(mark):
            out.append(f" {unicodedata.name(mark, '').lower()} ")
        else:
            out.append(" ")
    return "".join(out)


def _abbreviation(text: str, language: str) -> str:
    if language != "en":
        return text
    for short, full in DOTTED.items():
        text = re.sub(rf"(?<![\w.]){re.escape(short)}(?!\w)", lambda m, full=full: full + _stop(m), text)  # type: ignore[misc]
    text = re.sub(r"\b[Ww]/ ?(?=[a-z])", "with ", text)
    text = re.sub(rf"\b({'|'.join(TITLES)})\. (?=[A-Z])", lambda m: _title(m) + " ", text)
    text = re.sub(r"(^|[.!?…]\s+)(?:(?:No|Nr)\. ?|#)(?=[0-9])", r"\1Number ", text)
    text = re.sub(r"\b(?:No|Nr)\. ?(?=[0-9])|#(?=[0-9])", "number ", text)
    text = re.sub(r"\bpp?\. ?(?=[0-9])", "page ", text)
    text = re.sub(r"\bFig\. ?(?=[0-9])", "figure ", text)
    return re.sub(rf"\b({'|'.join(SHORT)})\.(?!\w)", lambda m: SHORT[m[1]] + _stop(m, own=True), text)


def _title(found: Match[str]) -> str:
    """`St. Anna` is a saint; `Main St. Then` is a street, for a name comes before it."""
    before = found.string[max(0, found.start() - _LOOK) : found.start()].rstrip()
    if found[1] == "St" and re.search(r"\b[A-Z][a-z]+$", before):
        return "Street."
    return TITLES[found[1]]


def _stop(found: Match[str], *, own: bool = False) -> str:
    """The point of an abbreviation also ends the sentence where the text ends or a new sentence begins."""
    after = found.string[found.end() : found.end() + _LOOK]
    ends = not after.strip("\"'”’) ") or (own and re.match(r"[\"'”’)]*\s+[\"'“‘(]*[A-Z]", after))
    return "." if ends else ""


_ROMAN = {"I": 1, "V": 5, "X": 10}
# Up to 39: a single L or C after a name is an initial far more often than a number.
_NUMERAL = r"(?=[IVX]+\b(?!['’]))X{0,3}(?:IX|IV|V?I{0,3})(?!\w)"


def _roman(text: str, language: str) -> str:
    """Only after words that are known to be numbered: `Chapter IV`, `World War II`, `Henry VIII`."""
    if language != "en":
        return text

    def say(found: Match[str]) -> str:
        ends = re.match(r"\s*(?:[.,:;!?–—-]|$)", found.string[found.end() : found.end() + _LOOK]) or found[1] == "War"
        if found[2] == "I" and (found[1] in RULERS or not ends):
            return found[0]
        values = [_ROMAN[letter] for letter in found[2]]
        total = sum(-one if one < two else one for one, two in zip(values, [*values[1:], 0], strict=True))
        if found[1] in RULERS:
            return f"{found[1]} the {words_of(total, to='ordinal').capitalize()}"
        return f"{found[1]} {words_of(total).capitalize()}"

    return re.sub(rf"\b({'|'.join(sorted(ROMAN_AFTER | RULERS))}) ({_NUMERAL})", say, text)


def _number(text: str, language: str) -> str:
    return speak_numbers(text, language)


def _sign(text: str, language: str) -> str:
    if language != "en":
        return text
    text = re.sub(r"(?<=\b[A-G])[#♯](?!\w)", " sharp", text)
    text = re.sub(r"(?<=[a-z])/(?=[a-z])", " or ", text.replace("and/or", "and or"))
    text = re.sub(r"\s<\s(?=\w)", " is less than ", re.sub(r"\s>\s(?=\w)", " is greater than ", text))
    text = text.replace("/", " ")
    return "".join(SIGNS.get(mark, mark) for mark in text)


_CAPS = r"[A-Z][A-Z'’]*[A-Z](?:-[A-Z]+)*"
_RUN = re.compile(rf"(?<![\w.'’-]){_CAPS}(?:[ ,]+(?:{_CAPS}|I|A)(?![\w'’.-]\w))*(?![\w-])")


def _shouting(text: str, language: str) -> str:
    if language != "en":
        return text

    def calm(found: Match[str]) -> str:
        words = re.findall(r"[A-Z'’-]+", found[0])
        spoken = [word for word in words if len(word) > 1 and word not in ACRONYMS]
        run = len(spoken) > 1 and any(len(word) > 3 or word in SHOUTED for word in spoken)
        if not run and not any(word in SHOUTED or len(word) > 5 for word in spoken):
            return found[0]
        said = re.sub(r"[A-Z'’-]+", lambda m: m[0] if m[0] in ACRONYMS or m[0] == "I" else m[0].lower(), found[0])
        before = found.string[max(0, found.start() - _LOOK) : found.start()].rstrip("\"'“‘( ")
        return said[:1].upper() + said[1:] if not before or before[-1] in ".!?…:" else said

    return _RUN.sub(calm, text)


def _punctuation(text: str, _language: str) -> str:
    text = re.sub(r"\.(?: ?\.){2,}|…[.…]+", "…", text)
    text = re.sub(r"([!?])[!?]+", lambda m: "?" if "?" in m[0] else "!", text)
    text = re.sub(r"\s+--+\s+|--+", " — ", text)
    text = re.sub(r"([,;:])(?:\s*[,;:])+", r"\1", text)
    return re.sub(r"—(?:\s*—)+", "—", text)


def _space(text: str, language: str) -> str:
    text = "".join(" " if unicodedata.category(mark) in {"Cc", "Zl", "Zp"} else mark for mark in text)
    text = " ".join(text.replace("\u200b", "").replace("\ufeff", "").split())
    text = re.sub(r"\s+([,.;!?…”’)])(?!\w)", r"\1", text) if language != "fr" else text
    text = re.sub(r"\(\s*\)|\"\s*\"|“\s*”", "", text).strip(" ,;|")
    return "" if not any(mark.isalnum() for mark in text) and not any(map(_is_picture, text)) else text


def _breath(text: str, language: str) -> str:
    return breathe(text) if language == "en" else text


RULES: tuple[tuple[str, Rule], ...] = (
    ("markup", _markup),
    ("address", _address),
    ("emoji", _emoji),
    ("abbreviation", _abbreviation),
    ("roman", _roman),
    ("number", _number),
    ("sign", _sign),
    ("shouting", _shouting),
    ("punctuation", _punctuation),
    ("space", _space),
    ("breath", _breath),
)
