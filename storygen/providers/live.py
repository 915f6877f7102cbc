"""One free call per vendor that shows whether its key and address work: it lists something and makes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from storygen.errors import ProviderTimeout
from storygen.providers.registry import NO_KEY
from storygen.providers.translate import translated
from storygen.settings import VendorSettings

_PATIENCE_SECONDS = 15.0


async def try_out(name: str, settings: VendorSettings) -> str:
    """Ask a vendor, once with each key, for what it lists; say what came. Raises errors of our own tree."""
    said = ""
    for key in settings.api_keys or (NO_KEY,):
        try:
            with translated(name):
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    said = await _CALLS[name](key.get_secret_value(), settings.base_url)
        except TimeoutError as error:
            raise ProviderTimeout(f"{name} did not answer within {_PATIENCE_SECONDS:g} s.", provider=name) from error
    return said


async def _openai(key: str, base_url: str | None) -> str:
    from openai import AsyncOpenAI

    async with AsyncOpenAI(api_key=key, base_url=base_url, max_retries=0) as client:
        return _count(len((await client.models.list()).data), "model")


async def _anthropic(key: str, base_url: str | None) -> str:
    from anthropic import AsyncAnthropic

    async with AsyncAnthropic(api_key=key, base_url=base_url, max_retries=0) as client:
        return _count(len((await client.models.list(limit=100)).data), "model")


async def _gemini(key: str, base_url: str | None) -> str:
    from google.genai import Client
    from google.genai.types import HttpOptions

    client = Client(api_key=key, vertexai=False, http_options=HttpOptions(base_url=base_url))
    async with client.aio as calls:
        return _count(len((await calls.models.list(config={"page_size": 100})).page), "model")


async def _elevenlabs(key: str, base_url: str | None) -> str:
    import httpx
    from elevenlabs.client import AsyncElevenLabs

    async with httpx.AsyncClient() as carrier:
        client = AsyncElevenLabs(api_key=key, base_url=base_url, httpx_client=carrier)
        return _count(len((await client.voices.search(page_size=100)).voices), "voice")


async def _runway(key: str, base_url: str | None) -> str:
    from runwayml import AsyncRunwayML

    async with AsyncRunwayML(api_key=key, base_url=base_url, max_retries=0) as client:
        return f"{(await client.organization.retrieve()).credit_balance} credits"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


_CALLS: Mapping[str, Callable[[str, str | None], Awaitable[str]]] = {
    "openai": _openai,
    "anthropic": _anthropic,
    "gemini": _gemini,
    "elevenlabs": _elevenlabs,
    "runway": _runway,
}
