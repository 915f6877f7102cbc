"""A clip is ordered, asked for and fetched; what was paid for is never paid again, whatever breaks on the way."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pydantic import SecretStr

from storygen.errors import (
    AuthenticationFailed,
    ContentRejected,
    InvalidOutput,
    ProviderFailure,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
)
from storygen.events import Polled
from storygen.media.probe import is_media
from storygen.providers.base import Answer
from storygen.providers.keys import KeyRing
from storygen.providers.video.base import Clip, ClipRequest
from storygen.providers.video.download import download
from storygen.providers.video.runway import Runway
from storygen.settings import RunwaySettings
from storygen.store.jobs import Jobs
from storygen.story import Frame, Mood, Usage
from storygen.vendors.server import Simulation


def still() -> bytes:
    written = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(written, "PNG")
    return written.getvalue()


REQUEST = ClipRequest(
    picture="a lighthouse by the sea",
    mood=Mood.CALM,
    frame=Frame(width=180, height=320, fps=30),
    seconds=4.0,
    still=still(),
)
KEYS = ("key-runway-1",)


def maker(vendors: Simulation, folder: Path, keys: tuple[str, ...] = KEYS, **settings: Any) -> Runway:
    settings = {"base_url": vendors.url("runway"), "poll_seconds": 0.01, "timeout": 20.0} | settings
    secrets = tuple(SecretStr(key) for key in keys)
    return Runway(RunwaySettings(**settings, api_keys=secrets), KeyRing(secrets), Jobs(folder / "state"))


def filmed(one: Runway, folder: Path, request: ClipRequest = REQUEST) -> Answer[Clip]:
    return asyncio.run(one.answer(request, folder))


def failure(one: Runway, folder: Path) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as failed:
        filmed(one, folder)
    return failed.value


def orders(vendors: Simulation) -> list[str]:
    return [entry["path"] for entry in vendors.requests("runway") if entry["method"] == "POST"]


def billed_seconds(vendors: Simulation) -> float:
    return sum(charge.units["video_seconds"] for charge in vendors.world.bill.charges if charge.usd)


def test_a_clip_is_ordered_once_polled_and_fetched(vendors: Simulation, tmp_path: Path, listener: Any) -> None:
    one = maker(vendors, tmp_path)
    answer = filmed(one, tmp_path)
    assert is_media(answer.value.video)
    assert answer.value.seconds == 5.0
    assert answer.usage == one.expected(REQUEST) == Usage(video_seconds=5.0)
    assert orders(vendors) == ["/v1/image_to_video"]
    states = [event.state for event in listener.of(Polled)]
    assert states == ["SUBMITTED", "PENDING", "RUNNING", "SUCCEEDED"]


def test_without_a_picture_words_alone_make_a_clip_where_the_model_can(vendors: Simulation, tmp_path: Path) -> None:
    bare = replace(REQUEST, still=b"")
    filmed(maker(vendors, tmp_path, video_model="gen4.5"), tmp_path, bare)
    filmed(maker(vendors, tmp_path, video_model="gen4.5", from_picture=False), tmp_path)
    assert orders(vendors) == ["/v1/text_to_video"] * 2
    with pytest.raises(ProviderFailure) as failed:
        filmed(maker(vendors, tmp_path), tmp_path, bare)
    assert "gen4.5" in failed.value.hint
    assert len(orders(vendors)) == 2


def test_a_longer_clip_is_ordered_only_where_it_is_needed_and_allowed(vendors: Simulation, tmp_path: Path) -> None:
    wishes = {(4.0, 5): 5.0, (4.0, 10): 5.0, (25.0, 5): 5.0, (25.0, 10): 10.0}
    for (seconds, longest), given in wishes.items():
        one = maker(vendors, tmp_path, seconds=longest)
        assert one.expected(replace(REQUEST, seconds=seconds)) == Usage(video_seconds=given)


FAULTS: Mapping[str, type[ProviderFailure]] = {
    "rate_limit": RateLimited,
    "server_error": ProviderUnavailable,
    "unauthorized": AuthenticationFailed,
    "quota": QuotaExceeded,
    "drop": ProviderUnavailable,
    "broken_json": InvalidOutput,
    "wrong_shape": InvalidOutput,
    "refusal": ContentRejected,
    "task_fails": ProviderUnavailable,
    "empty_clip": InvalidOutput,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_of_an_order_is_one_of_our_errors_with_what_it_cost(
    vendors: Simulation, tmp_path: Path, fault: str
) -> None:
    vendors.plan([{"fault": fault, "vendor": "runway", "path": "/v1/image_to_video"}])
    error = failure(maker(vendors, tmp_path), tmp_path)
    assert type(error) is FAULTS[fault]
    assert KEYS[0] not in f"{error} {error.hint} {error.__cause__}"
    known = error.usage.video_seconds if error.usage else 0.0
    assert known <= billed_seconds(vendors) <= known + (5.0 if error.is_uncertain else 0.0)
    assert len(orders(vendors)) == 1


@pytest.mark.parametrize("fault", ["drop", "broken_json", "wrong_shape", "task_fails", "empty_clip"])
def test_asked_again_after_a_fault_it_delivers_and_what_never_came_through_is_billed_once(
    vendors: Simulation, tmp_path: Path, fault: str
) -> None:
    vendors.plan([{"fault": fault, "vendor": "runway", "path": "/v1/image_to_video", "first": 1}])
    one = maker(vendors, tmp_path)
    failure(one, tmp_path)
    assert is_media(filmed(one, tmp_path).value.video)
    assert billed_seconds(vendors) == (5.0 if fault in {"drop", "task_fails"} else 10.0)


@pytest.mark.parametrize("fault", ["rate_limit", "server_error", "drop", "broken_json", "wrong_shape"])
def test_a_few_polls_that_break_do_not_break_the_clip(vendors: Simulation, tmp_path: Path, fault: str) -> None:
    vendors.plan([{"fault": fault, "vendor": "runway", "path": "/v1/tasks/*", "first": 3}])
    assert is_media(filmed(maker(vendors, tmp_path), tmp_path).value.video)
    assert len(orders(vendors)) == 1


def test_a_download_that_breaks_is_fetched_again_and_not_ordered_again(vendors: Simulation, tmp_path: Path) -> None:
    vendors.plan([{"fault": "drop", "vendor": "runway", "path": "/files/*", "first": 1}])
    one = maker(vendors, tmp_path)
    error = failure(one, tmp_path)
    assert error.retryable
    assert error.is_uncertain
    assert is_media(filmed(one, tmp_path).value.video)
    assert len(orders(vendors)) == 1


def test_a_task_that_never_finishes_times_out_as_uncertain_and_the_next_run_fetches_it(
    vendors: Simulation, tmp_path: Path
) -> None:
    vendors.plan([{"fault": "task_never_finishes", "vendor": "runway"}])
    error = failure(maker(vendors, tmp_path, timeout=0.5), tmp_path)
    assert isinstance(error, ProviderTimeout)
    assert error.is_uncertain
    assert "run again" in error.hint
    for task in vendors.world.tasks.values():
        task.never = False
    filmed(maker(vendors, tmp_path), tmp_path)
    assert len(orders(vendors)) == 1
    assert billed_seconds(vendors) == 5.0


def test_a_task_that_the_vendor_has_forgotten_is_told_of_and_ordered_anew(vendors: Simulation, tmp_path: Path) -> None:
    vendors.plan([{"fault": "task_never_finishes", "vendor": "runway"}])
    failure(maker(vendors, tmp_path, timeout=0.5), tmp_path)
    vendors.plan()
    vendors.world.tasks.clear()
    one = maker(vendors, tmp_path)
    error = failure(one, tmp_path)
    assert error.retryable
    assert "no longer knows" in error.message
    filmed(one, tmp_path)
    assert len(orders(vendors)) == 2


def test_a_clip_that_was_no_good_is_made_anew_and_a_stored_one_is_forgotten(
    vendors: Simulation, tmp_path: Path
) -> None:
    one = maker(vendors, tmp_path)
    filmed(one, tmp_path)
    filmed(one, tmp_path)
    assert len(orders(vendors)) == 2
    assert billed_seconds(vendors) == 10.0
    one.settle(REQUEST)
    assert Jobs(tmp_path / "state").waiting() == 0


def test_a_clip_that_was_fetched_but_not_stored_is_fetched_by_the_next_run(vendors: Simulation, tmp_path: Path) -> None:
    filmed(maker(vendors, tmp_path), tmp_path)
    filmed(maker(vendors, tmp_path), tmp_path)
    assert len(orders(vendors)) == 1


def test_the_account_that_paid_is_the_one_that_is_asked(vendors: Simulation, tmp_path: Path) -> None:
    keys = ("key-runway-1", "key-runway-2", "key-runway-3")
    vendors.plan([{"fault": "task_never_finishes", "vendor": "runway"}])
    failure(maker(vendors, tmp_path, keys[1:2], timeout=0.5), tmp_path)
    (task,) = vendors.world.tasks.values()
    task.never = False
    signature = f"signed-{task.id[:8]}"
    vendors.plan(keys={"runway": {keys[0]: "invalid", keys[1]: "ok", keys[2]: "invalid", signature: "ok"}})
    filmed(maker(vendors, tmp_path, keys), tmp_path)
    assert len(orders(vendors)) == 1


SUBMIT_AND_DIE = """
import asyncio, os, signal, sys
from pathlib import Path
from storygen import events
from tests.providers.video import test_runway as room

