"""Google Gemini: texts, speech as bare samples, pictures, and models."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from starlette.convertors import Convertor, register_url_convertor

from storygen.story import Line
from storygen.vendors.faults import SHOWN, Fault, Job
from storygen.vendors.prompts import Ask, Written, plain_text, tokens, write
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


async def generate(call: Call, world: World) -> Reply:
    """POST models/{model}:generateContent of a text model."""
    model, written, parts = await _text(call, world)
    return as_json(_response(model, parts, written, call), used=written.used)


async def stream(call: Call, world: World) -> Reply:
    """POST models/{model}:streamGenerateContent of a text model, as server-sent events."""
    model, written, parts = await _text(call, world)
    if "text" in parts[0]:
        pieces: list[list[dict[str, Any]]] = [[{"text": piece}] for piece in written.pieces]
    else:
        pieces = [parts]
    bodies = [_response(model, piece, written, call, ends=piece is pieces[-1]) for piece in pieces]
    return as_events([("", body) for body in bodies], used=written.used)


async def _text(call: Call, world: World) -> tuple[str, Written, list[dict[str, Any]]]:
    model = call.params["model"]
    ask = _ask(model, call.body)
    written = await write(ask, call, world)
    if not ask.tool or written.refused:
        return model, written, [{"text": written.text}]
    import json

    try:
        given = json.loads(written.text)
    except ValueError:
        given = {"unfinished": written.text}
    return model, written, [{"functionCall": {"name": ask.tool, "args": given}}]


def _ask(model: str, body: Mapping[str, Any]) -> Ask:
    prompt = "\n".join([plain_text((body.get("systemInstruction") or {}).get("parts")), _prompt(body)])
    config = body.get("generationConfig") or {}
    schema = config.get("responseJsonSchema") or config.get("responseSchema")
    if schema:
        return Ask(model=model, prompt=prompt, schema=schema)
    declared = [each for tool in body.get("tools") or () for each in tool.get("functionDeclarations") or ()]
    tools = {each["name"]: _schema(each) for each in declared}
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    names = [*calling.get("allowedFunctionNames", ()), *(name for name in tools if name.startswith("final_result"))]
    names += tools if calling.get("mode") == "ANY" else ()
    name = next((each for each in names if each in tools), "")
    return Ask(model=model, prompt=prompt, tool=name, schema=tools.get(name))


def _schema(function: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of a function's arguments, under any of the names that the API takes."""
    names = ("parametersJsonSchema", "parameters_json_schema", "parameters")
    return next((function[name] for name in names if function.get(name)), {"type": "object"})


def _prompt(body: Mapping[str, Any]) -> str:
    return "\n".join(plain_text(content.get("parts")) for content in body["contents"])


def _response(
    model: str, parts: list[dict[str, Any]], written: Written, call: Call, *, ends: bool = True
) -> dict[str, Any]:
    usage = _usage(*written.tokens, "TEXT")
    if written.refused:
        return {
            "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
            "usageMetadata": usage,
            "modelVersion": model,
            "responseId": call.id,
        }
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if ends:
        candidate["finishReason"] = "STOP"
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model, "responseId": call.id}


def _usage(given: int, made: int, modality: str) -> dict[str, Any]:
    return {
        "promptTokenCount": given,
        "candidatesTokenCount": made,
        "totalTokenCount": given + made,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": given}],
        "candidatesTokensDetails": [{"modality": modality, "tokenCount": made}],
    }


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
    model, prompt = call.params["model"], _prompt(call.body)
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
        _with_data(model, kind, piece, _usage(given, made, "AUDIO"), call, ends=at == len(pieces) - 1)
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
    model, prompt = call.params["model"], _prompt(call.body)
    given = tokens(prompt)
    if call.meets(Fault.REFUSAL):
        return _blocked(model, call, given)
    config = (call.body.get("generationConfig") or {}).get("imageConfig") or {}
    width, height = _SIZES.get(str(config.get("aspectRatio") or "1:1"), _SIZES["1:1"])
    data = await world.painter.paint(prompt, width, height)
    units = {"images": 1, "input_tokens": given, "output_tokens": _TOKENS_AN_IMAGE}
    body = _with_data(model, "image/png", data, _usage(given, _TOKENS_AN_IMAGE, "IMAGE"), call, ends=True)
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
