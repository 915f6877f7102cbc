"""OpenAI: speech, images, transcription and models; its texts have a file of their own."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from typing import Any

from storygen.story import Line
from storygen.vendors.faults import SHOWN, Fault
from storygen.vendors.openai_text import CREATED, chat, responses
from storygen.vendors.prompts import tokens
from storygen.vendors.sound import TYPES, endless_wav, in_chunks
from storygen.vendors.wire import Call, Dialect, Endpoint, Reply, Used, as_json, dumps
from storygen.vendors.world import World

_VOICES = frozenset({
    "alloy", "ash", "ballad", "coral", "echo", "fable", "onyx",
    "nova", "sage", "shimmer", "verse", "marin", "cedar",
})  # fmt: skip
_MODELS = ("gpt-5.4-mini", "gpt-4o-mini", "gpt-4o-mini-tts", "tts-1", "tts-1-hd", "gpt-image-1", "whisper-1")
_SOUND_RATE = 24_000
_LONGEST_INPUT = 4096  # characters
_TOKENS = {"low": 272, "medium": 1056, "high": 4160, "auto": 1056}  # of an image of 1024x1024

_REFUSALS: Mapping[str, tuple[int, str, str | None, str]] = {
    "missing_key": (401, "invalid_request_error", None, "You didn't provide an API key."),
    "invalid_key": (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    "unauthorized": (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    "quota": (
        429,
        "insufficient_quota",
        "insufficient_quota",
        "You exceeded your current quota, please check your plan.",
    ),
    "rate_limit": (429, "requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    "server_error": (500, "server_error", None, "The server had an error while processing your request."),
    "unavailable": (503, "service_unavailable_error", None, "The engine is currently overloaded."),
    "not_found": (404, "invalid_request_error", "unknown_url", "Unknown request URL."),
    "content": (
        400,
        "image_generation_user_error",
        "moderation_blocked",
        "Your request was rejected by the safety system.",
    ),
    "invalid": (400, "invalid_request_error", None, "The request is invalid."),
}


def refuse(word: str, detail: str) -> Reply:
    """An error as OpenAI writes it."""
    status, kind, code, message = _REFUSALS[word]
    if detail and word == "rate_limit":
        message = f"{message} Please try again in {detail}s."
    elif detail:
        message = detail
    return as_json({"error": {"message": message, "type": kind, "param": None, "code": code}}, status=status)


def _key(headers: Mapping[str, str], query: Mapping[str, str]) -> str:  # noqa: ARG001  # the dialect's shape
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _limits(most: int, left: int, now: float) -> Mapping[str, str]:  # noqa: ARG001  # the dialect's shape
    return {
        "x-ratelimit-limit-requests": str(most),
        "x-ratelimit-remaining-requests": str(left),
        "x-ratelimit-reset-requests": f"{60 / most * (most - left):.3f}s",
        "x-ratelimit-limit-tokens": str(most * 1000),
        "x-ratelimit-remaining-tokens": str(left * 1000),
        "x-ratelimit-reset-tokens": "6ms",
    }


async def speech(call: Call, world: World) -> Reply:
    """POST /audio/speech: the sound itself, streamed; or server-sent events with it."""
    text, form = str(call.body["input"]), str(call.body.get("response_format") or "mp3")
    voice = call.body["voice"]
    if len(text) > _LONGEST_INPUT:
        return refuse("invalid", f"Invalid 'input': string too long. Expected at most {_LONGEST_INPUT} characters.")
    if form not in TYPES or (isinstance(voice, str) and voice not in _VOICES):
        return refuse("invalid", f"Invalid value for 'voice' or 'response_format': {voice!r}, {form!r}.")
    if call.meets(Fault.REFUSAL):
        return refuse("content", "")
    manner = str(call.body.get("instructions") or "")
    spoken = await world.speaker.speak((Line(text=text, manner=manner[:200]),), {"narrator": str(voice)})
    data, seconds = await world.speaker.encode(spoken, form, _SOUND_RATE, call)
    model, letters = str(call.body["model"]), len(text)
    if call.body.get("stream_format") == "sse":
        units = {"characters": letters, "input_tokens": tokens(text), "output_tokens": round(seconds * 20)}
        return _speech_events(data, Used(model=model, units=units))
    used = Used(model=model, units={"characters": letters, "audio_seconds": seconds})
    parts = in_chunks(endless_wav(data) if form == "wav" else data)
    return Reply(parts=parts, media_type=TYPES[form], used=used, is_stream=True)


def _speech_events(data: bytes, used: Used) -> Reply:
    events: list[dict[str, Any]] = [
        {"type": "speech.audio.delta", "audio": base64.b64encode(part).decode()} for part in in_chunks(data)
    ]
    given, made = used.units["input_tokens"], used.units["output_tokens"]
    usage = {"input_tokens": given, "output_tokens": made, "total_tokens": given + made}
    events.append({"type": "speech.audio.done", "usage": usage})
    parts = [b"data: " + dumps(event) + b"\n\n" for event in events]
    return Reply(parts=parts, media_type="text/event-stream; charset=utf-8", used=used, is_stream=True)


async def images(call: Call, world: World) -> Reply:
    """POST /images/generations."""
    prompt, size = str(call.body["prompt"]), str(call.body.get("size") or "auto")
    quality, form = str(call.body.get("quality") or "auto"), str(call.body.get("output_format") or "png")
    size = "1024x1024" if size == "auto" else size
    if call.meets(Fault.REFUSAL):
        return refuse("content", "")
    if size not in {"1024x1024", "1024x1536", "1536x1024"} or quality not in _TOKENS:
        return refuse("invalid", f"Invalid value for 'size' or 'quality': {size!r}, {quality!r}.")
    width, height = map(int, size.split("x"))
    count = int(call.body.get("n") or 1)
    pictures = [await world.painter.paint(f"{prompt}{' again' * turn}", width, height, form) for turn in range(count)]
    made = round(_TOKENS[quality] * (1 if size == "1024x1024" else 1.5)) * count
    given = tokens(prompt)
    usage = {
        "input_tokens": given,
        "output_tokens": made,
        "total_tokens": given + made,
        "input_tokens_details": {"text_tokens": given, "image_tokens": 0},
        "output_tokens_details": {"text_tokens": 0, "image_tokens": made},
    }
    body = {
        "created": CREATED,
        "background": "opaque",
        "output_format": form,
        "quality": "medium" if quality == "auto" else quality,
        "size": size,
        "data": [{"b64_json": base64.b64encode(picture).decode()} for picture in pictures],
        "usage": usage,
    }
    units = {"images": count, "input_tokens": given, "output_tokens": made}
    return as_json(body, used=Used(model=str(call.body.get("model") or "gpt-image-1"), units=units))


async def transcription(call: Call, world: World) -> Reply:
    """POST /audio/transcriptions: what the server spoke itself it hears again, with the time of each word."""
    samples, rate = await world.speaker.decode(call.files["file"])
    seconds = len(samples) / 2 / rate
    if not samples:
        return refuse("invalid", "Audio file might be corrupted or unsupported")
    words = await asyncio.to_thread(world.memory.hear, samples, rate)
    text = " ".join(word.text for word in words)
    used = Used(model=str(call.body["model"]), units={"audio_seconds": seconds})
    form = call.body.get("response_format") or "json"
    usage = {"type": "duration", "seconds": -int(-seconds // 1)}
    if form == "text":
        return Reply(parts=(f"{text}\n".encode(),), media_type="text/plain; charset=utf-8", used=used)
    if form != "verbose_json":
        return as_json({"text": text, "usage": usage}, used=used)
    body: dict[str, Any] = {
        "task": "transcribe",
        "language": "english",
        "duration": seconds,
        "text": text,
        "usage": usage,
    }
    asked = call.body.get("timestamp_granularities") or ["segment"]
    if "word" in asked:
        body["words"] = [
            {"word": word.text.strip('.,;:!?"“”()'), "start": round(word.start, 2), "end": round(word.end, 2)}
            for word in words
        ]
    if "segment" in asked:
        body["segments"] = [_segment(text, seconds)] if text else []
    return as_json(body, used=used)


def _segment(text: str, seconds: float) -> dict[str, Any]:
    return {
        "id": 0,
        "seek": 0,
        "start": 0.0,
        "end": seconds,
        "text": f" {text}",
        "tokens": [50364],
        "temperature": 0.0,
        "avg_logprob": -0.2,
        "compression_ratio": 1.3,
        "no_speech_prob": 0.01,
    }


async def models(call: Call, world: World) -> Reply:  # noqa: ARG001  # the handlers' shape
    """GET /models."""
    data = [{"id": name, "object": "model", "created": CREATED, "owned_by": "openai"} for name in _MODELS]
    return as_json({"object": "list", "data": data})


_TEXT, _SPEECH, _IMAGES = SHOWN["text"], SHOWN["speech"] - {Fault.BROKEN_JSON, Fault.WRONG_SHAPE}, SHOWN["images"]
DIALECT = Dialect(
    name="openai",
    key=_key,
    refuse=refuse,
    limits=_limits,
    has_idempotency=True,
    endpoints=(
        Endpoint(method="POST", path="/v1/chat/completions", capability="text", handler=chat, shows=_TEXT),
        Endpoint(method="POST", path="/v1/responses", capability="text", handler=responses, shows=_TEXT),
        Endpoint(method="POST", path="/v1/audio/speech", capability="speech", handler=speech, shows=_SPEECH),
        Endpoint(method="POST", path="/v1/images/generations", capability="images", handler=images, shows=_IMAGES),
        Endpoint(
            method="POST",
            path="/v1/audio/transcriptions",
            capability="transcription",
            handler=transcription,
            shows=SHOWN["transcription"],
        ),
        Endpoint(method="GET", path="/v1/models", capability="account", handler=models, shows=SHOWN["account"]),
    ),
)
