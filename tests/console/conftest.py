"""A real service, and a real browser that looks at it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from storygen.settings import Settings
from tests.console.looking import Desk
from tests.servers import PACKAGES, need
from tests.service.running import Service, running, settings_below

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


def console_settings(folder: Path, **groups: object) -> Settings:
    """Films that are made in a moment, and a vendor that nobody answers for."""
    film = {"height": 144, "fps": 10, "preset": "ultrafast", "seconds": 8}
    openai = {"api_keys": ["nobody"], "base_url": "http://127.0.0.1:9/v1", "attempts": 1, "timeout": 60}
    return settings_below(
        folder,
        film=film,
        voice={"words_per_minute": 400},
        vendors={"openai": openai},
        queue={"grace_seconds": 0, "lease_seconds": 3},
        guard={"load_per_core": 1000, "memory_gb": 32},
        **groups,
    )


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for a module; no longer, because until it ends no other event loop can run in this thread."""
    need("chromium")
    binary = next(filter(None, map(shutil.which, PACKAGES["chromium"])))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def service(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for a module, in a thread."""
    with running(console_settings(tmp_path_factory.mktemp("console"))) as started:
        yield started


@pytest.fixture(scope="module")
def film(service: Service) -> str:
    """A run whose film is ready."""
    run = service.submit(settings={})["id"]
    assert service.over(run)["state"] == "success"
    return run


@pytest.fixture(scope="module")
def failure(service: Service) -> str:
    """A run whose writer nobody answers for."""
    run = service.submit(text=None, topic="a box", settings={"providers": {"text": ["openai"]}})["id"]
    assert service.over(run)["state"] == "failed"
    return run


@pytest.fixture
def page(chromium: Browser, service: Service) -> Iterator[Page]:
    """A page at a desk; at the end nothing may stand in its console, where a breach of the policy would be told."""
    with Desk(chromium, service.url, DESK).opened() as one:
        yield one


@pytest.fixture
def phone(chromium: Browser, service: Service) -> Iterator[Page]:
    """A page on a phone."""
    with Desk(chromium, service.url, PHONE).opened() as one:
        yield one
