"""What a person sees when a run cannot be what was asked: a placeholder with its own exit code, or a named failure."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from storygen.media.ffmpeg import find_binary
from tests.vendors.fixture import simulation, vendors

__all__ = ["simulation", "vendors"]
STORY = "# The Jar\n\n## Scene: Light\n\nIt glowed at three.\n"


@pytest.fixture(autouse=True)
def story(tmp_path: Path) -> None:
    (tmp_path / "story.md").write_text(STORY)


def run(home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    folders = {f"STORYGEN_FOLDERS__{kind.upper()}": str(home / kind) for kind in ("films", "cache", "state")}
    small = {"STORYGEN_FILM__HEIGHT": "144", "STORYGEN_FILM__PRESET": "ultrafast"}
    return subprocess.run(
        [sys.executable, "-m", "storygen", "run", "story.md"],
        env=os.environ | folders | small | more,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_placeholder_has_an_exit_code_and_a_manifest_that_say_so(tmp_path: Path) -> None:
    breaks_once = tmp_path / "ffmpeg"
    breaks_once.write_text(
        f'#!/bin/sh\ncase "$*" in *pictures.txt*) mkdir "{tmp_path}/broken" 2>/dev/null && exit 1;; esac\n'
        f'exec "{find_binary(None)}" "$@"\n'
    )
    breaks_once.chmod(breaks_once.stat().st_mode | stat.S_IXUSR)
    done = run(tmp_path, FFMPEG_PATH=str(breaks_once), STORYGEN_DEGRADE__ASSEMBLY="placeholder")
    assert done.returncode == 3, done.stderr
    assert "assembly: render_failed" in done.stdout
    (manifest,) = (json.loads(path.read_text()) for path in tmp_path.glob("films/*/manifest.json"))
    assert manifest["fidelity"] == "placeholder"
    assert manifest["reasons"] == ["assembly: render_failed: ffmpeg join ended with code 1"]
    assert list(tmp_path.glob("films/*/film.mp4"))
    assert run(tmp_path).returncode == 0  # what is finished was kept


def test_a_failure_without_a_fallback_names_stage_provider_kind_attempts_and_what_to_do(
    vendors: Any, tmp_path: Path
) -> None:
    vendors.plan([{"vendor": "elevenlabs", "fault": "server_error"}])
    done = run(
        tmp_path,
        ELEVENLABS_API_KEY="xi-0123456789",
        STORYGEN_PROVIDERS__SPEECH="elevenlabs",
        STORYGEN_DEGRADE__VOICE="fail",
        STORYGEN_VENDORS__ELEVENLABS__BASE_URL=vendors.url("elevenlabs"),
        STORYGEN_VENDORS__ELEVENLABS__RETRY_WAIT="0",
        STORYGEN_VENDORS__ELEVENLABS__ATTEMPTS="3",
    )
    assert done.returncode == 1
    where, hint = done.stderr.splitlines()[-2:]
    assert where == "  voice of scene 1, elevenlabs, unavailable after 3 attempts"
    assert hint.strip()
    assert "Traceback" not in done.stderr
