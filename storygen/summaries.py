"""Summaries of a day or a week: which runs belong to it, and the page and the document that tell of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol

from storygen.store.history import DAY_SECONDS, PastRun
from storygen.telemetry.digest import Digest, digest
from storygen.telemetry.digest_html import page, sentence
from storygen.telemetry.report_words import plain

Every = Literal["daily", "weekly"]
LONGEST_RUN = DAY_SECONDS
DAYS: dict[Every, int] = {"daily": 1, "weekly": 7}


class Past(Protocol):
    """Knows the runs that were."""

    def since(self, moment: float) -> list[PastRun]:
        """Those that started at `moment` (Unix) or later, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From `began` to `ended` (Unix); `name` is how people call it, `id` tells it from every other."""

    id: str
    name: str
    began: float
    ended: float

    @property
    def before(self) -> float:
        """When the equally long period before it began."""
        return 2 * self.began - self.ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A summary in all its forms: its figures, one sentence, and a page."""

    period: Period
    digest: Digest
    sentence: str
    html: str

    def to_json(self) -> dict[str, Any]:
        """What a webhook is sent, in the envelope of the other webhooks."""
        said = self.digest.to_json()
        data = {"id": self.period.id, "title": self.period.name, "sentence": self.sentence, "html": self.html, **said}
        return {"type": "summary", "timestamp": said["ended"], "data": data}


def last_whole(every: Every, now: float) -> Period:
    """The latest day (or week, from Monday) in UTC that is over at `now`."""
    midnight = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    ended = midnight - timedelta(days=midnight.weekday() if every == "weekly" else 0)
    began = ended - timedelta(days=DAYS[every])
    name = f"The week from {began:%Y-%m-%d}" if every == "weekly" else f"{began:%A}, {began:%Y-%m-%d}"
    return Period(id=f"{every}-{began:%Y-%m-%d}", name=name, began=began.timestamp(), ended=ended.timestamp())


def latest(seconds: float, words: str, now: float) -> Period:
    """The time just before `now`; `words` is how it was asked for (7d)."""
    return Period(id=f"{words}-{now:.0f}", name=f"The last {plain(words)}", began=now - seconds, ended=now)


def summarise(past: Past, period: Period, link: str = "") -> Told:
    """The summary of what ended in a period, against the one before; takes as long as reading all the reports."""
    runs = [(run.started + run.seconds, run.report) for run in past.since(period.before - LONGEST_RUN)]
    now = [report for end, report in runs if period.began <= end < period.ended]
    before = [report for end, report in runs if period.before <= end < period.began]
    found = digest(now, before, period.began, period.ended)
    return Told(period=period, digest=found, sentence=sentence(found), html=page(found, period.name, link))
