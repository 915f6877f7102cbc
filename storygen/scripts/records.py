"""JSON and YAML of the `Script` record: all that is wrong is said at once, each with its line."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any

from storygen.errors import InvalidScript
from storygen.scripts.base import MAX_SCENES, Issue, error
from storygen.scripts.cleaning import clean, squeeze
from storygen.story import Given, Line, Scene, Script

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Path = tuple[str | int, ...]
Finder = Callable[[Path, bool], int]

_MAX_ERRORS = 200
_KEYS = {record: tuple(field.name for field in fields(record)) for record in (Script, Scene, Line, Given)}
_WANTED = {
    "missing": "it is missing",
    "string_type": "it should be a text",
    "tuple_type": "it should be a list",
    "float_type": "it should be a number of seconds",
    "float_parsing": "it should be a number of seconds",
    "dataclass_type": "it should be a mapping of keys to values",
}


def read_json(text: str, name: str, *, language: str) -> tuple[Script | None, list[Issue]]:
    """The script of a JSON text, or None and its errors; raises `InvalidScript` where it is no JSON."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as cause:
        message = f"{name}, line {cause.lineno}: not JSON: {cause.msg.lower()}, column {cause.colno}"
        raise InvalidScript(message, hint="check commas, quotes and brackets there") from cause
    except RecursionError as cause:
        raise InvalidScript(f"{name}, line 1: it is nested too deep", hint="write a `Script` record") from cause
    except ValueError as cause:
        raise InvalidScript(f"{name}, line 1: a number in it is too long", hint="write lengths in seconds") from cause
    return _read(data, _json_lines(text, name), language)


def read_yaml(text: str, name: str, *, language: str) -> tuple[Script | None, list[Issue]]:
    """The script of a YAML text, or None and its errors; raises `InvalidScript` where it is no YAML or a bomb."""
    from storygen.scripts.yamls import compose, line_of, plain, twice

    node = compose(text, name)
    script, issues = _read(plain(node), lambda path, key: line_of(node, path, key=key), language)
    doubled = [error(line, f"“{squeeze(key)}” stands here a second time", "keep one") for line, key in twice(node)]
    issues = sorted([*issues, *doubled[:_MAX_ERRORS]], key=lambda issue: issue.line)
    return (None if issues else script), issues


def _json_lines(text: str, name: str) -> Finder:
    """JSON is YAML but for its tabs, so the lines come from there, and only when something is wrong."""

    @cache
    def root() -> Any:
        from storygen.scripts.yamls import compose

        try:
            return compose(text.replace("\t", " "), name)
        except InvalidScript:
            return None

    def find(path: Path, key: bool) -> int:
        from storygen.scripts.yamls import line_of

        return line_of(root(), path, key=key) if root() else 0

    return find


@cache
def _adapter() -> TypeAdapter[Script]:
    from pydantic import TypeAdapter

    return TypeAdapter(Script)


def _read(data: Any, find: Finder, language: str) -> tuple[Script | None, list[Issue]]:
    from pydantic import ValidationError

    if not isinstance(data, dict):
        return None, [error(1, "a script should be a mapping with `title` and `scenes`", "see examples/tide.yaml")]
    data = {"language": language} | _tidy(data)
    issues = [
        error(find((*path, key), True), f"unknown key “{squeeze(key)}” in {_place(path)}", _nearest(key, keys))
        for path, key, keys in _unknown(data)
    ]
    script = None
    try:
        script = _adapter().validate_python(data)
        issues += _implausible(script, find)
    except ValidationError as cause:
        for wrong in cause.errors(include_url=False, include_input=False):
            path = tuple(wrong["loc"])
            message = _WANTED.get(wrong["type"], wrong["msg"].lower())
            issues.append(error(find(path, False), f"{_place(path)}: {message}"))
    issues = sorted(issues, key=lambda issue: issue.line)[:_MAX_ERRORS]
    return (None if issues else script), issues


