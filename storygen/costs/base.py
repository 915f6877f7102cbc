"""The shape of a price list."""

from __future__ import annotations

from typing import Protocol

from storygen.story import Usage


class Prices(Protocol):
    """Knows what usage costs; `costs.prices.PriceTable` is the one that runs use."""

    def cost(self, provider: str, model: str, usage: Usage) -> float | None:
        """US dollars; None where the price is not known, which is never zero. Built-ins cost 0."""
        ...
