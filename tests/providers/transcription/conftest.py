"""Fixtures of this room."""

from tests.vendors.fixture import simulation, vendors

__all__ = ["simulation", "vendors"]
