"""Webhooks: signed, told again until they are heard, and never sent to a machine that is not public."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from storygen.errors import NotAllowed, ProviderTimeout, ProviderUnavailable
from storygen.jobs.base import Delivery, Job, JobState, Result, Submission
from storygen.jobs.opening import open_jobs
from storygen.service import addresses, webhooks
from storygen.service.addresses import is_public, public_only
from storygen.settings import FolderSettings, ServiceSettings, Settings
from storygen.telemetry.metrics import Metrics

PUBLIC = "93.184.215.14"


class Receiver:
    """A server that remembers what it was sent and answers as it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                status, headers = receiver.answers.pop(0) if receiver.answers else (204, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


class Owing:
    """A queue that owes deliveries."""

    def __init__(self, *deliveries: Delivery) -> None:
        self.open = {(each.job, each.number): each for each in deliveries}
        self.over: list[tuple[bool, str]] = []

    async def due_deliveries(self, now: float, limit: int, hold_seconds: float = 60.0) -> list[Delivery]:
        return [each for each in self.open.values() if each.due is not None and each.due <= now][:limit]

    async def delivered(self, job: str, number: int, ok: bool, next_due: float | None, said: str) -> None:
        old = self.open.pop((job, number))
        self.over.append((ok, said))
        if not ok and next_due is not None:
            self.open[job, number] = Delivery(
                job=job,
                number=number,
                url=old.url,
                attempts=old.attempts + 1,
                due=next_due,
                is_delivered=False,
                said=said,
            )

    async def get(self, job: str) -> Job:
        result = Result(folder="", fidelity="full", reasons=(), film_seconds=5.0, cost_usd=0.1, seconds=2.0)
        told = Submission(caller="anna", name="A Tale", text="secret words", format="text", webhook="x")
        return Job(id=job, submission=told, state=JobState.SUCCESS, created=1.0, ended=2.0, title="Tale", result=result)


def owed(url: str, attempts: int = 0) -> Delivery:
    return Delivery(job="run-1", number=3, url=url, attempts=attempts, due=0.0, is_delivered=False, said="")


class Desk:
    """A sender with a clock of its own, and what it counted."""

    def __init__(
        self, url: str, *, addresses: Sequence[str] = ("127.0.0.1",), attempts: int = 0, **service: Any
    ) -> None:
        self.jobs = Owing(owed(url, attempts))
        self.now = 1_000.0
        self.registry = CollectorRegistry()
        settings = Settings(service=ServiceSettings(**{"private_webhooks": True, **service}))
        telemetry = SimpleNamespace(metrics=Metrics(self.registry), tracing=None, observers=())

        async def resolve(host: str, port: int) -> Sequence[str]:
            return addresses

        house: Any = SimpleNamespace(jobs=self.jobs, settings=lambda: settings, telemetry=telemetry)
        self.sender = webhooks.Sender(house, resolve=resolve, clock=lambda: self.now)

    def send(self) -> int:
        return asyncio.run(self.sender.send_due())

    def counted(self, result: str) -> float | None:
        return self.registry.get_sample_value("storygen_webhook_deliveries_total", {"result": result})


def test_an_end_is_told_with_its_figures_and_without_the_story(receiver: Receiver) -> None:
    desk = Desk(f"http://hooks.example:{receiver.port}/a%20b?c=d", public_url="https://films.example/")
    assert desk.send() == 1
    path, headers, body = receiver.got[0]
    said = json.loads(body)
    assert (path, headers["host"]) == ("/a%20b?c=d", f"hooks.example:{receiver.port}")
    assert said["type"] == "run.success"
    assert said["data"] | {"run": "run-1", "cost_usd": 0.1, "fidelity": "full"} == said["data"]
    assert said["data"]["url"] == "https://films.example/api/v1/runs/run-1"
    assert b"secret words" not in body
    assert desk.counted("success") == 1
    assert desk.jobs.over == [(True, "204")]


@pytest.mark.parametrize(
    ("secret", "key"),
    [("a secret", b"a secret"), ("whsec_" + base64.b64encode(b"bytes \xff").decode(), b"bytes \xff")],
    ids=["text", "standard"],
)
def test_the_signature_is_that_of_standard_webhooks(receiver: Receiver, secret: str, key: bytes) -> None:
    desk = Desk(f"http://hooks.example:{receiver.port}/", webhook_secret=secret)
    desk.send()
    _, headers, body = receiver.got[0]
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("run-1-3", "1000")
    digest = hmac.new(key, b"run-1-3.1000." + body, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


def test_what_is_not_heard_is_told_again_under_the_same_id_with_growing_waits(receiver: Receiver) -> None:
    receiver.answers = [(500, {})] * 3
    desk = Desk(f"http://hooks.example:{receiver.port}/")
    waits = []
    while desk.jobs.open:
        assert desk.send() == 1
        if desk.jobs.open:
            assert desk.send() == 0
            due = next(iter(desk.jobs.open.values())).due
            assert due is not None
            waits.append(due - desk.now)
            desk.now = due
    assert [headers["webhook-id"] for _, headers, _ in receiver.got] == ["run-1-3"] * 4
    assert waits == sorted(waits)
    assert (desk.counted("retried"), desk.counted("success"), desk.counted("failed")) == (3, 1, 0)


def test_after_half_a_day_it_is_given_up(receiver: Receiver) -> None:
    receiver.answers = [(500, {})]
    desk = Desk(f"http://hooks.example:{receiver.port}/", attempts=len(webhooks.WAITS))
    desk.send()
    assert desk.jobs.over == [(False, "500")]
    assert not desk.jobs.open
    assert desk.counted("failed") == 1
    assert 6 * 3600 < sum(webhooks.WAITS) < 24 * 3600


def test_one_that_says_it_is_gone_is_not_asked_again(receiver: Receiver) -> None:
    receiver.answers = [(410, {})]
    desk = Desk(f"http://hooks.example:{receiver.port}/")
    desk.send()
    assert not desk.jobs.open


def test_a_receiver_may_ask_for_more_time(receiver: Receiver) -> None:
    receiver.answers = [(503, {"Retry-After": "900"})]
    desk = Desk(f"http://hooks.example:{receiver.port}/")
    desk.send()
    assert next(iter(desk.jobs.open.values())).due == 1_900


def test_what_the_queue_owes_is_told_once_it_is_written_down(receiver: Receiver, tmp_path: Path) -> None:
    async def work() -> list[int]:
        desk = Desk("http://unused.example/")
        settings = Settings(folders=FolderSettings(state=tmp_path))
        jobs = desk.sender._house.jobs = open_jobs(settings)  # type: ignore[misc]
        desk.now = time.time() + 60
        told = Submission(
            caller="anna", name="x", text="x", format="topic", webhook=f"http://hooks.example:{receiver.port}/"
        )
        (job,) = await jobs.submit([told])
        sent = [await desk.sender.send_due()]
        await jobs.cancel(job.id)
        receiver.answers = [(500, {})]
        sent.append(await desk.sender.send_due())
        sent.append(await desk.sender.send_due())
        desk.now += 60
        sent.append(await desk.sender.send_due())
        desk.now += 3600
        sent.append(await desk.sender.send_due())
        await jobs.close()
        return sent

    assert asyncio.run(work()) == [0, 1, 0, 1, 0]
    first, second = (json.loads(body) for _, _, body in receiver.got)
    assert first == second
    assert first["type"] == "run.cancelled"


def test_redirects_are_not_followed(receiver: Receiver) -> None:
    receiver.answers = [(302, {"Location": f"http://127.0.0.1:{receiver.port}/elsewhere"})]
    desk = Desk(f"http://hooks.example:{receiver.port}/")
    desk.send()
    assert len(receiver.got) == 1
    assert desk.jobs.over == [(False, "302")]


PRIVATE = (
    *("127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1"),
    *("240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b:1::1"),
    *(
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "::7f00:1",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
    ),
)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_not_asked_also_in_disguise(receiver: Receiver, address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    desk = Desk(f"http://hooks.example:{receiver.port}/", addresses=[address], private_webhooks=False)
    desk.send()
    assert receiver.got == []
    assert "not on the public network" in desk.jobs.over[0][1]


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_one_private_address_among_public_ones_spoils_the_name() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return [PUBLIC, "10.0.0.1"]

    with pytest.raises(NotAllowed):
        asyncio.run(public_only("https://hooks.example/", resolve=resolve))


def test_a_name_is_looked_up_once_and_the_connection_goes_to_what_was_checked(receiver: Receiver) -> None:
    asked = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return [PUBLIC] if len(asked) == 1 else ["127.0.0.1"]

    target = asyncio.run(public_only(f"http://rebind.example:{receiver.port}/", resolve=resolve))
    assert target.address == PUBLIC
    assert asked == ["rebind.example"]
    assert receiver.got == []


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "[::1]", "[::ffff:7f00:1]"]
)
def test_other_spellings_of_this_machine_are_found_out_by_the_real_resolver(host: str) -> None:
    with pytest.raises((NotAllowed, ProviderUnavailable)):
        asyncio.run(public_only(f"http://{host}:8080/"))


NO_ADDRESSES = (
    *("file:///etc/passwd", "gopher://a.example/", "ftp://a.example/", "javascript:alert(1)", "//a.example/"),
    *("a.example", "http://", "http:///path", "http://user:pw@a.example/", "http://a.example@127.0.0.1/"),
    *("http://a.example:22/", "http://a.example:0/", "http://a.example:99999/", "http://a.example/\r\nX: y"),
    *("http://a.example\\@b.example/", "http://a.example/\x00", "http://\xe4.example/", "http://[::1"),
    "http://a.example/" + "a" * 2000,
)


@pytest.mark.parametrize("url", NO_ADDRESSES)
def test_what_is_no_plain_web_address_is_refused_before_anybody_is_asked(url: str) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        raise AssertionError(host)

    with pytest.raises(NotAllowed):
        asyncio.run(public_only(url, resolve=resolve))


def answering(script: bytes, *, hold: bool = False) -> Any:
    """Ask a server that sends `script`, and may then dawdle."""

    async def talk() -> addresses.Reply:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(script)
            if hold:
                with suppress(ConnectionError):
                    await reader.read()
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            served.set()

        served = asyncio.Event()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            target = addresses.Target(scheme="http", host="a.example", port=port, path="/", address="127.0.0.1")
            try:
                return await addresses.ask(target, "POST", {}, b"{}", 0.5)
            finally:
                await served.wait()

    return asyncio.run(talk())


def test_a_receiver_that_dawdles_is_left() -> None:
    with pytest.raises(ProviderTimeout):
        answering(b"HTTP/1.1 200 OK\r\n", hold=True)


def test_an_endless_answer_is_cut() -> None:
    reply = answering(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000, hold=True)
    assert (reply.status, len(reply.body)) == (200, 64 * 1024)


@pytest.mark.parametrize("script", [b"", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: " + b"b" * 40_000])
def test_what_is_no_answer_is_a_failure(script: bytes) -> None:
    with pytest.raises(ProviderUnavailable):
        answering(script)
