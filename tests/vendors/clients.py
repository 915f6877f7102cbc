"""The vendors' own SDKs, pointed at the simulated vendors, with their own retries switched off."""

from __future__ import annotations

from typing import Any

from storygen.vendors.server import Simulation

_open: list[Any] = []


def kept(client: Any) -> Any:
    """A client that lives until the end of its test."""
    _open.append(client)
    return client


def close() -> None:
    """Close the connections of every client."""
    while _open:
        client = _open.pop()
        wrapper = getattr(client, "_client_wrapper", None)
        (wrapper.httpx_client.httpx_client if wrapper else client).close()


def openai(vendors: Simulation, key: str = "sk-test", **more: Any) -> Any:
    from openai import OpenAI

    return kept(OpenAI(api_key=key, base_url=vendors.url("openai"), max_retries=0, **more))


def anthropic(vendors: Simulation, key: str = "sk-ant-test", **more: Any) -> Any:
    from anthropic import Anthropic

    return kept(Anthropic(api_key=key, base_url=vendors.url("anthropic"), max_retries=0, **more))


def gemini(vendors: Simulation, key: str = "AIza-test") -> Any:
    from google.genai import Client

    return kept(Client(api_key=key, http_options={"base_url": vendors.url("gemini"), "timeout": 20_000}))


def elevenlabs(vendors: Simulation, key: str = "xi-test", **more: Any) -> Any:
    from elevenlabs import ElevenLabs

    return kept(ElevenLabs(api_key=key, base_url=vendors.url("elevenlabs"), **more))


def runway(vendors: Simulation, key: str = "key_test", **more: Any) -> Any:
    from runwayml import RunwayML

    return kept(RunwayML(api_key=key, base_url=vendors.url("runway"), max_retries=0, **more))


HELLO = [{"role": "user", "content": "Say something of the topic: a lighthouse keeper."}]
TEXT = "The keeper lit the lamp before the storm came in."
VOICE = "JBFqnCBsd6RMkjVDRZzb"


def chat(vendors: Simulation, key: str = "sk-test", **more: Any) -> Any:
    return openai(vendors, key).chat.completions.create(model="gpt-5-mini", messages=HELLO, **more)


def spoken(vendors: Simulation, **more: Any) -> Any:
    return elevenlabs(vendors).text_to_speech.convert_with_timestamps(
        voice_id=VOICE, text=TEXT, model_id="eleven_multilingual_v2", output_format="pcm_24000", **more
    )
