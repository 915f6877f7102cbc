"""Make docs/console.jpg: start the service in an empty folder, submit a topic by hand, and look at the film's page."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

TARGET = Path(__file__).parents[1] / "docs" / "console.jpg"
TOPIC = "a lighthouse keeper who found a message in a bottle"
SETTINGS = '[film]\naspect = "16:9"\nheight = 720\nseconds = 30\n[folders]\nfilms = "f"\ncache = "c"\nstate = "s"\n'
MINUTES = 5 * 60_000


def main() -> None:
    """Start, look, end."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "storygen.toml").write_text(SETTINGS, "utf-8")
        command = [sys.executable, "-m", "storygen", "serve", "--port", "0"]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as service:  # noqa: S603 - ours
            try:
                address = next(re.finditer(r"http\S+", service.stdout.readline())).group() if service.stdout else ""
                _look(address)
            finally:
                service.terminate()


def _look(address: str) -> None:
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1240})
        page.goto(address)
        page.locator("#topic").fill(TOPIC)
        page.get_by_role("button", name="Make the film").click()
        page.locator("#film video").wait_for(timeout=MINUTES)
        page.evaluate("Promise.all([...document.images].map(one => (one.loading = 'eager', one.decode())))")
        page.wait_for_timeout(2000)  # until the player's wheel has gone
        _shoot(page)
        browser.close()


def _shoot(page: Page) -> None:
    page.screenshot(path=TARGET, type="jpeg", quality=82)
    print(f"{TARGET.name}: {TARGET.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
