"""Values for JSON schemas: what is known goes where it fits, and the rest is filled with something plausible."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from typing import Any

_DEEPEST = 12
_WORDS = ("a", "light", "on", "the", "water", "that", "nobody", "had", "lit", "before", "the", "storm", "came", "in")


def fill(schema: Mapping[str, Any], known: Any = None) -> Any:
    """A value that satisfies a schema, with what is `known` wherever it fits by name and type."""
    definitions = {**schema.get("definitions", {}), **schema.get("$defs", {})}
    return _value(schema, known, "", definitions, 0)


def names(schema: Mapping[str, Any]) -> frozenset[str]:
    """The names of all properties at the top of a schema."""
    definitions = {**schema.get("definitions", {}), **schema.get("$defs", {})}
    return frozenset(_resolved(schema, definitions).get("properties", {}))


def _value(schema: Mapping[str, Any], known: Any, name: str, definitions: Mapping[str, Any], depth: int) -> Any:
    schema = _resolved(schema, definitions, known)
    if "const" in schema:
        return schema["const"]
    if options := schema.get("enum"):
        return known if known in options else options[0]
    kind = _kind(schema)
    if kind == "object":
        return _object(schema, known, definitions, depth)
    if kind == "array":
        return _array(schema, known, name, definitions, depth)
    if kind in {"integer", "number"}:
        return _number(schema, known, whole=kind == "integer")
    if kind == "boolean":
        return known if isinstance(known, bool) else True
    if kind == "null":
        return None
    return _string(schema, known, name)


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any], known: Any = None) -> Mapping[str, Any]:
    """The schema behind references and alternatives: the first that the known value suits, or that is not null."""
    for _ in range(_DEEPEST):
        if reference := schema.get("$ref"):
            schema = {**definitions.get(reference.rsplit("/", 1)[-1], {}), **_without(schema, "$ref")}
        elif parts := schema.get("allOf"):
            merged = _without(schema, "allOf")
            schema = {key: value for part in (*parts, merged) for key, value in part.items()}
        elif options := schema.get("anyOf") or schema.get("oneOf"):
            real = [each for each in options if each.get("type") != "null"] or options
            empty = known is None and len(real) < len(options) and "default" in schema
            schema = {"type": "null"} if empty else next((o for o in real if _suits(o, known)), real[0])
        else:
            break
    return schema


def _without(schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != name}


def _suits(schema: Mapping[str, Any], known: Any) -> bool:
    kinds = {str: "string", int: "integer", float: "number", list: "array", tuple: "array", dict: "object"}
    return known is not None and kinds.get(type(known)) == _kind(schema)


def _kind(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "null")
    return str(kind).lower() if kind else "object" if "properties" in schema else "string"


def _object(schema: Mapping[str, Any], known: Any, definitions: Mapping[str, Any], depth: int) -> dict[str, Any]:
    values = known if isinstance(known, Mapping) else {}
    required = set(schema.get("required", ()))
    filled = {}
    for name, part in schema.get("properties", {}).items():
        if depth < _DEEPEST and (name in required or values.get(name) is not None):
            filled[name] = _value(part, values.get(name), name, definitions, depth + 1)
    return filled


def _array(schema: Mapping[str, Any], known: Any, name: str, definitions: Mapping[str, Any], depth: int) -> list[Any]:
    least, most = schema.get("minItems", 0), schema.get("maxItems", 1000)
    items = schema.get("items", {})
    values = [_value(items, each, name, definitions, depth + 1) for each in islice(known or (), int(most))]
    missing = max(0, max(int(least), 0 if isinstance(known, (list, tuple)) else 1) - len(values))
    return values + [_value(items, None, name, definitions, depth + 1) for _ in range(min(missing, int(most)))]


def _number(schema: Mapping[str, Any], known: Any, *, whole: bool) -> float:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    value = known if isinstance(known, (int, float)) and not isinstance(known, bool) else None
    if value is None or (low is not None and value < low) or (high is not None and value > high):
        value = (low + high) / 2 if low is not None and high is not None else low + 1 if low is not None else high or 1
    return round(value) if whole else float(value)


def _string(schema: Mapping[str, Any], known: Any, name: str) -> str:
    text = known if isinstance(known, str) else f"{name.replace('_', ' ')} {' '.join(_WORDS[:5])}".strip().capitalize()
    least, most = int(schema.get("minLength", 0)), int(schema.get("maxLength", 100_000))
    while len(text) < least:
        text = f"{text} {' '.join(_WORDS)}"
    pattern = schema.get("pattern")
    if pattern and not re.search(pattern, text):
        return next((each for each in ("en", "a", "A", "1", "a1", "2026-01-01") if re.search(pattern, each)), text)
    return text[:most]
