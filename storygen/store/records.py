"""Frozen records as JSON and back, and the hash of what something is made from."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, TypeAdapter

T = TypeVar("T")


def plain(value: Any) -> Any:
    """A value as JSON knows it, bytes by their hash; fields with the metadata `keyed=False` are left out.

    Raises `TypeError` for what has no faithful form, paths included.
    """
    if value is None or isinstance(value, bool | int | float) or type(value) is str:
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return {"sha256": hashlib.sha256(value).hexdigest()}
    if isinstance(value, str):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        told = (f.name for f in dataclasses.fields(value) if f.metadata.get("keyed", True))
        return {name: plain(getattr(value, name)) for name in told}
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no place among the inputs of a stored result")


def digest(value: Any) -> str:
    """SHA-256 of a value's canonical JSON, as hex."""
    text = json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def dump(record: Any, folder: Path) -> Any:
    """A record as plain values, its paths relative to `folder`."""
    return plain(_with_paths(record, lambda path: path.relative_to(folder).as_posix()))


def load(expect: type[T], values: Any, folder: Path) -> T:
    """The record that `dump` wrote, its paths below `folder`. Raises `ValueError` where it does not fit `expect`."""
    record = _adapter(cast("Any", expect)).validate_python(values)
    return cast("T", _with_paths(record, lambda path: folder / path))


@lru_cache(maxsize=64)
def _adapter(expect: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(expect)


def _with_paths(value: Any, change: Callable[[Path], Any]) -> Any:
    if isinstance(value, Path):
        return change(value)
    if isinstance(value, tuple):
        return tuple(_with_paths(item, change) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = {f.name: _with_paths(getattr(value, f.name), change) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **changed)
    return value
