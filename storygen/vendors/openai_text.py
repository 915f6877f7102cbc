"""OpenAI's chat completions and responses, streamed and whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storygen.vendors.prompts import Ask, Written, plain_text, write
from storygen.vendors.wire import Call, Reply, as_events, as_json
from storygen.vendors.world import World

CREATED = 1_763_600_000


async def chat(call: Call, world: World) -> Reply:
    """POST /chat/completions."""
    ask = _chat_ask(call.body)
    written = await write(ask, call, world)
    head = {"id": f"chatcmpl-{call.id}", "created": CREATED, "model": ask.model, "service_tier": "default"}
    if not call.body.get("stream"):
        choice = {
            "index": 0,
            "message": _message(ask, written, call),
            "logprobs": None,
            "finish_reason": _why(ask, written),
        }
        body = {**head, "object": "chat.completion", "choices": [choice], "usage": _chat_usage(written)}
        return as_json(body, used=written.used, x_request_id=f"req_{call.id}")
    options = call.body.get("stream_options") or {}
    return _chat_stream(head, ask, written, call, with_usage=bool(options.get("include_usage")))


def _chat_ask(body: Mapping[str, Any]) -> Ask:
    prompt = "\n".join(plain_text(message.get("content")) for message in body["messages"])
    tools = {tool["function"]["name"]: tool["function"] for tool in body.get("tools") or () if "function" in tool}
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        return Ask(model=body["model"], prompt=prompt, schema=form["json_schema"]["schema"])
    name = _forced(body.get("tool_choice"), tuple(tools))
    if name:
        return Ask(model=body["model"], prompt=prompt, tool=name, schema=tools[name].get("parameters") or {})
    schema = {"type": "object"} if form.get("type") == "json_object" else None
    return Ask(model=body["model"], prompt=prompt, schema=schema)


def _forced(choice: Any, tools: tuple[str, ...]) -> str:
    """The tool that has to be called, empty for none: the one that is named, or the first where one is required."""
    if not tools or choice in {None, "none", "auto"}:
        return next((name for name in tools if name.startswith("final_result")), "")
    if isinstance(choice, dict):
        named = (choice.get("function") or choice).get("name", "")
        return named if named in tools else tools[0]
    return tools[0]


def _why(ask: Ask, written: Written) -> str:
    return "tool_calls" if ask.tool and not written.refused else "stop"


def _message(ask: Ask, written: Written, call: Call) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
    if written.refused:
        message["refusal"] = written.text
    elif ask.tool:
        function = {"name": ask.tool, "arguments": written.text}
        message["tool_calls"] = [{"id": f"call_{call.id}", "type": "function", "function": function}]
    else:
        message["content"] = written.text
    return message


def _chat_usage(written: Written) -> dict[str, Any]:
    given, made = written.tokens
    details = {
        "reasoning_tokens": 0,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    }
    return {
        "prompt_tokens": given,
        "completion_tokens": made,
        "total_tokens": given + made,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": details,
    }


def _chat_stream(head: dict[str, Any], ask: Ask, written: Written, call: Call, *, with_usage: bool) -> Reply:
    chunk = {**head, "object": "chat.completion.chunk"}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "" if not ask.tool else None}]
    if ask.tool and not written.refused:
        first = {"index": 0, "id": f"call_{call.id}", "type": "function"}
        deltas.append({"tool_calls": [{**first, "function": {"name": ask.tool, "arguments": ""}}]})
        deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in written.pieces]
    else:
        name = "refusal" if written.refused else "content"
        deltas += [{name: piece} for piece in written.pieces]
    blank = {"usage": None} if with_usage else {}
    events = [
        ("", {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}], **blank}) for delta in deltas
    ]
    events.append(("", {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": _why(ask, written)}], **blank}))
    if with_usage:
        events.append(("", {**chunk, "choices": [], "usage": _chat_usage(written)}))
    return as_events(events, used=written.used, end="[DONE]")


async def responses(call: Call, world: World) -> Reply:
    """POST /responses."""
    ask = _response_ask(call.body)
    written = await write(ask, call, world)
    item = _item(ask, written, call)
    whole = _response(ask, call, "completed", [item], _response_usage(written))
    if not call.body.get("stream"):
        return as_json(whole, used=written.used, x_request_id=f"req_{call.id}")
    events = [
        {"type": "response.created", "response": _response(ask, call, "in_progress", [], None)},
        *_item_events(ask, written, item),
        {"type": "response.completed", "response": whole},
    ]
    numbered = [(event["type"], {**event, "sequence_number": number}) for number, event in enumerate(events)]
    return as_events(numbered, used=written.used)


def _response_ask(body: Mapping[str, Any]) -> Ask:
    given = body.get("input", "")
    messages = given if isinstance(given, list) else [{"content": given}]
    parts = [str(body.get("instructions") or ""), *(plain_text(message.get("content")) for message in messages)]
    prompt = "\n".join(parts)
    form = (body.get("text") or {}).get("format") or {}
    if form.get("type") == "json_schema":
        return Ask(model=body["model"], prompt=prompt, schema=form["schema"])
    tools = {tool["name"]: tool for tool in body.get("tools") or () if tool.get("type") == "function"}
    name = _forced(body.get("tool_choice"), tuple(tools))
    schema = tools[name].get("parameters") or {} if name else None
    return Ask(model=body["model"], prompt=prompt, tool=name, schema=schema)


def _item(ask: Ask, written: Written, call: Call) -> dict[str, Any]:
    if ask.tool and not written.refused:
        return {
            "type": "function_call",
            "id": f"fc_{call.id}",
            "call_id": f"call_{call.id}",
            "name": ask.tool,
            "arguments": written.text,
            "status": "completed",
        }
    part: dict[str, Any] = {"type": "output_text", "text": written.text, "annotations": [], "logprobs": []}
    if written.refused:
        part = {"type": "refusal", "refusal": written.text}
    return {"type": "message", "id": f"msg_{call.id}", "role": "assistant", "status": "completed", "content": [part]}


def _item_events(ask: Ask, written: Written, item: dict[str, Any]) -> list[dict[str, Any]]:
    at = {"item_id": item["id"], "output_index": 0}
    if item["type"] == "function_call":
        empty = {**item, "arguments": "", "status": "in_progress"}
        deltas = [{"type": "response.function_call_arguments.delta", **at, "delta": piece} for piece in written.pieces]
        done = {"type": "response.function_call_arguments.done", **at, "name": ask.tool, "arguments": written.text}
        middle = [*deltas, done]
    else:
        empty = {**item, "content": [], "status": "in_progress"}
        at = {**at, "content_index": 0}
        part = item["content"][0]
        kind, name = ("refusal", "refusal") if written.refused else ("output_text", "text")
        more: dict[str, Any] = {} if written.refused else {"logprobs": []}
        deltas = [{"type": f"response.{kind}.delta", **at, "delta": piece, **more} for piece in written.pieces]
        middle = [
            {"type": "response.content_part.added", **at, "part": {**part, name: ""}},
            *deltas,
            {"type": f"response.{kind}.done", **at, name: written.text, **more},
            {"type": "response.content_part.done", **at, "part": part},
        ]
    return [
        {"type": "response.output_item.added", "output_index": 0, "item": empty},
        *middle,
        {"type": "response.output_item.done", "output_index": 0, "item": item},
    ]


def _response(
    ask: Ask, call: Call, status: str, output: list[dict[str, Any]], usage: dict[str, Any] | None
) -> dict[str, Any]:
    return {
        "id": f"resp_{call.id}",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "model": ask.model,
        "output": output,
        "usage": usage,
        "error": None,
        "incomplete_details": None,
        "instructions": call.body.get("instructions"),
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": call.body.get("tool_choice") or "auto",
        "tools": call.body.get("tools") or [],
        "top_p": 1.0,
    }


def _response_usage(written: Written) -> dict[str, Any]:
    given, made = written.tokens
    return {
        "input_tokens": given,
        "output_tokens": made,
        "total_tokens": given + made,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