class Killer:
    hears = {events.Polled}
    def began(self, timed): ...
    def ended(self, timed): ...
    def noted(self, event, within):
        if event.state == sys.argv[3]:
            os.kill(os.getpid(), signal.SIGKILL)

class At:
    def url(self, vendor):
        return sys.argv[1]

with events.watched(events.Watch([Killer()], "r")):
    asyncio.run(room.maker(At(), Path(sys.argv[2])).answer(room.REQUEST, Path(sys.argv[2])))
"""


@pytest.mark.parametrize("state", ["SUBMITTED", "RUNNING", "SUCCEEDED"])
def test_a_run_that_is_killed_is_billed_once_and_the_next_one_fetches_the_clip(
    vendors: Simulation, tmp_path: Path, state: str
) -> None:
    command = [sys.executable, "-c", SUBMIT_AND_DIE, vendors.url("runway"), str(tmp_path), state]
    root = Path(__file__).parents[3]
    ended = subprocess.run(command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert Jobs(tmp_path / "state").waiting() == 1
    answer = filmed(maker(vendors, tmp_path), tmp_path)
    assert is_media(answer.value.video)
    assert answer.usage == Usage(video_seconds=5.0)
    assert len(orders(vendors)) == 1
    assert billed_seconds(vendors) == 5.0


def test_no_key_and_no_signed_address_is_logged_or_kept(
    vendors: Simulation, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    vendors.plan([{"fault": "drop", "vendor": "runway", "path": "/files/*", "first": 1}])
    one = maker(vendors, tmp_path)
    with caplog.at_level(logging.DEBUG):
        error = failure(one, tmp_path)
        filmed(one, tmp_path)
    told = [record.getMessage() for record in caplog.records if record.name != "asyncio"]
    kept = [path.read_text() for path in (tmp_path / "state").rglob("*.json")]
    for text in (*told, *kept, str(error), repr(error.__cause__)):
        assert "_jwt" not in text
        assert KEYS[0] not in text
    assert set(json.loads(kept[0])) == {"id", "provider", "submitted", "account"}


@pytest.mark.parametrize(
    "address",
    ["http://example.com/clip.mp4", "file:///etc/passwd", "ftp://127.0.0.1/x", "https://", "http://[", "//x/y", ""],
)
def test_an_address_that_is_neither_secure_nor_the_vendors_own_is_not_asked(tmp_path: Path, address: str) -> None:
    with pytest.raises(InvalidOutput) as refused:
        asyncio.run(download(address, tmp_path / "x", provider="runway", base_url="http://127.0.0.1:1/runway"))
    assert "clip.mp4" not in str(refused.value)
    assert not (tmp_path / "x").exists()


def test_a_download_that_is_too_large_is_given_up(
    vendors: Simulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storygen.providers.video.download.MOST_BYTES", 1000)
    error = failure(maker(vendors, tmp_path), tmp_path)
    assert isinstance(error, InvalidOutput)
    assert error.usage == Usage(video_seconds=5.0)
