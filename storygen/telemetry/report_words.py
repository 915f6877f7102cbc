"""How a report says things: one sentence, its warnings, and seconds, dollars and text as people read them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from storygen.telemetry.recorder import Recording

if TYPE_CHECKING:
    from storygen.telemetry.report_records import CacheFigures, RunFigures, StageFigures

WARN_SHARE = 0.2
NONE = "-"


def sentence(run: RunFigures, saved: Mapping[str, tuple[float, float]], cache: CacheFigures) -> str:
    """What a person should know first.

    The stage that is named is the one that would save most were it instant, which a cached stage nearly is; its
    percentage is that saving by the run's length, so that both figures say the same.
    """
    if run.outcome not in {"success", ""}:
        return _failure(run)
    if not saved or run.seconds <= 0:
        return f"Nothing took any time: the run ended after {seconds(run.seconds)}."
    if cache.hits and not cache.misses:
        return f"Everything was found in the cache: {seconds(run.seconds)} instead of making it again."
    stage = max(saved, key=lambda name: saved[name][1])
    instant = saved[stage][1]
    if instant < 0.05 * run.seconds:
        return "No stage alone would make the run much faster: without it something else would take as long."
    return (
        f"{plain(stage)} took {percent(instant / run.seconds)} of the time; "
        f"with it cached the run takes {seconds(run.seconds - instant)} instead of {seconds(run.seconds)}."
    )


def _failure(run: RunFigures) -> str:
    where = f" in {plain(run.error_stage)}" if run.error_stage else ""
    scene = f" of scene {run.error_scene}" if run.error_scene is not None else ""
    why = f": {plain(run.error_message)}" if run.error_message else ""
    how = {"cancelled": "was cancelled", "timeout": "ran out of time"}.get(run.outcome, "failed")
    return f"The run {how} after {seconds(run.seconds)}{where}{scene}{why}"


def warnings(run: RunFigures, operations: Sequence[StageFigures], recording: Recording) -> tuple[str, ...]:
    """Every operation above a fifth of the run's time, and what is left out."""
    found = [
        f"{plain(row.name)} was under way for {percent(row.share)} of the run"
        f" ({times(row.count, 'time')}, {seconds(row.total)})"
        for row in operations
        if row.share > WARN_SHARE
    ]
    if folded := sum(sums.times for sums in recording.folded.values()):
        found.append(f"{folded} operations beyond the first are only in counts, totals and means")
    if not recording.run and run.pipeline != "session":
        found.append("the run has not ended")
    return tuple(found)


def seconds(value: float | None) -> str:
    """A duration: 350 ms, 4.2 s, 3 min 05 s, 2 h 07 min."""
    if value is None:
        return NONE
    if value < 0.9995:
        return f"{value * 1000:.0f} ms" if value >= 0.001 or value == 0 else "< 1 ms"
    if value < 99.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def dollars(value: float | None) -> str:
    """A sum of money; small ones with as many places as they need."""
    if value is None:
        return "unpriced"
    if value == 0:
        return "$0"
    return f"${value:,.2f}" if abs(value) >= 0.1 else f"${value:.4f}"


def times(number: int, thing: str) -> str:
    """A count and what is counted: 1 scene, 6 scenes."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}{'es' if thing.endswith('s') else 's'}"


def percent(share: float | None) -> str:
    """A share of 1 as a percentage."""
    return NONE if share is None else f"{share * 100:.0f} %"


def where(stage: str, scene: int | None) -> str:
    """A stage, and its scene where it belongs to one."""
    return plain(stage) if scene is None else f"{plain(stage)}, scene {scene}"


def plain(text: str) -> str:
    """`text` on one line without characters that act on a terminal or turn its direction; they are shown as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(char) for char in text)


def _visible(char: str) -> str:
    if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} and char not in {"\u200d", "\ufe0f"}:
        return char.encode("unicode_escape").decode()
    return char
