"""What a maintainer asks for and a run does not tell by itself: its settings without secrets, and versions."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, SecretStr

from storygen.settings import Settings
from storygen.telemetry.process import installed_version
from storygen.telemetry.redaction import Redactor

PACKAGES = (
    *("anthropic", "elevenlabs", "google-genai", "openai", "pydantic-ai-slim", "runwayml"),
    *("faster-whisper", "piper-tts", "aiobreaker", "redis", "tenacity"),
    *("espeakng-loader", "imageio-ffmpeg", "pillow", "pydantic", "pysubs2"),
    *("opentelemetry-sdk", "prometheus-client", "structlog"),
)


def describe(settings: Settings, ffmpeg: Path | None, environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Settings that differ from the defaults, without secrets, and versions; `ffmpeg` is the binary in use."""
    told = {"settings": differing(settings), "versions": versions(ffmpeg)}
    return dict(redactor(settings, environ).redact_all(homeless(told)))


def differing(settings: Settings) -> dict[str, Any]:
    """Settings that are not as they come; a secret is shown as stars."""
    return _difference(settings.model_dump(mode="json"), Settings().model_dump(mode="json"))


@lru_cache(maxsize=8)
def versions(ffmpeg: Path | None) -> Mapping[str, str]:
    """Of storygen, Python, the platform, ffmpeg's file (the bundled one's name holds its version) and packages."""
    found = {"storygen": installed_version(), "python": platform.python_version(), "platform": platform.platform()}
    if ffmpeg is not None:
        found["ffmpeg"] = ffmpeg.name
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def redactor(settings: Settings, environ: Mapping[str, str] = os.environ) -> Redactor:
    """One that knows by heart the secrets of the settings and the environment, those within addresses too."""
    texts = [*_texts(settings), *environ.values()]
    within = [part for text in texts if "://" in text for part in _within_address(text)]
    headers = [part for name, value in environ.items() if name.endswith("_HEADERS") for part in _values(value)]
    return Redactor.from_environment(environ, [*_secrets(settings), *within, *headers])


def homeless(value: Any) -> Any:
    """A document in which the home folder of the user, which often bears a name, is written ~."""
    home = str(Path.home())
    if isinstance(value, str):
        return value.replace(home, "~") if len(home) > 1 else value
    if isinstance(value, Mapping):
        return {homeless(str(key)): homeless(inner) for key, inner in value.items()}
    return [homeless(inner) for inner in value] if isinstance(value, list | tuple) else value


def _difference(value: Mapping[str, Any], default: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, inner in value.items():
        usual = default.get(key)
        if isinstance(inner, dict) and isinstance(usual, dict):
            if different := _difference(inner, usual):
                found[key] = different
        elif inner != usual:
            found[key] = inner
    return found


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    for inner in _inside(value):
        yield from _secrets(inner)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, str):
        yield value
    for inner in _inside(value):
        yield from _texts(inner)


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, BaseModel):
        yield from (getattr(value, name) for name in type(value).model_fields)
    elif isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, tuple | list):
        yield from value


def _within_address(text: str) -> Iterator[str]:
    """The password of an address, or the user where there is none, and its query, as written and decoded."""
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        return
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    for part in (password or user, *(value for _, value in parse_qsl(parts.query))):
        yield part
        yield unquote(part)


def _values(headers: str) -> Iterator[str]:
    """The values of `name=value,name=value`, as written, decoded, and without the scheme of an authorization."""
    for pair in headers.split(","):
        value = pair.partition("=")[2].strip()
        for text in (value, unquote(value)):
            yield text
            yield text.rpartition(" ")[2]
