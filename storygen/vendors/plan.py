"""Plans of faults: what goes wrong, where, and how often; a plan with mistakes is refused with all of them listed."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from storygen.errors import InvalidSettings
from storygen.vendors.faults import SHOWN, TRANSIENT, Fault, Job, Vendor

_HINT = "Correct the plan; docs/vendors.md lists every rule with an example."


class Rule(BaseModel):
    """One way to fail. Without `rate`, `first` or `every` it fires each time it matches."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    fault: tuple[Fault, ...]
    vendor: Vendor | Literal["any"] = "any"
    capability: Job | Literal["any"] = "any"
    path: str = "*"
    contains: str = ""
    rate: float | None = Field(None, gt=0, le=1)
    first: int | None = Field(None, ge=1)
    every: int | None = Field(None, ge=1)
    per: Literal["rule", "request"] = "rule"
    since: float = Field(0.0, ge=0, alias="from")
    until: float | None = Field(None, gt=0)
    retry_after: float | None = Field(None, ge=0)
    as_date: bool = False
    seconds: float = Field(2.0, ge=0)
    share: float = Field(0.5, ge=0, lt=1)

    @field_validator("fault", mode="before")
    @classmethod
    def _as_many(cls, value: Any) -> Any:
        named = (value,) if isinstance(value, str) else value
        if not isinstance(named, (list, tuple)):
            return value
        return tuple(fault for name in named for fault in (TRANSIENT if name == "transient" else (name,)))

    @model_validator(mode="after")
    def _sense(self) -> Rule:
        if not self.fault:
            raise ValueError("fault names nothing")
        if sum(each is not None for each in (self.rate, self.first, self.every)) > 1:
            raise ValueError("only one of rate, first and every can be given")
        if self.until is not None and self.until <= self.since:
            raise ValueError(f"until ({self.until:g}) must be later than from ({self.since:g})")
        if self.capability != "any" and not SHOWN[self.capability] & set(self.fault):
            raise ValueError(f"{', '.join(self.fault)} can never show in {self.capability}")
        if self.retry_after is not None and Fault.RATE_LIMIT not in self.fault and Fault.UNAVAILABLE not in self.fault:
            raise ValueError("retry_after belongs to rate_limit and unavailable")
        return self

    def matches(self, vendor: str, capability: Job, path: str, text: str) -> bool:
        """Whether a request is one of those that this rule speaks of, and could show one of its faults."""
        return (
            self.vendor in {"any", vendor}
            and self.capability in {"any", capability}
            and fnmatchcase(path, self.path)
            and self.contains.casefold() in text.casefold()
            and bool(SHOWN[capability] & set(self.fault))
        )


class Limit(BaseModel):
    """How much a vendor allows; beyond it every request is a 429."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_minute: int = Field(ge=1)


class Plan(BaseModel):
    """What goes wrong. `keys` says of a vendor's keys: ok, invalid, quota, or dollars after which nothing is left.

    Where a vendor's keys are listed, others are refused; where not, every key will do. `polls` is how often a task is
    asked for before it is done.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    rules: tuple[Rule, ...] = ()
    keys: dict[Vendor, dict[str, Literal["ok", "invalid", "quota"] | float]] = Field(default_factory=dict)
    limits: dict[Vendor, Limit] = Field(default_factory=dict)
    polls: int = Field(2, ge=0)


def read_plan(path: Path) -> Plan:
    """The plan of a TOML or JSON file. Raises `InvalidSettings` with every mistake in it."""
    try:
        text = path.read_text("utf-8")
        values = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise InvalidSettings(f"{path}: {error}", hint=_HINT) from error
    return as_plan(values, str(path))


def as_plan(values: Any, where: str = "the plan") -> Plan:
    """The plan that plain values say; a list is taken for its rules. Raises `InvalidSettings` with every mistake."""
    wrapped = {"rules": values} if isinstance(values, list) else values
    try:
        return Plan.model_validate(wrapped)
    except ValidationError as error:
        raise InvalidSettings("\n".join(f"{where}: {each}" for each in _mistakes(error)), hint=_HINT) from error


def _mistakes(error: ValidationError) -> Iterator[str]:
    for each in error.errors(include_url=False):
        place = ".".join(str(part) for part in each["loc"]) or "the whole"
        yield f"{place}: {each['msg'].removeprefix('Value error, ')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A fault that a request meets, and the rule that sent it."""

    fault: Fault
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a rule looks at: `digest` stands for the content, `turn` counts from 1 how often the same came."""

    vendor: Vendor
    capability: Job
    path: str
    text: str
    digest: str
    turn: int
    shows: frozenset[Fault]


class Faults:
    """Decides what a request meets. Chance depends on the seed and the request alone, not on who comes first."""

    def __init__(self, plan: Plan, clock: Callable[[], float]) -> None:
        self.plan = plan
        self._clock = clock
        self._begun = clock()
        self._met: Counter[tuple[int, str]] = Counter()

    @property
    def seconds(self) -> float:
        """How long the plan has been in force."""
        return self._clock() - self._begun

    def meet(self, asked: Asked) -> Hit | None:
        """The fault of the first rule that fires."""
        now = self.seconds
        for index, rule in enumerate(self.plan.rules):
            if now < rule.since or (rule.until is not None and now >= rule.until):
                continue
            possible = [fault for fault in rule.fault if fault in asked.shows]
            if not possible or not rule.matches(asked.vendor, asked.capability, asked.path, asked.text):
                continue
            counted = (index, asked.digest if rule.per == "request" else "")
            self._met[counted] += 1
            if self._fires(rule, index, asked, self._met[counted]):
                pick = _chance(self.plan.seed, index, "pick", asked.digest, asked.turn)
                return Hit(fault=possible[int(pick * len(possible))], rule=rule)
        return None

    def _fires(self, rule: Rule, index: int, asked: Asked, count: int) -> bool:
        if rule.rate is not None:
            return _chance(self.plan.seed, index, "rate", asked.digest, asked.turn) < rule.rate
        if rule.first is not None:
            return count <= rule.first
        return rule.every is None or count % rule.every == 0


def _chance(*parts: object) -> float:
    """A number from 0 up to 1 that depends on the parts alone."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big") / 2**56


def plain(plan: Plan) -> Mapping[str, Any]:
    """The plan as values for JSON, keys shortened so that they can be shown."""
    shown: dict[str, Any] = plan.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    if plan.keys:
        shown["keys"] = {v: {f"…{key[-4:]}": state for key, state in keys.items()} for v, keys in plan.keys.items()}
    return shown
