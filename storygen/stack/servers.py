"""A server as a process of its own: started, waited for, ended, and never left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from storygen.errors import ResourceFailure
from storygen.media.environment import for_children, tether
from storygen.stack.web import is_ready

READY_SECONDS = 20.0
GRACE_SECONDS = 3.0
_POLL_SECONDS = 0.02
_TAIL_LINES = 12

# The kernel ends a tethered process with the *thread* that started it, so all are started by one that stays.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="storygen-stack")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """How a server is started.

    `ready` is the address that answers once it is there; `environ` comes on top of the variables that say where
    things are.
    """

    name: str
    binary: Path
    args: Sequence[str]
    ready: str
    log: Path
    environ: Mapping[str, str] = field(default_factory=dict)


def find(names: Sequence[str]) -> Path | None:
    """The first of these programs that is on the PATH."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    return Path(found).absolute() if found else None


class Server:
    """A process in a group of its own; start and stop may be repeated."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._starting: Future[subprocess.Popen[bytes]] | None = None

    @property
    def name(self) -> str:
        """The name that people know it by."""
        return self.program.name

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        process = self._process()
        return process.pid if process and process.poll() is None else None

    def start(self) -> None:
        """Start it, without waiting."""
        self._starting = _starter.submit(self._launch)

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait until it answers; raises `ResourceFailure` with the end of its log where it ends or takes too long."""
        until = time.monotonic() + seconds
        while not is_ready(self.program.ready):
            if self.pid is None:
                raise self.failure("ended while it started")
            if time.monotonic() > until:
                raise self.failure(f"was not ready after {seconds:g} s")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Ask it to end, and end its whole group where it does not within `GRACE_SECONDS`; reaps it."""
        process = self._process()
        self._starting = None
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def kill(self) -> None:
        """End it at once, as a lack of memory would; reaps it."""
        if (process := self._process()) is not None:
            process.kill()
            process.wait()

    def failure(self, what: str) -> ResourceFailure:
        """An error that says what happened and shows the end of the log."""
        return ResourceFailure(f"{self.name} {what}.", hint=self.tail() or f"Its log {self.program.log} is empty.")

    def tail(self) -> str:
        """The last lines of the log."""
        with suppress(OSError):
            return "\n".join(self.program.log.read_text("utf-8", "replace").splitlines()[-_TAIL_LINES:])
        return ""

    def _process(self) -> subprocess.Popen[bytes] | None:
        return self._starting.result() if self._starting else None

    def _launch(self) -> subprocess.Popen[bytes]:
        with self.program.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603  # a list of arguments, and no shell
                [*tether(), str(self.program.binary), *self.program.args],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.program.log.parent,
                env={**for_children(), **self.program.environ},
                start_new_session=True,
            )
