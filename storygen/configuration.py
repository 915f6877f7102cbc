"""The only place that reads the environment and files of settings.

From weakest to strongest: the defaults, `storygen.toml` (in the working folder, or `--config`), the vendors' own
variables (`ELEVENLABS_API_KEY`), `.env`, the environment (`STORYGEN_FILM__ASPECT=16:9`), and the flags of a command.
"""

from __future__ import annotations

import difflib
import errno
import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from storygen.errors import InvalidSettings
from storygen.providers.registry import VENDORS
from storygen.readiness import mistakes, unready
from storygen.settings import Group, Settings

FILE = "storygen.toml"
DOTENV = ".env"
PREFIX = "STORYGEN_"
_SECRET = ("api_keys", "url", "pushgateway")
_MOST_BYTES = 1_000_000
_RENAMED = {"film.burn_subtitles": 'subtitles.mode, which is "burned", "soft" or "both"'}


def load(config: Path | None = None, flags: Mapping[str, Any] | None = None, *, ready: bool = True) -> Settings:
    """The settings of this process; `flags` is nested like the settings and wins.

    Unless `ready` is False, whoever stands in a chain has to be usable: with its key and its package. Raises one
    `InvalidSettings` that lists everything that is wrong, with where it stands and what would be right.
    """
    sources = _Sources(_read_file(config), flags or {})
    lines = sorted(_unknown_variables())
    settings = _read(sources, lines)
    if settings is not None:
        checks = (mistakes(settings), unready(settings)) if ready else (mistakes(settings),)
        lines += [f"{sources.origin(path)}: {'.'.join(path)}: {said}" for check in checks for path, said in check]
    if settings is None or lines:
        raise InvalidSettings("\n".join(lines), hint="Every setting is described in docs/settings.md.")
    return settings


def read_leniently(config: Path | None = None) -> tuple[Settings, list[str]]:
    """As much of the settings as can be read, and what is wrong with the rest, for those who examine them."""
    try:
        sources = _Sources(_read_file(config), {})
    except InvalidSettings as error:
        return Settings(), [error.message]
    lines = sorted(_unknown_variables())
    return _read(sources, lines) or Settings(), lines


def watched_files(config: Path | None = None) -> tuple[Path, ...]:
    """The files that settings are read from, whether they exist or not."""
    return (config or Path(FILE), Path(DOTENV))


@dataclass(frozen=True, slots=True)
class _File:
    """A file of settings that was read; the name is what people call it."""

    name: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Sources:
    """Where settings come from; `merged` is filled with what all of them say together."""

    file: _File
    flags: Mapping[str, Any]
    merged: dict[str, Any] = field(default_factory=dict)

    def origin(self, path: tuple[str, ...]) -> str:
        """Where a setting stands, as people call it."""
        if _holds(self.flags, path):
            return "flag"
        for length in range(len(path), 0, -1):
            variable = PREFIX + "__".join(path[:length]).upper()
            if variable in os.environ:
                return f"environment {variable}"
        if path[0].upper() in os.environ:
            return f"environment {path[0].upper()}"
        return self.file.name if _holds(self.file.values, path[:2]) else DOTENV if _in_dotenv(path) else "settings"


def _read(sources: _Sources, lines: list[str]) -> Settings | None:
    """The settings; where some are wrong, they are put into `lines` and the rest is read without them."""
    try:
        return _reader(sources)(**dict(sources.flags))
    except SettingsError as error:  # a group or a list that is no JSON; what it says names the classes of a library
        lines.append(_broken_value(str(error)))
        return None
    except UnicodeDecodeError as error:
        raise InvalidSettings(f"{DOTENV} cannot be read: {error}.", hint="It has to be text in UTF-8.") from error
    except OSError as error:
        raise InvalidSettings(f"{DOTENV} cannot be read: {error.strerror}.", hint="Look at its rights.") from error
    except ValidationError as error:
        lines += _told(error, sources)
        rest = deepcopy(sources.merged)
        for problem in error.errors(include_input=False):
            _drop(rest, tuple(problem["loc"]))
    try:
        return Settings.model_validate(rest)
    except ValidationError:  # what is wrong together has been told already
        return None


