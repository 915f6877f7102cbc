"""Whole runs: side by side, a second time, one scene edited, long, and how fast the command starts."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.harness import Figure, suite

ROOT = Path(__file__).parents[1]
MINUTE = ROOT / "examples" / "night-shift.md"


@suite()
def start() -> Iterator[Figure]:
    """`storygen --help`, as a process."""
    seconds = [_timed("--help")[0] for _ in range(7)]
    yield Figure(name="help_s", values=tuple(seconds), unit="s", limit=0.4)


@suite()
def repeat() -> Iterator[Figure]:
    """A film of about a minute: made, made again with nothing changed, and again with one of six scenes edited."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        source = home / "story.md"
        shutil.copyfile(MINUTE, source)
        first = _timed("run", str(source), home=home)[0]
        again = [_timed("run", str(source), home=home)[0] for _ in range(5)]
        yield Figure(name="warm_rerun_ratio", values=tuple(one / first for one in again), unit="ratio", limit=0.05)
        report = _report(home)
        yield Figure(name="warm_rerun_misses", values=(float(report["cache"]["misses"]),), unit="calls", limit=0)
        _edit_one_scene(source)
        _timed("run", str(source), home=home)
        report = _report(home)
        rendered = sum(row["count"] for row in report["operations"] if row["name"] == "render")
        yield Figure(name="edit_one_scene_calls", values=(float(report["calls"]["attempts"]),), unit="calls", limit=1)
        yield Figure(name="edit_one_scene_renders", values=(float(rendered),), unit="renders", limit=1)


@suite()
def memory() -> Iterator[Figure]:
    """Peak memory of Python itself, without its children, over a film of ten minutes, full size at few frames."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        source = home / "long.txt"
        source.write_text(_ten_minutes())
        peak = _peak_mb(home, "run", str(source))
        yield Figure(name="python_peak_mb", values=(peak,), unit="MB", limit=300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What the slow provider delivers."""

    number: int


class SlowProvider:
    """Answers after 0.2 s, as a vendor would."""

    name = model = "slow"
    operation, output = "generate_content", "image"
    fingerprint: dict[str, Any] = {}  # noqa: RUF012 - nothing that anybody changes

    def expected(self, request: Mark) -> Any:  # noqa: ARG002 - the shape of a provider
        """It uses nothing."""
        from storygen.story import Usage

        return Usage()

    async def answer(self, request: Mark, folder: Path) -> Any:  # noqa: ARG002 - the shape of a provider
        """See `providers.base.Provider`."""
        from storygen.providers.base import Answer

        await asyncio.sleep(0.2)
        return Answer(value=request)


@suite()
def side_by_side() -> Iterator[Figure]:
    """Twelve scenes whose provider takes 0.2 s each, against one after the other; only the provider is slow."""
    speedups, efficiencies = [], []
    for _ in range(5):
        alone, _ = asyncio.run(_twelve_scenes(at_once=1))
        together, critical = asyncio.run(_twelve_scenes(at_once=16))
        speedups.append(alone / together)
        efficiencies.append(together / critical)
    yield Figure(name="scene_parallel_speedup", values=tuple(speedups), unit="times", limit=10, sense="at least")
    yield Figure(name="scene_parallel_efficiency", values=tuple(efficiencies), unit="ratio", limit=1.15)


async def _twelve_scenes(*, at_once: int) -> tuple[float, float]:
    """Wall time of a run, and the length of its critical path without the waits between."""
    from storygen import events
    from storygen.pipeline import Pipeline, Steps
    from storygen.providers.base import Capability
    from storygen.resilience.cache import Cache
    from storygen.resilience.call import Caller
    from storygen.settings import FilmSettings, RunSettings, Settings
    from storygen.store.artifacts import Store
    from storygen.story import Line, Scene, Script
    from storygen.telemetry.recorder import Recorder
    from storygen.telemetry.report import build
    from storygen.workshop import Pulse, Workshop

    scenes = tuple(Scene(title=str(number), lines=(Line(text="words"),)) for number in range(12))
    recorder = Recorder("bench")
    with tempfile.TemporaryDirectory() as folder:
        store, pulse = Store(Path(folder)), Pulse()
        caller = Caller({Capability.IMAGES: [SlowProvider()]}, store)
        tools = Workshop(caller, Cache(store), binary=Path("/"), cores=2, stall_seconds=60, pulse=pulse)
        steps, film = Steps(**_only_drawing()), FilmSettings(transitions="cut")
        pipeline = Pipeline(tools, Settings(film=film, run=RunSettings(scenes_at_once=at_once)), pulse, steps)
        with events.watched(events.Watch([recorder], "bench")):
            started = time.perf_counter()
            with events.timed("run", "story"):
                await pipeline.run(Script(title="bench", scenes=scenes))
            wall = time.perf_counter() - started
    report = build(recorder.recording())
    return wall, sum(step.seconds for step in report.critical_path if step.name == "visuals")


