"""Providers by the names that settings use, and what each needs; each is imported only when it is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from storygen.errors import InvalidSettings
from storygen.providers.base import Capability, Provider
from storygen.settings import ProviderSettings, Settings, VendorSettings

if TYPE_CHECKING:
    from storygen.providers.keys import KeyRing

BUILTIN = "builtin"
# Stands in for a key at an address of the user's own that asks for none, such as Ollama's.
NO_KEY = SecretStr("none")
_FIELDS = {
    Capability.TEXT: "text_model",
    Capability.SPEECH: "speech_model",
    Capability.IMAGES: "image_model",
    Capability.VIDEO: "video_model",
    Capability.TRANSCRIPTION: "transcription_model",
}
_MODELS = (*_FIELDS.values(), "model")
_BUILTIN = {Capability.TEXT: "grammar", Capability.SPEECH: "espeak-ng", Capability.IMAGES: "cards"}
_REQUIRED = (Capability.TEXT, Capability.SPEECH, Capability.IMAGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """What somebody needs before it can be used, and how to get that.

    `extra` is the part of `pip install 'storygen[...]'` that brings `package`; `variables` are the vendor's own names
    for its key, the usual one first; all are empty where nothing is needed.
    """

    name: str
    extra: str = ""
    package: str = ""
    variables: tuple[str, ...] = ()
    base_url_variable: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Who can do what: the module below `storygen.providers`, its class, and what the class is created from."""

    capability: Capability
    vendor: str
    kind: str
    takes: tuple[str, ...] = ("settings", "keys")

    @property
    def module(self) -> str:
        """The module's whole name."""
        return f"storygen.providers.{self.capability}.{self.vendor}"


VENDORS: Mapping[str, Vendor] = {
    vendor.name: vendor
    for vendor in (
        Vendor(name=BUILTIN),
        Vendor(
            name="openai",
            extra="openai",
            package="openai",
            variables=("OPENAI_API_KEY",),
            base_url_variable="OPENAI_BASE_URL",
            page="https://platform.openai.com/api-keys",
        ),
        Vendor(
            name="anthropic",
            extra="anthropic",
            package="anthropic",
            variables=("ANTHROPIC_API_KEY",),
            base_url_variable="ANTHROPIC_BASE_URL",
            page="https://console.anthropic.com/settings/keys",
        ),
        Vendor(
            name="gemini",
            extra="gemini",
            package="google.genai",
            variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
            base_url_variable="GOOGLE_GEMINI_BASE_URL",
            page="https://aistudio.google.com/apikey",
        ),
        Vendor(
            name="elevenlabs",
            extra="elevenlabs",
            package="elevenlabs",
            variables=("ELEVENLABS_API_KEY",),
            base_url_variable="ELEVENLABS_BASE_URL",
            page="https://elevenlabs.io/app/settings/api-keys",
        ),
        Vendor(
            name="runway",
            extra="runway",
            package="runwayml",
            variables=("RUNWAY_API_KEY", "RUNWAYML_API_SECRET"),
            base_url_variable="RUNWAYML_BASE_URL",
            page="https://dev.runwayml.com",
        ),
        Vendor(name="piper", extra="piper", package="piper", page="https://github.com/OHF-Voice/piper1-gpl"),
        Vendor(name="faster_whisper", extra="whisper", package="faster_whisper"),
    )
}

ROWS: tuple[Row, ...] = (
    Row(capability=Capability.TEXT, vendor=BUILTIN, kind="Builtin", takes=()),
    Row(capability=Capability.TEXT, vendor="openai", kind="OpenAI"),
    Row(capability=Capability.TEXT, vendor="anthropic", kind="Anthropic"),
    Row(capability=Capability.TEXT, vendor="gemini", kind="Gemini"),
    Row(capability=Capability.SPEECH, vendor=BUILTIN, kind="Builtin", takes=("voice",)),
    Row(capability=Capability.SPEECH, vendor="elevenlabs", kind="ElevenLabs", takes=("settings", "voice", "keys")),
    Row(capability=Capability.SPEECH, vendor="openai", kind="OpenAI", takes=("settings", "voice", "keys")),
    Row(capability=Capability.SPEECH, vendor="gemini", kind="Gemini", takes=("settings", "voice", "keys")),
    Row(capability=Capability.SPEECH, vendor="piper", kind="Piper", takes=("settings", "voice")),
    Row(capability=Capability.IMAGES, vendor=BUILTIN, kind="Builtin", takes=()),
    Row(capability=Capability.IMAGES, vendor="openai", kind="OpenAI"),
    Row(capability=Capability.IMAGES, vendor="gemini", kind="Gemini"),
    Row(capability=Capability.VIDEO, vendor="runway", kind="Runway", takes=("settings", "keys", "jobs")),
    Row(capability=Capability.TRANSCRIPTION, vendor="faster_whisper", kind="FasterWhisper", takes=("settings",)),
    Row(capability=Capability.TRANSCRIPTION, vendor="openai", kind="OpenAI"),
)
_KNOWN = {(row.capability, row.vendor): row for row in ROWS}


