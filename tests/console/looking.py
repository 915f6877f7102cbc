"""How tests look at pages: a browser's page that keeps what its console said, and what axe finds on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize

AXE = Path(__file__).with_name("axe.min.js")
REFUSED = "status of 422"  # a form that comes back; browsers call that an error
PATIENCE, SECONDS = 60_000, 90_000


@dataclass
class Desk:
    """Opens pages of one service in one size; `said` is what their consoles hold against them."""

    browser: Browser
    url: str
    size: ViewportSize
    said: list[str] = field(default_factory=list)

    @contextmanager
    def opened(self, scheme: Any = "light", **more: Any) -> Iterator[Page]:
        """A page in a profile of its own. Fails at the end where the console told of an error."""
        context = self.browser.new_context(base_url=self.url, viewport=self.size, color_scheme=scheme, **more)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        try:
            yield page
        finally:
            context.close()
        assert self.said == []

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error" and REFUSED not in text:
            self.said.append(text)


def complaints(page: Page) -> list[str]:
    """What axe finds serious or critical on a page, one line each."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{rule['id']}: {node['html'][:160]} ({node['failureSummary'][:200]})"
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


def is_wider_than_seen(page: Page) -> bool:
    """Whether one has to scroll sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
