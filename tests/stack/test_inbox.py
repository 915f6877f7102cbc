"""The inbox: what Alertmanager sends is kept and shown, and nothing else does harm."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest

from storygen.errors import InvalidSettings
from storygen.stack import inbox as module
from storygen.stack.inbox import Delivery, Inbox


def webhook(name: str = "StorygenTargetDown", status: str = "firing", **annotations: str) -> dict[str, Any]:
    alert = {
        "status": status,
        "labels": {"alertname": name, "severity": "critical"},
        "annotations": annotations,
        "startsAt": "2026-11-20T21:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
    }
    return {"version": "4", "status": status, "receiver": "pager", "alerts": [alert]}


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with Inbox() as running:
        yield running


def test_a_delivery_is_kept_with_its_receiver_and_the_time_it_came(inbox: Inbox) -> None:
    assert httpx.post(f"{inbox.url}/pager", json=webhook(summary="a is down")).status_code == 200
    (delivery,) = inbox.deliveries()
    assert (delivery.receiver, delivery.alerts[0].name) == ("pager", "StorygenTargetDown")
    assert delivery.alerts[0].annotations == {"summary": "a is down"}
    (plain,) = httpx.get(f"{inbox.url}/alerts").json()
    assert plain["at"] == delivery.at
    assert plain["alerts"][0]["labels"]["severity"] == "critical"


def test_who_waits_is_woken_by_what_comes_later_and_takes_what_came_before(inbox: Inbox) -> None:
    httpx.post(f"{inbox.url}/chat", json=webhook("First"))
    assert inbox.wait(lambda delivery: delivery.has("First"), 0)
    found: list[Delivery | None] = []
    patient = threading.Thread(
        target=lambda: found.append(inbox.wait(lambda delivery: delivery.has("First", "resolved"), 3600)), daemon=True
    )
    patient.start()
    httpx.post(f"{inbox.url}/chat", json=webhook("First", "resolved"))
    patient.join(20)
    assert [delivery and delivery.number for delivery in found] == [2]


def test_waiting_for_what_never_comes_ends(inbox: Inbox) -> None:
    assert inbox.wait(lambda _: True, 0.01) is None


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/pager", b"", 400),
        ("/pager", b"not json", 400),
        ("/pager", b"[" * 100_000, 400),
        ("/pager", b"[]", 400),
        ("/pager", b'{"alerts": 5}', 400),
        ("/pager", b'{"alerts": [{"status": "firing", "labels": []}]}', 400),
        ("/pager", b'{"alerts": [{"status": "<b>", "labels": {}}]}', 400),
        ("/pager", b"\xff\xfe", 400),
        ("/pager", b"x" * (module.LONGEST_BODY + 1), 413),
        ("/elsewhere", b"{}", 404),
        ("/../etc/passwd", b"{}", 404),
    ],
)
def test_what_is_no_webhook_is_refused_and_not_kept(inbox: Inbox, path: str, body: bytes, status: int) -> None:
    try:
        assert httpx.post(inbox.url + path, content=body).status_code == status
    except httpx.NetworkError:  # hung up on while still sending too much
        assert status == 413
    assert inbox.deliveries() == ()
    assert httpx.get(inbox.url).status_code == 200


def test_a_sender_that_does_not_say_how_much_is_refused(inbox: Inbox) -> None:
    assert httpx.post(f"{inbox.url}/pager", content=iter([b"{}"])).status_code == 411


def test_the_page_shows_the_newest_first_with_links_and_obeys_no_text_of_others(inbox: Inbox) -> None:
    hostile = webhook(
        "<script>alert(1)</script>",
        summary='"><img src=x onerror=alert(1)> \ud800',
        runbook_url="javascript:alert(1)",
        dashboard_url='http://127.0.0.1/"onclick="x',
        trace_url="http://127.0.0.1:1/search",
    )
    httpx.post(f"{inbox.url}/chat", json=webhook("Older"))
    httpx.post(f"{inbox.url}/chat", content=json.dumps(hostile).encode())
    answer = httpx.get(inbox.url)
    page = answer.text
    assert "<script" not in page
    assert "<img" not in page
    assert "javascript:" not in page
    assert 'onclick="x' not in page
    assert '<a href="http://127.0.0.1:1/search"' in page
    assert page.index("&lt;script&gt;") < page.index("Older")
    assert "prefers-color-scheme: dark" in page
    assert 'http-equiv="refresh"' in page
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_only_the_latest_are_kept(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(module.KEPT + 3):
        inbox.take(Delivery(receiver="log", at=number, alerts=(), size=1))
    assert [delivery.at for delivery in inbox.deliveries()][::499] == [3, 502]
    monkeypatch.setattr(module, "KEPT_BYTES", 10)
    inbox.take(Delivery(receiver="log", at=9, alerts=(), size=8))
    assert sum(delivery.size for delivery in inbox.deliveries()) <= 10


def test_runbooks_are_served_and_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks" / "A.md").write_text("# A")
    (tmp_path / "secret.md").write_text("secret")
    with Inbox(runbooks=tmp_path / "runbooks") as inbox:
        assert httpx.get(f"{inbox.url}/runbooks/A.md").text == "# A"
        for path in ("../secret.md", "%2e%2e/secret.md", f"{tmp_path}/secret.md", "*.md", ""):
            raw = HTTPConnection("127.0.0.1", inbox.port)  # httpx would tidy the path up
            raw.request("GET", f"/runbooks/{path}")
            assert raw.getresponse().status == 404
            raw.close()


def test_a_port_that_is_taken_says_so(inbox: Inbox) -> None:
    with pytest.raises(InvalidSettings, match=f"{inbox.port} cannot be used"):
        Inbox(inbox.port)
