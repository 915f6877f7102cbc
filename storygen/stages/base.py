"""What the runner lends to a stage."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeVar

from storygen.media.ffmpeg import Command, Finished
from storygen.providers.base import Capability
from storygen.story import Check, Made

R = TypeVar("R")
P = ParamSpec("P")


class Tools(Protocol):
    """The hands of a stage: everything slow, dear, stored or fragile goes through here, and is observed there."""

    @property
    def cores(self) -> int:
        """How many of what needs a core run side by side."""
        ...

    async def call(
        self,
        capability: Capability,
        request: object,
        expect: type[R],
        check: Callable[[R], Awaitable[tuple[Check, ...]]],
        *,
        otherwise: str = "",
    ) -> Made[R]:
        """Ask the chain of providers of a capability; the answer passes `check`, is stored, and costs once.

        `request` is a frozen record of that capability's `base.py`. Raises a `ProviderFailure` when every provider
        failed; `otherwise` names whose work the stage takes then instead, so that this fallback is told of.
        """
        ...

    def part(self, name: str) -> AbstractContextManager[object]:
        """Time a block as a named part of the stage that people ask for: transcription, alignment, normalisation."""
        ...

    async def make(
        self,
        step: str,
        inputs: Mapping[str, Any],
        expect: type[R],
        work: Callable[[Path], Awaitable[R]],
    ) -> Made[R]:
        """Make something on this machine, or find it as it was made from the same inputs.

        `step` names the cache and the operation. `inputs` are all that the result depends on: plain values, records and
        the `key` of what it is made from, never a path. `work` writes its files into the folder that it is given, and
        returns a record whose paths lie there. It is stored by one rename.
        """
        ...

    async def ffmpeg(self, command: Command) -> Finished:
        """Run ffmpeg with a core to itself. Raises `RenderFailed`, `Stalled` or `DiskFull`."""
        ...

    async def compute(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a slow Python function in a thread, with a core to itself."""
        ...
