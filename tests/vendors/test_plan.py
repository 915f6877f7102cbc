"""Plans: what fires when, and what is refused; keys, limits, and control over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from storygen.errors import InvalidSettings
from storygen.vendors.bill import Bill, read_prices
from storygen.vendors.faults import SHOWN
from storygen.vendors.plan import Asked, Faults, as_plan, read_plan
from storygen.vendors.server import Simulation
from tests.vendors import clients


def asked(digest: str = "a", turn: int = 1) -> Asked:
    path = "/v1/chat/completions"
    return Asked(
        vendor="openai",
        capability="text",
        path=path,
        text="the lighthouse scene",
        digest=digest,
        turn=turn,
        shows=SHOWN["text"],
    )


def fires(rule: dict[str, Any], times: int = 6) -> list[bool]:
    faults = Faults(as_plan([{"fault": "server_error", **rule}]), lambda: 0.0)
    return [faults.meet(asked()) is not None for _ in range(times)]


def test_rules_count() -> None:
    assert fires({"first": 2}) == [True, True, False, False, False, False]
    assert fires({"every": 3}) == [False, False, True, False, False, True]
    assert fires({}) == [True] * 6


def test_a_rule_can_count_each_request_for_itself() -> None:
    faults = Faults(as_plan([{"fault": "server_error", "first": 1, "per": "request"}]), lambda: 0.0)
    assert [faults.meet(asked(digest)) is not None for digest in "abab"] == [True, True, False, False]


def test_a_schedule_follows_the_servers_own_clock() -> None:
    now = [100.0]
    faults = Faults(as_plan([{"fault": "server_error", "from": 10, "until": 20}]), lambda: now[0])
    met = []
    for now[0] in (100.0, 109.9, 110.0, 119.9, 120.0):
        met.append(faults.meet(asked()) is not None)
    assert met == [False, False, True, True, False]


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        ({"vendor": "openai"}, True),
        ({"vendor": "gemini"}, False),
        ({"capability": "speech"}, False),
        ({"path": "/v1/chat/*"}, True),
        ({"path": "/v1/audio/*"}, False),
        ({"contains": "LightHouse"}, True),
        ({"contains": "desert"}, False),
        ({"fault": "silent_audio"}, False),
    ],
)
def test_a_rule_speaks_of_some_requests_only(rule: dict[str, Any], matches: bool) -> None:
    assert all(fires(rule)) is matches
    assert any(fires(rule)) is matches


def test_all_mistakes_of_a_plan_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(
        'sed = 1\n[[rules]]\nfault = "explode"\n[[rules]]\nfault = "drop"\nrate = 2\n'
        '[[rules]]\nfault = "drop"\nfrom = 5\nuntil = 5\n[[rules]]\nfault = "empty_clip"\ncapability = "text"\n'
    )
    with pytest.raises(InvalidSettings) as caught:
        read_plan(file)
    told = caught.value.message.splitlines()
    for part in ("sed", "rules.0.fault.0", "rules.1.rate", "must be later", "can never show in text"):
        assert any(part in line for line in told)
    assert all(line.startswith(str(file)) for line in told)


def test_a_plan_is_set_read_and_refused_over_http(vendors: Simulation) -> None:
    url = f"http://127.0.0.1:{vendors.port}"
    assert httpx.put(f"{url}/_plan", json=[{"fault": "rate_limit", "rate": 0.3}]).status_code == 200
    assert httpx.get(f"{url}/_plan").json()["rules"][0]["rate"] == 0.3
    refused = httpx.put(f"{url}/_plan", json=[{"fault": "x"}, {"fault": "drop", "rate": 7}])
    assert refused.status_code == 400
    assert len(refused.json()["errors"]) == 2
    assert httpx.get(f"{url}/_plan").json()["rules"][0]["rate"] == 0.3
    vendors.plan()
    clients.chat(vendors)
    assert httpx.get(f"{url}/_billed").json() == vendors.billed()
    assert httpx.get(f"{url}/_requests").json()[0]["capability"] == "text"
    assert httpx.delete(f"{url}/_state").status_code == 204
    assert vendors.requests() == []
    assert vendors.billed()["usd"] == 0


def test_keys_are_ok_or_invalid_or_run_out(vendors: Simulation) -> None:
    from openai import AuthenticationError, RateLimitError

    vendors.plan(keys={"openai": {"sk-good": "ok", "sk-poor": "quota", "sk-small": 0.00001}})
    assert clients.chat(vendors, "sk-good")
    for key, error in (("sk-poor", RateLimitError), ("sk-strange", AuthenticationError)):
        with pytest.raises(error):
            clients.chat(vendors, key)
    assert clients.chat(vendors, "sk-small")
    with pytest.raises(RateLimitError) as caught:
        clients.chat(vendors, "sk-small")
    assert caught.value.code == "insufficient_quota"
    assert "sk-good" not in httpx.get(f"http://127.0.0.1:{vendors.port}/_plan").text


def test_a_request_without_a_key_is_refused_as_the_vendor_does(vendors: Simulation) -> None:
    base = f"http://127.0.0.1:{vendors.port}"
    assert httpx.get(f"{base}/openai/v1/models").json()["error"]["type"] == "invalid_request_error"
    assert httpx.get(f"{base}/anthropic/v1/models").json()["error"]["type"] == "authentication_error"
    assert httpx.get(f"{base}/gemini/v1beta/models").status_code == 403
    assert httpx.get(f"{base}/elevenlabs/v1/voices").json()["detail"]["status"] == "needs_authorization"
    assert httpx.get(f"{base}/runway/v1/organization").status_code == 401


def test_a_limit_shows_in_the_headers_and_then_refuses(vendors: Simulation) -> None:
    from openai import RateLimitError

    vendors.plan(limits={"openai": {"per_minute": 2}})
    left = []
    for _ in range(2):
        raw = clients.openai(vendors).models.with_raw_response.list()
        left.append(raw.headers["x-ratelimit-remaining-requests"])
    assert left == ["1", "0"]
    with pytest.raises(RateLimitError) as caught:
        clients.openai(vendors).models.list()
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 61


def test_the_same_idempotency_key_is_answered_again_and_billed_once(vendors: Simulation) -> None:
    again = {"extra_headers": {"Idempotency-Key": "once"}}
    assert clients.chat(vendors, **again).id == clients.chat(vendors, **again).id
    assert len(vendors.billed()["charges"]) == 1
    clients.chat(vendors, extra_headers={"Idempotency-Key": "twice"})
    assert len(vendors.billed()["charges"]) == 2


def test_the_bill_adds_up_by_the_price_file_and_names_what_has_no_price(tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text('[elevenlabs."eleven_*"]\ncharacters = 0.5\n[openai.x]\ninput_tokens = 2\noutput_tokens = 3\n')
    bill = Bill(read_prices(file))
    common = {"capability": "text", "lost": False}
    bill.charge(vendor="openai", model="x", units={"input_tokens": 10, "output_tokens": 1}, **common)
    place = bill.charge(vendor="elevenlabs", model="eleven_v3", units={"characters": 4}, **common)
    bill.charge(vendor="openai", model="y", units={"images": 1}, **common)
    assert bill.summary()["usd"] == 25
    assert bill.summary()["unpriced"] == ["openai/y"]
    bill.refund(place)
    assert bill.summary()["usd"] == 23


def test_all_mistakes_of_a_price_file_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text("[openai.x]\nimagez = 1\nimages = -1\n")
    with pytest.raises(InvalidSettings) as caught:
        read_prices(file)
    assert len(caught.value.message.splitlines()) == 2


def test_the_servers_own_prices_agree_with_storygens_for_every_default_model() -> None:
    from storygen.costs.prices import PriceTable
    from storygen.settings import VendorsSettings
    from storygen.story import Usage

    chosen = VendorsSettings()
    tokens = {"input_tokens": 1000, "output_tokens": 500}
    rows: list[tuple[str, str, dict[str, float]]] = [
        *((name, getattr(chosen, name).text_model, tokens) for name in ("openai", "anthropic", "gemini")),
        ("openai", chosen.openai.speech_model, {"characters": 90, "audio_seconds": 6.0}),
        ("openai", chosen.openai.image_model, {**tokens, "images": 1}),
        ("openai", chosen.openai.transcription_model, {"audio_seconds": 6.0}),
        ("gemini", chosen.gemini.speech_model, tokens),
        ("gemini", chosen.gemini.image_model, {**tokens, "images": 1}),
        ("elevenlabs", chosen.elevenlabs.speech_model, {"characters": 90}),
        ("runway", chosen.runway.video_model, {"video_seconds": 5.0}),
    ]
    bill, table = Bill(read_prices(None)), PriceTable()
    for vendor, model, units in rows:
        usage: Any = units
        assert bill.price(vendor, model, units) == pytest.approx(table.cost(vendor, model, Usage(**usage))), model
