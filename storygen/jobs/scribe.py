"""Puts down what happens to a job while it is worked on, for those who watch: without the story's words."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from storygen.costs.ledger import Ledger
from storygen.delivery import spent_usd
from storygen.errors import StorygenError
from storygen.events import BudgetRefused, Checked, Counted, Event, FellBack, GaveUp, Halted, Retried, Shipped, Timed
from storygen.jobs.base import Job, Jobs
from storygen.story import Stage, Verdict
from storygen.telemetry.estimate import Past
from storygen.telemetry.pace import Pace

EVERY_SECONDS = 0.2
PROGRESS_SECONDS = 1.0
SIGN_SECONDS = 15.0  # a job that moves is heard of at least so often, which `storygen_job_silent_seconds` relies on
WRITE_SECONDS = 10.0
PROGRESS = "progress"  # no sign of life: how far a run is gets reckoned from the time, too
MOVING = "moving"
MOST = 500
_LOG = logging.getLogger("storygen.jobs")
Said = tuple[str, Mapping[str, Any]]


class Scribe:
    """The observer of one job; an async context manager around its run.

    What is observed only goes into a list; a task of its own writes it, at most every 0.2 s and the rest at the end.
    Beyond 500 that could not be written the oldest are let go and counted. It never fails a run. `title` is that of the
    job, where it has become known.
    """

    def __init__(self, jobs: Jobs, job: Job, worker: str, past: Sequence[Past] = ()) -> None:
        self.title = job.title
        self._jobs = jobs
        self._job = job.id
        self._was_titled = job.title
        self._worker = worker
        self._pace = Pace(past)
        self._ledger = Ledger()
        self._said: deque[Said] = deque()
        self._lost = 0
        self._stage = ""
        self._figures: Mapping[str, Any] = {}
        self._has_news = asyncio.Event()
        self._is_over = asyncio.Event()
        self._is_cut_off = False
        self._moved = False
        self._heard_at = time.monotonic()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._serve())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._has_news.set()
        if self._task is not None:
            await self._task

    def began(self, timed: Timed) -> None:
        """A run or a stage begins."""
        self._pace.began(timed)
        if timed.kind == "run":
            self._say("began", trace_id=timed.trace_id, traceparent=timed.traceparent)
        elif timed.kind == "stage":
            self._stage = timed.name
            self._say("stage.began", stage=timed.name, scene=timed.scene)

    def ended(self, timed: Timed) -> None:
        """A stage has ended, and with its last stage a scene."""
        self._pace.ended(timed)
        if timed.kind != "stage":
            return
        fields = timed.fields
        self._say(
            "stage.ended",
            stage=timed.name,
            scene=timed.scene,
            outcome=timed.outcome.value if timed.outcome else "",
            cached=bool(fields.get("cached")),
            provider=fields.get("provider") or "",
            seconds=round(timed.seconds, 3),
            **({"error": getattr(timed.error, "kind", "error")} if timed.error is not None else {}),
        )
        if timed.scene is not None and timed.name == Stage.ASSEMBLY and timed.error is None:
            self._say("scene.ready", scene=timed.scene)

    def noted(self, event: Event, within: Timed | None) -> None:
        """What went on, and what it cost."""
        self._moved = True
        self._pace.noted(event, within)
        if type(event) in Ledger.hears:
            self._ledger.noted(event, within)
            self._has_news.set()
        elif (told := _told(event)) is not None:
            kind, data = told
            place = {"stage": within.stage, "scene": within.scene} if within is not None else {}
            self._say(kind, **place, **data)

    def _say(self, kind: str, **data: Any) -> None:
        if len(self._said) >= MOST:
            self._said.popleft()
            self._lost += 1
        self._said.append((kind, data))
        self._has_news.set()

    async def _serve(self) -> None:
        """Write what was said: the first at once, then in groups, and now and then how far it is."""
        while not self._is_over.is_set():
            await _heard(self._has_news, PROGRESS_SECONDS)
            await self._write()
            await _heard(self._is_over, PROGRESS_SECONDS if self._is_cut_off else EVERY_SECONDS)
        await self._write()

    async def _write(self) -> None:
        self._has_news.clear()
        group, lost, figures = [*self._said], self._lost, self._now()
        said: list[Said] = [("lost", {"events": lost})] if lost else []
        said += group
        if not said and self._moved and time.monotonic() - self._heard_at > SIGN_SECONDS:
            said.append((MOVING, {}))
        is_heard = bool(said)
        if {**figures, "eta_seconds": None} != {**self._figures, "eta_seconds": None}:
            said.append((PROGRESS, figures))
        if not said and self.title == self._was_titled:
            return
        seen = {name: value for name, value in figures.items() if name != "cost_usd"}
        if self.title != self._was_titled:
            seen["title"] = self.title
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await self._jobs.note(self._job, self._worker, said, **seen)
        except (StorygenError, TimeoutError) as error:
            if not self._is_cut_off:
                _LOG.warning("What happens to run %s cannot be put down now: %s", self._job, error)
            self._is_cut_off = True
            return
        self._is_cut_off = False
        if is_heard:
            self._moved, self._heard_at = False, time.monotonic()
        written = set(map(id, group))
        while self._said and id(self._said[0]) in written:
            self._said.popleft()
        self._lost -= lost
        self._figures, self._was_titled = figures, seen.get("title", self._was_titled)

    def _now(self) -> dict[str, Any]:
        """How far the run is, how much longer it takes, and what it cost up to now."""
        _, left, share = self._pace.judge()
        eta = round((left.low + left.high) / 2, 1) if left is not None and left.high is not None else None
        cost = spent_usd(self._ledger.cost())
        return {"stage": self._stage, "progress": round(share, 2), "eta_seconds": eta, "cost_usd": cost}


async def _heard(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, at most so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _told(event: Event) -> Said | None:
    """What is said of an event: names and numbers, never words of the story."""
    teller = _TELLERS.get(type(event))
    return teller(event) if teller is not None else None


def _checked(event: Checked) -> Said | None:
    check = event.check
    if check.verdict is Verdict.PASS:
        return None
    return f"check.{check.verdict.value}", {"artifact": check.artifact, "check": check.name, "provider": event.provider}


def _counted(event: Counted) -> Said | None:
    return ("scenes", {"count": event.count}) if event.element == "scene" else None


_TELLERS: Mapping[type, Callable[[Any], Said | None]] = {
    Checked: _checked,
    Counted: _counted,
    Retried: lambda e: (
        "call.retried",
        {"provider": e.provider, "reason": e.reason, "attempt": e.attempt, "wait": round(e.wait, 3)},
    ),
    GaveUp: lambda e: ("call.gave_up", {"provider": e.provider, "reason": e.reason}),
    FellBack: lambda e: (
        "call.fell_back",
        {"from_provider": e.from_provider, "to_provider": e.to_provider, "reason": e.reason},
    ),
    BudgetRefused: lambda e: ("budget.refused", {"window": e.window, "provider": e.provider}),
    Halted: lambda e: ("stalled", {"seconds": round(e.seconds, 1)}),
    Shipped: lambda e: ("shipped", {"fidelity": e.fidelity, "film_seconds": round(e.seconds, 3)}),
}
