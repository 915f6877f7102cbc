"""Where alerts arrive: a real receiver of Alertmanager's webhooks that keeps the latest and shows them as a page."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from storygen.errors import InvalidSettings
from storygen.stack import page
from storygen.stack.web import HOST
from storygen.telemetry.serving import Handler, Server

RECEIVERS = ("pager", "chat", "log", "heartbeat")
KEPT = 500
KEPT_BYTES = 16 * 1024 * 1024
LONGEST_BODY = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert of a delivery; `status` is firing or resolved, times are as Alertmanager writes them (RFC 3339)."""

    status: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: str = ""
    ends_at: str = ""

    @property
    def name(self) -> str:
        """The name of its rule."""
        return self.labels.get("alertname", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One webhook: the receiver it was meant for, when it came (Unix seconds) and the alerts in it.

    `number` counts deliveries from 1. Source of the format: "Webhook receiver" in Alertmanager's configuration manual.
    """

    receiver: str
    at: float
    alerts: tuple[Alert, ...]
    size: int
    number: int = 0

    def has(self, name: str, status: str = "firing") -> bool:
        """Whether an alert of this name and status is in it."""
        return any(alert.name == name and alert.status == status for alert in self.alerts)


class Inbox:
    """A server of webhooks; a context manager.

    Listens from the start; port 0 picks a free one. `told` hears each delivery as it comes. `runbooks` is a folder of
    pages that it serves below /runbooks/. Raises `InvalidSettings` where the address cannot be used.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        host: str = HOST,
        told: Callable[[Delivery], None] | None = None,
        runbooks: Path | None = None,
    ) -> None:
        self._told = told
        self._kept: deque[Delivery] = deque(maxlen=KEPT)
        self._count = 0
        self._came = threading.Condition()
        self.runbooks = runbooks
        try:
            self._server = Server(host, port, _Handler, inbox=self)
        except OSError as error:
            raise InvalidSettings(
                f"{host}:{port} cannot be used: {error.strerror}.", hint="Choose another --port, or 0 for a free one."
            ) from error
        self.port = self._server.port
        self.url = f"http://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        """Stop listening; what came is still there."""
        self._server.close()

    def deliveries(self) -> tuple[Delivery, ...]:
        """What came and is still kept, oldest first."""
        with self._came:
            return tuple(self._kept)

    def wait(self, predicate: Callable[[Delivery], bool], seconds: float) -> Delivery | None:
        """The oldest kept delivery that `predicate` takes, at once or within `seconds`; None where none came."""
        until = time.monotonic() + seconds
        seen = 0
        with self._came:
            while True:
                for delivery in self._kept:
                    if delivery.number > seen and predicate(delivery):
                        return delivery
                seen = self._count
                left = until - time.monotonic()
                if left <= 0:
                    return None
                self._came.wait(left)

    def take(self, delivery: Delivery) -> None:
        """Keep a delivery, and tell those who wait."""
        with self._came:
            self._count += 1
            numbered = replace(delivery, number=self._count)
            self._kept.append(numbered)
            while sum(kept.size for kept in self._kept) > KEPT_BYTES:
                self._kept.popleft()
            self._came.notify_all()
        if self._told:
            self._told(numbered)


def as_plain(delivery: Delivery) -> dict[str, Any]:
    """A delivery as values for JSON."""
    alerts = [
        {
            "status": alert.status,
            "labels": dict(alert.labels),
            "annotations": dict(alert.annotations),
            "starts_at": alert.starts_at,
            "ends_at": alert.ends_at,
        }
        for alert in delivery.alerts
    ]
    return {"receiver": delivery.receiver, "at": delivery.at, "number": delivery.number, "alerts": alerts}


def read(receiver: str, body: bytes) -> Delivery:
    """A webhook's body. Raises `ValueError` for anything that is not Alertmanager's format."""
    try:
        document = json.loads(body)
        alerts = tuple(_alert(entry) for entry in document["alerts"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError("this is not a webhook of Alertmanager") from error
    return Delivery(receiver=receiver, at=time.time(), alerts=alerts, size=len(body))


def _alert(entry: Mapping[str, Any]) -> Alert:
    if entry["status"] not in {"firing", "resolved"}:
        raise ValueError("an alert is firing or resolved")
    return Alert(
        status=entry["status"],
        labels=_texts(entry["labels"]),
        annotations=_texts(entry.get("annotations", {})),
        starts_at=str(entry.get("startsAt", "")),
        ends_at=str(entry.get("endsAt", "")),
    )


def _texts(pairs: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in pairs.items()}


class _Handler(Handler):
    """Takes webhooks and shows them."""

    inbox: Inbox

    def do_POST(self) -> None:  # noqa: N802 - the name is the method of HTTP
        receiver = self.path.split("?")[0].strip("/")
        if receiver not in RECEIVERS:
            self.send_error(404, f"Webhooks go to /{', /'.join(RECEIVERS)}")
            return
        body = self.body(LONGEST_BODY)
        if body is None:
            return
        try:
            delivery = read(receiver, body)
        except ValueError as error:
            self.send_error(400, str(error))
            return
        self.inbox.take(delivery)
        self._show("", page.PLAIN)

    def do_GET(self) -> None:  # noqa: N802 - the name is the method of HTTP
        path = self.path.split("?")[0]
        if path == "/":
            self._show(page.alerts(self.inbox.deliveries()), page.HTML)
        elif path == "/alerts":
            self._show(json.dumps([as_plain(one) for one in self.inbox.deliveries()]), "application/json")
        elif path == "/-/ready":
            self._show("ready\n", page.PLAIN)
        elif (runbook := _runbook(self.inbox.runbooks, path)) is not None:
            self._show(runbook, page.PLAIN)
        else:
            self.send_error(404)

    def _show(self, text: str, kind: str) -> None:
        self.answer(200, kind, page.encoded(text), page.HEADERS)


def _runbook(folder: Path | None, path: str) -> str | None:
    """The page that a path names, by comparing names: a path of others never touches the file system."""
    name = path.removeprefix("/runbooks/")
    if folder is None or name == path:
        return None
    found = next((page for page in folder.glob("*.md") if page.name == name), None)
    return found.read_text("utf-8") if found else None
