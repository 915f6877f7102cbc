"""What the simulated vendors share: the plan in force, the bill, what was asked, and the workshops behind them."""

from __future__ import annotations

import tempfile
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storygen.vendors.bill import Bill, Prices, read_prices
from storygen.vendors.clips import Filmer
from storygen.vendors.hearing import Memory
from storygen.vendors.pictures import Painter
from storygen.vendors.plan import Faults, Plan
from storygen.vendors.sound import Speaker
from storygen.vendors.wire import Reply
from storygen.vendors.writing import Writer


@dataclass(slots=True, kw_only=True)
class Task:
    """A clip that was ordered: `polls` counts how often it was asked for, `place` is its entry in the bill."""

    id: str
    created: str
    prompt: str
    ratio: str
    seconds: float
    place: int
    credits: int
    ending: str = ""
    empty: bool = False
    never: bool = False
    polls: int = 0
    cancelled: bool = False


class World:
    """Everything the server remembers; `reset` forgets all but what was made, which is the same each time."""

    def __init__(
        self, *, plan: Plan | None = None, prices: Prices | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="storygen-vendors-")
        folder = Path(self._folder.name)
        self.clock = clock
        self.first_plan = plan or Plan()
        self.prices = prices or read_prices(None)
        self.memory = Memory()
        self.speaker = Speaker(folder, self.memory)
        self.painter = Painter(folder)
        self.filmer = Filmer(folder, self.painter)
        self.writer = Writer(folder)
        self.reset()

    def reset(self) -> None:
        """Begin again: the first plan, an empty bill, nothing asked and no tasks."""
        self.faults = Faults(self.first_plan, self.clock)
        self.bill = Bill(self.prices)
        self.requests: list[dict[str, Any]] = []
        self.turns: Counter[str] = Counter()
        self.tasks: dict[str, Task] = {}
        self.kept: dict[tuple[str, str], Reply] = {}
        self.recent: dict[str, deque[float]] = {}
        self.spent: defaultdict[tuple[str, str], float] = defaultdict(float)

    def set_plan(self, plan: Plan) -> None:
        """Put a plan in force; its clock and its counts begin now."""
        self.faults = Faults(plan, self.clock)

    def count_recent(self, vendor: str) -> int:
        """Note a request to a vendor and count those of the last minute."""
        now = self.clock()
        times = self.recent.setdefault(vendor, deque())
        times.append(now)
        while times[0] <= now - 60:
            times.popleft()
        return len(times)

    def close(self) -> None:
        """Remove what was made."""
        self._folder.cleanup()


def text_of(values: Any) -> str:
    """All the strings in a request, one after the other, for rules that look for words."""
    if isinstance(values, str):
        return values if len(values) < 20_000 else values[:200]
    if isinstance(values, Mapping):
        return " ".join(text_of(each) for each in values.values())
    if isinstance(values, list):
        return " ".join(text_of(each) for each in values)
    return ""
