"""`storygen vendors` as people run it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx


def test_the_command_tells_its_addresses_and_at_the_end_its_bill(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text('{"rules": [{"fault": "unavailable", "vendor": "runway"}]}')
    command = [sys.executable, "-m", "storygen", "vendors", "--port", "0", "--plan", str(plan)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        said = ""
        while "Ctrl-C" not in said:
            said += process.stdout.readline()
        found = re.search(r"STORYGEN_VENDORS__ELEVENLABS__BASE_URL=(\S+)", said)
        assert found
        answer = httpx.post(
            f"{found[1]}/v1/text-to-speech/x/with-timestamps", json={"text": "Hello."}, headers={"xi-api-key": "k"}
        )
        assert answer.json()["alignment"]["characters"] == list("Hello.")
        process.send_signal(signal.SIGINT)
        bill = process.stdout.read()
    assert process.returncode == 0
    assert re.search(r"elevenlabs/speech\s+1\s+0\.0006\s+6 characters", bill)
    assert "1 requests came in" in bill


def test_a_plan_with_mistakes_ends_the_command_before_it_listens(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('[[rules]]\nfault = "nonsense"\n')
    done = subprocess.run(
        [sys.executable, "-m", "storygen", "vendors", "--port", "0", "--plan", str(plan)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "rules.0.fault.0" in done.stderr
    assert "listen" not in done.stdout
