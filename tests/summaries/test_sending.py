"""When summaries are sent, to whom, and that none is lost."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from pydantic import SecretStr

from storygen.service.summarising import Summariser
from storygen.settings import ServiceSettings
from tests.summaries.past import DAY, NOW, Past, run


class Receiver:
    """Takes webhooks, and answers with `status`."""

    def __init__(self) -> None:
        self.status = 204
        self.got: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


class Clock:
    def __init__(self) -> None:
        self.now = NOW - 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def summariser(url: str, state: Path, clock: Clock, every: str = "daily") -> Summariser:
    settings = ServiceSettings(summary=every, summary_webhook=SecretStr(url), webhook_secret=SecretStr("quiet"))
    return Summariser(lambda: settings, Past(run(NOW - 50), run(NOW + DAY / 2)), state, clock=clock)


def look(one: Summariser) -> bool:
    return asyncio.run(one.look())


def test_a_period_is_told_once_when_it_is_over(receiver: Receiver, tmp_path: Path, clock: Clock) -> None:
    one = summariser(receiver.url, tmp_path / "state", clock)
    assert not look(one)
    clock.now = NOW + 1
    assert look(one)
    assert not look(one)
    (said,) = [json.loads(body) for _, body in receiver.got]
    assert (said["data"]["id"], said["data"]["now"]["runs"]) == ("daily-2026-11-20", 1)


def test_a_restart_neither_repeats_nor_loses_a_summary(receiver: Receiver, tmp_path: Path, clock: Clock) -> None:
    look(summariser(receiver.url, tmp_path, clock))
    clock.now = NOW + 1
    assert look(summariser(receiver.url, tmp_path, clock))
    assert not look(summariser(receiver.url, tmp_path, clock))
    clock.now = NOW + DAY + 1
    assert look(summariser(receiver.url, tmp_path, clock))
    assert len(receiver.got) == 2


def test_what_is_refused_is_sent_again_under_the_same_id(receiver: Receiver, tmp_path: Path, clock: Clock) -> None:
    one = summariser(receiver.url, tmp_path, clock)
    look(one)
    clock.now, receiver.status = NOW + 1, 500
    assert not look(one)
    assert not look(one)
    assert len(receiver.got) == 1
    clock.now, receiver.status = NOW + 60, 200
    assert look(one)
    assert {headers["webhook-id"] for headers, _ in receiver.got} == {"summary-daily-2026-11-20"}


def test_a_summary_is_signed_like_every_webhook(receiver: Receiver, tmp_path: Path, clock: Clock) -> None:
    one = summariser(receiver.url, tmp_path, clock)
    look(one)
    clock.now = NOW + 1
    look(one)
    ((headers, body),) = receiver.got
    signed = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body))
    digest = base64.b64encode(hmac.new(b"quiet", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"


def test_nothing_is_sent_unless_it_is_asked_for(receiver: Receiver, tmp_path: Path, clock: Clock) -> None:
    one = summariser(receiver.url, tmp_path, clock, every="off")
    look(one)
    clock.now = NOW + 1
    assert not look(one)
    assert receiver.got == []


def test_the_address_of_a_webhook_is_a_secret() -> None:
    assert "abc" not in repr(ServiceSettings(summary_webhook=SecretStr("https://chat.example/hook/abc")))