def _reader(sources: _Sources) -> type[Settings]:
    """Settings that fill themselves from all the sources."""

    class FileSource(PydanticBaseSettingsSource):
        def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
            return sources.file.values.get(field_name), field_name, False

        def __call__(self) -> dict[str, Any]:
            return dict(sources.file.values)

    class VendorSource(FileSource):
        """What the vendors' own variables say: their keys add to those of the file."""

        def __call__(self) -> dict[str, Any]:
            return _vendor_variables(sources.file.values)

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
            env_file=DOTENV,
            env_file_encoding="utf-8",
        )

        @model_validator(mode="before")
        @classmethod
        def note(cls, values: Any) -> Any:
            sources.merged.update(values)
            return values

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            ours = (init_settings, env_settings, OwnLines(settings_cls, dotenv_settings))
            return (*ours, VendorSource(settings_cls), FileSource(settings_cls))

    return Reader


def _vendor_variables(file: Mapping[str, Any]) -> dict[str, Any]:
    """Keys and addresses under the names that the vendors' own tools use, from the environment, else from `.env`."""
    known = {name: value for name, value in {**_dotenv(), **os.environ}.items() if value}
    found: dict[str, dict[str, Any]] = {}
    for vendor in VENDORS.values():
        keys = [key.strip() for name in vendor.variables for key in known.get(name, "").split(",") if key.strip()]
        written = _at(file, ("vendors", vendor.name, "api_keys"))
        if keys:
            more = [key for key in written if isinstance(key, str)] if isinstance(written, list) else []
            found.setdefault(vendor.name, {})["api_keys"] = list(dict.fromkeys([*keys, *more]))
        if address := known.get(vendor.base_url_variable):
            found.setdefault(vendor.name, {})["base_url"] = address
    return {"vendors": found} if found else {}


def _dotenv() -> dict[str, str | None]:
    from dotenv import dotenv_values

    return dotenv_values(DOTENV, encoding="utf-8") if Path(DOTENV).is_file() else {}


def _in_dotenv(path: tuple[str, ...]) -> bool:
    names = {name.upper() for name in _dotenv()}
    return PREFIX + "__".join(path).upper() in names or path[0].upper() in names


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


def _told(error: ValidationError, sources: _Sources) -> Iterator[str]:
    """One line per mistake, without values that could be keys."""
    for problem in error.errors():
        path = tuple(str(part) for part in problem["loc"])
        said = _nearest(path) if problem["type"] == "extra_forbidden" else problem["msg"].removeprefix("Value error, ")
        hidden = problem["type"] in {"extra_forbidden", "missing"} or any(part in _SECRET for part in path)
        value = "" if hidden else f" (it is {problem['input']!r})"
        yield f"{sources.origin(path)}: {'.'.join(path)}: {said}{value}"


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
        f"{name}: {key}: it is a group of settings and not one value; write [{key}] and the settings below it"
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


def _drop(values: Any, path: tuple[Any, ...]) -> None:
    """Take one setting out, with all of its list where it is an item of one."""
    for depth, part in enumerate(path):
        if not isinstance(values, dict) or part not in values:
            return
        if depth == len(path) - 1 or not isinstance(values[part], dict):
            del values[part]
            return
        values = values[part]


def _at(values: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        if not isinstance(values, Mapping) or part not in values:
            return None
        values = values[part]
    return values


def _holds(values: Any, path: tuple[str, ...]) -> bool:
    return _at(values, path[:-1]) is not None and path[-1] in (_at(values, path[:-1]) or {})


def _nearest(path: tuple[str, ...]) -> str:
    if new := _RENAMED.get(".".join(path)):
        return f"its name is now {new}"
    known = list(known_keys()) if len(path) > 1 else [*Settings.model_fields]
    near = difflib.get_close_matches(".".join(path), known, n=1, cutoff=0.5)
    return f"there is no such setting{f'; did you mean {near[0]}?' if near else ''}"


def known_keys(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[str]:
    """Every key that a file of settings may hold, dotted."""
    for name, each in model.model_fields.items():
        if isinstance(each.annotation, type) and issubclass(each.annotation, Group):
            yield from known_keys(each.annotation, f"{prefix}{name}.")
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
