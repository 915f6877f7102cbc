"""What usage costs: the user's own prices, then our table, then genai-prices for the tokens of text models."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from storygen.story import Usage

TABLE = Path(__file__).with_name("prices.toml")
FREE = frozenset({"builtin", "local", "piper", "faster_whisper"})
UNITS = tuple(field.name for field in fields(Usage))
_GENAI_IDS = {"gemini": "google"}
_TIERED_FROM = 100_000
_SAMPLE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a model costs: ways of billing, dollars per unit in each; the first whose units an answer states counts."""

    bills: tuple[Mapping[str, float], ...]
    as_of: str
    source: str

    def of(self, usage: Usage) -> float | None:
        """Dollars for `usage`; None where it states none of the units that are billed."""
        for bill in self.bills:
            if any(getattr(usage, unit) for unit in bill):
                return float(sum(getattr(usage, unit) * price for unit, price in bill.items()))
        return None


class PriceTable:
    """The `Prices` of a run; `own` are the user's, by `provider/model`, where `*` stands for any text."""

    def __init__(self, own: Mapping[str, Mapping[str, float]] | None = None) -> None:
        self._own = {
            name: Price(bills=(dict(units),), as_of="", source="settings") for name, units in (own or {}).items()
        }
        self._kept: dict[tuple[str, str], Price | None] = {}

    def cost(self, provider: str, model: str, usage: Usage) -> float | None:
        """See `Prices.cost`."""
        if provider in FREE:
            return 0.0
        price = self.price(provider, model)
        if price is None:
            return None
        if price.source == "genai-prices" and usage.input_tokens + usage.output_tokens > _TIERED_FROM:
            return _token_cost(provider, model, usage.input_tokens, usage.output_tokens)
        return price.of(usage)

    def price(self, provider: str, model: str) -> Price | None:
        """The price that applies to a model; None where nobody knows it."""
        key = (provider, model)
        if key not in self._kept:
            self._kept[key] = _best(self._own, *key) or _best(_table(), *key) or _token_price(*key)
        return self._kept[key]


def _best(prices: Mapping[str, Price], provider: str, model: str) -> Price | None:
    """The price by this very name, else by the longest pattern that fits."""
    name = f"{provider}/{model}"
    fitting: Sequence[str] = sorted((known for known in prices if fnmatchcase(name, known)), key=len)
    return prices.get(name) or (prices[fitting[-1]] if fitting else None)


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Price]:
    rows = tomllib.loads(TABLE.read_text("utf-8"))["price"]
    return {
        f"{row['provider']}/{row['model']}": Price(bills=tuple(row["bills"]), as_of=row["as_of"], source=row["source"])
        for row in rows
    }


def _token_price(provider: str, model: str) -> Price | None:
    """The price of a token, asked for once, because asking costs more than a whole call should."""
    into, out = (_token_cost(provider, model, *tokens) for tokens in ((_SAMPLE, 0), (0, _SAMPLE)))
    if into is None or out is None or not into + out:
        return None
    bill = {"input_tokens": into / _SAMPLE, "output_tokens": out / _SAMPLE}
    return Price(bills=(bill,), as_of=_genai_version(), source="genai-prices")


def _token_cost(provider: str, model: str, into: int, out: int) -> float | None:
    """Dollars by genai-prices, offline; None where it is not installed or does not know the model.

    It answers 0 for models that are billed by other units, which is no price either.
    """
    try:
        from genai_prices import Usage as Tokens
        from genai_prices import calc_price

        usage = Tokens(input_tokens=into, output_tokens=out)
        return float(calc_price(usage, model, provider_id=_GENAI_IDS.get(provider, provider)).total_price)
    except (ImportError, LookupError):
        return None


@lru_cache(maxsize=1)
def _genai_version() -> str:
    from importlib.metadata import version

    return f"genai-prices {version('genai-prices')}"
