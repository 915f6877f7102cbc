"""Sentences, and long ones made short enough for one breath without losing a word."""

from __future__ import annotations

import re

LONGEST_WORDS = 28

_SUBJECT = r"(?:I|you|he|she|it|we|they|there|this|nobody|everybody|everyone|somebody|no one)\b"
_NOUN = r"(?:the|a|an|his|her|its|their|my|our|your|every|each|[A-Z][a-z]+)\b"
_VERB = r"(?:\w+ ){1,4}(?:is|are|was|were|had|has|have|will|would|could|can|did|does|said|went|came|made|took|\w+ed)\b"
_JOINT = re.compile(
    rf"(?P<mark>;|—|–|:)\s+(?=\w)|(?P<comma>,)\s+(?=(?:and|but|so|yet)\s+(?:{_SUBJECT}|(?P<noun>{_NOUN}\s+{_VERB})))"
)
_SUBORDINATE = re.compile(
    r"(?:when|if|while|because|although|though|as|after|before|since|once|unless|until|whenever|where|even)\b",
    re.IGNORECASE,
)


def sentences(text: str) -> list[str]:
    """The sentences of a text, each with its closing marks; `p.m.` ends none."""
    parts = re.split(r"(?<=[.!?…])(?<!\b[ap]\.m\.)([\"'”’)]*)\s+(?=[\"'“‘(]*[^\sa-z])", text)
    # The closing quotation marks were split off with what follows them.
    joined = ("".join(parts[at : at + 2]) for at in range(0, len(parts), 2))
    return [part for part in joined if part]


def breathe(text: str) -> str:
    """The text with every sentence of more than 28 words split between clauses, where the grammar allows it."""
    return " ".join(_split(sentence) for sentence in sentences(text))


def _split(sentence: str) -> str:
    if len(sentence.split()) <= LONGEST_WORDS:
        return sentence
    joints = sorted(_JOINT.finditer(sentence), key=lambda joint: abs(joint.start() - len(sentence) / 2))
    best = next((joint for joint in joints if _is_safe(sentence, joint)), None)
    if best is None:
        return sentence
    left, right = sentence[: best.start()].rstrip(), sentence[best.end() :]
    return f"{_split(left + '.')} {_split(right[:1].upper() + right[1:])}"


def _is_safe(sentence: str, joint: re.Match[str]) -> bool:
    """Both sides must be able to stand alone: long enough, no open bracket or quotation, no pair of dashes."""
    left, right = sentence[: joint.start()], sentence[joint.end() :]
    if min(len(left.split()), len(right.split())) < (4 if joint["mark"] == ";" else 6):
        return False
    if left.count("(") != left.count(")") or left.count("“") != left.count("”") or left.count('"') % 2:
        return False
    if left[-1:] in ".!?…" or not any(mark.isalnum() for mark in left[-2:]):
        return False
    if joint["mark"] in {"—", "–"}:
        return sentence.count("—") + sentence.count("–") == 1
    if joint["comma"]:
        return not (_SUBORDINATE.match(left.lstrip("\"'“‘(")) and "," not in left) and not (
            joint["noun"] and "," in left
        )
    return True
