"""Breaks what a fault says, for as long as a block lasts, and mends it at the end of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle

from storygen.drill.base import SPEAKER, Act, Fault
from storygen.drill.crew import Crew
from storygen.drill.ffmpeg import Mode
from storygen.drill.subject import Subject
from storygen.stack.stack import Stack

_FLAP_SECONDS = 0.6  # long enough that somebody calls meanwhile
_DAMAGE_SECONDS = 0.2
_READY_SECONDS = 60.0
_Block = AbstractContextManager[None]


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to break, and how long the voice stage takes when nothing is broken, in seconds."""

    stack: Stack
    subject: Subject
    voice_seconds: float

    @property
    def crew(self) -> Crew:
        """The queue and its workers, which are there for the faults that need them."""
        crew = self.subject.crew
        assert crew is not None  # noqa: S101 - the drill has started it
        return crew


def prepare(fault: Fault, scene: Scene) -> None:
    """What has to be so before it is broken: only a worker with something to do is missed, or misses its Redis."""
    if fault.act in {"kill worker", "stop redis"}:
        scene.crew.keep_busy()


@contextmanager
def broken(fault: Fault, scene: Scene) -> Iterator[None]:
    """Break it; whatever happens in the block, it is mended afterwards."""
    subject = scene.subject
    rules = fault.rules
    if fault.slowness:
        rules = ({"fault": "slow", "vendor": SPEAKER, "seconds": round(fault.slowness * scene.voice_seconds, 3)},)
    with ExitStack() as mending:
        if rules:
            mending.callback(subject.plan)
            subject.plan(rules)
        if fault.settings:
            mending.callback(subject.apply, {})
            subject.apply(fault.settings)
        if fault.act:
            mending.enter_context(_ACTS[fault.act](fault, scene))
        yield


@contextmanager
def _flapping(fault: Fault, scene: Scene) -> Iterator[None]:
    """The rules of the fault come and go."""
    plans = cycle(((), fault.rules))
    with _repeated(lambda: scene.subject.plan(next(plans)), _FLAP_SECONDS):
        yield


@contextmanager
def _damaging(_: Fault, scene: Scene) -> Iterator[None]:
    """Entries of all caches lose their records; their files stay, because a run may be reading them."""

    def damage() -> None:
        for worker in scene.subject.workers:
            for entry in (worker.folder / "cache" / "v1").glob("*/??/*/entry.json"):
                with suppress(OSError):
                    entry.write_text("{", "utf-8")

    with _repeated(damage, _DAMAGE_SECONDS):
        yield


@contextmanager
def _filling(_: Fault, scene: Scene) -> Iterator[None]:
    worker = next(worker for worker in scene.subject.workers if worker.disk)
    disk, pid = worker.disk, worker.server.pid
    assert disk is not None  # noqa: S101 - the fault is left out where there is no such disk
    assert pid is not None  # noqa: S101
    disk.fill(pid)
    try:
        yield
    finally:
        disk.free(pid)


def _ffmpeg(mode: Mode) -> Callable[[Fault, Scene], _Block]:
    @contextmanager
    def block(_: Fault, scene: Scene) -> Iterator[None]:
        scene.subject.ffmpeg.set(mode)
        try:
            yield
        finally:
            scene.subject.ffmpeg.set("")

    return block


@contextmanager
def _without_collector(_: Fault, scene: Scene) -> Iterator[None]:
    scene.stack.stop("jaeger")
    try:
        yield
    finally:
        scene.stack.restart("jaeger")


def _without(count: int) -> Callable[[Fault, Scene], _Block]:
    @contextmanager
    def block(_: Fault, scene: Scene) -> Iterator[None]:
        gone = [worker.server for worker in scene.subject.workers[-count:]]
        for server in gone:
            server.stop()
        try:
            yield
        finally:
            for server in gone:
                server.start()
            for server in gone:
                server.wait_ready(_READY_SECONDS)

    return block


@contextmanager
def _killing(_: Fault, scene: Scene) -> Iterator[None]:
    """The worker is started again; what it was at another one has begun by then, or does so soon."""
    crew = scene.crew
    crew.workers[-1].kill()
    try:
        yield
    finally:
        crew.workers[-1].start()
        crew.workers[-1].wait_ready(_READY_SECONDS)
    crew.wait_over()


@contextmanager
def _flooding(_: Fault, scene: Scene) -> Iterator[None]:
    with scene.crew.flooded():
        yield


@contextmanager
def _holding(_: Fault, scene: Scene) -> Iterator[None]:
    """Only when the run is cancelled its ffmpeg is let go, or it would end well after an age, and all seem slow."""
    crew = scene.crew
    crew.ffmpeg.set("hold")
    crew.submit()
    try:
        yield
        crew.begin_again()
    finally:
        crew.ffmpeg.set("")


@contextmanager
def _without_redis(_: Fault, scene: Scene) -> Iterator[None]:
    crew = scene.crew
    crew.redis.stop()
    try:
        yield
    finally:
        crew.redis.start()
        crew.redis.wait_ready()


@contextmanager
def _repeated(work: Callable[[], None], seconds: float) -> Iterator[None]:
    """Do it again and again beside the block."""
    stopped = threading.Event()

    def loop() -> None:
        while not stopped.wait(seconds):
            work()

    thread = threading.Thread(target=loop, name="storygen-drill", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


_ACTS: Mapping[Act, Callable[[Fault, Scene], _Block]] = {
    "flap": _flapping,
    "damage cache": _damaging,
    "fill disk": _filling,
    "hang ffmpeg": _ffmpeg("hang"),
    "kill ffmpeg": _ffmpeg("die"),
    "stop collector": _without_collector,
    "stop one": _without(1),
    "stop all": _without(2),
    "kill worker": _killing,
    "flood queue": _flooding,
    "hold job": _holding,
    "stop redis": _without_redis,
}
