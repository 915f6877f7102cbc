"""Anthropic: messages, whole and as server-sent events, and models."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from storygen.vendors.faults import SHOWN
from storygen.vendors.prompts import Ask, Written, plain_text, tokens, write
from storygen.vendors.wire import Call, Dialect, Endpoint, Reply, as_events, as_json
from storygen.vendors.world import World, text_of

_MODELS = {"claude-sonnet-5": "Claude Sonnet 5", "claude-haiku-4-5": "Claude Haiku 4.5"}

_REFUSALS: Mapping[str, tuple[int, str, str]] = {
    "missing_key": (401, "authentication_error", "x-api-key header is required"),
    "invalid_key": (401, "authentication_error", "invalid x-api-key"),
    "unauthorized": (401, "authentication_error", "invalid x-api-key"),
    "quota": (400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
    "rate_limit": (429, "rate_limit_error", "This request would exceed your organization's rate limit."),
    "server_error": (500, "api_error", "Internal server error"),
    "unavailable": (503, "api_error", "Service unavailable"),
    "not_found": (404, "not_found_error", "Not found"),
    "invalid": (400, "invalid_request_error", "The request is invalid."),
}


def refuse(word: str, detail: str) -> Reply:
    """An error as Anthropic writes it."""
    status, kind, message = _REFUSALS[word]
    message = detail if detail and word in {"invalid", "not_found"} else message
    error = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_simulated"}
    return as_json(error, status=status, request_id="req_simulated")


def _key(headers: Mapping[str, str], query: Mapping[str, str]) -> str:  # noqa: ARG001  # the dialect's shape
    return headers.get("x-api-key", "") or headers.get("authorization", "").removeprefix("Bearer ").strip()


def _limits(most: int, left: int, now: float) -> Mapping[str, str]:  # noqa: ARG001  # the dialect's shape
    reset = (datetime.now(UTC) + timedelta(seconds=60 / most * (most - left))).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "anthropic-ratelimit-requests-limit": str(most),
        "anthropic-ratelimit-requests-remaining": str(left),
        "anthropic-ratelimit-requests-reset": reset,
        "anthropic-ratelimit-tokens-limit": str(most * 1000),
        "anthropic-ratelimit-tokens-remaining": str(left * 1000),
        "anthropic-ratelimit-tokens-reset": reset,
        "anthropic-organization-id": "simulated",
    }


async def messages(call: Call, world: World) -> Reply:
    """POST /v1/messages."""
    ask = _ask(call.body)
    written = await write(ask, call, world)
    if call.body.get("stream"):
        return as_events(_events(ask, written, call), used=written.used)
    message = {
        **_message(ask, written, call),
        "content": [_block(ask, written, call)],
        "stop_reason": _why(ask, written),
    }
    return as_json(message, used=written.used, request_id=f"req_{call.id}")


def _ask(body: Mapping[str, Any]) -> Ask:
    given = [{"content": body.get("system")}, *body["messages"]]
    prompt = "\n".join(plain_text(message.get("content")) for message in given)
    form = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    if form.get("type") == "json_schema":
        return Ask(model=body["model"], prompt=prompt, schema=form["schema"])
    tools = {tool["name"]: tool for tool in body.get("tools") or () if "input_schema" in tool}
    choice = body.get("tool_choice") or {}
    names = [choice.get("name", ""), *(name for name in tools if name.startswith("final_result"))]
    names += tools if choice.get("type") == "any" else ()
    name = next((each for each in names if each in tools), "")
    schema = tools[name]["input_schema"] if name else None
    return Ask(model=body["model"], prompt=prompt, tool=name, schema=schema)


def _why(ask: Ask, written: Written) -> str:
    return "refusal" if written.refused else "tool_use" if ask.tool else "end_turn"


def _message(ask: Ask, written: Written, call: Call) -> dict[str, Any]:
    usage = {
        "input_tokens": written.tokens[0],
        "output_tokens": written.tokens[1],
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "service_tier": "standard",
    }
    return {
        "id": f"msg_{call.id}",
        "type": "message",
        "role": "assistant",
        "model": ask.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }


def _block(ask: Ask, written: Written, call: Call) -> dict[str, Any]:
    if ask.tool and not written.refused:
        import json

        try:
            given = json.loads(written.text)
        except ValueError:
            given = {"unfinished": written.text}
        return {"type": "tool_use", "id": f"toolu_{call.id}", "name": ask.tool, "input": given}
    return {"type": "text", "text": written.text, "citations": None}


def _events(ask: Ask, written: Written, call: Call) -> list[tuple[str, Any]]:
    message = _message(ask, written, call)
    message["usage"] = {**message["usage"], "output_tokens": 1}
    block: dict[str, Any] = {"type": "text", "text": ""}
    kind, name = "text_delta", "text"
    if ask.tool and not written.refused:
        block = {"type": "tool_use", "id": f"toolu_{call.id}", "name": ask.tool, "input": {}}
        kind, name = "input_json_delta", "partial_json"
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": kind, name: piece}} for piece in written.pieces
    ]
    end = {"stop_reason": _why(ask, written), "stop_sequence": None}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "ping"},
        *deltas,
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": written.tokens[1]}},
        {"type": "message_stop"},
    ]
    return [(event["type"], event) for event in events]


async def count(call: Call, world: World) -> Reply:  # noqa: ARG001  # the handlers' shape
    """POST /v1/messages/count_tokens."""
    return as_json({"input_tokens": tokens(text_of(dict(call.body)))})


async def models(call: Call, world: World) -> Reply:  # noqa: ARG001  # the handlers' shape
    """GET /v1/models."""
    data = [
        {"type": "model", "id": name, "display_name": shown, "created_at": "2025-09-29T00:00:00Z"}
        for name, shown in _MODELS.items()
    ]
    return as_json({"data": data, "has_more": False, "first_id": data[0]["id"], "last_id": data[-1]["id"]})


_TEXT, _ACCOUNT = SHOWN["text"], SHOWN["account"]
DIALECT = Dialect(
    name="anthropic",
    key=_key,
    refuse=refuse,
    limits=_limits,
    endpoints=(
        Endpoint(method="POST", path="/v1/messages", capability="text", handler=messages, shows=_TEXT),
        Endpoint(method="POST", path="/v1/messages/count_tokens", capability="account", handler=count, shows=_ACCOUNT),
        Endpoint(method="GET", path="/v1/models", capability="account", handler=models, shows=_ACCOUNT),
    ),
)
