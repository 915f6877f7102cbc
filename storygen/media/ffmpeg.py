"""Commands for ffmpeg, and the one function that runs them.

Every ffmpeg runs in a process group of its own, opens nothing but files and pipes, and never outlives its caller: it is
reaped on every path, and where Python itself is killed the kernel (Linux) ends it.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from storygen.errors import DiskFull, InvalidSettings, RenderFailed, StageTimeout, Stalled, StorygenError
from storygen.media.environment import for_children, tether

_GLOBAL = ("-hide_banner", "-nostdin", "-y", "-nostats", "-progress", "pipe:1")
_WHITELIST = ("-protocol_whitelist", "file,pipe")
_GRACE_SECONDS = 2.0
_POLL_SECONDS = 0.005
_SAID_BYTES = 256 * 1024
_HINT_LINES = 6
_DURATION = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+)", re.MULTILINE)
_NO_SPACE = ("No space left on device", "Disk quota exceeded")

_running: set[int] = set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One run of ffmpeg.

    `step` is a fixed word for spans (render, join, level, measure, probe); `args` is all that stands between the global
    options and the end; `seconds` is the length of what comes out, where known, for progress and time limits.
    """

    step: str
    args: tuple[str, ...]
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a command went: the end of what it said, the seconds of media that came out, how many of them a second."""

    said: str
    out_seconds: float
    speed: float

    @property
    def in_seconds(self) -> float:
        """The length of all inputs that tell theirs, as ffmpeg lists them before it begins; an end of it is enough."""
        hours = (map(float, found) for found in _DURATION.findall(self.said))
        return round(sum(3600 * h + 60 * m + s for h, m, s in hours), 3)


def find_binary(configured: Path | None) -> Path:
    """The ffmpeg to use: the configured one, else the one that comes with imageio-ffmpeg, else the one on PATH.

    The bundled one goes before PATH because it is the same everywhere. Raises `InvalidSettings` where there is none.
    """
    if configured is None:
        return _bundled()
    found = shutil.which(configured.expanduser())
    if found is None:
        raise InvalidSettings(
            f"FFMPEG_PATH names {str(configured)!r}, which cannot be run",
            hint="Set FFMPEG_PATH to an ffmpeg executable, or leave it empty to use the bundled one.",
        )
    return Path(found).absolute()


@lru_cache(maxsize=1)
def _bundled() -> Path:
    import imageio_ffmpeg

    try:
        found = shutil.which(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        found = None
    if found is None:
        raise InvalidSettings(
            "no ffmpeg was found", hint="Install ffmpeg with libx264 and libass, and set FFMPEG_PATH to it."
        )
    return Path(found).absolute()


def running() -> frozenset[int]:
    """The process ids of every ffmpeg that was started here and has not been reaped."""
    return frozenset(_running)


def kill_all() -> None:
    """End every ffmpeg that was started here, now: for a process that will not wait for them."""
    for pid in running():
        _signal(pid, signal.SIGKILL)


async def run(
    command: Command,
    *,
    binary: Path,
    timeout: float,  # noqa: ASYNC109  # raises an error of ours and says which limit was hit
    stall_after: float,
    on_progress: Callable[[float, float], None] | None = None,
) -> Finished:
    """Run ffmpeg to its end; `on_progress` is told the seconds of media that came out, and how many of them a second.

    Raises `StageTimeout` after `timeout` seconds, `Stalled` when no media came out for `stall_after` s, `DiskFull`
    or `RenderFailed`, whose hint is the end of what ffmpeg said. On these and on cancellation the process is reaped.
    """
    talk = _Talk(on_progress)
    with _start(binary, command) as child:
        _running.add(child.pid)
        done = asyncio.ensure_future(_attend(child, talk))
        try:
            await _within(done, talk, command, allowed=timeout, stall_after=stall_after)
        finally:
            try:
                await _end(child)
            finally:
                _running.discard(child.pid)
                done.cancel()
                with suppress(asyncio.CancelledError):
                    await done
    if child.returncode:
        raise _failure(command, talk.said, child.returncode)
    return Finished(said=talk.said, out_seconds=talk.out_seconds, speed=talk.speed)


def arguments(command: Command) -> Iterator[str]:
    """The whole argument list: the global options, and a whitelist of protocols before every input."""
    yield from _GLOBAL
    for arg in command.args:
        if arg == "-i":
            yield from _WHITELIST
        yield arg


def one_by_one(command: Command) -> Command:
    """The same command with a single thread for each reader and filter: another way for one that stood still."""
    args: list[str] = ["-filter_threads", "1", "-filter_complex_threads", "1"]
    for arg in command.args:
        args += ["-threads", "1", arg] if arg == "-i" else [arg]
    return replace(command, args=tuple(args))


def escape(value: str) -> str:
    """Write a value (a path) so that it can stand in a filter graph: once for the option, once for the graph.

    Source: "Notes on filtergraph escaping" in the ffmpeg-filters manual.
    """
    for special in ("\\':", "\\'[],;"):
        value = "".join(f"\\{c}" if c in special else c for c in value)
    return value


def local(path: Path) -> str:
    """Write a path as an argument that ffmpeg takes for a file whatever its name looks like ("-y", "http:", "a:b")."""
    return f"file:{path}"


def _encoded(argument: str) -> str | bytes:
    """A title of any writing for ffmpeg, which reads UTF-8, where the locale of this process has no letters for it."""
    try:
        os.fsencode(argument)
    except UnicodeEncodeError:
        return argument.encode("utf-8", "surrogateescape")
    return argument


def _start(binary: Path, command: Command) -> subprocess.Popen[bytes]:
    """Start ffmpeg. asyncio's own subprocesses hang in Python 3.11 when they are cancelled while they start."""
    return subprocess.Popen(  # noqa: S603  # a list of arguments, and no shell
        [_encoded(argument) for argument in (*tether(), str(binary), *arguments(command))],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env=for_children(),
        start_new_session=True,
    )


