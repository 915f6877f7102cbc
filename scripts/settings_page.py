"""Write docs/settings.md from the settings themselves; with --check, only tell whether it is up to date."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from storygen.settings import Group, Settings

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
HEAD = """# Settings

From weakest to strongest: the defaults below, `storygen.toml` in the working folder (or `--config FILE`), `.env`, the
environment (`STORYGEN_FILM__ASPECT=16:9` is `film.aspect`), and the flags of a command. Mistakes are all reported at
once, each with the place where it stands.

This page is written by `make docs` from `storygen/settings/`.
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_lines(Settings, "")) + "\n"


def _lines(model: type[BaseModel], prefix: str) -> Iterator[str]:
    plain = {name: field for name, field in model.model_fields.items() if not _group(field)}
    if plain:
        if prefix:
            yield f"\n## [{prefix}]\n\n{model.__doc__}\n"
        yield "\n| key | default | what it does |\n|---|---|---|\n"
        for name, field in plain.items():
            yield f"| `{prefix}{'.' if prefix else ''}{name}` | {_default(field)} | {field.description} |\n"
    for name, field in model.model_fields.items():
        if group := _group(field):
            yield from _lines(group, f"{prefix}.{name}" if prefix else name)


def _group(field: FieldInfo) -> type[Group] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Group) else None


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "`{}`" if get_origin(field.annotation) is dict else "the user's own folder"
    if field.default is None:
        return "not set"
    value = list(field.default) if isinstance(field.default, tuple) else field.default
    return f"`{json.dumps(value, default=str)}`"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.read_text("utf-8") == page() else "docs/settings.md is out of date: make docs")
    PAGE.write_text(page(), "utf-8")
