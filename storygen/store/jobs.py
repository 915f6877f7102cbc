"""Jobs that a vendor was given and has not delivered: what was paid for is fetched by the next run, not paid twice."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from storygen.store import records
from storygen.store.files import make_folder, writing

_KEPT_SECONDS = 30 * 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job at a vendor: its id there, when it was submitted (Unix time), and a mark of the account that pays."""

    id: str
    provider: str
    submitted: float
    account: str = ""


class Jobs:
    """One small file per job in the state folder, named by the hash of what was asked for."""

    def __init__(self, state: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = state / "jobs"
        self._clock = clock

    @staticmethod
    def key(inputs: Mapping[str, Any]) -> str:
        """The name of a job: the hash of all that its result depends on."""
        return records.digest(inputs)

    def find(self, key: str) -> Job | None:
        """The job that was noted under `key`, if there is one; a file that cannot be read is none."""
        try:
            found = json.loads(self._path(key).read_bytes())
            return Job(
                id=str(found["id"]),
                provider=str(found["provider"]),
                submitted=float(found["submitted"]),
                account=str(found["account"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def begin(self, key: str, *, id: str, provider: str, account: str = "") -> Job:  # noqa: A002 - the vendor's word
        """Note a job, on the disk before this returns; long after a job was noted, it is forgotten."""
        job = Job(id=id, provider=provider, submitted=self._clock(), account=account)
        make_folder(self._folder)
        self._sweep()
        with writing(self._folder):
            beside = self._folder / f"{key}.{secrets.token_hex(4)}"
            with beside.open("w", encoding="utf-8") as file:
                json.dump(asdict(job), file)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path(key))
        return job

    def end(self, key: str) -> None:
        """Forget a job: its result is stored, or there will be none."""
        self._path(key).unlink(missing_ok=True)

    def waiting(self) -> int:
        """How many jobs are noted."""
        return len(list(self._folder.glob("*.json")))

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"

    def _sweep(self) -> None:
        """Remove what no vendor still knows of, and what a process left half written."""
        for path in self._folder.iterdir():
            with suppress(OSError):
                if self._clock() - path.stat().st_mtime > _KEPT_SECONDS:
                    path.unlink()
