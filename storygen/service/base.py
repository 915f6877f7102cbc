"""What every part of the service shares: who asks, and what the process has put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from storygen.jobs.store import SqlJobs
from storygen.settings import Settings

if TYPE_CHECKING:
    from storygen.jobs.worker import Worker
    from storygen.store.films import FilmStore
    from storygen.store.history import Runs
    from storygen.telemetry.setup import Telemetry

Scope = Literal["submit", "read", "operate"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, and what they may do: submit stories, read their own runs, operate (see everybody's, and the machine).

    On loopback without tokens everybody is `local` and may do everything.
    """

    name: str
    scopes: frozenset[Scope]

    @property
    def sees_all(self) -> bool:
        """Whether runs of others are shown, too."""
        return "operate" in self.scopes


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What a process of the service has, made once in `cli/serve.py` and found at `request.app.state.house`.

    `settings` gives those that hold now: they are read again when their files change.
    """

    settings: Callable[[], Settings]
    jobs: SqlJobs
    history: Runs
    films: FilmStore
    telemetry: Telemetry
    worker: Worker | None
