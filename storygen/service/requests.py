"""What the API is asked for: the shapes of requests."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from storygen.scripts.source import MAX_TOPIC

MAX_NAME = 120
MAX_KEY = 190
MAX_BATCH = 1000
Name = Annotated[str, StringConstraints(max_length=MAX_NAME)]


class Story(BaseModel):
    """A story: either a topic, from which it is written, or its text in any form that `storygen run` reads."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "oneOf": [{"required": ["topic"]}, {"required": ["text"]}],
            "examples": [
                {"topic": "a lighthouse that went dark", "settings": {"film": {"seconds": 30, "height": 480}}},
                {"name": "The box", "text": "Ada found a box.\n\nNobody had opened it for a hundred years."},
            ],
        },
    )

    topic: str | None = Field(None, min_length=1, max_length=MAX_TOPIC)
    text: str | None = Field(None, min_length=1)
    name: Name = Field("", description="What people call it.")
    settings: dict[str, Any] = Field(
        {}, description="Settings of this run, nested as in the file of settings; `service.per_run` says which."
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Another number tells a topic another way.")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.topic is None) == (self.text is None):
            raise ValueError("a story has either a topic or a text")
        return self


class RunRequest(Story):
    """A story to make a film of."""

    webhook: str = Field(
        "",
        max_length=2000,
        pattern=r"^(https?://[^\s/][^\s]*)?$",
        description="An address that is told of the end.",
        examples=["https://example.com/done"],
    )


class BatchRequest(BaseModel):
    """Several stories with a common name; all are accepted, or none."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"name": "monday", "runs": [{"topic": "a lighthouse"}, {"topic": "a box"}]}]},
    )

    name: Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME, strip_whitespace=True)]
    runs: list[RunRequest] = Field(min_length=1, max_length=MAX_BATCH)


class Remake(BaseModel):
    """Which scene is made anew."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scene: int = Field(ge=1, le=2000, description="Its number, from 1.", examples=[2])
