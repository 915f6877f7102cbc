from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from storygen.cli.voices import voices
from storygen.errors import InvalidSettings
from storygen.vendors.server import Simulation
from tests.vendors.fixture import simulation
from tests.vendors.fixture import vendors as simulated

__all__ = ["simulated", "simulation"]


def run(*arguments: str) -> Any:
    app = typer.Typer()
    app.command()(voices)
    return CliRunner().invoke(app, arguments)


def listed(*arguments: str) -> dict[str, list[dict[str, Any]]]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.exception
    return dict(json.loads(result.stdout))


def test_gemini_has_thirty_voices_in_twenty_four_languages() -> None:
    found = listed("gemini")["gemini"]
    assert len(found) == 30
    assert {len(voice["languages"]) for voice in found} == {24}
    assert "Kore" in run("gemini").stdout


def test_a_language_that_a_provider_does_not_speak_leaves_no_voice() -> None:
    assert len(listed("gemini", "--language", "pt")["gemini"]) == 30
    assert listed("gemini", "--language", "is")["gemini"] == []
    assert len(listed("openai", "--language", "is")["openai"]) == 13


def test_without_a_name_the_chain_is_listed_and_the_built_in_names_are_those_that_can_be_set() -> None:
    (name, found), *more = listed().items()
    assert (name, more) == ("builtin", [])
    ids = [voice["id"] for voice in found]
    assert {"Michael", "f3", "whisper"} <= set(ids)
    assert ids[0] == "Michael", "the narrator comes first"


def test_elevenlabs_is_asked_for_the_voices_of_the_account(
    simulated: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", "test-key")
    monkeypatch.setenv("STORYGEN_VENDORS__ELEVENLABS__BASE_URL", simulated.url("elevenlabs"))
    (george, *_) = listed("elevenlabs")["elevenlabs"]
    assert (george["id"], george["name"]) == ("JBFqnCBsd6RMkjVDRZzb", "George")
    assert listed("elevenlabs", "-l", "ja")["elevenlabs"] == []
    assert "test-key" not in run("elevenlabs").stdout


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    assert "no provider of speech" in str(run("nobody").exception)
    missing = run("piper").exception
    assert isinstance(missing, InvalidSettings)
    assert "voice_file" in missing.message
