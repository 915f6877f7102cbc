"""The smallest runner: it asks one provider, runs the check, and does the work in a folder of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from storygen.errors import InvalidOutput
from storygen.providers.base import Capability
from storygen.story import Check, Made, Verdict


class Tools:
    def __init__(self, folder: Path, provider: Any = None) -> None:
        self.folder, self.provider = folder, provider
        self.asked: list[tuple[Capability, object]] = []
        self.made: list[tuple[str, Mapping[str, Any]]] = []

    async def call(
        self,
        capability: Capability,
        request: object,
        expect: type[Any],
        check: Callable[[Any], Awaitable[tuple[Check, ...]]],
        *,
        otherwise: str = "",
    ) -> Made[Any]:
        self.asked.append((capability, request))
        value = (await self.provider.answer(request, self.folder)).value
        assert isinstance(value, expect)
        checks = await check(value)
        failed = [found.name for found in checks if found.verdict is Verdict.FAIL]
        if failed:
            raise InvalidOutput(", ".join(failed))
        return Made(value=value, key="k", provider=self.provider.name, checks=checks)

    async def make(
        self, step: str, inputs: Mapping[str, Any], expect: type[Any], work: Callable[[Path], Awaitable[Any]]
    ) -> Made[Any]:
        self.made.append((step, inputs))
        return Made(value=await work(self.folder), key="k", provider="local")

    async def ffmpeg(self, command: object) -> Any:
        raise AssertionError("text needs no ffmpeg")

    async def compute(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    def part(self, name: str) -> Any:
        raise AssertionError("text has no parts that are timed")


class Canned:
    """A provider that always gives the same answer."""

    name = "canned"

    def __init__(self, value: object) -> None:
        self.value = value

    async def answer(self, request: object, folder: Path) -> Any:
        from storygen.providers.base import Answer

        return Answer(value=self.value)
