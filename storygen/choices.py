"""Settings that a caller may choose for one run: those that the operator lists, and never keys, addresses or paths."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr, ValidationError

from storygen.configuration import known_keys
from storygen.errors import InvalidSettings
from storygen.readiness import mistakes, unready
from storygen.settings import Group, Settings

_HINT = "GET /api/v1/openapi.json lists the settings of a run; `service.per_run` says which of them are allowed."
_PRIVATE = ("url", "base_url", "api_keys", "pushgateway", "host", "port")


def choosable(allowed: Sequence[str]) -> tuple[str, ...]:
    """The keys, dotted, that callers may choose where the operator allows these keys and groups."""
    return tuple(key for key in known_keys() if _is_allowed(key, allowed) and not _is_private(key))


def with_choices(settings: Settings, chosen: Mapping[str, Any], allowed: Sequence[str] | None = None) -> Settings:
    """The operator's settings with those that a caller chose, nested like `Settings`.

    `allowed` is `service.per_run` if not given. Raises one `InvalidSettings` that lists everything that is wrong.
    """
    if not chosen:
        return settings
    known = set(choosable(settings.service.per_run if allowed is None else allowed))
    lines = [f"{key}: {_refusal(key, known)}" for key in _keys(chosen) if key not in known]
    if not lines:
        settings = _merged(settings, chosen, lines)
    if not lines:
        lines += [f"{'.'.join(path)}: {said}" for check in (mistakes, unready) for path, said in check(settings)]
    if lines:
        raise InvalidSettings("\n".join(lines), hint=_HINT)
    return settings


def _merged(settings: Settings, chosen: Mapping[str, Any], lines: list[str]) -> Settings:
    groups: dict[str, Group] = {}
    for name, values in chosen.items():
        group: Group = getattr(settings, name)
        try:
            groups[name] = type(group).model_validate(_deep(group.model_dump(), values))
        except ValidationError as error:
            for problem in error.errors(include_input=False):
                said = problem["msg"].removeprefix("Value error, ")
                lines.append(f"{'.'.join(map(str, (name, *problem['loc'])))}: {said}")
    return settings.model_copy(update=groups)


def _deep(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in more.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _deep(merged[key], value) if both else value
    return merged


def _keys(chosen: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """What was chosen, dotted; a group that is given as one value stands for itself."""
    for name, value in chosen.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and key in _GROUPS:
            yield from _keys(value, f"{key}.")
        else:
            yield key


def _is_allowed(key: str, allowed: Sequence[str]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in allowed)


def _is_private(key: str) -> bool:
    *groups, last = key.split(".")
    here: type[Group] = Settings
    for name in groups:
        here = here.model_fields[name].annotation  # type: ignore[assignment]  # `known_keys` goes through groups alone
    annotation = here.model_fields[last].annotation
    return last in _PRIVATE or groups[:1] in (["vendors"], ["folders"]) or bool({Path, SecretStr} & _types(annotation))


def _types(annotation: Any) -> set[Any]:
    return {annotation}.union(*map(_types, get_args(annotation)))


def _refusal(key: str, known: set[str]) -> str:
    if key in _GROUPS:
        return "it is a group of settings and not one value"
    if key in set(known_keys()):
        return "the operator does not let callers choose this"
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"there is no such setting{f'; did you mean {near[0]}?' if near else ''}"


_GROUPS = {key.rpartition(".")[0] for key in known_keys()} | {key.split(".")[0] for key in known_keys() if "." in key}
