"""One truth about money: ledger, metrics, manifest and report say the same, and it is what was billed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from storygen.costs.ledger import Ledger
from storygen.events import CacheLooked, Spent, Watch, emit, timed, watched
from storygen.production import Order, perform
from storygen.providers.registry import models
from storygen.settings import (
    ElevenLabsSettings,
    FilmSettings,
    FolderSettings,
    OpenAISettings,
    ProviderSettings,
    Settings,
    VendorsSettings,
)
from storygen.story import Cost, Line, Scene, Script, Source, Usage
from storygen.telemetry.setup import start
from tests.vendors.fixture import simulation, vendors

__all__ = ["simulation", "vendors"]
KEYS = (SecretStr("sk-0123456789"),)
STORY = Script(
    title="The Jar",
    scenes=tuple(
        Scene(title=f"Part {n}", picture="A jar at night.", lines=(Line(text=f"It glowed {n} times before dawn."),))
        for n in range(1, 5)
    ),
)


def test_money_is_known_wasted_uncertain_saved_or_unpriced() -> None:
    ledger = Ledger()
    with watched(Watch([ledger])), timed("run", "story"), timed("stage", "voice"):
        for cost, more in ((0.2, {}), (0.3, {"wasted": "retried"}), (0.5, {"is_uncertain": True}), (None, {})):
            emit(Spent(provider="p", model="m", usage=Usage(characters=10), cost_usd=cost, **more))
        emit(CacheLooked(cache="speech", result="hit", saved_usd=0.7, provider="p", model="m"))
        emit(CacheLooked(cache="speech", result="miss"))
    cost = ledger.cost()
    (line,) = cost.lines
    assert (line.stage, line.provider, line.model, line.uses, line.unpriced) == ("voice", "p", "m", 4, 1)
    assert line.usage.characters == 40
    assert (cost.known_usd, cost.wasted_usd, cost.uncertain_usd, cost.saved_usd) == (0.5, 0.3, 0.5, 0.7)


def settings_for(vendors: Any, folder: Path) -> Settings:
    return Settings(
        film=FilmSettings(height=144, preset="ultrafast"),
        folders=FolderSettings(films=folder / "films", cache=folder / "cache", state=folder / "state"),
        providers=ProviderSettings(speech=("elevenlabs", "builtin"), images=("openai", "builtin")),
        vendors=VendorsSettings(
            elevenlabs=ElevenLabsSettings(api_keys=KEYS, base_url=vendors.url("elevenlabs"), retry_wait=0, attempts=5),
            openai=OpenAISettings(api_keys=KEYS, base_url=vendors.url("openai"), retry_wait=0, attempts=5),
        ),
        prices={
            f"{name}/{model}": units
            for name, of in vendors.world.bill.prices.items()
            for model, units in of.items()
            if name in {"elevenlabs", "openai"}
        },
    )


class Books:
    """All that says what one run cost."""

    def __init__(self, settings: Settings) -> None:
        registry, ledger = CollectorRegistry(), Ledger()
        source = Source(name="x", format="markdown", sha256="0", origin="0")
        with start(settings, models=models(settings), registry=registry, environ={}) as telemetry:
            order = Order(story=STORY, source=source)
            done = asyncio.run(perform(order, settings, (*telemetry.observers, ledger)))
        folder = done.delivery.folder
        self.ledger: Cost = ledger.cost()
        self.manifest = json.loads((folder / "manifest.json").read_text())
        self.report = json.loads((folder / "report.json").read_text())["cost"]
        self.registry = registry

    def metric(self, name: str) -> float:
        return sum(s.value for family in self.registry.collect() for s in family.samples if s.name == name)

    def agree(self) -> None:
        spent = self.manifest["spent"]
        for figure in ("known_usd", "wasted_usd", "uncertain_usd", "saved_usd", "unpriced"):
            of_lines = sum(getattr(line, figure) for line in self.ledger.lines)
            assert of_lines == pytest.approx(getattr(self.ledger, figure))
            assert spent[figure] == pytest.approx(of_lines)
        assert self.metric("storygen_cost_usd_total") == pytest.approx(spent["known_usd"])
        assert self.metric("storygen_wasted_cost_usd_total") == pytest.approx(spent["wasted_usd"])
        assert self.metric("storygen_uncertain_cost_usd_total") == pytest.approx(spent["uncertain_usd"])
        assert self.metric("storygen_cache_saved_usd_total") == pytest.approx(spent["saved_usd"])
        assert self.metric("storygen_unpriced_calls_total") == spent["unpriced"]
        assert (self.report["usd"] or 0.0) == pytest.approx(spent["known_usd"], abs=1e-5)
        assert self.report["wasted_usd"] == pytest.approx(spent["wasted_usd"], abs=1e-5)
        assert self.report["uncertain_usd"] == pytest.approx(spent["uncertain_usd"], abs=1e-5)
        assert self.report["unpriced"] == spent["unpriced"]


FAULTS = {
    "none": [],
    "refused before it is billed": [{"fault": "rate_limit", "retry_after": 0, "every": 3}],
    "answers that are useless": [{"fault": "silent_audio", "capability": "speech", "first": 1}],
    "answers that are lost": [{"fault": "drop", "capability": "speech", "every": 3}],
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
def test_ledger_metrics_manifest_and_report_agree_with_each_other_and_with_the_bill(
    vendors: Any, tmp_path: Path, faults: list[Any]
) -> None:
    vendors.plan(faults)
    books = Books(settings_for(vendors, tmp_path))
    books.agree()
    bill, spent = vendors.billed(), books.ledger
    assert bill["usd"] > 0
    assert spent.known_usd <= bill["usd"] + 0.005
    assert bill["usd"] <= spent.known_usd + spent.uncertain_usd + 0.005
    if not bill["lost_usd"]:
        assert spent.known_usd == pytest.approx(bill["usd"], abs=0.005)
    if any(rule["fault"] == "silent_audio" for rule in faults):
        assert spent.wasted_usd > 0


def test_a_second_run_pays_nothing_and_says_what_it_saved(vendors: Any, tmp_path: Path) -> None:
    settings = settings_for(vendors, tmp_path)
    first = Books(settings)
    second = Books(settings)
    second.agree()
    assert second.manifest["cost_usd"] == 0
    assert second.ledger.known_usd == 0
    assert second.ledger.saved_usd == pytest.approx(first.ledger.known_usd)
