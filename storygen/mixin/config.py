"""What an operator may change: objectives, thresholds, windows and links, read from one TOML file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from storygen.errors import InvalidSettings

Severity = Literal["critical", "warning", "info", "none"]
SCRAPES = 4
DAY = 86_400.0
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": DAY, "w": 7 * DAY}
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


class Burn(_Group):
    """A pair of windows in which the error budget burns `factor` times as fast as it may."""

    factor: float = Field(gt=0)
    long: Duration
    short: Duration
    hold: Duration
    severity: Severity


class Knobs(_Group):
    """What can be turned of one alert; an alert uses those that it names in its table in mixin.toml."""

    window: Duration = "5m"
    hold: Duration = "0s"
    limit: float = 0.0
    minimum: float = 0.0
    baseline: Duration = "7d"
    severity: Severity = "warning"
    enabled: bool = True


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
    alerts: Mapping[str, Knobs]

    def window(self, duration: str) -> str:
        """`duration` as a range in a rule: scaled, but never below four scrapes; a day or more stays as it is."""
        span = seconds(duration)
        return written(span if span >= DAY else max(span / self.scale, SCRAPES * seconds(self.scrape)))

    def hold(self, duration: str) -> str:
        """`duration` as a rule's `for` or an offset: scaled; a day or more stays as it is."""
        span = seconds(duration)
        return written(span if span >= DAY else span / self.scale)

    def of(self, alert: str) -> Knobs:
        """The knobs of an alert, by its name without the prefix."""
        return self.alerts[alert]


def load(path: Path | None = None, changes: Mapping[str, Any] | None = None) -> Config:
    """The configuration in `path`, else the one that comes with storygen; `changes` replace whole top-level values.

    Raises `InvalidSettings` that names the file and the place in it.
    """
    source = path or files("storygen.mixin").joinpath("mixin.toml")
    try:
        document = tomllib.loads(source.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidSettings(f"{source}: {error}", hint="Begin with a copy of the file that comes along.") from error
    try:
        return Config.model_validate({**document, **(changes or {})})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidSettings(f"{source}: {place}: {first['msg']}.", hint="See the comments in mixin.toml.") from error
