"""The doctor tries what is configured, says how to get what is missing, and never shows a key."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from storygen.cli.doctor import doctor
from storygen.media import encoders
from tests.vendors.fixture import simulation, vendors

__all__ = ["simulation", "vendors"]
KEY = "sk-planted-0123456789"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI", "ANTHROPIC", "GEMINI", "GOOGLE", "ELEVENLABS", "RUNWAY"):
        monkeypatch.delenv(f"{name}_API_KEY", raising=False)
    return tmp_path


def examine(*arguments: str) -> tuple[int, Any]:
    app = typer.Typer()
    app.command()(doctor)
    result = CliRunner().invoke(app, ["--json", *arguments])
    assert KEY not in result.output
    return result.exit_code, json.loads(result.stdout)


def found(document: Any, name: str) -> Any:
    (finding,) = [finding for finding in document["findings"] if finding["name"] == name]
    return finding


def test_a_fresh_machine_works_without_any_key_and_vendors_say_how_to_get_them() -> None:
    code, document = examine()
    assert (code, document["works"]) == (0, True)
    assert {found(document, name)["state"] for name in ("ffmpeg", "built-in voice", "folders.films")} == {"works"}
    runway = found(document, "runway")
    assert runway["state"] == "absent"
    assert "set RUNWAY_API_KEY" in runway["hint"]


def test_what_is_in_a_chain_and_cannot_work_is_a_failure(own_folder: Path) -> None:
    (own_folder / "storygen.toml").write_text(
        """
        ffmpeg_path = "/nowhere/ffmpeg"
        ffprobe_path = "/nowhere/ffprobe"
        [providers]
        speech = ["elevenlabs", "builtin"]
        [film]
        fps = 900
        [folders]
        films = "taken"
        [redis]
        url = "redis://:sk-planted-0123456789@127.0.0.1:1/0"
        """
    )
    (own_folder / "taken").write_text("a file where a folder should be")
    code, document = examine()
    assert code == 1
    assert ["film.fps" in line for line in document["settings"]] == [True]
    broken = {finding["name"] for finding in document["findings"] if finding["state"] == "broken"}
    assert broken == {"ffmpeg", "ffprobe", "folders.films", "redis", "elevenlabs"}
    assert all(finding["hint"] for finding in document["findings"] if finding["state"] == "broken")


def test_an_encoder_of_a_card_that_is_asked_for_and_does_not_work_is_a_failure_with_its_reason(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = replace(encoders.HARDWARE["nvenc"], name="h264_nobody")
    monkeypatch.setattr(encoders, "HARDWARE", {"nvenc": nobody})
    assert found(examine()[1], "graphics card")["state"] == "absent"
    (own_folder / "storygen.toml").write_text('[film]\nencoder = "nvenc"\n')
    code, document = examine()
    card = found(document, "graphics card")
    assert (code, card["state"]) == (1, "broken")
    assert "h264_nobody" in card["hint"]


def test_an_encoder_of_a_card_that_works_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    works = encoders.Encoder(name="libopenh264", quality=("-b:v", "1M", "-pix_fmt", "yuv420p"))
    monkeypatch.setattr(encoders, "HARDWARE", {"qsv": works})
    card = found(examine()[1], "graphics card")
    assert (card["state"], card["seen"]) == ("works", 'qsv encodes, used with film.encoder = "auto"')


def test_with_live_each_key_is_tried_against_its_vendor(
    vendors: Any, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("openai", "anthropic", "gemini", "elevenlabs", "runway")
    for name in names:
        monkeypatch.setenv(f"{name.upper()}_API_KEY", KEY)
        monkeypatch.setenv(f"STORYGEN_VENDORS__{name.upper()}__BASE_URL", vendors.url(name))
    monkeypatch.setenv("STORYGEN_PROVIDERS__TEXT", "anthropic,builtin")
    code, document = examine("--live")
    assert code == 0
    assert {found(document, name)["state"] for name in names} == {"works"}
    assert vendors.billed()["usd"] == 0
    vendors.plan([{"vendor": "anthropic", "fault": "unauthorized"}])
    code, document = examine("--live")
    refused = found(document, "anthropic")
    assert (code, refused["state"]) == (1, "broken")
    assert "authentication_failed" in refused["seen"]
    assert refused["hint"]
