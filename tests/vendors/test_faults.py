"""Every fault as the vendors' SDKs see it."""

from __future__ import annotations

import asyncio
import base64
import json
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from storygen.vendors.faults import SHOWN, Fault
from storygen.vendors.server import Simulation
from tests.vendors import clients
from tests.vendors.clients import HELLO
from tests.vendors.test_media import fetch, loudest, pcm_seconds

STATUS = {
    "rate_limit": {"gemini": 429, "openai": 429, "anthropic": 429, "elevenlabs": 429, "runway": 429},
    "server_error": {"gemini": 500, "openai": 500, "anthropic": 500, "elevenlabs": 500, "runway": 500},
    "unavailable": {"gemini": 503, "openai": 503, "anthropic": 503, "elevenlabs": 503, "runway": 503},
    "unauthorized": {"gemini": 401, "openai": 401, "anthropic": 401, "elevenlabs": 401, "runway": 401},
    "quota": {"gemini": 429, "openai": 429, "anthropic": 400, "elevenlabs": 401, "runway": 400},
}


def ask(vendor: str, vendors: Simulation) -> Any:
    if vendor == "openai":
        return clients.chat(vendors)
    if vendor == "anthropic":
        return clients.anthropic(vendors).messages.create(model="claude-haiku-4-5", max_tokens=50, messages=HELLO)
    if vendor == "gemini":
        return clients.gemini(vendors).models.generate_content(model="gemini-2.5-flash", contents="hello")
    if vendor == "elevenlabs":
        return clients.spoken(vendors, request_options={"max_retries": 0})
    return order(vendors)


def order(vendors: Simulation) -> Any:
    return clients.runway(vendors).text_to_video.create(
        model="gen4.5", prompt_text="waves", ratio="1280:720", duration=5
    )


def status_of(error: Any) -> int:
    return int(getattr(error, "status_code", None) or error.code)


@pytest.mark.parametrize("vendor", ["openai", "anthropic", "gemini", "elevenlabs", "runway"])
@pytest.mark.parametrize("fault", STATUS)
def test_a_refusal_has_the_status_that_the_vendor_gives_it(fault: str, vendor: str, vendors: Simulation) -> None:
    vendors.plan([{"vendor": vendor, "fault": fault, "first": 1}])
    with pytest.raises(Exception) as caught:  # noqa: PT011  # each SDK has classes of its own
        ask(vendor, vendors)
    assert status_of(caught.value) == STATUS[fault][vendor]
    assert vendors.billed()["charges"] == []
    assert ask(vendor, vendors)


def test_quota_is_told_in_the_vendors_own_words(vendors: Simulation) -> None:
    vendors.plan([{"fault": "quota"}])
    told = {}
    for vendor in ("openai", "anthropic", "gemini", "elevenlabs", "runway"):
        with pytest.raises(Exception) as caught:  # noqa: PT011
            ask(vendor, vendors)
        told[vendor] = f"{caught.value} {getattr(caught.value, 'code', '')}"
    assert "insufficient_quota" in told["openai"]
    assert "credit balance is too low" in told["anthropic"]
    assert "QuotaFailure" in told["gemini"]
    assert "quota_exceeded" in told["elevenlabs"]
    assert "not have enough credits" in told["runway"]


@pytest.mark.parametrize("as_date", [False, True])
def test_a_rate_limit_says_when_to_come_back_in_seconds_or_as_a_date(as_date: bool, vendors: Simulation) -> None:
    from openai import RateLimitError

    vendors.plan([{"fault": "rate_limit", "retry_after": 7, "as_date": as_date, "first": 1}, {"fault": "rate_limit"}])
    with pytest.raises(RateLimitError) as caught:
        clients.chat(vendors)
    said = caught.value.response.headers["retry-after"]
    assert parsedate_to_datetime(said).year >= 2026 if as_date else said == "7"
    with pytest.raises(RateLimitError) as caught:
        clients.chat(vendors)
    assert "retry-after" not in caught.value.response.headers


def test_a_slow_answer_comes_late_and_whole(vendors: Simulation) -> None:
    vendors.plan([{"fault": "slow", "seconds": 0.05}])
    assert clients.chat(vendors).choices[0].message.content
    assert vendors.billed()["lost_usd"] == 0


