"""Google Gemini: speech as bare samples, pictures and models; its texts have a file of their own."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from starlette.convertors import Convertor, register_url_convertor

from storygen.story import Line
from storygen.vendors.faults import SHOWN, Fault, Job
from storygen.vendors.gemini_text import generate, prompt_of, stream, usage_of
from storygen.vendors.prompts import tokens
from storygen.vendors.sound import in_chunks
from storygen.vendors.wire import Call, Dialect, Endpoint, Handler, Reply, Used, as_events, as_json
from storygen.vendors.world import World

_RATE = 24_000
_TOKENS_A_SECOND = 25
_TOKENS_AN_IMAGE = 1290
_SIZES = {"1:1": (1024, 1024), "9:16": (768, 1344), "16:9": (1344, 768), "3:4": (864, 1184), "4:3": (1184, 864)}
_MODELS = ("gemini-3.5-flash-lite", "gemini-2.5-flash", "gemini-2.5-flash-preview-tts", "gemini-2.5-flash-image")
_TURN = re.compile(r"^\s*([^:\n]{1,60}):\s*(.+)$")
_INFO = "type.googleapis.com/google.rpc."

_REFUSALS: Mapping[str, tuple[int, str, str]] = {
    "missing_key": (
        403,
        "PERMISSION_DENIED",
        "Method doesn't allow unregistered callers (callers without established identity).",
    ),
    "invalid_key": (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
    "unauthorized": (401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
    "quota": (
        429,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "rate_limit": (429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    "server_error": (500, "INTERNAL", "An internal error has occurred."),
    "unavailable": (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    "not_found": (404, "NOT_FOUND", "The requested entity was not found."),
    "invalid": (400, "INVALID_ARGUMENT", "The request is invalid."),
}


def refuse(word: str, detail: str) -> Reply:
    """An error as Google writes it."""
    status, name, message = _REFUSALS[word]
    details: list[dict[str, Any]] = []
    if word == "invalid_key":
        details = [{"@type": f"{_INFO}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}]
    elif word == "quota":
        violation = {"quotaId": "GenerateRequestsPerDayPerProjectPerModel", "quotaMetric": "generate_requests"}
        details = [{"@type": f"{_INFO}QuotaFailure", "violations": [violation]}]
    elif word in {"rate_limit", "unavailable"} and detail:
        details = [{"@type": f"{_INFO}RetryInfo", "retryDelay": f"{detail}s"}]
    elif detail:
        message = detail
    error = {"code": status, "message": message, "status": name}
    return as_json({"error": {**error, "details": details} if details else error}, status=status)


def _key(headers: Mapping[str, str], query: Mapping[str, str]) -> str:
    return headers.get("x-goog-api-key", "") or query.get("key", "")


def _limits(most: int, left: int, now: float) -> Mapping[str, str]:  # noqa: ARG001  # the dialect's shape
    return {}


async def speech(call: Call, world: World) -> Reply:
    """POST models/{tts model}:generateContent: samples of 16 bit at 24 kHz, inline; one or two speakers."""
    return await _sound(call, world, is_stream=False)


async def speech_stream(call: Call, world: World) -> Reply:
    """POST models/{tts model}:streamGenerateContent: the same in pieces."""
    return await _sound(call, world, is_stream=True)


async def _sound(call: Call, world: World, *, is_stream: bool) -> Reply:
    config = call.body.get("generationConfig") or {}
    if "AUDIO" not in (config.get("responseModalities") or ()):
        return refuse(
            "invalid", "The requested combination of response modalities (TEXT) is not supported by the model."
        )
    model, prompt = call.params["model"], prompt_of(call.body)
    if call.meets(Fault.REFUSAL):
        return _blocked(model, call, tokens(prompt))
    lines, voices = _spoken(prompt, config.get("speechConfig") or {})
    language = str((config.get("speechConfig") or {}).get("languageCode") or "en")
    spoken = await world.speaker.speak(lines, voices, language)
    data, seconds = await world.speaker.encode(spoken, "pcm", _RATE, call)
    given, made = tokens(prompt), round(seconds * _TOKENS_A_SECOND)
    units = {
        "input_tokens": given,
        "output_tokens": made,
        "characters": len(prompt),
        "audio_seconds": seconds,
    }
    kind = f"audio/L16;codec=pcm;rate={_RATE}"
    pieces = in_chunks(data) if is_stream else [data]
    bodies = [
        _with_data(model, kind, piece, usage_of(given, made, "AUDIO"), call, ends=at == len(pieces) - 1)
        for at, piece in enumerate(pieces)
    ]
    used = Used(model=model, units=units)
    return as_events([("", body) for body in bodies], used=used) if is_stream else as_json(bodies[0], used=used)


def _spoken(prompt: str, config: Mapping[str, Any]) -> tuple[tuple[Line, ...], dict[str, str]]:
    """The lines, and the voice of each speaker: with several configured, a line begins with its speaker's name.

    With one, what stands before a first line that ends in a colon says how to speak, and is not spoken.
    """
    several = (config.get("multiSpeakerVoiceConfig") or {}).get("speakerVoiceConfigs") or ()
    voices = {each["speaker"]: _voice(each.get("voiceConfig") or {}) for each in several}
    if not voices:
        manner, _, rest = prompt.strip().partition(":\n")
        text, how = (rest, manner) if rest.strip() and "\n" not in manner else (prompt, "")
        return (Line(text=text.strip(), manner=how[:200]),), {"narrator": _voice(config.get("voiceConfig") or {})}
    turns = [match for row in prompt.splitlines() if (match := _TURN.match(row)) and match[1] in voices]
    return tuple(Line(text=turn[2], speaker=turn[1]) for turn in turns), voices


def _voice(config: Mapping[str, Any]) -> str:
    return str((config.get("prebuiltVoiceConfig") or {}).get("voiceName") or "Kore")


async def images(call: Call, world: World) -> Reply:
    """POST models/{image model}:generateContent: a PNG, inline."""
    model, prompt = call.params["model"], prompt_of(call.body)
    given = tokens(prompt)
    if call.meets(Fault.REFUSAL):
        return _blocked(model, call, given)
    config = (call.body.get("generationConfig") or {}).get("imageConfig") or {}
    width, height = _SIZES.get(str(config.get("aspectRatio") or "1:1"), _SIZES["1:1"])
    data = await world.painter.paint(prompt, width, height)
    units = {"images": 1, "input_tokens": given, "output_tokens": _TOKENS_AN_IMAGE}
    body = _with_data(model, "image/png", data, usage_of(given, _TOKENS_AN_IMAGE, "IMAGE"), call, ends=True)
    return as_json(body, used=Used(model=model, units=units))


def _with_data(model: str, kind: str, data: bytes, usage: dict[str, Any], call: Call, *, ends: bool) -> dict[str, Any]:
    part = {"inlineData": {"mimeType": kind, "data": base64.b64encode(data).decode()}}
    candidate: dict[str, Any] = {"content": {"parts": [part], "role": "model"}, "index": 0}
    if ends:
        candidate["finishReason"] = "STOP"
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model, "responseId": call.id}


def _blocked(model: str, call: Call, given: int) -> Reply:
    """An answer without content, for which what was asked is billed."""
    body = {
        "candidates": [{"finishReason": "PROHIBITED_CONTENT", "index": 0}],
        "usageMetadata": {"promptTokenCount": given, "totalTokenCount": given},
        "modelVersion": model,
        "responseId": call.id,
    }
    return as_json(body, used=Used(model=model, units={"input_tokens": given, "output_tokens": 0}))


async def models(call: Call, world: World) -> Reply:  # noqa: ARG001  # the handlers' shape
    """GET /v1beta/models."""
    return as_json({"models": [_model(name) for name in _MODELS]})


async def model(call: Call, world: World) -> Reply:  # noqa: ARG001  # the handlers' shape
    """GET /v1beta/models/{model}."""
    name = call.params["model"]
    return as_json(_model(name)) if name in _MODELS else refuse("not_found", "")


def _model(name: str) -> dict[str, Any]:
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name,
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent"],
    }


class _Named(Convertor[str]):
    """A model's name in a path, of which the capability follows."""

    def convert(self, value: str) -> str:
        """The name as it stands."""
        return value

    def to_string(self, value: str) -> str:
        """The name as it stands."""
        return value


