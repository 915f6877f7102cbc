"""`storygen voices`: what a provider of speech has to offer, by the names that settings use."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from storygen.providers.speech.catalogue import Stock
    from storygen.settings import Settings


def voices(
    provider: Annotated[
        str | None, typer.Argument(help="Whose voices; those of the configured chain if not named.")
    ] = None,
    *,
    language: Annotated[str, typer.Option("--language", "-l", help="Only voices that speak it, as in 'de'.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    config: Annotated[Path | None, typer.Option(help="A file of settings.")] = None,
) -> None:
    """List the voices that a provider has; an id goes into `voice.voices`, or `vendors.NAME.voice` for the narrator."""
    from storygen.configuration import load

    settings = load(config)
    names = (provider,) if provider else settings.providers.speech
    found = {name: listed(name, settings, language) for name in names}
    if as_json:
        typer.echo(json.dumps({name: [asdict(one) for one in many] for name, many in found.items()}, indent=2))
        return
    for name, many in found.items():
        for line in _lines(name, many, language):
            typer.echo(line)


def listed(provider: str, settings: Settings, language: str = "") -> tuple[Stock, ...]:
    """The voices of a provider; ElevenLabs is asked, the others are known.

    Raises `InvalidSettings` for a provider that has none, `ProviderFailure` where one that is asked does not answer.
    """
    from storygen.errors import InvalidSettings
    from storygen.providers.base import Capability
    from storygen.providers.registry import Chains, names
    from storygen.providers.speech import catalogue, languages

    if provider not in names(Capability.SPEECH):
        raise InvalidSettings(
            f"There is no provider of speech named {provider!r}.",
            hint=f"There are: {', '.join(names(Capability.SPEECH))}.",
        )
    match provider:
        case "elevenlabs":
            asked = Chains(settings).create(Capability.SPEECH, provider)
            found: tuple[Stock, ...] = asyncio.run(asked.voices())  # type: ignore[attr-defined]
        case "piper":
            found = Chains(settings).create(Capability.SPEECH, provider).voices()  # type: ignore[attr-defined]
        case "builtin":
            found = catalogue.builtin()
        case _:
            spoken = languages.GEMINI if provider == "gemini" else tuple(sorted(languages.OPENAI))
            found = tuple(catalogue.speaking(stock, spoken) for stock in catalogue.TABLES[provider])
    if not language:
        return found
    return tuple(stock for stock in found if not stock.languages or languages.find(language, stock.languages))


def _lines(provider: str, found: tuple[Stock, ...], language: str) -> list[str]:
    """A heading and a line for each voice; what all of them speak stands in the heading."""
    of = f" that speak {language!r}" if language else ""
    common = {stock.languages for stock in found}
    spoken = next(iter(common)) if len(common) == 1 else ()
    heading = f"{provider}: {len(found)} voices{of}"
    rows = [f"  in {', '.join(spoken)}"] if len(spoken) > 1 else []
    for stock in found:
        own = "" if len(common) == 1 and len(spoken) > 1 else ", ".join(stock.languages)
        told = "  ".join(part for part in (stock.name, stock.about, own) if part)
        rows.append(_safe(f"  {stock.id:<22} {told}".rstrip()))
    return [heading, *rows]


def _safe(text: str) -> str:
    """Names are of others: nothing in them commands a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
