"""A `Script` record as JSON or YAML that reads back equal."""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, fields
from typing import Any

from storygen.errors import InvalidSettings
from storygen.story import Given, Line, Scene, Script


def to_json(script: Script) -> str:
    """The script with every field, as indented JSON."""
    data = asdict(script)
    for scene, written in zip(script.scenes, data["scenes"], strict=True):
        written["given"] = scene.given and _names(scene.given)
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def to_yaml(script: Script) -> str:
    """The script as YAML for people: in the order of the record, and without what is as it would be anyway."""
    import yaml

    data = _short(script)
    return str(yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=100))


def write_script(script: Script, kind: str = "json") -> str:
    """The script in a format, json or yaml; raises `InvalidSettings` for another."""
    writers = {"json": to_json, "yaml": to_yaml}
    if kind not in writers:
        raise InvalidSettings(f"scripts are not written as {kind}", hint="use json or yaml")
    return writers[kind](script)


def _short(record: Script | Scene | Line) -> dict[str, Any]:
    kept = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if field.default is MISSING or value != field.default:
            kept[field.name] = _plain(value)
    return kept


def _names(given: Given) -> dict[str, str]:
    """What files are called in the script."""
    found = {field.name: getattr(given, field.name) for field in fields(given)}
    return {kind: file.name for kind, file in found.items() if file}


def _plain(value: Any) -> Any:
    if isinstance(value, Given):
        return _names(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Scene | Line):
        return _short(value)
    return str(value) if isinstance(value, str) else value
