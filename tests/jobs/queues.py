"""Queues to try things on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from storygen.jobs.base import Submission
from storygen.jobs.database import open_address
from storygen.jobs.store import SqlJobs


class Clock:
    """Shows what a test sets."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def story(**other: Any) -> Submission:
    """A submission, with what matters to a test."""
    asked = {"caller": "anna", "name": "The storm", "text": "It rained.", "format": "text", "content": "c", **other}
    return Submission(**asked)


@asynccontextmanager
async def queue(address: str, **other: Any) -> AsyncIterator[SqlJobs]:
    """A queue in the database at an address."""
    jobs = SqlJobs(open_address(address, 5), **other)
    try:
        yield jobs
    finally:
        await jobs.close()
