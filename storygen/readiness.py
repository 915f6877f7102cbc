"""What is wrong with settings taken together: each finding is the path of a setting and what would be right."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator

from storygen.costs.prices import UNITS
from storygen.providers.base import Capability
from storygen.providers.registry import VENDORS, Vendor, asked, is_installed, names
from storygen.settings import Settings, VendorSettings

Finding = tuple[tuple[str, ...], str]


def mistakes(settings: Settings) -> Iterator[Finding]:
    """What cannot be meant, whatever this machine has."""
    for capability in Capability:
        yield from _chain(capability, settings)
    for name, units in settings.prices.items():
        yield from _price(name, units)
    run, day = settings.budget.run_usd, settings.budget.day_usd
    if run is not None and day is not None and run > day:
        yield (
            ("budget", "run_usd"),
            f"one run may cost more ({run:g}) than all runs of a day (budget.day_usd = {day:g})",
        )
    if settings.redis.share_cache and settings.redis.url is None:
        yield ("redis", "share_cache"), "there is no Redis to share it through; set redis.url"


def unready(settings: Settings) -> Iterator[Finding]:
    """Who stands in a chain and cannot be used yet, once each, with how to change that."""
    told: set[str] = set()
    for capability in Capability:
        for name in asked(capability, settings):
            vendor = VENDORS.get(name)
            if vendor is None or name in told:
                continue
            told.add(name)
            for lack in lacks(vendor, settings):
                yield ("providers", capability.value), f"{name} {lack}"


def lacks(vendor: Vendor, settings: Settings) -> Iterator[str]:
    """What a vendor still needs before it can be used: its key, its package, its voice."""
    wanted: VendorSettings | None = getattr(settings.vendors, vendor.name, None)
    if vendor.variables and not (wanted and (wanted.api_keys or wanted.base_url)):
        yield f"has no key; set {vendor.variables[0]} (get one at {vendor.page})"
    if not is_installed(vendor):
        yield f"needs a package; pip install 'storygen[{vendor.extra}]'"
    if vendor.name == "piper" and settings.vendors.piper.voice_file is None:
        yield f"has no voice; set vendors.piper.voice_file to an .onnx file (from {vendor.page})"


def _chain(capability: Capability, settings: Settings) -> Iterator[Finding]:
    path, chain, known = ("providers", capability.value), asked(capability, settings), names(capability)
    if not chain and capability in {Capability.TEXT, Capability.SPEECH, Capability.IMAGES}:
        yield path, f"the chain is empty; there are {', '.join(known)}"
    for name, times in Counter(chain).items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            guess = f"did you mean {near[0]}? " if near else ""
            yield path, f"there is no {name!r}; {guess}There are {', '.join(known)}"
        elif times > 1:
            yield path, f"{name} stands in the chain {times} times; once is enough"
        elif not _enabled(name, settings):
            yield path, f"{name} is switched off; set vendors.{name}.enabled = true, or take it out of the chain"


def _enabled(name: str, settings: Settings) -> bool:
    wanted: VendorSettings | None = getattr(settings.vendors, name, None)
    return wanted is None or wanted.enabled


def _price(name: str, units: dict[str, float]) -> Iterator[Finding]:
    vendor, slash, _ = name.partition("/")
    if not slash or not vendor:
        yield ("prices", name), 'write it as "provider/model", such as "elevenlabs/*"'
    elif vendor not in VENDORS and "*" not in vendor:
        near = difflib.get_close_matches(vendor, list(VENDORS), n=1, cutoff=0.5)
        yield ("prices", name), f"there is no provider {vendor!r}{f'; did you mean {near[0]}?' if near else ''}"
    for unit, price in units.items():
        if unit not in UNITS:
            near = difflib.get_close_matches(unit, UNITS, n=1, cutoff=0.4)
            yield ("prices", name, unit), f"there is no such unit{f'; did you mean {near[0]}?' if near else ''}"
        elif price < 0:
            yield ("prices", name, unit), f"a price cannot be {price:g}"
