"""The only place that reads the environment and files of settings.

From weakest to strongest: the defaults, `storygen.toml` (in the working folder, or `--config`), `.env`, the environment
(`STORYGEN_FILM__ASPECT=16:9`), and the flags of a command.
"""

from __future__ import annotations

import difflib
import errno
import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from storygen.errors import InvalidSettings
from storygen.settings import Group, Settings

FILE = "storygen.toml"
PREFIX = "STORYGEN_"
_MOST_BYTES = 1_000_000


def load(config: Path | None = None, flags: Mapping[str, Any] | None = None) -> Settings:
    """The settings of this process; `flags` is nested like the settings and wins.

    Raises one `InvalidSettings` that lists everything that is wrong, with where it stands and what would be right.
    """
    file = _read_file(config)
    try:
        settings = _reader(file)(**dict(flags or {}))
    except ValidationError as error:
        raise _refusal(error, file, flags or {}) from error
    except SettingsError as error:  # a group or a list that is no JSON; what it says names the classes of a library
        raise InvalidSettings(_broken_value(str(error)), hint='Write {"Ada": "en-us+f3"} or ["builtin"].') from error
    except UnicodeDecodeError as error:
        raise InvalidSettings(f".env cannot be read: {error}.", hint="It has to be text in UTF-8.") from error
    except OSError as error:
        raise InvalidSettings(f".env cannot be read: {error.strerror}.", hint="Look at its rights.") from error
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
        values = tomllib.loads(_read_regular(path).decode("utf-8-sig"))
        _refuse_plain_groups(values, str(path))
        return _File(str(path), values)
    except FileNotFoundError:
        if config is None:
            return _File("", {})
        raise InvalidSettings(f"There is no file {path}.", hint="Name one that exists with --config.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidSettings(f"{path} cannot be read: {error}.", hint="It has to be TOML in UTF-8.") from error


def _read_regular(path: Path) -> bytes:
    """The bytes of a file; never waits for a pipe or reads a device. Raises `OSError`."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") if stat.S_ISREG(os.fstat(handle).st_mode) else _closed(handle) as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise OSError(errno.EFBIG, f"it is larger than {_MOST_BYTES:,} bytes")
    return content


def _closed(handle: int) -> BinaryIO:
    os.close(handle)
    raise OSError(errno.EINVAL, "it is not a file but a folder, a pipe or a device")


def _refuse_plain_groups(values: Mapping[str, Any], name: str) -> None:
    """Raise for `film = 5`: a value that is no table never reaches the settings, which would pass over it."""
    groups = {key.partition(".")[0] for key in known_keys() if "." in key}
    lines = [
        f"{name}: {key}: it is a group of settings, not {value!r}; write [{key}] and the settings below it"
        for key, value in values.items()
        if key in groups and not isinstance(value, Mapping)
    ]
    if lines:
        raise InvalidSettings("\n".join(lines), hint="Every setting is described in docs/settings.md.")


def _broken_value(said: str) -> str:
    """A sentence for what pydantic says of a value that it cannot take apart."""
    found = re.search(r'field "(\w+)" from source "(\w+)"', said)
    field, source = found.groups() if found else ("a setting", "")
    where = ".env" if source.startswith(("DotEnv", "Own")) else "environment"
    return f"{where} {PREFIX}{field.upper()}: a list or a group is written as JSON, and this is none"


def _refusal(error: ValidationError, file: _File, flags: Mapping[str, Any]) -> InvalidSettings:
    lines = []
    for problem in error.errors():
        path = tuple(str(part) for part in problem["loc"])
        said = _nearest(path) if problem["type"] == "extra_forbidden" else problem["msg"].removeprefix("Value error, ")
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
    known = list(known_keys()) if len(path) > 1 else [*Settings.model_fields]
    near = difflib.get_close_matches(".".join(path), known, n=1, cutoff=0.5)
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
