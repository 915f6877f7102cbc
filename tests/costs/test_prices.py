"""Prices: the user's own go first, what nobody knows has none, and every figure says where it is from."""

from __future__ import annotations

import re

import pytest

from storygen.costs import prices
from storygen.costs.prices import PriceTable
from storygen.settings import Settings
from storygen.story import Usage

TABLE = PriceTable()


@pytest.mark.parametrize(
    ("provider", "model", "usage", "usd"),
    [
        ("elevenlabs", "eleven_multilingual_v2", Usage(characters=1000, audio_seconds=60), 0.10),
        ("elevenlabs", "eleven_flash_v2_5", Usage(characters=1000), 0.05),
        ("openai", "tts-1", Usage(characters=1_000_000), 15.0),
        ("openai", "gpt-4o-mini-tts", Usage(audio_seconds=60), 0.015),
        ("openai", "gpt-4o-mini-tts", Usage(input_tokens=1_000_000, output_tokens=1_000_000, audio_seconds=9), 12.6),
        ("openai", "whisper-1", Usage(audio_seconds=60), 0.006),
        ("openai", "gpt-image-1", Usage(images=1, output_tokens=1584), 0.06336),
        ("openai", "gpt-image-1:high", Usage(images=1), 0.25),
        ("gemini", "gemini-2.5-flash-image", Usage(images=2), 0.078),
        ("gemini", "gemini-2.5-flash-preview-tts", Usage(audio_seconds=100), 0.025),
        ("runway", "gen4_turbo", Usage(video_seconds=5), 0.25),
        ("openai", "gpt-5-mini", Usage(input_tokens=1_000_000, output_tokens=1_000_000), 2.25),
        ("anthropic", "claude-sonnet-4-5", Usage(input_tokens=1000, output_tokens=1000), 0.018),
        ("gemini", "gemini-2.5-flash", Usage(output_tokens=1000), 0.0025),
    ],
)
def test_usage_costs_what_the_vendor_charges(provider: str, model: str, usage: Usage, usd: float) -> None:
    assert TABLE.cost(provider, model, usage) == pytest.approx(usd)


@pytest.mark.parametrize(
    ("provider", "model", "usage"),
    [
        ("openai", "llama3", Usage(input_tokens=10)),
        ("nobody", "tts-1", Usage(characters=10)),
        ("elevenlabs", "eleven_of_tomorrow", Usage(characters=10)),
        ("elevenlabs", "eleven_v3", Usage()),
        ("openai", "tts-1", Usage(audio_seconds=10)),
        ("openai", "gpt-5-mini", Usage(images=1)),
    ],
)
def test_what_nobody_knows_is_unpriced_and_never_nothing(provider: str, model: str, usage: Usage) -> None:
    assert TABLE.cost(provider, model, usage) is None


def test_built_ins_cost_nothing() -> None:
    assert {TABLE.cost(who, "x", Usage(characters=9)) for who in ("builtin", "local", "piper", "faster_whisper")} == {
        0.0
    }


def test_prices_of_your_own_go_first_the_exact_name_before_a_pattern() -> None:
    own = Settings(prices={"elevenlabs/*": {"characters": 0.5}, "elevenlabs/eleven_v3": {"characters": 2}}).prices
    table = PriceTable(own)
    assert table.cost("elevenlabs", "eleven_v3", Usage(characters=3)) == 6
    assert table.cost("elevenlabs", "eleven_of_tomorrow", Usage(characters=3)) == 1.5
    assert table.cost("openai", "tts-1", Usage(characters=100)) == pytest.approx(0.0015)


def test_a_long_text_is_priced_by_its_tier() -> None:
    long, short = (TABLE.cost("anthropic", "claude-sonnet-4-5", Usage(input_tokens=n)) for n in (300_000, 30_000))
    assert long is not None
    assert short is not None
    assert long > 10 * short


def test_the_price_of_a_token_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = prices._token_cost
    monkeypatch.setattr(prices, "_token_cost", lambda *given: (asked.append(given[1]), real(*given))[1])
    table = PriceTable()
    for _ in range(5):
        table.cost("openai", "gpt-5-mini", Usage(input_tokens=10))
    assert len(asked) == 2


def test_every_price_names_its_day_and_its_source() -> None:
    for price in prices._table().values():
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", price.as_of)
        assert price.source.startswith("https://")
        assert all(unit in prices.UNITS for bill in price.bills for unit in bill)
