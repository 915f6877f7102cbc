"""What somebody may choose for one run, as controls of a form: what the operator allows and this machine can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storygen.choices import choosable
from storygen.providers.base import Capability
from storygen.providers.registry import BUILTIN, VENDORS, asked, names
from storygen.providers.speech import catalogue, languages
from storygen.providers.text.prompts import LANGUAGES
from storygen.readiness import lacks
from storygen.settings import Settings
from storygen.story import NARRATOR

VOICE = f"voice.voices.{NARRATOR}"
_MAKERS = {Capability.TEXT: "Writer", Capability.SPEECH: "Voices by", Capability.IMAGES: "Pictures by"}
# The keys of settings that have a control; a form that sends others is not ours.
KEYS = (
    *("film.aspect", "film.language", "film.seconds", "film.strategy", "subtitles.mode", "film.height"),
    *("voice.words_per_minute", "budget.run_usd", *(f"providers.{capability}" for capability in _MAKERS), VOICE),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """A choice of who makes something; `options` are names and words, the first stands for the operator's."""

    key: str
    label: str
    options: tuple[tuple[str, str], ...]


def allowed(settings: Settings) -> frozenset[str]:
    """The keys that may be chosen here."""
    known = set(choosable(settings.service.per_run))
    return frozenset(key for key in KEYS if key in known or (key == VOICE and "voice.voices" in known))


def makers(settings: Settings) -> tuple[Maker, ...]:
    """For each part of a film those who could make it now, where there is more than one."""
    found = []
    for capability, label in _MAKERS.items():
        chain = asked(capability, settings)
        others = [name for name in names(capability) if (name,) != chain and _is_ready(name, settings)]
        if others:
            options = (("", f"as usual ({', then '.join(chain)})"), *((name, name) for name in others))
            found.append(Maker(key=f"providers.{capability}", label=label, options=options))
    return tuple(found)


def tongues() -> tuple[tuple[str, str], ...]:
    """Languages by their tags, sorted by name; others can be typed."""
    return tuple(sorted(LANGUAGES.items(), key=lambda pair: pair[1]))


def voices(settings: Settings, language: str) -> tuple[catalogue.Stock, ...]:
    """The narrator's voices of whoever speaks first and whose voices are known without asking anybody."""
    speaker = asked(Capability.SPEECH, settings)[0]
    found = catalogue.builtin() if speaker == BUILTIN else catalogue.TABLES.get(speaker, ())
    return tuple(one for one in found if not one.languages or languages.find(language, one.languages))


def chosen(form: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """What a form chose, nested like `Settings`; what it left alone, or left as it is anyway, is not in it."""
    found: dict[str, Any] = {}
    for key in sorted(allowed(settings)):
        value = form.get(key)
        if isinstance(value, str) and value.strip() and value.strip() != usual(settings, key):
            *groups, last = key.split(".")
            here = found
            for name in groups:
                here = here.setdefault(name, {})
            here[last] = value.strip()
    return found


def usual(settings: Settings, key: str) -> str:
    """The operator's choice, as a form would send it."""
    value: Any = settings
    for name in key.split("."):
        value = value.get(name, "") if isinstance(value, Mapping) else getattr(value, name)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    return ",".join(value) if isinstance(value, tuple) else "" if value is None else str(value)


def values(form: Mapping[str, Any], settings: Settings) -> dict[str, str]:
    """What the controls show: what was sent, else the operator's choice."""
    return {key: str(form.get(key) or usual(settings, key)) for key in KEYS}


def _is_ready(name: str, settings: Settings) -> bool:
    vendor, wanted = VENDORS.get(name), getattr(settings.vendors, name, None)
    return vendor is not None and not any(lacks(vendor, settings)) and (wanted is None or wanted.enabled)
