"""What the mixin's tests share: its configuration, what is built from it, and promtool."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from storygen.mixin import build
from storygen.mixin.config import Config, load
from tests.servers import need

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def config() -> Config:
    """The configuration that comes along."""
    return load()


@pytest.fixture(scope="session")
def built(config: Config) -> dict[str, str]:
    """Every file that is built."""
    return build.outputs(config)


def promtool(*arguments: str | Path) -> str:
    """What promtool says; fails with that where it finds anything wrong."""
    need("promtool")
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[:6000]
    return said
