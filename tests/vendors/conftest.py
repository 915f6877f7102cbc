"""Fixtures of this room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.vendors import clients
from tests.vendors.fixture import simulation, vendors

__all__ = ["simulation", "vendors"]


@pytest.fixture(autouse=True)
def closed_clients() -> Iterator[None]:
    """Close the connections of every SDK behind a test."""
    yield
    clients.close()
