"""Where a line of text may be broken without disturbing its sense."""

from __future__ import annotations

_SENTENCE_ENDS = tuple(".!?…。！？")  # noqa: RUF001  # Chinese and Japanese write them so
_CLAUSE_ENDS = tuple(",;:—–)、،؛，；：")  # noqa: RUF001  # as above
_QUOTES = "\"'”’»)"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CONJUNCTIONS = _words(
    """after although and as because before but if or since so than that though until when where which while who
    aber dass oder und weil wenn  et mais ou que qui quand  o pero porque y  che e ma"""
)
_PREPOSITIONS = _words(
    """about above across against along among around at behind below beneath beside between beyond by down during for
    from in inside into like near of off on onto out over past through to toward towards under up upon with within
    without  auf aus bei für mit nach ohne unter von  avec dans de pour sans sous sur  con para por sin"""
)
_CLINGING = _words(
    """a an at by for from her his in its my no of on our the their to with your
    das der die  el la le les los"""
)


def ends_sentence(word: str) -> bool:
    """Whether a sentence ends with the word, quotation marks aside."""
    return word.rstrip(_QUOTES).endswith(_SENTENCE_ENDS)


def break_cost(left: str, right: str) -> float:
    """How much a break between two words disturbs the sense: nothing after a sentence, most after an article."""
    if ends_sentence(left):
        return 0.0
    if left.rstrip(_QUOTES).endswith(_CLAUSE_ENDS) or left.endswith(_CLAUSE_ENDS):
        return 1.0
    if left.casefold() in _CLINGING:
        return 10.0
    if right.casefold() in _CONJUNCTIONS:
        return 2.0
    return 2.5 if right.casefold() in _PREPOSITIONS else 5.0