class _SpeechModel(_Named):
    regex = "[^/:]*tts[^/:]*"


class _ImageModel(_Named):
    regex = "[^/:]*image[^/:]*"


class _TextModel(_Named):
    regex = "[^/:]+"


register_url_convertor("gemini_speech", _SpeechModel())
register_url_convertor("gemini_image", _ImageModel())
register_url_convertor("gemini_text", _TextModel())


def _endpoint(kind: str, action: str, capability: Job, handler: Handler) -> Endpoint:
    path = f"/v1beta/models/{{model:{kind}}}:{action}"
    return Endpoint(method="POST", path=path, capability=capability, handler=handler, shows=SHOWN[capability])


DIALECT = Dialect(
    name="gemini",
    key=_key,
    refuse=refuse,
    limits=_limits,
    endpoints=(
        _endpoint("gemini_speech", "generateContent", "speech", speech),
        _endpoint("gemini_speech", "streamGenerateContent", "speech", speech_stream),
        _endpoint("gemini_image", "generateContent", "images", images),
        _endpoint("gemini_text", "generateContent", "text", generate),
        _endpoint("gemini_text", "streamGenerateContent", "text", stream),
        Endpoint(method="GET", path="/v1beta/models", capability="account", handler=models, shows=SHOWN["account"]),
        Endpoint(
            method="GET", path="/v1beta/models/{model}", capability="account", handler=model, shows=SHOWN["account"]
        ),
    ),
)
