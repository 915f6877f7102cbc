"""Runway: clips are ordered, asked for until they are done, and downloaded from an address that is signed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from storygen.vendors.faults import EVERYWHERE, IN_JSON, SHOWN, Fault
from storygen.vendors.wire import Call, Dialect, Endpoint, Reply, Used, as_json
from storygen.vendors.world import Task, World

_RATIOS = frozenset({
    "1280:720", "720:1280", "1104:832", "832:1104", "960:960",
    "1584:672", "1280:768", "768:1280", "1920:1080", "1080:1920",
})  # fmt: skip
_CREDITS = {"gen4_turbo": 5, "gen3a_turbo": 5, "gen4.5": 12, "veo3.1": 40, "veo3.1_fast": 15}  # a second

_REFUSALS: Mapping[str, tuple[int, str]] = {
    "missing_key": (401, "The request is missing an API key."),
    "invalid_key": (401, "The API key is not valid."),
    "unauthorized": (401, "The API key is not valid."),
    "quota": (400, "You do not have enough credits to run this task."),
    "rate_limit": (429, "You have exceeded the rate limit."),
    "server_error": (500, "An internal error occurred."),
    "unavailable": (503, "The service is temporarily unavailable."),
    "not_found": (404, "Not found."),
    "invalid": (400, "Validation of body failed"),
}


def refuse(word: str, detail: str) -> Reply:
    """An error as Runway writes it."""
    status, message = _REFUSALS[word]
    issues = (
        {"issues": [{"message": detail}], "docUrl": "https://docs.dev.runwayml.com/api"} if word == "invalid" else {}
    )
    return as_json({"error": message, **issues}, status=status)


def _key(headers: Mapping[str, str], query: Mapping[str, str]) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else query.get("_jwt", "")


def _limits(most: int, left: int, now: float) -> Mapping[str, str]:  # noqa: ARG001  # the dialect's shape
    return {}


async def submit(call: Call, world: World) -> Reply:
    """POST /v1/image_to_video and /v1/text_to_video: billed when ordered, given back where it fails or is cancelled."""
    body = call.body
    ratio, seconds = str(body["ratio"]), float(body.get("duration") or 5)
    if ratio not in _RATIOS or not 2 <= seconds <= 10:
        return refuse("invalid", f"ratio {ratio} or duration {seconds:g} is not allowed")
    identity = str(uuid.UUID(hex=f"{call.digest[:24]}{call.turn:08x}", version=4))
    refused = call.meets(Fault.REFUSAL)
    world.tasks[identity] = Task(
        id=identity,
        created=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        prompt=str(body.get("promptText") or ""),
        ratio=ratio,
        seconds=seconds,
        place=len(world.bill.charges),
        ending="SAFETY.INPUT.TEXT" if refused else "INTERNAL.BAD_OUTPUT.CODE01" if call.meets(Fault.TASK_FAILS) else "",
        empty=call.meets(Fault.EMPTY_CLIP),
        never=call.meets(Fault.TASK_NEVER_FINISHES),
        credits=round(seconds * _CREDITS.get(str(body["model"]), 5)),
    )
    used = Used(model=str(body["model"]), units={"video_seconds": seconds})
    cost = {"credits": world.tasks[identity].credits}
    return as_json({"id": identity, "estimatedCost": cost}, used=used)


async def poll(call: Call, world: World) -> Reply:
    """GET /v1/tasks/{id}."""
    task = world.tasks.get(call.params["id"])
    if task is None:
        return refuse("not_found", "")
    task.polls += 1
    body: dict[str, Any] = {"id": task.id, "createdAt": task.created}
    if task.cancelled:
        return as_json({**body, "status": "CANCELLED", "cost": {"credits": 0}})
    if task.polls == 1 and world.faults.plan.polls > 0:
        return as_json({**body, "status": "PENDING", "estimatedCost": {"credits": task.credits}})
    if task.never or task.polls <= world.faults.plan.polls:
        progress = min(0.99, task.polls / (world.faults.plan.polls + 1))
        running = {"status": "RUNNING", "progress": progress, "estimatedCost": {"credits": task.credits}}
        return as_json({**body, **running})
    if task.ending:
        world.bill.refund(task.place)
        reason = "The input was flagged by moderation." if "SAFETY" in task.ending else "Something went wrong."
        return as_json(
            {**body, "status": "FAILED", "failure": reason, "failureCode": task.ending, "cost": {"credits": 0}}
        )
    output = [f"{call.address}/files/{task.id}.mp4?_jwt=signed-{task.id[:8]}"]
    return as_json({**body, "status": "SUCCEEDED", "output": output, "cost": {"credits": task.credits}})


async def cancel(call: Call, world: World) -> Reply:
    """DELETE /v1/tasks/{id}: what is not done is not billed."""
    task = world.tasks.get(call.params["id"])
    if task is not None and (task.never or task.polls <= world.faults.plan.polls):
        task.cancelled = True
        world.bill.refund(task.place)
    return Reply(parts=(), status=204)


async def download(call: Call, world: World) -> Reply:
    """GET the finished clip."""
    task = world.tasks.get(call.params["name"].removesuffix(".mp4"))
    if task is None:
        return refuse("not_found", "")
    data = b"" if task.empty else await world.filmer.film(task.prompt, task.ratio, task.seconds)
    return Reply(parts=(data,), media_type="video/mp4")


async def organization(call: Call, world: World) -> Reply:  # noqa: ARG001  # the handlers' shape
    """GET /v1/organization: the credits that are left."""
    spent = sum(charge.usd or 0.0 for charge in world.bill.charges if charge.vendor == "runway")
    models = {name: {"maxConcurrentGenerations": 5, "maxDailyGenerations": 500} for name in _CREDITS}
    usage = {name: {"dailyGenerations": 0} for name in _CREDITS}
    return as_json(
        {
            "creditBalance": round(100_000 - spent * 100),
            "tier": {"maxMonthlyCreditSpend": 100_000, "models": models},
            "usage": {"models": usage},
        }
    )


_PLAIN = EVERYWHERE | IN_JSON
DIALECT = Dialect(
    name="runway",
    key=_key,
    refuse=refuse,
    limits=_limits,
    has_idempotency=True,
    endpoints=(
        Endpoint(method="POST", path="/v1/image_to_video", capability="video", handler=submit, shows=SHOWN["video"]),
        Endpoint(method="POST", path="/v1/text_to_video", capability="video", handler=submit, shows=SHOWN["video"]),
        Endpoint(method="GET", path="/v1/tasks/{id}", capability="video", handler=poll, shows=_PLAIN),
        Endpoint(method="DELETE", path="/v1/tasks/{id}", capability="video", handler=cancel, shows=EVERYWHERE),
        Endpoint(method="GET", path="/files/{name}", capability="video", handler=download, shows=EVERYWHERE),
        Endpoint(method="GET", path="/v1/organization", capability="account", handler=organization, shows=_PLAIN),
    ),
)
