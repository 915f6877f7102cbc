# ruff: noqa: E501, RUF001  # patterns stay on their lines, and look for the signs that are written
"""Numbers as they are spoken: years, times, dates, money, units, ranges in English; whole numbers elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from re import Match

from storygen.quality.tables import CURRENCIES, MAGNITUDES, MONTHS, UNITS, VULGAR, YEAR_CUES

N = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?"
# How far back to look for the end of a sentence; looking all the way would take forever in a line without end.
_LOOK = 60
START = r"(?<![\w.,/-])"
_MONTH = "|".join(sorted({*MONTHS, *(name[:3] for name in MONTHS)}, key=len, reverse=True))
_UNIT = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))
# These read a point as a decimal and are right about what comes after it, which not every language of num2words is.
_KNOWN = frozenset("es fr de pt it nl pl cs da no sv fi tr ro hu ru uk id".split())  # noqa: SIM905
_DOTTED_ORDINALS = frozenset({"de", "pl", "cs", "da", "no", "fi", "hu", "tr"})


def speak_numbers(text: str, language: str) -> str:
    """The text without digits in English; in other languages that num2words knows, whole numbers become words."""
    if language != "en":
        return _elsewhere(text, language)
    for pattern, say in _RULES:
        text = _sub(pattern, say, text)
    return text


def words_of(number: int, *, to: str = "cardinal", language: str = "en") -> str:
    """A whole number in words, without the commas that would read as pauses."""
    from num2words import num2words

    return str(num2words(number, to=to, lang=language)).replace(",", "").replace("  ", " ")


def _sub(pattern: re.Pattern[str], say: Callable[[Match[str]], str], text: str) -> str:
    def cased(found: Match[str]) -> str:
        said, before = say(found), found.string[max(0, found.start() - _LOOK) : found.start()]
        starts = (found.start() < _LOOK and not before.strip("\"'“‘( ")) or re.search(
            r"[.!?…][\"'”’)]*\s+[\"'“‘(]*$", before
        )
        return said[:1].upper() + said[1:] if starts and found[0][:1] in "0123456789$£€¥₹" else said

    return pattern.sub(cased, text)


def _digits(text: str) -> str:
    return " ".join(words_of(int(digit)) for digit in text if digit in "0123456789")


def _number(text: str) -> str:
    """`1,250.50` in words; a number with leading zeros or more than 15 digits is read digit by digit."""
    whole, _, decimals = text.replace(",", "").partition(".")
    singly = len(whole) > 15 or (len(whole) > 1 and whole[0] == "0")
    said = _digits(whole) if singly else words_of(int(whole))
    return f"{said} point {_digits(decimals)}" if decimals else said


def _year(number: int) -> str:
    return words_of(number, to="year").replace("oh-", "oh ")


def _ordinal(text: str) -> str:
    return words_of(int(text), to="ordinal")


def _month(text: str) -> str:
    return next(name for name in MONTHS if name[:3] == text[:3].capitalize())


def _date(day: str, month: str, year: str | None) -> str:
    said = f"{month} {_ordinal(day)}"
    return f"{said}, {_year(int(year))}" if year else said


def _iso(found: Match[str]) -> str:
    month, day = int(found[2]), int(found[3])
    return _date(str(day), MONTHS[month - 1], found[1]) if 1 <= month <= 12 and 1 <= day <= 31 else found[0]


def _slashed(found: Match[str]) -> str:
    first, second = int(found[1]), int(found[2])
    month, day = (second, first) if first > 12 else (first, second)
    return _date(str(day), MONTHS[month - 1], found[3]) if 1 <= month <= 12 and 1 <= day <= 31 else found[0]


def _time(found: Match[str]) -> str:
    hour, minute = int(found[1]), int(found[2])
    if hour > 24 or minute > 59:
        return f"{_number(found[1])} {_number(found[2].lstrip('0') or '0')}"
    half = f" {found[3][0].lower()}.m." if found[3] else ""
    if minute == 0:
        return words_of(hour) + (half or (" o'clock" if 0 < hour < 13 else " hundred hours"))
    return f"{words_of(hour)} {'oh ' if minute < 10 else ''}{words_of(minute)}{half}"


def _money(found: Match[str]) -> str:
    sign, amount, second, size = found["sign"] or found["after"], found["amount"], found["second"], found["size"]
    one, many, cent, cents = CURRENCIES[sign]
    magnitude = f" {MAGNITUDES[size.lower()]}" if size else ""
    if second:
        return f"{_number(amount)} to {_number(second)}{magnitude} {many}"
    whole, _, part = amount.replace(",", "").partition(".")
    if magnitude or not part or len(part) != 2 or not cents:
        return f"{_number(amount)}{magnitude} {one if amount == '1' and not magnitude else many}"
    said = f"{_number(whole)} {one if whole == '1' else many}"
    if int(part) == 0:
        return said
    small = f"{words_of(int(part))} {cent if int(part) == 1 else cents}"
    return small if whole == "0" else f"{said} and {small}"


def _unit(found: Match[str]) -> str:
    one, many = UNITS[found[2]]
    return f"{found[1]} {one if found[1] == '1' else many}"


def _fraction(found: Match[str]) -> str:
    whole, top, bottom = found[1], int(found[2]), int(found[3])
    if (top, bottom) == (24, 7):
        return "twenty-four seven"
    if top == 0 or bottom < 2 or bottom > 100 or top >= bottom:
        return f"{whole or ''}{_number(found[2])} over {_number(found[3])}"
    name = {2: "half", 4: "quarter"}.get(bottom) or words_of(bottom, to="ordinal")
    plural = "halves" if bottom == 2 else f"{name}s"
    said = f"{words_of(top)} {name if top == 1 else plural}"
    if whole:
        return f"{_number(whole.strip())} and {'a ' + name if top == 1 else said}"
    return said


def _range(found: Match[str]) -> str:
    first, second = found[1], found[2]
    if len(first) == 3 and len(second) == 4:
        return f"{_digits(first)}, {_digits(second)}"
    if _is_year(first) and (_is_year(second) or len(second) == 2):
        last = _year(int(second)) if len(second) == 4 else words_of(int(second))
        return f"{_year(int(first))} to {last}"
    return f"{_number(first)} to {_number(second)}"


def _is_year(text: str) -> bool:
    return len(text) == 4 and 1100 <= int(text) <= 2099


def _decade(found: Match[str]) -> str:
    said = _year(int(found[1])) if len(found[1]) == 4 else words_of(int(found[1]))
    return said[:-1] + "ies" if said.endswith("y") else said + "s"


def _plain_year(found: Match[str]) -> str:
    cue, number, follows = found[1] or "", found[2], found[3] or ""
    likely = 1900 <= int(number) <= 2099 or cue.strip().lower() in YEAR_CUES
    plural = follows.endswith("s") and follows not in {"was", "is", "has", "his", "this", "as", "its", "us"}
    if not _is_year(number) or plural or not likely:
        return found[0]
    return f"{cue}{_year(int(number))}"


def _loose(found: Match[str]) -> str:
    before, after = found.string[found.start() - 1 : found.start()], found.string[found.end() : found.end() + 1]
    left = " " if before.isalpha() or before == "'" else ""
    return left + _number(found[0]) + (" " if after.isalpha() else "")


_RULES: tuple[tuple[re.Pattern[str], Callable[[Match[str]], str]], ...] = (
    (re.compile(f"([0-9])?([{''.join(VULGAR)}])"), lambda m: f"{m[1] + ' ' if m[1] else ''}{VULGAR[m[2]]}"),
    (re.compile(START + r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?![\w-])"), _iso),
    (re.compile(START + r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})(?![\w/])"), _slashed),
    (
        re.compile(rf"\b({_MONTH})\.? ([0-9]{{1,2}})(?:st|nd|rd|th)?(?:,? ([0-9]{{4}}))?(?![\w:.]?[0-9])(?!\w)"),
        lambda m: _date(m[2], _month(m[1]), m[3]) if 1 <= int(m[2]) <= 31 else m[0],
    ),
    (
        re.compile(START + rf"([0-9]{{1,2}})(?:st|nd|rd|th)?(?: of)? ({_MONTH})\b\.?(?:,? ([0-9]{{4}}))?(?![\w:.]?[0-9])"),
        lambda m: _date(m[1], _month(m[2]), m[3]) if 1 <= int(m[1]) <= 31 else m[0],
    ),
    (re.compile(START + r"([0-9]{1,2}):([0-9]{2})(?::[0-9]{2})?(?:\s?([AaPp])\.?[Mm]\b\.?)?(?![\w:])"), _time),
    (
        re.compile(START + r"([0-9]{1,2})\s?([AaPp])\.?[Mm]\b\.?"),
        lambda m: f"{_number(m[1])} {m[2].lower()}.m.",
    ),
    (
        re.compile(
            rf"(?:(?P<sign>[$£€¥₹])\s?(?P<amount>{N})(?:\s?[-–—]\s?[$£€¥₹]?(?P<second>{N}))?"
            r"(?:\s?(?P<size>[Tt]rillion|[Bb]illion|[Mm]illion|[Tt]housand|bn|[KkMB](?=\b)))?(?P<after>(?!)x)?)(?!\w)"
        ),
        _money,
    ),
    (
        re.compile(
            START + rf"(?P<amount>{N})(?:\s?[-–—]\s?(?P<second>{N}))?"
            r"(?:\s?(?P<size>[Tt]rillion|[Bb]illion|[Mm]illion|[Tt]housand))?\s?(?P<after>[$£€¥₹])(?P<sign>(?!)x)?(?![0-9])"
        ),
        _money,
    ),
    (re.compile(rf"({N})\s?%"), lambda m: f"{m[1]} percent"),
    (re.compile(rf"(?<![\w.,]{{1}})({N})\s?({_UNIT})(?![\w/])"), _unit),
    (re.compile(rf"(?<=[-–—])({N})\s?({_UNIT})(?![\w/])"), _unit),
    (re.compile(rf"(?<![\w])({N})\s?[x×]\s?({N})(?!\w)"), lambda m: f"{_number(m[1])} by {_number(m[2])}"),
    (re.compile(r"(?<![\w])([0-9]+)[x×](?!\w)"), lambda m: f"{_number(m[1])} times"),
    (re.compile(r"(?<![\w])([0-9]+)[kK](?!\w)"), lambda m: f"{_number(m[1])} thousand"),
    (re.compile(r"(?<![\w/.,])([0-9]+ )?([0-9]+)\s?[/⁄]\s?([0-9]+)(?![\w/])"), _fraction),
    (re.compile(r"(?<!\w)([0-9]{1,15})(?:st|nd|rd|th)\b"), lambda m: _ordinal(m[1])),
    (re.compile(r"(?<![\w-])'?([0-9]{4}|[2-9]0)'?s\b"), _decade),
    (re.compile(r"(?<![\w.,-])([0-9]{1,6})\s?[–—-]\s?([0-9]{1,6})(?![\w.,-]?[0-9])"), _range),
    (re.compile(r"[0-9]+(?:\.[0-9]+){2,}"), lambda m: " point ".join(_number(part) for part in m[0].split("."))),
    (re.compile(r"(?<=[0-9]):(?=[0-9])"), lambda _: " to "),
    (re.compile(r"((?:\b[A-Za-z]+ )?)(?<![\w.,$-])([0-9]{4})(?![\w-]|[.,:][0-9])(?= ?([a-z]*))"), _plain_year),
    (re.compile(r"(?<![\w)\]])[-−](?=[0-9])"), lambda _: "minus "),
    (re.compile(N), _loose),
)  # fmt: skip


def _elsewhere(text: str, language: str) -> str:
    """Whole numbers of 2 to 999,999,999 as words; a number that may be inflected, an ordinal or a decimal stays."""
    if language not in _KNOWN:
        return text
    last = r"(?![\w%€$£]|[.,:/ \u00a0\u202f][0-9])" + (r"(?!\.\s)(?!\.$)" if language in _DOTTED_ORDINALS else "")
    pattern = re.compile(r"(?<![\w.,:/$£€+-])(?<![0-9][ \u00a0\u202f])([2-9]|[1-9][0-9]{1,8})(?![-–—/][0-9])" + last)

    def say(found: Match[str]) -> str:
        number = int(found[1])
        # German counts in hundreds up to 1999, of years and of most other things.
        hundreds = language == "de" and 1100 <= number <= 1999
        return words_of(number, to="year" if hundreds else "cardinal", language=language)

    return _sub(pattern, say, text)
