"""Providers by the names that settings use; each is imported only when it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from storygen.errors import InvalidSettings
from storygen.providers.base import Capability, Provider
from storygen.settings import Settings

_KNOWN: Mapping[tuple[Capability, str], tuple[str, Callable[[Any, Settings], Provider[Any, Any]]]] = {
    (Capability.TEXT, "builtin"): ("text.builtin", lambda room, _: room.Builtin()),
    (Capability.SPEECH, "builtin"): ("speech.builtin", lambda room, settings: room.Builtin(settings.voice)),
    (Capability.IMAGES, "builtin"): ("images.builtin", lambda room, _: room.Builtin()),
}


def names(capability: Capability) -> tuple[str, ...]:
    """The providers that a capability can have, sorted."""
    return tuple(sorted(name for kind, name in _KNOWN if kind is capability))


def chains(settings: Settings) -> dict[Capability, tuple[Provider[Any, Any], ...]]:
    """The chain of every capability. Raises `InvalidSettings` for a name that nobody has, or an empty chain."""
    return {capability: _chain(capability, settings) for capability in Capability}


def _chain(capability: Capability, settings: Settings) -> tuple[Provider[Any, Any], ...]:
    asked: tuple[str, ...] = getattr(settings.providers, capability.value)
    unknown = [name for name in asked if (capability, name) not in _KNOWN]
    if unknown or not asked:
        raise InvalidSettings(
            f"providers.{capability.value}: {f'there is no {unknown[0]!r}' if unknown else 'the chain is empty'}.",
            hint=f"There are: {', '.join(names(capability))}.",
        )
    return tuple(_create(capability, name, settings) for name in asked)


def _create(capability: Capability, name: str, settings: Settings) -> Provider[Any, Any]:
    module, build = _KNOWN[capability, name]
    return build(import_module(f"storygen.providers.{module}"), settings)
