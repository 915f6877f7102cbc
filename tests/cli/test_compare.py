"""Two sides are made of the same scenes inside one trace, and set side by side, also where one of them fails."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from storygen.cli.compare import compare
from storygen.comparing import flags, perform_both
from storygen.configuration import load
from storygen.errors import InvalidSettings
from storygen.production import order_of
from tests.telemetry.conftest import Traced
from tests.vendors.fixture import simulation, vendors

__all__ = ["simulation", "vendors"]
STORY = "# The Jar\n\n## Scene: Light\n\nIt glowed at three, as it always did.\n\n## Scene: Dark\n\nNobody answered.\n"
SETTINGS = """
[film]
height = 320
preset = "ultrafast"
[folders]
cache = "cache"
state = "state"
[degrade]
voice = "fail"
[run]
retry_wait = 0
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendors: Any) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("elevenlabs", "openai"):
        monkeypatch.setenv(f"{name.upper()}_API_KEY", "sk-0123456789")
        monkeypatch.setenv(f"STORYGEN_VENDORS__{name.upper()}__BASE_URL", vendors.url(name))
    (tmp_path / "story.md").write_text(STORY)
    (tmp_path / "storygen.toml").write_text(SETTINGS)
    return tmp_path


def run(*arguments: str) -> Any:
    app = typer.Typer()
    app.command()(compare)
    return CliRunner().invoke(app, ["story.md", *arguments])


def row(document: Any, group: str, name: str) -> tuple[float, float]:
    (found,) = [each for each in document["rows"] if (each["group"], each["name"]) == (group, name)]
    return found["a"], found["b"]


def test_cost_time_quality_and_failures_stand_side_by_side(vendors: Any, own_folder: Path) -> None:
    once = {"fault": "rate_limit", "retry_after": 0, "first": 1}
    vendors.plan([{"vendor": "elevenlabs", "capability": "speech", **once}])
    result = run("--a", "speech=elevenlabs", "--b", "speech=openai", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document["a"]["asked"], document["b"]["asked"]) == ("speech=elevenlabs", "speech=openai")
    assert all(value > 0 for value in (*row(document, "stage", "voice"), *row(document, "cost", "cost")))
    assert row(document, "calls", "failed attempts") == (1, 0)
    assert document["a"]["failures"] == {"elevenlabs: failed attempts": 1}
    assert document["b"]["failures"] == {}
    assert {path.parent.name for path in own_folder.glob("films/compare/*/film.mp4")} == {"a", "b"}


def test_a_side_that_fails_is_told_and_the_other_is_made(vendors: Any) -> None:
    vendors.plan([{"vendor": "openai", "fault": "unauthorized"}])
    result = run("--a", "speech=openai", "--b", "speech=builtin")
    assert result.exit_code == 0, result.output
    assert "A is speech=openai: failed" in result.stdout
    assert "What went wrong in A" in result.stdout
    assert "authentication_failed" in result.stdout
    assert "Nothing went wrong in B" in result.stdout


def test_both_are_children_of_one_span_and_the_second_links_to_the_first() -> None:
    traced = Traced()
    settings = load(flags={"film": {"height": 144}})
    order, _ = order_of("story.md", settings, 0, None)
    asked = ("speech=builtin", "film.fps=12")
    both = (settings, load(flags=flags(asked[1])))
    asyncio.run(perform_both(order, asked, both, Path("both"), (traced.observer,)))
    root = traced.named("operation compare")
    a, b = sorted((s for s in traced.spans() if s.name == "invoke_workflow story"), key=lambda s: s.start_time)
    assert {span.parent.span_id for span in (a, b)} == {root.context.span_id}
    assert len({span.context.trace_id for span in traced.spans()}) == 1
    assert [link.context.span_id for link in b.links] == [a.context.span_id]


def test_a_wish_is_a_chain_or_any_setting() -> None:
    assert flags("speech=elevenlabs,builtin vendors.openai.speech_model=tts-1") == {
        "providers": {"speech": "elevenlabs,builtin"},
        "vendors": {"openai": {"speech_model": "tts-1"}},
    }
    with pytest.raises(InvalidSettings, match="says nothing to compare by"):
        flags("speech")
    with pytest.raises(InvalidSettings, match="did you mean elevenlabs"):
        load(flags=flags("speech=elevnlabs"))
