"""What a topic is about, by simple rules: somebody, something, a question, a beginning, or just words."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from storygen.providers.text.words import (
    ABSTRACT_ENDINGS,
    MODALS,
    NOT_PEOPLE,
    PEOPLE,
    PERSON_ENDINGS,
    QUESTION_WORDS,
    STOP_WORDS,
)

LONGEST_LABEL = 8
LONGEST_PREMISE = 18


class Kind(StrEnum):
    """What a topic turned out to be."""

    TRAIT = "trait"
    PREMISE = "premise"
    OBJECT = "object"
    LABEL = "label"
    QUESTION = "question"


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic as the grammar uses it.

    TRAIT: `role` ("lighthouse keeper") and `relative` ("who is afraid of the dark", may be empty); `fear` ("the dark").
    PREMISE: `role`, `said` ("a boy finds a robot") and perhaps `short` ("robot").
    OBJECT: `said` ("clock that runs backwards"), `short` ("clock"), `article` ("a", "the").
    QUESTION: `said` ("why cats purr", or "Why is the sky blue?") and `short` ("cats").
    LABEL: `said` ("teamwork"), which can stand in a sentence as it is where `plain` holds, else needs quotation marks.
    """

    kind: Kind
    said: str = ""
    role: str = ""
    relative: str = ""
    fear: str = ""
    short: str = ""
    article: str = ""
    plain: bool = False
    where: str = ""


def article(noun: str) -> str:
    """The noun with "a" or "an" before it, by its first sound."""
    word = noun.lower().split(" ")[0] if noun else ""
    vowel = word[:1] in set("aeiou") and not re.match(r"(uni([^nm]|$)|use|usu|eu|one\b|once|ukulele|ufo|utopia)", word)
    return ("an " if vowel or re.match(r"(hour|honest|honou?r|heir)", word) else "a ") + noun


def understand(text: str) -> Topic:
    """Find out what a topic is about. Any text has an answer, even an empty one."""
    text = tidy(text)
    where = _where(text)
    for reading in (_question, _somebody, _something):
        topic = reading(text, where)
        if topic:
            return topic
    words = text.split()
    if len(words) > LONGEST_LABEL:
        words = _gist(words)
    said = " ".join(words)[:60].strip(" ,;:-") or "an unsigned message"
    return Topic(kind=Kind.LABEL, said=said, short=said, plain=_is_plain(said), where=where)


def tidy(text: str) -> str:
    """The first 2,000 characters without markup, control characters and quotes; emoji are named."""
    out = []
    for mark in unicodedata.normalize("NFC", text)[:2000]:
        kind = unicodedata.category(mark)
        if kind in {"So", "Sk"} and ord(mark) > 0x2190:
            out.append(f" {_emoji(mark)} ")
        elif mark in "'’-,.?!:;&" or kind[0] in "LMN":
            out.append("'" if mark == "’" else mark)
        else:
            out.append(" ")
    return re.sub(r"\s+([,.?!:;])", r"\1", " ".join("".join(out).split())).strip(" .,;:-'")


def _emoji(mark: str) -> str:
    if 0x1F3FB <= ord(mark) <= 0x1F3FF:
        return ""
    return article(unicodedata.name(mark, "strange sign").lower().replace("-", " "))


def _where(text: str) -> str:
    found = re.search(r"\b(?:in|on|at) ([A-Z][\w']+(?: [A-Z][\w']+){0,2})$", text)
    return found[0] if found else ""


def _question(text: str, where: str) -> Topic | None:
    first = text.partition(" ")[0].lower()
    if first not in QUESTION_WORDS or not 2 <= len(text.split()) <= 16:
        return None
    words = text.rstrip("?!. ").split()
    second = words[1].lower()
    inverted = second in MODALS
    rest = words[2:] if inverted or second in {"to", "many", "much"} else words[1:]
    short = _first_noun(rest) or "it"
    said = " ".join(words)
    said = said[0].upper() + said[1:] + "?" if inverted else said[0].lower() + said[1:]
    return Topic(kind=Kind.QUESTION, said=said, short=short, where=where)


def _first_noun(words: list[str]) -> str:
    """The words up to the first that ends a noun phrase, at most two after an article."""
    taken: list[str] = []
    for word in words:
        if taken and (word.lower() in STOP_WORDS or word.lower() in MODALS):
            break
        taken.append(word)
        if word.lower() not in {"the", "a", "an", "my", "our", "your", "some", "all"}:
            break
    return " ".join(taken)


def _somebody(text: str, where: str) -> Topic | None:
    """`a lighthouse keeper who is afraid of the dark`, `A boy finds a robot`, `pirate`."""
    sentence = re.split(r"(?<=[a-z])[.!?;:](?:\s|$)", text)[0]
    found = re.match(r"(?:(a|an|the|one)\s+)?(.+)$", sentence, re.IGNORECASE)
    if not found:
        return None
    words = found[2].split()
    head = _head(words)
    if head is None or (not found[1] and head != len(words) - 1 and words[head + 1].lower() != "who"):
        return None
    role = " ".join(words[: head + 1])
    role = role if any(word[1:] != word[1:].lower() for word in words[: head + 1]) else role.lower()
    rest = words[head + 1 :]
    if rest and _is_verb(rest[0]):
        said = " ".join([*(w.lower() for w in (found[1] or "a").split()), role, *_shortened(rest)])
        return Topic(kind=Kind.PREMISE, role=role, said=said, short=_found(rest), where=where)
    relative = _relative(_shortened(rest))
    if rest and not relative:
        return None
    fear = re.match(r"who (?:is|was) (?:afraid|scared|terrified|frightened) of (.+)|who fears (.+)", relative)
    return Topic(
        kind=Kind.TRAIT,
        role=role,
        relative=relative,
        fear=(fear[1] or fear[2]) if fear else "",
        where=where,
    )


