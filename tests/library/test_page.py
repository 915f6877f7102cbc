"""The code on docs/library.md runs as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "library.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SAID = (r"\S+ full .*\n", r"\['.+', '.+'\]\n", r"[1-9]\d* \['builtin', 'plain'\]\n", r"success\n")


def test_every_block_is_tried() -> None:
    assert len(BLOCKS) == len(SAID)


@pytest.mark.parametrize(("code", "said"), [*zip(BLOCKS, SAID, strict=True)], ids=["sync", "several", "parts", "queue"])
def test_the_code_on_the_page_runs_and_says_what_it_should(code: str, said: str, tmp_path: Path) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "STORYGEN_FOLDERS__CACHE": str(tmp_path / "cache"),
        "STORYGEN_FOLDERS__STATE": str(tmp_path / "state"),
        "STORYGEN_GUARD__LOAD_PER_CORE": "1000",  # tests beside it are no reason to wait
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.fullmatch(said, done.stdout), done.stdout
