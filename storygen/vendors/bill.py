"""What the simulated vendors bill: their own prices, and a list of everything that was charged."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from storygen.errors import InvalidSettings

UNITS = frozenset({"input_tokens", "output_tokens", "characters", "images", "audio_seconds", "video_seconds"})
Prices = Mapping[str, Mapping[str, Mapping[str, float]]]


def read_prices(path: Path | None) -> Prices:
    """Prices by vendor, model and unit, from a TOML file; those that come with storygen where there is none.

    Raises `InvalidSettings` with every mistake.
    """
    where = str(path or "prices.toml")
    try:
        packaged = resources.files("storygen.vendors").joinpath("prices.toml")
        values = tomllib.loads((path or packaged).read_text(encoding="utf-8"))
        prices = TypeAdapter(dict[str, dict[str, dict[str, float]]]).validate_python(values)
    except ValidationError as error:
        wrong = [f"{where}: {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        raise InvalidSettings("\n".join(wrong), hint="A price is dollars per unit.") from error
    except (OSError, ValueError) as error:
        raise InvalidSettings(f"{where}: {error}", hint="A price file is TOML.") from error
    wrong = [
        f"{where}: {vendor}.{model}.{unit}: {'is below zero' if unit in UNITS else 'is no unit'}"
        for vendor, models in prices.items()
        for model, units in models.items()
        for unit, price in units.items()
        if unit not in UNITS or price < 0
    ]
    if wrong:
        raise InvalidSettings("\n".join(wrong), hint=f"Units are {', '.join(sorted(UNITS))}.")
    return prices


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One entry: what was used, and its price, None where no price is known. `lost` if the answer never arrived."""

    vendor: str
    capability: str
    model: str
    units: Mapping[str, float]
    usd: float | None
    lost: bool = False
    refunded: bool = False


class Bill:
    """Everything that was charged, in order."""

    def __init__(self, prices: Prices) -> None:
        self.prices = prices
        self.charges: list[Charge] = []

    def charge(self, *, vendor: str, capability: str, model: str, units: Mapping[str, float], lost: bool) -> int:
        """Add an entry and return its place, by which it can be refunded."""
        usd = self.price(vendor, model, units)
        self.charges.append(Charge(vendor=vendor, capability=capability, model=model, units=units, usd=usd, lost=lost))
        return len(self.charges) - 1

    def price(self, vendor: str, model: str, units: Mapping[str, float]) -> float | None:
        """What something costs, by the longest name that fits the model; None where no price is known."""
        models = self.prices.get(vendor, {})
        fitting = sorted((name for name in models if fnmatchcase(model, name)), key=len)
        if not fitting:
            return None
        return sum(models[fitting[-1]].get(unit, 0.0) * number for unit, number in units.items())

    def refund(self, place: int) -> None:
        """Take an entry back; it stays on the list."""
        self.charges[place] = replace(self.charges[place], usd=0.0, refunded=True)

    def lose(self, place: int) -> None:
        """Note that the answer of an entry never arrived."""
        self.charges[place] = replace(self.charges[place], lost=True)

    def summary(self) -> dict[str, Any]:
        """Totals in US dollars, those of lost answers apart as well, by vendor and capability, and every entry."""
        by: dict[str, dict[str, Any]] = {}
        for charge in self.charges:
            row = by.setdefault(f"{charge.vendor}/{charge.capability}", {"requests": 0, "usd": 0.0, "units": {}})
            row["requests"] += 1
            row["usd"] += charge.usd or 0.0
            for unit, number in charge.units.items():
                row["units"][unit] = row["units"].get(unit, 0) + number
        return {
            "usd": sum(charge.usd or 0.0 for charge in self.charges),
            "lost_usd": sum(charge.usd or 0.0 for charge in self.charges if charge.lost),
            "unpriced": sorted({f"{c.vendor}/{c.model}" for c in self.charges if c.usd is None}),
            "by": by,
            "charges": [asdict(charge) for charge in self.charges],
        }
