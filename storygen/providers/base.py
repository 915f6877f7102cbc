"""The shape that every provider of every capability has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from storygen.story import Usage

RequestT = TypeVar("RequestT", contravariant=True)
ResultT = TypeVar("ResultT")
T = TypeVar("T")


class Capability(StrEnum):
    """What a provider can be asked for."""

    TEXT = "text"
    SPEECH = "speech"
    IMAGES = "images"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Generic[T]):
    """What a provider delivered, and what that used; `cost_usd` is None where the price is unknown."""

    value: T
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = 0.0


class Provider(Protocol[RequestT, ResultT]):
    """Somebody who can write, speak, draw.

    `name` and `model` are short fixed words; `operation` is the GenAI convention's name (`chat`, `generate_content`) and
    `output` its output type (text, json, speech, image). `fingerprint` holds every setting that changes the result: it is
    part of the key under which an answer is stored.
    """

    name: str
    model: str
    operation: str
    output: str

    @property
    def fingerprint(self) -> Mapping[str, Any]: ...

    async def answer(self, request: RequestT, folder: Path) -> Answer[ResultT]:
        """Deliver what `request` asks for; files are written into `folder`. Raises only errors of our own tree."""
        ...
