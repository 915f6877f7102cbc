"""A summary as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from storygen.telemetry.digest import Digest
from storygen.telemetry.report_compare import summary_lines
from storygen.telemetry.report_text import Line, table
from storygen.telemetry.report_words import NONE, plain


def lines(digest: Digest, sentence: str, since: str) -> Iterator[Line]:
    """The sentence, the figures, and what stands out."""
    yield "head", sentence
    if not digest.now.runs:
        return
    yield from summary_lines(digest.now, since)
    if digest.regressions:
        yield "title", "Slower than before, per second of film"
        slower = [
            (plain(one.stage), f"{one.before:.2f} s", f"{one.now:.2f} s", f"{one.factor:.2f}")
            for one in digest.regressions
        ]
        yield from table(("stage", "before", "now", "times"), slower)
    if digest.broken:
        yield "title", "What broke most"
        broken = [
            (plain(one.kind), plain(one.stage) or NONE, plain(one.provider) or NONE, str(one.count))
            for one in digest.broken
        ]
        yield from table(("kind", "stage", "provider", "times"), broken)
