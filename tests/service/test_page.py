"""What docs/service.md tells people to type works as it stands there."""

from __future__ import annotations

import json
import re
import subprocess
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from storygen.service.tokens import read_tokens
from storygen.service.webhooks import signed
from storygen.settings import ServiceSettings, Settings
from tests.service.running import STORY, running, settings_below

PAGE = (Path(__file__).parents[2] / "docs" / "service.md").read_text("utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_commands_of_the_page_are_answered(tmp_path: Path) -> None:
    with running(settings_below(tmp_path)) as service:
        for block in blocks("sh curl"):
            done = subprocess.run(
                ["bash", "-ec", block.replace("http://127.0.0.1:8080", service.url)],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            assert done.stdout
        (run,) = service.client.get("/runs").json()["runs"]
        assert service.over(run["id"])["state"] == "success"


def test_a_file_is_handed_over_as_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "story.md").write_text(STORY, "utf-8")
    (command,) = re.findall(r"`(curl -F .*?)`", PAGE)
    with running(settings_below(tmp_path)) as service:
        typed = command.replace("http://127.0.0.1:8080", service.url).split()
        done = subprocess.run(typed, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
        assert json.loads(done.stdout)["title"] == "story.md"


def test_the_file_of_callers_is_one_that_is_read(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    file.write_text(blocks("toml callers")[0], "utf-8")
    file.chmod(0o600)
    assert [known.caller.name for known in read_tokens(file)] == ["anna", "metrics"]


def test_the_addresses_of_the_page_are_those_of_the_api(tmp_path: Path) -> None:
    with running(settings_below(tmp_path)) as service:
        known = {re.sub(r"\{\w+\}", "X", path) for path in service.client.get("/openapi.json").json()["paths"]}
    named = re.findall(r"`(?:GET|POST|DELETE) (/api/v1/[\w/]+)", PAGE)
    assert len(named) > 8
    assert {re.sub(r"[A-Z]{3,}", "X", path) for path in named} <= known


@pytest.fixture
def is_ours() -> Any:
    space: dict[str, Any] = {}
    exec(blocks("python")[0], space)
    return space["is_ours"]


def test_the_receiver_of_the_page_takes_what_is_signed_and_nothing_else(is_ours: Any) -> None:
    settings = ServiceSettings(webhook_secret=SecretStr("quiet"))
    body = json.dumps({"type": "run.success"}).encode()
    headers = signed("run-1-7", int(time.time()), body, settings)
    assert is_ours(headers, body, b"quiet")
    assert not is_ours(headers, body + b" ", b"quiet")
    assert not is_ours(headers, body, b"loud")
    assert not is_ours(headers | {"webhook-id": "run-2-7"}, body, b"quiet")
    old = signed("run-1-7", int(time.time()) - 3600, body, settings)
    assert not is_ours(old, body, b"quiet")


def test_the_three_lines_for_many_machines_are_settings() -> None:
    (lines,) = blocks("toml settings")
    settings = Settings.model_validate(tomllib.loads(lines))
    assert settings.queue.engine == "celery"
    assert len(lines.strip().splitlines()) == 3
