"""The shape that every provider of every capability has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from storygen.story import Usage

Request_contra = TypeVar("Request_contra", contravariant=True)
Result = TypeVar("Result")
T = TypeVar("T")


class Capability(StrEnum):
    """What a provider can be asked for."""

    TEXT = "text"
    SPEECH = "speech"
    IMAGES = "images"
    VIDEO = "video"
    TRANSCRIPTION = "transcription"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Generic[T]):
    """What a provider delivered, and what that used, in the units that it bills.

    `response_model` and `response_id` are what the vendor itself calls the model that answered and the answer, where
    it says so.
    """

    value: T
    usage: Usage = field(default_factory=Usage)
    response_model: str = ""
    response_id: str = ""


class Provider(Protocol[Request_contra, Result]):
    """Somebody who can write, speak, draw.

    `name` and `model` are short fixed words; `operation` is the GenAI convention's name (`chat`, `generate_content`)
    and `output` its output type (text, json, speech, image). One that keeps track of jobs which it was paid for has
    `settle(request)`, too, and is told by it that the answer to a request is stored.
    """

    name: str
    model: str
    operation: str
    output: str

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Every setting that changes the result: part of the key under which an answer is stored."""
        ...

    def expected(self, request: Request_contra) -> Usage:
        """What answering is expected to use, so that a budget can stop a call before it is made."""
        ...

    async def answer(self, request: Request_contra, folder: Path) -> Answer[Result]:
        """Deliver what `request` asks for; files are written into `folder`. Raises only errors of our own tree."""
        ...
