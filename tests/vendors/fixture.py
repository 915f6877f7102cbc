"""The simulated vendors for tests: `from tests.vendors.fixture import simulation, vendors` in a conftest.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from storygen.vendors.server import Simulation


@pytest.fixture(scope="session")
def simulation() -> Iterator[Simulation]:
    """One server for all tests, so that what it once spoke or painted is there for the next."""
    with Simulation() as running:
        yield running


@pytest.fixture
def vendors(simulation: Simulation) -> Iterator[Simulation]:
    """The server as if it had just been started."""
    simulation.reset()
    yield simulation
    simulation.reset()