def _only_drawing() -> dict[str, Any]:
    """Stages that do nothing, but for the one that asks the provider."""
    from storygen.providers.base import Capability
    from storygen.story import Captions, Film, Made, Narration, Review, Revision, Segment, Shot

    here = Path(__file__)
    review = Review(words=1, minutes=1, pace=1, hook="", has_hook=False, beats=())

    def made(value: Any) -> Any:
        return Made(value=value, key="", provider="none")

    def stage(build: Any) -> Any:
        async def step(*arguments: Any, **_: Any) -> Any:
            return made(build(*arguments))

        return step

    async def accept(_: Mark) -> tuple[()]:
        return ()

    async def draw(_scene: Any, number: int, _title: str, _frame: Any, tools: Any, **_: Any) -> Any:
        delivered = await tools.call(Capability.IMAGES, Mark(number=number), Mark, accept)
        return replace(delivered, value=Shot(image=here))

    return {
        "revise": stage(lambda script, *_: Revision(script=script, changes=(), review=review)),
        "speak": stage(lambda *_: Narration(audio=here, seconds=1, words=())),
        "caption": stage(lambda *_: Captions(cues=(), ass=here)),
        "draw": draw,
        "render": stage(lambda *_: Segment(video=here, frames=30)),
        "join": stage(lambda *_: Film(video=here, seconds=1, width=2, height=2)),
    }


def _environment(home: Path | None) -> dict[str, str]:
    own = (
        {f"STORYGEN_FOLDERS__{kind.upper()}": str(home / kind) for kind in ("films", "cache", "state")} if home else {}
    )
    return os.environ | own | {"PYTHONPATH": str(ROOT)}


def _timed(*arguments: str, home: Path | None = None) -> tuple[float, str]:
    """Wall seconds of one command, the start of the interpreter included, and what it printed."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "storygen", *arguments],
        env=_environment(home),
        check=True,
        capture_output=True,
        text=True,
    )
    return time.perf_counter() - started, done.stdout


def _report(home: Path) -> Any:
    return json.loads(_timed("report", "--json", home=home)[1])


def _edit_one_scene(source: Path) -> None:
    before, marker, after = source.read_text("utf-8").rpartition("## ")
    assert marker, "the example has scenes"
    lines = after.splitlines()
    spoken = next(n for n, line in enumerate(lines) if n and line and line[0].isalpha() and ":" not in line.split()[0])
    lines[spoken] = f"Nobody saw it coming. {lines[spoken]}"
    source.write_text(f"{before}{marker}" + "\n".join(lines) + "\n", "utf-8")


def _ten_minutes() -> str:
    sentence = "The keeper counted the {n} waves that came in from the west and wrote their number into the book."
    paragraphs = (" ".join(sentence.format(n=n + 100 * k) for k in range(2)) for n in range(46))
    return "The long night\n\n" + "\n\n".join(paragraphs) + "\n"


def _peak_mb(home: Path, *arguments: str) -> float:
    """Largest resident size of one command's own process, as the kernel tells at its end.

    Not `ru_maxrss`: on Linux that begins with the size of the process which started it.
    """
    code = (
        "import sys; from pathlib import Path; from storygen.cli.app import main\n"
        "try: main()\n"
        "finally: print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=_environment(home) | {"STORYGEN_FILM__FPS": "10", "STORYGEN_FILM__PRESET": "ultrafast"},
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stderr.split()[-1]) / 1024
