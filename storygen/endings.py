"""How a run ended, for those who make many films and tell of each: `watch`, and the workers of a queue."""

from __future__ import annotations

from storygen.events import Event, Timed
from storygen.story import Outcome


class Ending:
    """Keeps how a run ended, also one that failed."""

    hears: frozenset[type] = frozenset()

    def __init__(self) -> None:
        self.run_id = ""
        self.trace_id = ""
        self.outcome = Outcome.FAILED.value
        self.seconds = 0.0
        self.cost_usd: float | None = None

    def began(self, timed: Timed) -> None:
        """Nothing is known yet."""

    def ended(self, timed: Timed) -> None:
        """Keep it, if it is the run."""
        if timed.kind == "run":
            self.run_id, self.trace_id = str(timed.fields["run_id"]), timed.trace_id
            self.outcome = timed.outcome.value if timed.outcome else ""
            self.seconds, self.cost_usd = timed.seconds, timed.fields.get("cost_usd")

    def noted(self, event: Event, within: Timed | None) -> None:
        """No event is heard."""


def fault(error: Exception) -> dict[str, object]:
    """The fields of an error that is none of our tree: a mistake of storygen's own."""
    return {"kind": "error", "message": f"{type(error).__name__}: {error}", "stage": "", "provider": ""}
