"""What every room's tests may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from storygen import events
from storygen.events import Event, Timed

settings.register_profile("patient", deadline=None)  # how fast a machine is says nothing about behaviour
settings.load_profile("patient")


class Listener:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.timed: list[Timed] = []
        self.events: list[Event] = []

    def began(self, timed: Timed) -> None:
        pass

    def ended(self, timed: Timed) -> None:
        self.timed.append(timed)

    def noted(self, event: Event, within: Timed | None) -> None:
        self.events.append(event)

    def of(self, kind: type) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def named(self, kind: str, name: str = "") -> list[Timed]:
        return [timed for timed in self.timed if timed.kind == kind and name in {"", timed.name}]


@pytest.fixture
def listener() -> Iterator[Listener]:
    """An observer that is told everything the test does."""
    observer = Listener()
    with events.watched(events.Watch([observer], "test-run")):
        yield observer


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the user's settings, cache and history out of the tests."""
    import os

    home = tmp_path_factory.mktemp("home")
    for name in [*os.environ]:
        if name.startswith(("STORYGEN_", "OTEL_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    for kind in ("CACHE", "STATE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))
    return home
