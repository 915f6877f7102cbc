"""Google Gemini's texts, whole and streamed, and what its answers have in common."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from storygen.vendors.prompts import Ask, Written, plain_text, write
from storygen.vendors.wire import Call, Reply, as_events, as_json
from storygen.vendors.world import World


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
    try:
        given = json.loads(written.text)
    except ValueError:
        given = {"unfinished": written.text}
    return model, written, [{"functionCall": {"name": ask.tool, "args": given}}]


def _ask(model: str, body: Mapping[str, Any]) -> Ask:
    prompt = "\n".join([plain_text((body.get("systemInstruction") or {}).get("parts")), prompt_of(body)])
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


def prompt_of(body: Mapping[str, Any]) -> str:
    """All the words of a request."""
    return "\n".join(plain_text(content.get("parts")) for content in body["contents"])


def _response(
    model: str, parts: list[dict[str, Any]], written: Written, call: Call, *, ends: bool = True
) -> dict[str, Any]:
    usage = usage_of(*written.tokens, "TEXT")
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


def usage_of(given: int, made: int, modality: str) -> dict[str, Any]:
    """The tokens of an answer as Google states them."""
    return {
        "promptTokenCount": given,
        "candidatesTokenCount": made,
        "totalTokenCount": given + made,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": given}],
        "candidatesTokensDetails": [{"modality": modality, "tokenCount": made}],
    }