async def _attend(child: subprocess.Popen[bytes], talk: _Talk) -> None:
    """Listen until both pipes end, then until the process has."""
    async with _reading(child.stdout) as told, _reading(child.stderr) as said:
        await asyncio.gather(talk.follow(told), talk.listen(said))
    await _ended(child)


@asynccontextmanager
async def _reading(pipe: IO[bytes] | None) -> AsyncIterator[asyncio.StreamReader]:
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    try:
        yield reader
    finally:
        transport.close()


async def _ended(child: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a process that is about to end; reaps it."""
    while child.poll() is None:  # noqa: ASYNC110  # processes send no events
        await asyncio.sleep(_POLL_SECONDS)


class _Talk:
    """What an ffmpeg says while it runs."""

    def __init__(self, on_progress: Callable[[float, float], None] | None) -> None:
        self.out_seconds = 0.0
        self.speed = 0.0
        self.moved_at = asyncio.get_running_loop().time()
        self._tail = bytearray()
        self._on_progress = on_progress

    @property
    def said(self) -> str:
        """The end of the standard error stream."""
        return self._tail.decode("utf-8", "replace")

    async def listen(self, stream: asyncio.StreamReader) -> None:
        """Keep the end of what is said."""
        while chunk := await stream.read(65536):
            self._tail += chunk
            del self._tail[:-_SAID_BYTES]

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Note how far it got."""
        async for line in stream:
            name, _, value = line.decode("ascii", "replace").strip().partition("=")
            if name == "out_time_us" and value.lstrip("-").isdigit():
                self._moved(int(value) / 1e6)
            elif name == "speed" and value.endswith("x"):
                with suppress(ValueError):
                    self.speed = float(value[:-1])
            elif name == "progress" and self._on_progress:
                self._on_progress(self.out_seconds, self.speed)

    def _moved(self, out_seconds: float) -> None:
        if out_seconds > self.out_seconds:
            self.out_seconds = out_seconds
            self.moved_at = asyncio.get_running_loop().time()


async def _within(
    done: asyncio.Future[Any], talk: _Talk, command: Command, *, allowed: float, stall_after: float
) -> None:
    """Wait for `done`, but not past the allowed seconds or a stall."""
    clock = asyncio.get_running_loop().time
    ends_at = clock() + allowed
    while not done.done():
        now = clock()
        if now >= ends_at:
            raise StageTimeout(
                f"ffmpeg {command.step} was not done after {allowed:g} s",
                hint="Raise the stage's timeout, or make the film shorter or smaller.",
            )
        if now >= talk.moved_at + stall_after:
            raise Stalled(
                f"ffmpeg {command.step} stood still for {stall_after:g} s at {talk.out_seconds:.1f} s of its output",
                hint="Look for a full or slow disk or a starved machine; raise run.stall_seconds if it is only slow.",
            )
        await asyncio.wait({done}, timeout=min(ends_at, talk.moved_at + stall_after) - now)
    await done


async def _end(child: subprocess.Popen[bytes]) -> None:
    """End a process politely, then not, and reap it; a cancellation on the way only skips the politeness."""
    if child.poll() is not None:
        return
    _signal(child.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(_GRACE_SECONDS):
            await _ended(child)
    except TimeoutError:
        pass
    finally:
        if child.poll() is None:
            _signal(child.pid, signal.SIGKILL)
            child.wait()


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


def _failure(command: Command, said: str, code: int) -> StorygenError:
    """Translate the end of an ffmpeg into an error of ours."""
    if any(words in said for words in _NO_SPACE):
        return DiskFull(f"the disk was full during {command.step}", hint="Free some space; what is finished is kept.")
    how, hint = f"was killed by signal {-code}", "The machine may have run out of memory."
    if code > 0:
        lines = [line for line in said.splitlines() if line.strip()]
        how, hint = f"ended with code {code}", "\n".join(lines[-_HINT_LINES:]) or "It said nothing."
    failure = RenderFailed(f"ffmpeg {command.step} {how}", hint=hint)
    failure.status, failure.said = code, said
    return failure
