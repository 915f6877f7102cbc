"""The only place that reads the environment and files of settings.

From weakest to strongest: the defaults, `storygen.toml` (in the working folder, or `--config`), `.env`, the environment
(`STORYGEN_FILM__ASPECT=16:9`), and the flags of a command.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from storygen.errors import InvalidSettings
from storygen.settings import Group, Settings

FILE = "storygen.toml"
PREFIX = "STORYGEN_"


def load(config: Path | None = None, flags: Mapping[str, Any] | None = None) -> Settings:
    """The settings of this process; `flags` is nested like the settings and wins.

    Raises one `InvalidSettings` that lists everything that is wrong, with where it stands and what would be right.
    """
    file = _read_file(config)
    try:
        settings = _reader(file)(**dict(flags or {}))
    except ValidationError as error:
        raise _refusal(error, file, flags or {}) from error
    if unknown := sorted(_unknown_variables()):
        raise InvalidSettings("\n".join(unknown), hint="Correct or unset them.")
    return settings


@dataclass(frozen=True, slots=True)
class _File:
    """A file of settings that was read; the name is what people call it."""

    name: str
    values: Mapping[str, Any]


def _reader(file: _File) -> type[Settings]:
    """Settings that fill themselves from all the sources."""

    class FileSource(PydanticBaseSettingsSource):
        def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
            return file.values.get(field_name), field_name, False

        def __call__(self) -> dict[str, Any]:
            return dict(file.values)

    class OwnLines(PydanticBaseSettingsSource):
        """What `.env` says to us: it is shared with other programs, so that lines of theirs are no mistakes."""

        def __init__(self, settings_cls: type[BaseSettings], whole: PydanticBaseSettingsSource) -> None:
            super().__init__(settings_cls)
            self._whole = whole

        def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
            return self._whole.get_field_value(field, field_name)

        def __call__(self) -> dict[str, Any]:
            ours = {*Settings.model_fields, *(name.upper() for name in Settings.model_fields)}
            return {key: value for key, value in self._whole().items() if key in ours or key.startswith(PREFIX.lower())}

    class Reader(Settings, BaseSettings):
        model_config = SettingsConfigDict(
            env_prefix=PREFIX,
            env_nested_delimiter="__",
            env_ignore_empty=True,
            env_file=".env",
            env_file_encoding="utf-8",
        )

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, OwnLines(settings_cls, dotenv_settings), FileSource(settings_cls)

    return Reader


def _read_file(config: Path | None) -> _File:
    path = config or Path(FILE)
    try:
        return _File(str(path), tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        if config is None:
            return _File("", {})
        raise InvalidSettings(f"There is no file {path}.", hint="Name one that exists with --config.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidSettings(f"{path} cannot be read: {error}.", hint="It has to be TOML in UTF-8.") from error


def _refusal(error: ValidationError, file: _File, flags: Mapping[str, Any]) -> InvalidSettings:
    lines = []
    for problem in error.errors():
        path = tuple(str(part) for part in problem["loc"])
        said = _nearest(path) if problem["type"] == "extra_forbidden" else problem["msg"]
        value = "" if problem["type"] in {"extra_forbidden", "missing"} else f" (it is {problem['input']!r})"
        lines.append(f"{_origin(path, file, flags)}: {'.'.join(path)}: {said}{value}")
    return InvalidSettings("\n".join(lines), hint="Every setting is described in docs/settings.md.")


def _origin(path: tuple[str, ...], file: _File, flags: Mapping[str, Any]) -> str:
    if _holds(flags, path):
        return "flag"
    variable = PREFIX + "__".join(path).upper()
    if variable in os.environ or path[0].upper() in os.environ:
        return f"environment {variable}"
    return file.name if _holds(file.values, path) else ".env"


def _holds(values: Any, path: tuple[str, ...]) -> bool:
    for part in path:
        if not isinstance(values, Mapping) or part not in values:
            return False
        values = values[part]
    return True


def _nearest(path: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(".".join(path), list(known_keys()), n=1, cutoff=0.5)
    return f"there is no such setting{f'; did you mean {near[0]}?' if near else ''}"


def known_keys(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[str]:
    """Every key that a file of settings may hold, dotted."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Group):
            yield from known_keys(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _unknown_variables() -> Iterator[str]:
    """Variables with our prefix that are no setting: pydantic passes over them without a word."""
    keys = set(known_keys())
    for name in os.environ:
        key = name.removeprefix(PREFIX).lower().replace("__", ".")
        if name.startswith(PREFIX) and not any(_leads_to(key, known) or _leads_to(known, key) for known in keys):
            yield f"environment {name}: {key}: {_nearest(tuple(key.split('.')))}"


def _leads_to(key: str, other: str) -> bool:
    return other == key or other.startswith(f"{key}.")
