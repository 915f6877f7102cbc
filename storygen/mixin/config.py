"""What an operator may change: objectives, thresholds, windows and links, read from one TOML file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from storygen.errors import InvalidSettings
from storygen.telemetry.names import RUN_BUCKETS

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

Severity = Literal["critical", "warning", "info", "none"]
SCRAPES = 4
DAY = 86_400.0
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": DAY, "w": 7 * DAY}
_SPOKEN = {"ms": "millisecond", "s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week"}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")


def seconds(duration: str) -> float:
    """Seconds of a Prometheus duration of one unit, such as `30s` or `7d`. Raises `ValueError` for anything else."""
    found = _DURATION.fullmatch(duration)
    if found is None:
        raise ValueError("a duration is a number and one of ms, s, m, h, d, w, such as 30s or 7d")
    return float(found[1]) * _UNITS[found[2]]


def written(span: float) -> str:
    """A number of seconds as Prometheus writes it: the largest unit that leaves a whole number."""
    milliseconds = round(span * 1000)
    for unit in ("d", "h", "m", "s"):
        whole = round(_UNITS[unit] * 1000)
        if milliseconds and milliseconds % whole == 0:
            return f"{milliseconds // whole}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


def spoken(duration: str) -> str:
    """A duration for people: `15m` is `15 minutes`."""
    found = _DURATION.fullmatch(duration)
    if found is None:
        return duration
    return f"{found[1]} {_SPOKEN[found[2]]}{'' if found[1] == '1' else 's'}"


def _check(duration: str) -> str:
    seconds(duration)
    return duration


Duration = Annotated[str, AfterValidator(_check)]


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Links(_Group):
    """Where annotations and panels lead."""

    grafana: str
    prometheus: str
    alertmanager: str
    jaeger: str
    runbooks: str


class Objectives(_Group):
    """What is promised, over `days`."""

    success: float = Field(gt=0, lt=1)
    fast: float = Field(gt=0, lt=1)
    fast_seconds: float = Field(gt=0)
    days: int = Field(ge=1)

    @field_validator("fast_seconds")
    @classmethod
    def _is_bucket(cls, value: float) -> float:
        if value not in RUN_BUCKETS:
            raise ValueError(
                f"has to be a bucket of the run's duration: {', '.join(f'{edge:g}' for edge in RUN_BUCKETS)}"
            )
        return value


class Burn(_Group):
    """A pair of windows in which the error budget burns `factor` times as fast as it may.

    With `latency` the budget of time is watched over them too.
    """

    factor: float = Field(gt=0)
    long: Duration
    short: Duration
    hold: Duration
    severity: Severity
    latency: bool = False


class Knobs(_Group):
    """What can be turned of one alert; an alert uses those that it names in its table in mixin.toml."""

    window: Duration = "5m"
    hold: Duration = "0s"
    longest: Duration = "0s"
    limit: float = 0.0
    minimum: float = 0.0
    baseline: Duration = "7d"
    severity: Severity = "warning"
    enabled: bool = True


class Routes(_Group):
    """How Alertmanager gathers alerts into messages, and how often it repeats them."""

    group_wait: Duration
    group_interval: Duration
    repeat_interval: Duration
    heartbeat_interval: Duration


class Config(_Group):
    """The whole configuration of the mixin."""

    scale: float = Field(1.0, ge=1)
    scrape: Duration
    evaluation: Duration
    job: str
    retention: Duration
    links: Links
    objectives: Objectives
    burns: tuple[Burn, ...]
    routes: Routes
    alerts: Mapping[str, Knobs]

    def window(self, duration: str) -> str:
        """`duration` as a range in a rule: scaled, but never below four scrapes; a day or more stays as it is."""
        span = seconds(duration)
        return written(span if span >= DAY else max(span / self.scale, SCRAPES * seconds(self.scrape)))

    def hold(self, duration: str) -> str:
        """`duration` as a rule's `for` or an offset: scaled; a day or more stays as it is."""
        span = seconds(duration)
        return written(span if span >= DAY else span / self.scale)

    @property
    def pairs(self) -> tuple[Burn, ...]:
        """The pairs of windows that are watched: a day is too long for scaled time."""
        return tuple(burn for burn in self.burns if self.scale == 1 or seconds(burn.long) < DAY)

    def of(self, alert: str) -> Knobs:
        """The knobs of an alert, by its name without the prefix."""
        return self.alerts[alert]


def load(path: Path | None = None, changes: Mapping[str, Any] | None = None) -> Config:
    """The configuration that comes with storygen, with what the file at `path` and then `changes` say otherwise.

    Tables are merged key by key, lists and values replaced. Raises `InvalidSettings` that names the file and the place.
    """
    own = files("storygen.mixin").joinpath("mixin.toml")
    document = _read(own)
    given = {**_read(path)} if path is not None else {}
    _refuse_unknown_alerts(path, given, document)
    try:
        return Config.model_validate(_merged(_merged(document, given), changes or {}))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        message = f"{path or own.name}: {place}: {first['msg']}."
        raise InvalidSettings(message, hint="See the comments in mixin.toml.") from error


def _read(source: Traversable) -> dict[str, Any]:
    try:
        return tomllib.loads(source.read_text("utf-8"))
    except FileNotFoundError as error:
        raise InvalidSettings(f"There is no file {source}.", hint="Name one that exists with --config.") from error
    except OSError as error:
        raise InvalidSettings(
            f"{source} cannot be read: {error.strerror}.", hint="Name another with --config."
        ) from error
    except ValueError as error:
        hint = "A file of changes holds only the tables and keys that differ, as in mixin.toml."
        raise InvalidSettings(f"{source}: this is no TOML: {error}", hint=hint) from error


def _refuse_unknown_alerts(path: Path | None, given: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    alerts = given.get("alerts", {})
    for name in alerts if isinstance(alerts, Mapping) else ():
        if name not in known["alerts"]:
            near = get_close_matches(name.removeprefix("Storygen"), known["alerts"], n=1, cutoff=0.4)
            hint = f"Did you mean alerts.{near[0]}?" if near else "The alerts stand in mixin.toml."
            raise InvalidSettings(f"{path}: alerts.{name}: there is no such alert.", hint=hint)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = {**below, **above}
    return {
        key: _merged(below[key], value) if isinstance(value, Mapping) and isinstance(below.get(key), Mapping) else value
        for key, value in both.items()
    }