def test_a_hang_ends_with_the_callers_patience_and_is_billed_as_lost(vendors: Simulation) -> None:
    from openai import APITimeoutError

    vendors.plan([{"fault": "hang", "first": 1}])
    with pytest.raises(APITimeoutError):
        clients.openai(vendors, timeout=0.5).chat.completions.create(model="gpt-4o-mini", messages=HELLO)
    assert clients.chat(vendors)
    first, second = vendors.billed()["charges"]
    assert (first["lost"], second["lost"]) == (True, False)
    assert 0 < vendors.billed()["lost_usd"] < vendors.billed()["usd"]


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_dropped_connection_is_an_answer_that_was_billed_and_lost(is_stream: bool, vendors: Simulation) -> None:
    from httpx2 import RemoteProtocolError
    from openai import APIConnectionError

    vendors.plan([{"fault": "drop", "share": 0.5}])
    with pytest.raises((APIConnectionError, RemoteProtocolError)):
        list(clients.chat(vendors, stream=is_stream))
    assert [charge["lost"] for charge in vendors.billed()["charges"]] == [True]


def test_broken_sound_decodes_to_what_the_plan_says(vendors: Simulation) -> None:
    def heard(*rules: dict[str, Any]) -> bytes:
        vendors.plan(rules)
        return base64.b64decode(clients.spoken(vendors).audio_base_64)

    whole = heard()
    silent = heard({"fault": "silent_audio"})
    assert len(silent) == len(whole)
    assert loudest(silent) == 0
    assert len(heard({"fault": "truncated_audio", "share": 0.25})) == pytest.approx(len(whole) / 4, abs=4)
    assert pcm_seconds(heard({"fault": "wrong_rate_audio"})) == pytest.approx(pcm_seconds(whole) * 2 / 3, rel=0.01)


SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "x",
        "schema": {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]},
    },
}


def test_a_model_writes_broken_json_or_json_of_another_shape(vendors: Simulation) -> None:
    def written(fault: str) -> str:
        vendors.plan([{"fault": fault}] if fault else [])
        return str(clients.chat(vendors, response_format=SCHEMA).choices[0].message.content)

    assert json.loads(written(""))["title"]
    assert "title" not in json.loads(written("wrong_shape"))
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        json.loads(written("broken_json"))


def test_an_answer_in_broken_json_cannot_be_read_by_the_sdk(vendors: Simulation) -> None:
    vendors.plan([{"fault": "broken_json", "capability": "speech"}])
    with pytest.raises(Exception, match=r"JSON|status_code: 200|Expecting|Unterminated|delimiter"):
        clients.spoken(vendors)


def test_a_refusal_of_content_has_the_vendors_form(vendors: Simulation) -> None:
    from openai import BadRequestError

    vendors.plan([{"fault": "refusal"}], polls=0)
    assert clients.chat(vendors).choices[0].message.refusal
    assert ask("anthropic", vendors).stop_reason == "refusal"
    assert ask("gemini", vendors).prompt_feedback.block_reason == "PROHIBITED_CONTENT"
    with pytest.raises(BadRequestError) as caught:
        clients.openai(vendors).images.generate(model="gpt-image-1", prompt="x")
    assert caught.value.code == "moderation_blocked"
    with pytest.raises(Exception, match="content_against_policy"):
        clients.spoken(vendors)
    task = clients.runway(vendors).tasks.retrieve(order(vendors).id)
    assert (task.status, task.failure_code) == ("FAILED", "SAFETY.INPUT.TEXT")


def test_a_task_fails_or_never_ends_or_delivers_nothing(vendors: Simulation) -> None:
    client = clients.runway(vendors)
    vendors.plan([{"fault": "task_fails", "first": 1}, {"fault": "task_never_finishes", "first": 1}], polls=0)
    failed, endless = order(vendors), order(vendors)
    assert client.tasks.retrieve(failed.id).status == "FAILED"
    assert {client.tasks.retrieve(endless.id).status for _ in range(20)} == {"RUNNING"}
    assert vendors.billed()["usd"] == pytest.approx(0.6)
    vendors.plan([{"fault": "empty_clip"}], polls=0)
    assert fetch(client.tasks.retrieve(order(vendors).id).output[0]) == b""


def test_every_fault_can_show_somewhere() -> None:
    assert frozenset(Fault) == frozenset().union(*SHOWN.values())


def test_chance_hits_the_same_requests_in_whatever_order_they_come(vendors: Simulation) -> None:
    from openai import AsyncOpenAI, InternalServerError

    async def fallen(order_of_asking: list[int]) -> set[int]:
        vendors.reset()
        vendors.plan([{"fault": "server_error", "rate": 0.4}], seed=11)
        async with AsyncOpenAI(api_key="k", base_url=vendors.url("openai"), max_retries=0) as client:

            async def one(number: int) -> int | None:
                asked = [{"role": "user", "content": f"number {number}"}]
                try:
                    await client.chat.completions.create(model="gpt-4o-mini", messages=asked)
                except InternalServerError:
                    return number
                return None

            return {found for found in await asyncio.gather(*map(one, order_of_asking)) if found is not None}

    forwards = asyncio.run(fallen(list(range(40))))
    assert 6 <= len(forwards) <= 27
    assert asyncio.run(fallen(list(range(39, -1, -1)))) == forwards
