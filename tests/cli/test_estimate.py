"""An estimate is made before anything is paid, and knows what is stored, what is priced, and how long things took."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from storygen.cli.estimate import estimate
from storygen.configuration import load
from storygen.production import Order, perform
from storygen.scripts import read_source
from storygen.story import Source

STORY = """# The Jar

## Scene: Light
Visual: A jar on a window sill at night.

It glowed at three, as it always did.

## Scene: Dark
Visual: A small kitchen.

Nobody answered for a long while.
"""
SETTINGS = """
[film]
height = 320
preset = "ultrafast"
[folders]
cache = "cache"
state = "state"
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ELEVENLABS_API_KEY", "xi-0123456789")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789")
    (tmp_path / "story.md").write_text(STORY)
    (tmp_path / "storygen.toml").write_text(SETTINGS)
    return tmp_path


def run(*arguments: str) -> str:
    app = typer.Typer()
    app.command()(estimate)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def stages(document: Any) -> dict[str, Any]:
    return {stage["stage"]: stage for stage in document["stages"]}


def test_a_dear_voice_is_priced_by_what_will_be_spoken(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own_folder / "storygen.toml").write_text(SETTINGS + '[prices]\n"elevenlabs/*" = { characters = 0.01 }\n')
    monkeypatch.setenv("STORYGEN_PROVIDERS__SPEECH", "elevenlabs,builtin")
    document = json.loads(run("story.md", "--json"))
    spoken = len("It glowed at three, as it always did.") + len("Nobody answered for a long while.")
    voice = stages(document)["voice"]
    assert (voice["calls"], voice["cached"], voice["providers"]) == (2, 0, ["elevenlabs"])
    assert document["low_usd"] <= 0.01 * spoken <= document["high_usd"] <= 0.013 * spoken
    assert document["unpriced"] == []
    assert not (own_folder / "cache").exists() or not list((own_folder / "cache").rglob("entry.json"))


def test_listening_to_what_was_spoken_is_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORYGEN_PROVIDERS__TRANSCRIPTION", "openai")
    # The built-in voice says what is written: nobody listens to it.
    assert stages(json.loads(run("story.md", "--json")))["voice"]["calls"] == 2
    monkeypatch.setenv("STORYGEN_PROVIDERS__SPEECH", "elevenlabs,builtin")
    voice = stages(json.loads(run("story.md", "--json")))["voice"]
    assert (voice["calls"], voice["providers"]) == (4, ["elevenlabs", "openai"])


def test_what_has_no_price_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORYGEN_PROVIDERS__SPEECH", "elevenlabs,builtin")
    monkeypatch.setenv("STORYGEN_VENDORS__ELEVENLABS__SPEECH_MODEL", "eleven_of_tomorrow")
    said = run("story.md")
    assert "elevenlabs/eleven_of_tomorrow has no known price" in said
    assert "Cost: $0\n" in said


def test_a_topic_counts_the_writing_and_a_film_of_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORYGEN_PROVIDERS__TEXT", "openai")
    monkeypatch.setenv("STORYGEN_PROVIDERS__SPEECH", "openai")
    short, long = (json.loads(run("a lighthouse", "--seconds", length, "--json")) for length in ("30", "120"))
    assert not short["is_written"]
    assert stages(short)["script"]["high_usd"] > stages(short)["script"]["low_usd"] > 0
    assert stages(long)["voice"]["low_usd"] > 2 * stages(short)["voice"]["low_usd"]


def test_after_a_run_its_parts_are_stored_and_its_times_known(own_folder: Path) -> None:
    assert "Time: not known before a first run" in run("story.md")
    settings = load()
    story = read_source("story.md", language="en", seconds=60, seed=0).story()
    source = Source(name="story.md", format="markdown", sha256="0", origin="0")
    asyncio.run(perform(Order(story=story, source=source), settings))
    document = json.loads(run("story.md", "--json"))
    assert {name: stage["cached"] for name, stage in stages(document).items() if stage["calls"]} == {
        "voice": 2,
        "visuals": 2,
    }
    assert document["runs"] == 1
    (own_folder / "story.md").write_text(STORY.replace("Nobody", "Somebody"))
    edited = json.loads(run("story.md", "--json"))
    assert stages(edited)["voice"]["cached"] == 1
    assert stages(edited)["visuals"]["cached"] == 2
    assert 0 < edited["low_seconds"] <= edited["high_seconds"]
    assert "3 of 4 calls are stored and cost nothing" in run("story.md")
