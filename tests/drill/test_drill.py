"""The drill itself, on real servers: a part of it that fits into CI."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from storygen.drill.faults import chosen
from tests.drill.processes import still_running
from tests.servers import need


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "storygen", "drill", *args]


@pytest.mark.skipif(not os.environ.get("CI"), reason="takes three minutes and both cores: set CI=1 to hold the drill")
def test_the_quick_drill_misses_nothing_lights_nothing_else_and_fills_every_panel(tmp_path: Path) -> None:
    need("prometheus", "promtool", "prometheus-alertmanager")
    done = subprocess.run(
        command("--quick", "--json", "--keep", str(tmp_path / "kept")), capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    drilled = [one for one in report["faults"] if not one["skipped"]]
    assert [one["fault"] for one in report["faults"]] == [fault.name for fault in chosen(quick=True)]
    assert [one["fault"] for one in drilled if not one["fired"] or one["resolved_s"] is None] == []
    assert {one["fault"]: one["unexpected"] for one in drilled if one["unexpected"]} == {}
    assert report["healthy"]["unexpected"] == []
    assert report["panels"]["asked"] > 100
    assert report["panels"]["empty"] == []
    assert [one["fault"] for one in drilled if not one["trace"]] == []
    assert done.returncode == 0
    assert still_running(str(tmp_path)) == []


def test_ctrl_c_ends_everything_that_the_drill_has_started(tmp_path: Path) -> None:
    need("prometheus", "promtool", "prometheus-alertmanager")
    kept = tmp_path / "kept"
    with subprocess.Popen(command("--quick", "--keep", str(kept)), stderr=subprocess.PIPE, text=True) as drill:
        until = time.monotonic() + 60
        while len(still_running(str(kept))) < 4 and time.monotonic() < until and drill.poll() is None:
            time.sleep(0.05)
        drill.send_signal(signal.SIGINT)
        _, said = drill.communicate(timeout=60)
    assert drill.returncode == 130, said
    assert "Traceback" not in said
    assert still_running(str(kept)) == []


def test_without_prometheus_one_line_says_what_to_install(tmp_path: Path) -> None:
    environ = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(command(), capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith("storygen: The drill needs prometheus")
    assert "apt-get install prometheus" in done.stderr


def test_an_unknown_fault_is_refused_before_anything_starts() -> None:
    done = subprocess.run(command("vendor don"), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Did you mean vendor down" in done.stderr
