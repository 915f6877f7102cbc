"""What the API is asked for: the shapes of requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from storygen.scripts.source import MAX_TOPIC
from storygen.settings import Settings

MAX_NAME = 120
MAX_KEY = 190
MAX_BATCH = 1000
SETTINGS = "RunSettings"
_OWN = "Settings of this run, nested as in the file of settings; `service.per_run` says which."
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
    settings: dict[str, Any] = Field({}, description=_OWN)
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


def body_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a request, which refers to that of the settings and to nothing else."""
    schema = model.model_json_schema()
    found: dict[str, Any] = _resolved({key: value for key, value in schema.items() if key != "$defs"}, schema)
    return found


def settings_schema(allowed: Sequence[str]) -> dict[str, Any]:
    """The JSON schema of the settings that a caller may choose, by their dotted keys."""
    whole = Settings.model_json_schema()
    schema = _closed("Settings of this run; what is left out is as the operator has it.")
    for key in allowed:
        *groups, last = key.split(".")
        here, found = schema, whole
        for name in groups:
            found = _resolved(found["properties"][name], whole)
            here = here["properties"].setdefault(name, _closed(found.get("description", "")))
        here["properties"][last] = _resolved(found["properties"][last], whole)
    return schema


def _closed(description: str) -> dict[str, Any]:
    return {"type": "object", "description": description, "properties": {}, "additionalProperties": False}


def _resolved(value: Any, whole: Mapping[str, Any]) -> Any:
    """A part of a schema in which nothing refers to another place of it."""
    if isinstance(value, list):
        return [_resolved(inner, whole) for inner in value]
    if not isinstance(value, dict):
        return value
    if value.get("description") == _OWN:
        return {"$ref": f"#/components/schemas/{SETTINGS}"}
    if "$ref" in value:
        value = {**whole["$defs"][value["$ref"].rpartition("/")[2]], **{k: v for k, v in value.items() if k != "$ref"}}
    return {key: _resolved(inner, whole) for key, inner in value.items()}
