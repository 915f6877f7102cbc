"""Declared metrics on a registry, with their children bound once and their labels kept to the allowed values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.metrics import MetricWrapperBase

from storygen.telemetry import names
from storygen.telemetry.words import OTHER, genai_provider

MOST_SERIES = 2_850
MOST_WITH_HISTOGRAMS = 2_600
M = TypeVar("M", bound=MetricWrapperBase)
_TYPES: Mapping[str, type[MetricWrapperBase]] = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What settings add to the closed sets, and which providers and models serve which capability.

    `chains` maps a capability to its providers in the order in which they are asked, by the conventions' names;
    `models` maps a provider to its models, `serving` a capability and a provider to the one of them that it uses there.
    """

    chains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    models: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    serving: Mapping[tuple[str, str], str] = field(default_factory=dict)
    operations: tuple[str, ...] = ()
    pipelines: tuple[str, ...] = ()

    def added(self, label: str) -> Iterable[str]:
        """The values that settings add to a label."""
        name = label.removeprefix("gen_ai_").removesuffix("_name").removeprefix("request_")
        if name in {"provider", "from_provider", "to_provider", "limit"}:
            return {provider for chain in self.chains.values() for provider in chain}
        if name == "model":
            return {model for models in self.models.values() for model in models}
        return {"operation": self.operations, "cache": self.operations, "pipeline": self.pipelines}.get(name, ())

    def models_for(self, capability: str, provider: str) -> tuple[str, ...]:
        """The model that a provider uses for a capability, or all of its models where that is not known."""
        used = self.serving.get((capability, provider))
        return self.models.get(provider, ()) if used is None else (used,)

    def providers(self) -> tuple[str, ...]:
        """Every configured provider, once."""
        return tuple(dict.fromkeys(provider for chain in self.chains.values() for provider in chain))


class Room:
    """How many series there are, and whether more may come: a child of a histogram is some twenty, others are one.

    Whatever is observed, a process stays below 3,000: near the limit new children become `other`, histograms first, so
    that counters, which alerts live on, stay exact for longer.
    """

    def __init__(self) -> None:
        self.series = 0

    def admits(self, series: int) -> bool:
        """Whether a new child of so many series may come."""
        return self.series + series <= (MOST_SERIES if series == 1 else MOST_WITH_HISTOGRAMS)


class Family(Generic[M]):
    """A metric whose children are found by their label values; what is not allowed becomes `other` and is counted."""

    __slots__ = ("_allowed", "_bound", "_growing", "_labels", "_overflow", "_room", "_series", "metric", "name")

    def __init__(
        self, declared: names.Metric, allowed: Allowed, registry: CollectorRegistry, overflow: Counter, room: Room
    ) -> None:
        kind = _TYPES[declared.type]
        options: dict[str, Any] = {"buckets": declared.buckets} if declared.buckets else {}
        self._labels = labels = [label.name for label in declared.labels]
        self.name = declared.name
        metric = kind(declared.name, declared.help, labels, registry=registry, **options)
        self.metric: M = metric  # type: ignore[assignment]  # its declared type decides
        self._bound: dict[tuple[str, ...], M] = {}
        self._growing = tuple(label.name for label in declared.labels if label.grows)
        self._allowed = tuple(frozenset(label.values) for label in declared.labels)
        self.adopt(allowed)
        self._overflow = overflow
        self._room = room
        self._series = len(declared.buckets) + 3 if declared.buckets else 1  # as well the last bucket, sum and count
        if self._growing:
            overflow.labels(declared.name)

    def of(self, *values: str) -> M:
        """The child with these label values."""
        return self._bound.get(values) or self._admit(values)

    def allow(self, label: str, values: Iterable[str]) -> None:
        """Add to the closed set of a label what is known only once the process is put together."""
        place = self._labels.index(label)
        kept = self._allowed[place] | frozenset(values)
        self._allowed = (*self._allowed[:place], kept, *self._allowed[place + 1 :])

    def adopt(self, allowed: Allowed) -> None:
        """Add what settings add; values of earlier ones stay, as what a run under way may still name."""
        for label in self._growing:
            self.allow(label, allowed.added(label))

    def has(self, *values: str) -> bool:
        """Whether there is a child with these label values."""
        return values in self._bound

    def remove(self, *values: str) -> None:
        """Let the child with these label values vanish, if it is there."""
        if self._bound.pop(values, None) is not None:
            self._room.series -= self._series
            self.metric.remove(*values)

    def create(self, *values: str | Iterable[str]) -> None:
        """Bind the children of every combination, so that their series exist before anything happens."""
        for combination in product(*((value,) if isinstance(value, str) else tuple(value) for value in values)):
            self.of(*combination)

    def _admit(self, values: tuple[str, ...]) -> M:
        kept = tuple(value if value in allowed else OTHER for value, allowed in zip(values, self._allowed, strict=True))
        child = self._bound.get(kept)
        if child is None and not self._room.admits(self._series):
            kept = (OTHER,) * len(values)
            child = self._bound.get(kept)
        if kept != values:
            self._overflow.labels(self.name).inc()
        if child is None:
            self._room.series += self._series
            child = self._bound[kept] = self.metric.labels(*kept)
        return child


class Families:
    """All metrics that something fills now, registered."""

    def __init__(self, registry: CollectorRegistry, allowed: Allowed) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        declared = names.BY_NAME["storygen_label_overflow_total"]
        overflow = Counter(declared.name, declared.help, ["metric"], registry=registry)
        self.room = Room()
        self._families: dict[str, Family[Any]] = {
            metric.name: Family(metric, allowed, registry, overflow, self.room)
            for metric in names.registered()
            if metric is not declared
        }

    def adopt(self, allowed: Allowed) -> None:
        """Let labels have what settings add to them now."""
        for family in self._families.values():
            family.adopt(allowed)

    def counter(self, name: str) -> Family[Counter]:
        """The counter `name`."""
        return self._families[name]

    def gauge(self, name: str) -> Family[Gauge]:
        """The gauge `name`."""
        return self._families[name]

    def histogram(self, name: str) -> Family[Histogram]:
        """The histogram `name`."""
        return self._families[name]


def allowed_from(
    chains: Mapping[str, Iterable[str]],
    models: Mapping[str, Iterable[str]],
    operations: Iterable[str] = (),
    pipelines: Iterable[str] = (),
    serving: Mapping[str, Mapping[str, str]] | None = None,
) -> Allowed:
    """What is allowed by a configuration in our own words for providers."""
    return Allowed(
        chains={capability: tuple(map(genai_provider, chain)) for capability, chain in chains.items()},
        models={genai_provider(provider): tuple(known) for provider, known in models.items()},
        serving={
            (capability, genai_provider(provider)): model
            for capability, used in (serving or {}).items()
            for provider, model in used.items()
        },
        operations=tuple(operations),
        pipelines=tuple(pipelines),
    )