def _tidy(data: dict[str, Any]) -> dict[str, Any]:
    """The data as the record wants it: texts cleaned, empty values left out, one text where a list may be of one."""
    script = {key: _text(value) for key, value in data.items() if value is not None}
    if isinstance(script.get("scenes"), list):
        script["scenes"] = tuple(_tidy_scene(scene) for scene in script["scenes"])
    if isinstance(script.get("language"), str):
        script["language"] = _language(script["language"]) or script["language"]
    return script


def _tidy_scene(data: Any) -> Any:
    if not isinstance(data, dict):
        return data
    scene = {key: _text(value) for key, value in data.items() if value is not None}
    for key in ("on_screen", "directions"):
        if isinstance(data.get(key), str):
            scene[key] = data[key].splitlines()
        if isinstance(scene.get(key), list):
            texts = scene[key]
            scene[key] = tuple(clean(text).rstrip() if isinstance(text, str) else text for text in texts)
    if isinstance(scene.get("lines"), str):
        scene["lines"] = [scene["lines"]]
    if isinstance(scene.get("lines"), list):
        scene["lines"] = tuple(_tidy_line(line) for line in scene["lines"])
    if isinstance(data.get("given"), dict):
        scene["given"] = {kind: _file(value) for kind, value in data["given"].items() if value is not None}
    return scene


def _file(value: Any) -> dict[str, Any]:
    """A file by its name alone, which stands as it is; where it lies and what is in it is never taken from a script."""
    return {"name": value.get("name") if isinstance(value, dict) else value}


def _tidy_line(data: Any) -> Any:
    if isinstance(data, str):
        return {"text": squeeze(data)}
    return {key: _text(value) for key, value in data.items() if value is not None} if isinstance(data, dict) else data


def _text(value: Any) -> Any:
    return squeeze(value) if isinstance(value, str) else value


def _unknown(data: dict[str, Any]) -> Iterator[tuple[Path, str, tuple[str, ...]]]:
    """Where a key stands that no record has, the key, and the keys that would be right."""
    yield from (((), key, _KEYS[Script]) for key in data if key not in _KEYS[Script])
    for place, scene in _mappings(data.get("scenes")):
        yield from ((("scenes", place), key, _KEYS[Scene]) for key in scene if key not in _KEYS[Scene])
        for key in scene["given"] if isinstance(scene.get("given"), dict) else ():
            if key not in _KEYS[Given]:
                yield ("scenes", place, "given"), key, _KEYS[Given]
        for number, line in _mappings(scene.get("lines")):
            path: Path = ("scenes", place, "lines", number)
            yield from ((path, key, _KEYS[Line]) for key in line if key not in _KEYS[Line])


def _mappings(values: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    for place, value in enumerate(values if isinstance(values, tuple) else ()):
        if isinstance(value, dict):
            yield place, value


def _language(tag: str) -> str:
    """The tag as it is usually written, empty where it is none."""
    from storygen.settings import language_tag

    try:
        return language_tag(tag)
    except ValueError:
        return ""


def _implausible(script: Script, find: Finder) -> Iterator[Issue]:
    """What has the right type and makes no film."""
    if not script.scenes:
        yield error(find(("scenes",), True), "scenes: there are none", "add one with `lines`")
    if len(script.scenes) > MAX_SCENES:
        line = find(("scenes", MAX_SCENES), False)
        yield error(line, f"scenes: there are more than {MAX_SCENES:,}", "split the story")
    if not _language(script.language):
        yield error(find(("language",), False), "language: it is no code of a language", "write en, de or pt-BR")
    for place, scene in enumerate(script.scenes):
        if scene.seconds is not None and not (math.isfinite(scene.seconds) and 0 < scene.seconds <= 3600):
            path: Path = ("scenes", place, "seconds")
            yield error(find(path, False), f"{_place(path)}: it should be between 0 and 3600")


def _place(path: Path) -> str:
    """A path as people count: `scene 3, line 1, text`."""
    names = {"scenes": "scene", "lines": "line"}
    told: list[str] = []
    for step in path:
        if isinstance(step, int):
            told[-1] = f"{names.get(told[-1], told[-1])} {step + 1}"
        else:
            told.append(squeeze(step))
    return ", ".join(told) or "the script"


def _nearest(key: str, keys: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(key.lower().replace("-", "_"), keys, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"the keys are {', '.join(keys)}"
