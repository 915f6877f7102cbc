"""All that is known of one run, put together from what its worker told, its record and the manifest of its film."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from storygen.errors import CallerMistake, NotFound, ResourceFailure
from storygen.jobs.base import Job, JobEvent
from storygen.jobs.store import SqlJobs
from storygen.service.base import House
from storygen.service.threads import apart
from storygen.store.history import PastRun
from storygen.store.output import MANIFEST
from storygen.telemetry.steps import ON, next_step

AT_ONCE = 2_000


@dataclass(slots=True)
class Standing:
    """How far a run is, by what its worker told since it was last begun."""

    scene_count: int = 0
    cost_usd: float | None = None
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    scenes: dict[int, dict[str, Any]] = field(default_factory=dict)
    retries: list[dict[str, Any]] = field(default_factory=list)
    fallbacks: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)

    def hear(self, told: Iterable[JobEvent]) -> None:
        """Take in more events."""
        for event in told:
            match event.kind:
                case "scenes":
                    self.scene_count = int(event.data["count"])
                case "stage.began" | "stage.ended":
                    self._stage(event)
                case "scene.ready":
                    self._scene(int(event.data["scene"]))["is_ready"] = True
                case "progress":
                    self.cost_usd = event.data.get("cost_usd")
                case "call.retried":
                    self.retries.append(dict(event.data))
                case "call.fell_back":
                    self.fallbacks.append(dict(event.data))
                case "call.gave_up" | "check.warn" | "check.fail" | "stalled" | "budget.refused":
                    self.warnings.append({"kind": event.kind, **event.data})

    def _stage(self, event: JobEvent) -> None:
        name, scene = str(event.data["stage"]), event.data.get("scene")
        stage = self.stages.setdefault(
            name, {"name": name, "running": 0, "done": 0, "cached": 0, "failed": 0, "seconds": 0.0}
        )
        part: dict[str, Any] = {} if scene is None else self._scene(int(scene))["parts"].setdefault(name, {})
        part["stage"] = name
        if event.kind == "stage.began":
            stage["running"] += 1
            part["outcome"] = "running"
            return
        stage["running"] = max(0, stage["running"] - 1)
        outcome = str(event.data.get("outcome", ""))
        counted = "cached" if event.data.get("cached") else "done" if outcome in {"success", "skipped"} else "failed"
        stage[counted] += 1
        stage["seconds"] = round(stage["seconds"] + float(event.data.get("seconds", 0.0)), 3)
        part |= {name: event.data.get(name) for name in ("outcome", "cached", "provider", "seconds", "error")}

    def _scene(self, number: int) -> dict[str, Any]:
        return self.scenes.setdefault(number, {"number": number, "is_ready": False, "parts": {}})


async def detail_of(house: House, job: Job) -> dict[str, Any]:
    """What `RunDetail` has more than `Run`, in plain values."""
    standing = await standing_of(house.jobs, job.id)
    past = await record_of(house, job.id) if job.state.is_over else None
    manifest = await manifest_of(house, job.id) if job.result else {}
    calls = past.report["calls"] if past else {}
    cost = past.report["cost"] if past else {}
    asked = job.submission
    return {
        "story": {
            "format": asked.format,
            "characters": len(asked.text),
            "name": asked.name,
            "topic": asked.text if asked.format == "topic" else "",
            "settings": dict(asked.settings),
            "seed": asked.seed,
            "takes": dict(asked.takes),
            "webhook": asked.webhook,
        },
        "scenes": _scenes(standing, manifest, asked.takes),
        "stages": list(standing.stages.values()),
        "calls": calls.get("calls", 0),
        "attempts": calls.get("attempts", 0),
        "retries": standing.retries,
        "fallbacks": standing.fallbacks,
        "warnings": standing.warnings,
        "costs": [
            {name: one[name] for name in ("provider", "model", "attempts", "errors", "seconds", "cost_usd")}
            for one in calls.get("providers", ())
        ],
        "cost_so_far_usd": cost.get("usd", standing.cost_usd) if job.started else None,
        "uncertain_usd": cost.get("uncertain_usd", 0.0),
        "wasted_usd": cost.get("wasted_usd", 0.0),
        "sentence": past.report["sentence"] if past else "",
        "next_step": _next(str(job.error.get("kind", "error"))) if job.error else "",
    }


def _next(kind: str) -> str:
    """What to do about a kind of error; who asks a service has no command to give again."""
    return next_step(kind).replace(ON, "Retry goes on from what is finished.")


async def standing_of(jobs: SqlJobs, run: str) -> Standing:
    """How far a run is, by all that was told of it."""
    standing, after = Standing(), 0
    while told := await jobs.events(run, after, AT_ONCE):
        began = max((place for place, event in enumerate(told) if event.kind == "started"), default=None)
        if began is not None:  # a run that is begun again begins anew
            standing, told = Standing(), told[began:]
        standing.hear(told)
        after = told[-1].number
    return standing


async def record_of(house: House, run: str) -> PastRun | None:
    """The record of a run that is over, None where there is none yet."""
    try:
        past = await apart(house.history.find, run)
    except (CallerMistake, ResourceFailure):
        return None
    return past if past.run_id == run else None


async def manifest_of(house: House, run: str) -> Mapping[str, Any]:
    """The manifest of a run's film, empty where there is none."""
    with suppress(NotFound, ResourceFailure, ValueError):
        opened = await house.films.open(run, MANIFEST)
        found = json.loads(b"".join([part async for part in opened.body]))
        return found if isinstance(found, dict) else {}
    return {}


def _scenes(standing: Standing, manifest: Mapping[str, Any], takes: Mapping[str, int]) -> list[dict[str, Any]]:
    parts = {int(scene["number"]): scene for scene in manifest.get("scenes", ())}
    last = max([standing.scene_count, *standing.scenes, *parts], default=0)
    return [
        _scene(number, standing.scenes.get(number, {}), parts.get(number, {}), takes) for number in range(1, last + 1)
    ]


def _scene(number: int, told: Mapping[str, Any], part: Mapping[str, Any], takes: Mapping[str, int]) -> dict[str, Any]:
    return {
        "number": number,
        "title": part.get("title", ""),
        "start": part.get("start"),
        "end": part.get("end"),
        "fidelity": part.get("fidelity", ""),
        "failure": part.get("failure", ""),
        "made_by": dict(part.get("made_by", {})),
        "take": takes.get(str(number), 0),
        "is_ready": bool(part) or bool(told.get("is_ready")),
        "parts": list(told.get("parts", {}).values()),
    }
