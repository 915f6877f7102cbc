"""Runs that have begun and not succeeded, so that the next run of the same story can say what it goes on from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from storygen.store.files import make_folder, writing


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A run that began: its id, and its W3C trace context where it was traced."""

    run_id: str
    traceparent: str = ""


class Unfinished:
    """One small file per story in the state folder, named by the hash of its source."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "unfinished"

    def earlier(self, source: str) -> Begun | None:
        """The run of this story that has not succeeded, if there is one."""
        try:
            found = json.loads(self._path(source).read_bytes())
            return Begun(run_id=str(found["run_id"]), traceparent=str(found["traceparent"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def begin(self, source: str, begun: Begun) -> None:
        """Note that a run has begun."""
        make_folder(self._folder)
        with writing(self._folder):
            beside = self._path(source).with_suffix(f".{begun.run_id}")
            beside.write_text(json.dumps({"run_id": begun.run_id, "traceparent": begun.traceparent}), "utf-8")
            beside.replace(self._path(source))

    def end(self, source: str) -> None:
        """Forget it: the film is made."""
        self._path(source).unlink(missing_ok=True)

    def _path(self, source: str) -> Path:
        return self._folder / f"{source}.json"