def names(capability: Capability) -> tuple[str, ...]:
    """The providers that a capability can have, sorted."""
    return tuple(sorted(name for kind, name in _KNOWN if kind is capability))


def asked(capability: Capability, settings: Settings) -> tuple[str, ...]:
    """The names that the settings chain for a capability."""
    chain: tuple[str, ...] = getattr(settings.providers, capability.value)
    return chain


def models(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The models that the settings name, by vendor, and those of the built-ins: what labels of metrics may be."""
    found: dict[str, tuple[str, ...]] = {BUILTIN: tuple(_BUILTIN.values())}
    for name in type(settings.vendors).model_fields:
        chosen = getattr(settings.vendors, name).model_dump(include={*_MODELS})
        found[name] = tuple(dict.fromkeys(str(model) for model in chosen.values()))
    return found


def serving(settings: Settings) -> dict[str, dict[str, str]]:
    """The model that each vendor would use, by capability and vendor; one whose model is a file is not listed."""
    found: dict[str, dict[str, str]] = {str(capability): {BUILTIN: model} for capability, model in _BUILTIN.items()}
    for row in ROWS:
        chosen = getattr(settings.vendors, row.vendor, None)
        field = _FIELDS[row.capability]
        if (model := getattr(chosen, field, None) or getattr(chosen, "model", None)) is not None:
            found.setdefault(str(row.capability), {})[row.vendor] = str(model)
    return found


def is_installed(vendor: Vendor) -> bool:
    """Whether the package that a vendor needs is there; importing it would take up to a second."""
    if not vendor.package:
        return True
    try:
        return find_spec(vendor.package) is not None
    except ModuleNotFoundError:  # a package that would hold it is missing
        return False


class Chains(Mapping[Capability, tuple[Provider[Any, Any], ...]]):
    """The chain of every capability, each created when it is first asked for.

    All capabilities of a vendor share one ring of keys: a key that rests, rests for all.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: dict[Capability, tuple[Provider[Any, Any], ...]] = {}
        self._rings: dict[str, KeyRing] = {}

    def __getitem__(self, capability: Capability) -> tuple[Provider[Any, Any], ...]:
        if capability not in self._made:
            self._made[capability] = tuple(self.create(capability, name) for name in asked(capability, self._settings))
        return self._made[capability]

    def __iter__(self) -> Iterator[Capability]:
        return iter(Capability)

    def __len__(self) -> int:
        return len(Capability)

    def create(self, capability: Capability, name: str) -> Provider[Any, Any]:
        """One provider. Raises `InvalidSettings` for a name that nobody has."""
        row = _row(capability, name)
        arguments = [self._given(what, name) for what in row.takes]
        provider: Provider[Any, Any] = getattr(import_module(row.module), row.kind)(*arguments)
        return provider

    def _given(self, what: str, name: str) -> object:
        match what:
            case "keys":
                return self._ring(name)
            case "voice":
                return self._settings.voice
            case "jobs":
                from storygen.store.jobs import Jobs

                return Jobs(self._settings.folders.state)
        return self._vendor_settings(name)

    def _vendor_settings(self, name: str) -> VendorSettings | None:
        return getattr(self._settings.vendors, name, None)

    def _ring(self, name: str) -> KeyRing:
        from storygen.providers.keys import KeyRing

        if name not in self._rings:
            vendor = self._vendor_settings(name) or VendorSettings()
            self._rings[name] = KeyRing(vendor.api_keys or ((NO_KEY,) if vendor.base_url else ()))
        return self._rings[name]


def chains(settings: Settings) -> Chains:
    """The chain of every capability, created when asked for.

    Raises `InvalidSettings` for a name that nobody has, and for an empty chain where there has to be somebody.
    """
    for capability in Capability:
        chain = asked(capability, settings)
        for name in chain:
            _row(capability, name)
        if not chain and capability in _REQUIRED:
            raise InvalidSettings(
                f"providers.{capability}: the chain is empty.", hint=f"There are: {', '.join(names(capability))}."
            )
    return Chains(settings)


def builtins(settings: Settings) -> Chains:
    """The chains that are left when everybody else has failed."""
    return chains(settings.model_copy(update={"providers": ProviderSettings()}))


@cache
def _row(capability: Capability, name: str) -> Row:
    if (row := _KNOWN.get((capability, name))) is not None:
        return row
    raise InvalidSettings(
        f"providers.{capability}: there is no {name!r}.", hint=f"There are: {', '.join(names(capability))}."
    )
