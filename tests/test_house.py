"""The house keeps its plan: arrows point one way, and the public door is what it says."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "storygen"
VALUES = {"story", "errors", "settings"}
ANYTHING = {
    "__init__",
    "__main__",
    "cli",
    "production",
    "preparing",
    "surroundings",
    "past",
    "delivery",
    "checkup",
    "comparing",
    "estimating",
    "watching",
    "explaining",
    "drill",
    "jobs",
    "service",
    "summaries",
    "library",
}  # here things are put together
MAY = {
    "story": {"story"},
    "errors": {"story"},  # only for the types of its fields
    "settings": {"story", "settings"},
    "readiness": {"settings", "costs.prices", "providers.base", "providers.registry"},
    "configuration": {"settings", "errors", "providers.registry", "readiness"},
    "reloading": {"settings", "errors", "configuration"},
    "events": {"story", "events"},
    "media": VALUES | {"media"},
    "quality": VALUES | {"quality", "media"},
    "store": VALUES | {"store"},
    "costs": VALUES | {"costs", "events"},
    "scripts": VALUES | {"scripts", "media"},
    "providers": VALUES | {"providers", "media", "events", "store.jobs"},
    "resilience": VALUES | {"resilience", "events", "store", "providers.base", "providers.hints", "costs.base"},
    "stages": VALUES
    | {"media", "quality", "stages.base", "stages.given", "stages.assembly"}
    | {f"providers{part}.base" for part in ("", ".text", ".speech", ".images", ".video", ".transcription")},
    "vendors": VALUES
    | {"vendors", "media"}
    | {f"providers.{part}" for part in ("text.base", "text.builtin", "speech.base", "speech.builtin", "speech.voices")},
    "workshop": VALUES | {"events", "media", "providers.base", "resilience"},
    "results": VALUES,
    "endings": {"story", "events"},
    "choices": {"settings", "errors", "configuration", "readiness"},
    "filming": VALUES | {"events", "media", "results", "workshop"},
    "telling": {"story", "events"},
    "pipeline": VALUES
    | {"pipeline", "stages", "events", "workshop", "results", "telling", "resilience.slots", "resilience.cache"},
    "telemetry": VALUES | {"telemetry", "events"},
    "mixin": {"errors", "mixin"} | {f"telemetry.{part}" for part in ("names", "spans", "words")},
    "stack": {"errors", "stack", "mixin", "store.files", "media.environment"}
    | {f"telemetry.{part}" for part in ("receiver", "serving")},
}  # fmt: skip


def imported(path: Path) -> Iterator[str]:
    """Dotted names below storygen that a module imports, at its top or inside."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names)


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_the_rooms_that_it_may_know(path: Path) -> None:
    if room(path) in ANYTHING:
        return
    allowed = MAY[room(path)]
    ours = [name.removeprefix("storygen.") for name in imported(path) if name.startswith("storygen.")]
    strangers = [name for name in ours if not any(name == known or name.startswith(f"{known}.") for known in allowed)]
    assert strangers == []


def test_only_the_telemetry_room_imports_telemetry_libraries() -> None:
    libraries = re.compile(r"^(opentelemetry|prometheus_client|structlog)\b")
    guests = {room(path) for path in modules() for name in imported(path) if libraries.match(name)}
    assert guests <= {"telemetry"}


def test_the_public_door_lists_what_it_opens_sorted() -> None:
    import storygen

    assert list(storygen.__all__) == sorted(storygen.__all__)
    assert [name for name in storygen.__all__ if not hasattr(storygen, name)] == []


def test_help_loads_no_slow_library() -> None:
    slow = ("pydantic", "opentelemetry", "prometheus_client", "PIL", "rich", "structlog", "yaml", "fontTools")
    code = f"import sys, storygen.cli.app; print([m for m in {slow} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