def _found(rest: list[str]) -> str:
    """What somebody finds, builds or gets at the beginning: the one thing that such a story is about."""
    if len(rest) < 3 or rest[1].lower() not in {"a", "an"}:
        return ""
    noun = next((at for at, word in enumerate(rest[2:], 2) if word.lower().strip(",") in STOP_WORDS), len(rest))
    words = " ".join(rest[2:noun]).strip(" ,").lower().split()
    return " ".join(words) if 0 < len(words) <= 3 and not words[-1].endswith("s") else ""


def _head(words: list[str]) -> int | None:
    """Where the noun that names somebody stands, among the first four words; none if it is not about one person."""
    for at, word in enumerate(words[:4]):
        follows = words[at + 1].lower() if at + 1 < len(words) else ""
        if follows == "who" and not word.lower().endswith("s"):
            return at
        if word.lower() in STOP_WORDS:
            return None
        if _is_person(word) and not (follows and _is_person(follows)):
            return at
    return None


def _is_person(word: str) -> bool:
    plain = word.lower().strip(",")
    if plain in PEOPLE:
        return True
    return plain not in NOT_PEOPLE and len(plain) > 4 and plain.endswith(PERSON_ENDINGS)


def _is_verb(word: str) -> bool:
    plain = word.lower()
    return plain in MODALS or (
        plain.endswith("s") and not plain.endswith(("ss", "'s", "us")) and plain not in STOP_WORDS and len(plain) > 3
    )


def _relative(rest: list[str]) -> str:
    if not rest:
        return ""
    text, first = " ".join(rest), rest[0].lower()
    if first in {"who", "whose"}:
        return text if len(rest) > 1 else ""
    if first == "that":
        return "who " + text[5:] if len(rest) > 1 else ""
    if first == "with":
        return "who has" + text[4:] if len(rest) > 1 else ""
    if first == "and" and len(rest) > 2 and rest[1].lower() in {"her", "his", "a", "an", "the", "their"}:
        return "who is never seen without " + text[4:]
    if first in {"in", "on", "at", "from", "of", "without", "under"}:
        return text if len(rest) > 1 else ""
    return ""


def _shortened(words: list[str]) -> list[str]:
    if len(words) <= LONGEST_PREMISE:
        return words
    cut = words[:LONGEST_PREMISE]
    for at in range(len(cut) - 1, 3, -1):
        if cut[at].lower() in {"and", "but", "while", "because", "when", "until"} or cut[at - 1].endswith(","):
            return [*cut[: at - 1], cut[at - 1].rstrip(",")]
    while len(cut) > 4 and cut[-1].lower() in STOP_WORDS:
        cut.pop()
    return cut


def _something(text: str, where: str) -> Topic | None:
    """`a red balloon`, `the clock that runs backwards`: one thing that can be lost and found."""
    found = re.match(r"(a|an|the)\s+([^,.;:!?&]+)$", text, re.IGNORECASE)
    if not found or len(words := found[2].split()) > 9:
        return None
    cut = next((at for at, word in enumerate(words) if word.lower() in STOP_WORDS), len(words))
    follows = words[cut].lower() if cut < len(words) else ""
    head = words[cut - 1].lower() if cut else ""
    if not 0 < cut <= 3 or head.endswith(("s", *ABSTRACT_ENDINGS)) or follows not in {"", "that", "in"}:
        return None
    if any(word[0].isupper() for word in words[:cut]) and found[1].lower() == "the":
        return None
    keep = words if follows == "that" else words[:cut]
    return Topic(
        kind=Kind.OBJECT,
        said=" ".join(keep).lower(),
        short=head,
        article="the" if found[1].lower() == "the" else "a",
        where=where,
    )


def _is_plain(said: str) -> bool:
    words = said.lower().split()
    if not said.isascii() or any(not re.fullmatch(r"[a-z'-]+", word) for word in words) or len(words) > 6:
        return False
    if words[0] in {"the", "a", "an", "my", "our"} and words[-1] not in STOP_WORDS:
        return True
    last = words[-1]
    return len(words) <= 3 and (last.endswith(ABSTRACT_ENDINGS) or (last.endswith("s") and not last.endswith("ss")))


def _gist(words: list[str]) -> list[str]:
    """The first clause if it is short, else the words that return most often."""
    clause = re.split(r"[,.;:!?]", " ".join(words))[0].split()
    if 2 <= len(clause) <= LONGEST_LABEL:
        return clause
    counted: dict[str, int] = {}
    for word in words:
        plain = word.strip(",.;:!?'-")
        if 3 < len(plain) < 16 and plain.isalpha() and plain.lower() not in STOP_WORDS:
            counted[plain.lower()] = counted.get(plain.lower(), 0) + 1
    return sorted(counted, key=lambda word: -counted[word])[:2] or []
