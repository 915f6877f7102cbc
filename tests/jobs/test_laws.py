"""What holds whatever workers and callers do: the queue against a model of it, in random walks."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test

from storygen.errors import Conflict, NotFound
from storygen.jobs.base import Job, JobState, Submission
from storygen.jobs.database import open_address
from storygen.jobs.store import SqlJobs
from tests.jobs.queues import Clock, story

T = TypeVar("T")
CLAIMS = 3
LEASE = 30.0
WORKERS = st.sampled_from(["one", "two"])
ENDS = st.sampled_from([JobState.SUCCESS, JobState.FAILED, JobState.TIMEOUT, JobState.CANCELLED])
KEYS = st.sampled_from(["", "", "k1", "k2"])


@dataclass
class Expected:
    """A job as it has to be."""

    submission: Submission
    available: float
    state: JobState = JobState.QUEUED
    worker: str = ""
    until: float = 0.0
    claims: int = 0
    is_cancelling: bool = False
    queueings: int = 1

    @property
    def is_running(self) -> bool:
        return self.state is JobState.RUNNING

    def end(self, state: JobState) -> None:
        self.state, self.is_cancelling = state, False

    def take(self, worker: str, now: float) -> bool:
        if self.is_cancelling:
            self.end(JobState.CANCELLED)
        elif self.claims >= CLAIMS:
            self.end(JobState.FAILED)
        else:
            self.state, self.worker, self.until = JobState.RUNNING, worker, now + LEASE
            self.claims += 1
            return True
        return False


class Queue(RuleBasedStateMachine):
    """Two workers, a clock that tests turn, and everything that can be asked of a queue."""

    template: Path
    known = Bundle("known")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(self.template, self.folder / "queue.sqlite")
        self.loop = asyncio.new_event_loop()
        self.clock = Clock()
        engine = open_address(f"sqlite:///{self.folder / 'queue.sqlite'}", 5)
        self.jobs = SqlJobs(engine, claims=CLAIMS, clock=self.clock)
        self.expected: dict[str, Expected] = {}
        self.removed: set[str] = set()

    def teardown(self) -> None:
        self.do(self.jobs.close())
        self.loop.close()
        shutil.rmtree(self.folder)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @rule(target=known, keys=st.lists(KEYS, min_size=1, max_size=3), webhook=st.sampled_from(["", "http://x"]))
    def submit(self, keys: list[str], webhook: str) -> Any:
        asked = [story(key=key, webhook=webhook) for key in keys]
        made = self.do(self.jobs.submit(asked))
        for job, one in zip(made, asked, strict=True):
            earlier = [id_ for id_, e in self.expected.items() if one.key and e.submission.key == one.key]
            assert earlier in ([], [job.id])
            if not earlier:
                self.expected[job.id] = Expected(one, self.clock.now)
        return multiple(*dict.fromkeys(job.id for job in made))

    @rule(worker=WORKERS, limit=st.integers(1, 3))
    def claim(self, worker: str, limit: int) -> None:
        free = sorted((not e.is_running, e.available, id_) for id_, e in self.expected.items() if self._is_free(e))
        wanted = [id_ for *_, id_ in free[:limit] if self.expected[id_].take(worker, self.clock.now)]
        taken = self.do(self.jobs.claim(worker, limit, LEASE))
        assert [job.id for job in taken] == wanted

    @rule(worker=WORKERS, job=known)
    def take(self, worker: str, job: str) -> None:
        expected = self.expected.get(job)
        is_taken = expected is not None and self._is_free(expected) and expected.take(worker, self.clock.now)
        taken = self.do(self.jobs.take(job, worker, LEASE))
        assert (taken is not None) is is_taken

    @rule(seconds=st.sampled_from([1.0, 10.0, LEASE, LEASE + 0.1]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(worker=WORKERS)
    def beat(self, worker: str) -> None:
        ids = [*self.expected, *self.removed]
        held = [id_ for id_ in ids if self._is_mine(id_, worker)]
        for id_ in held:
            self.expected[id_].until = self.clock.now + LEASE
        stopping = set(ids) - {id_ for id_ in held if not self.expected[id_].is_cancelling}
        assert self.do(self.jobs.beat(worker, ids, LEASE)) == stopping

    @rule(worker=WORKERS, job=known)
    def note(self, worker: str, job: str) -> None:
        before = self._shown(job)
        self.do(self.jobs.note(job, worker, [("stage.began", {"stage": "voice"}), ("x", {})], stage=worker))
        after = self._shown(job)
        if self._is_mine(job, worker):
            assert after is not None
            assert after.stage == worker
        else:
            assert after == before

    @rule(worker=WORKERS, job=known, state=ENDS)
    def finish(self, worker: str, job: str, state: JobState) -> None:
        is_mine, before = self._is_mine(job, worker), self._shown(job)
        assert self.do(self.jobs.finish(job, worker, state)) is is_mine
        if is_mine:
            self.expected[job].end(state)
        else:
            assert self._shown(job) == before

    @rule(worker=WORKERS, job=known)
    def release(self, worker: str, job: str) -> None:
        is_mine, before = self._is_mine(job, worker), self._shown(job)
        self.do(self.jobs.release(job, worker))
        if not is_mine:
            assert self._shown(job) == before
        elif self.expected[job].is_cancelling:
            self.expected[job].end(JobState.CANCELLED)
        else:
            self.expected[job].state, self.expected[job].worker = JobState.QUEUED, ""
            self.expected[job].claims -= 1

    @rule(job=known)
    def cancel(self, job: str) -> None:
        if job in self.removed:
            with pytest.raises(NotFound):
                self.do(self.jobs.cancel(job))
            return
        expected = self.expected[job]
        if expected.state is JobState.QUEUED:
            expected.end(JobState.CANCELLED)
        elif expected.state is JobState.RUNNING:
            expected.is_cancelling = True
        assert self.do(self.jobs.cancel(job)).is_cancelling is expected.is_cancelling

    @rule(job=known)
    def retry(self, job: str) -> None:
        if job in self.removed or self.expected[job].state in {JobState.QUEUED, JobState.RUNNING, JobState.SUCCESS}:
            with pytest.raises(NotFound if job in self.removed else Conflict):
                self.do(self.jobs.retry(job))
            return
        expected = self.expected[job]
        again = self.do(self.jobs.retry(job))
        assert (again.started, again.ended, again.result, again.error) == (None, None, None, None)
        expected.state, expected.worker, expected.claims = JobState.QUEUED, "", 0
        expected.available, expected.queueings = self.clock.now, expected.queueings + 1

    @rule(job=known)
    def delete(self, job: str) -> None:
        if job in self.removed or not self.expected[job].state.is_over:
            with pytest.raises(NotFound if job in self.removed else Conflict):
                self.do(self.jobs.delete(job))
            return
        self.do(self.jobs.delete(job))
        del self.expected[job]
        self.removed.add(job)

    @invariant()
    def every_submission_is_there_as_expected(self) -> None:
        for id_, expected in self.expected.items():
            job = self.do(self.jobs.get(id_))
            assert (job.state, job.claims, job.is_cancelling) == (
                expected.state,
                expected.claims,
                expected.is_cancelling,
            )
            assert job.submission == expected.submission
            assert (job.ended is not None) is expected.state.is_over
            if expected.state is JobState.RUNNING:
                assert (job.worker, job.lease_until) == (expected.worker, expected.until)
        counted = Counter(expected.state.value for expected in self.expected.values())
        assert {k: v for k, v in self.do(self.jobs.counts()).items() if v} == dict(counted)

    @invariant()
    def events_have_no_gap_and_a_queueing_one_end(self) -> None:
        for id_, expected in self.expected.items():
            events = self.do(self.jobs.events(id_))
            assert [event.number for event in events] == list(range(1, len(events) + 1))
            kinds = [event.kind for event in events]
            turns = [kind for kind in kinds if kind == "queued" or kind in {state.value for state in ENDS_OF}]
            assert turns[::2] == ["queued"] * expected.queueings
            assert len(turns) == 2 * expected.queueings - (not expected.state.is_over)
            told = self.do(self.jobs.deliveries(id_))
            owed = [event.number for event in events if event.kind in {state.value for state in ENDS_OF}]
            assert [delivery.number for delivery in told] == (owed if expected.submission.webhook else [])

    def _is_free(self, expected: Expected) -> bool:
        return expected.state is JobState.QUEUED or (expected.is_running and expected.until < self.clock.now)

    def _is_mine(self, job: str, worker: str) -> bool:
        expected = self.expected.get(job)
        return expected is not None and expected.state is JobState.RUNNING and expected.worker == worker

    def _shown(self, job: str) -> Job | None:
        try:
            return self.do(self.jobs.get(job))
        except NotFound:
            return None


ENDS_OF = [state for state in JobState if state.is_over]


def test_no_walk_through_the_queue_breaks_its_laws(tmp_path: Path) -> None:
    Queue.template = tmp_path / "template.sqlite"
    open_address(f"sqlite:///{Queue.template}", 1).dispose()
    walks = settings(max_examples=30, stateful_step_count=30, suppress_health_check=list(HealthCheck), database=None)
    run_state_machine_as_test(Queue, settings=walks)
