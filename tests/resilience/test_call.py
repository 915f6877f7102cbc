"""How a call goes out, seen from its two ends: the one who asks and the providers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from storygen import events
from storygen.errors import (
    AuthenticationFailed,
    InvalidOutput,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    StorygenError,
)
from storygen.providers.base import Answer, Capability
from storygen.resilience.call import Call, Caller, CallPolicy
from storygen.resilience.retry import RetryPolicy
from storygen.store.artifacts import Store
from storygen.story import Check, Made, Usage, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    audio: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    text: str


@dataclass
class Voice:
    """A provider that does what its plan says, one item an attempt; then it delivers."""

    name: str = "alpha"
    plan: list[StorygenError | float | str] = field(default_factory=list)
    model: str = "m1"
    operation: str = "generate_content"
    output: str = "speech"
    asked: int = 0
    fingerprint: Mapping[str, Any] = field(default_factory=dict)

    def expected(self, request: Wish) -> Usage:
        return Usage(characters=len(request.text))

    async def answer(self, request: Wish, folder: Path) -> Answer[Sound]:
        self.asked += 1
        assert list(folder.iterdir()) == [], "an attempt begins in an empty folder"
        deed = self.plan.pop(0) if self.plan else "delivered"
        (folder / "a.wav").write_text(str(deed))
        if isinstance(deed, StorygenError):
            raise deed
        if isinstance(deed, float):
            await asyncio.sleep(deed)
        return Answer(value=Sound(audio=folder / "a.wav"), usage=self.expected(request))


class Dime:
    """Whatever is asked costs half a dollar."""

    def cost(self, provider: str, model: str, usage: Usage) -> float | None:
        return 0.5


async def accept(sound: Sound) -> tuple[Check, ...]:
    bad = sound.audio.read_text() == "bad"
    verdict = Verdict.FAIL if bad else Verdict.PASS
    return (Check(artifact="audio", name="silence", verdict=verdict, value=1.0, limit=0.6),)


class Slept(list[float]):
    """Waits that took no time."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


def caller(root: Path, *voices: Voice, sleep: Slept | None = None, timeout: float = 5, **retry: Any) -> Caller:
    policy = CallPolicy(timeout=timeout, retry=RetryPolicy(**retry))
    chains: Mapping[Capability, Sequence[Any]] = {Capability.SPEECH: voices}
    return Caller(chains, Store(root), policy, sleep=Slept() if sleep is None else sleep, prices=Dime())


def wish(text: str = "hello") -> Call[Sound]:
    return Call(capability=Capability.SPEECH, request=Wish(text=text), expect=Sound, check=accept)


def test_the_second_time_costs_nothing(tmp_path: Path, listener: Any) -> None:
    voice = Voice()
    first = asyncio.run(caller(tmp_path, voice)(wish()))
    second = asyncio.run(caller(tmp_path, voice)(wish()))
    assert (voice.asked, first.cached, second.cached) == (1, False, True)
    assert second.value.audio.read_text() == "delivered"
    saved = listener.of(events.CacheLooked)[-1]
    assert (saved.result, saved.saved_usd) == ("hit", 0.5)


@pytest.mark.parametrize("change", [{"model": "m2"}, {"name": "beta"}, {"fingerprint": {"speed": 2}}])
def test_another_model_provider_or_setting_is_another_result(tmp_path: Path, change: dict[str, Any]) -> None:
    asyncio.run(caller(tmp_path, Voice())(wish()))
    other = Voice(**change)
    assert not asyncio.run(caller(tmp_path, other)(wish())).cached


def test_a_passing_failure_is_tried_again_and_the_call_knows_how_often(tmp_path: Path, listener: Any) -> None:
    voice = Voice(plan=[ProviderUnavailable("down"), RateLimited("slow down", retry_after=7.0)])
    slept = Slept()
    made = asyncio.run(caller(tmp_path, voice, sleep=slept)(wish()))
    assert (made.attempts, voice.asked) == (3, 3)
    assert 0 <= slept[0] <= 1
    assert slept[1] == 7.0
    assert [(e.reason, e.attempt) for e in listener.of(events.Retried)] == [("unavailable", 1), ("rate_limited", 2)]
    assert [t.outcome.value for t in listener.named("attempt")] == ["failed", "failed", "success"]
    assert [t.outcome.value for t in listener.named("call")] == ["success"]


def test_what_trying_again_cannot_mend_is_asked_once(tmp_path: Path) -> None:
    voice = Voice(plan=[AuthenticationFailed("no")])
    with pytest.raises(AuthenticationFailed) as failure:
        asyncio.run(caller(tmp_path, voice)(wish()))
    assert (voice.asked, failure.value.provider) == (1, "alpha")


def test_attempts_end_with_the_policy(tmp_path: Path, listener: Any) -> None:
    voice = Voice(plan=[ProviderUnavailable(str(n)) for n in range(9)])
    with pytest.raises(ProviderUnavailable):
        asyncio.run(caller(tmp_path, voice, attempts=4)(wish()))
    assert voice.asked == 4
    assert [event.reason for event in listener.of(events.GaveUp)] == ["unavailable"]


def test_bad_output_is_a_failure_that_is_not_stored_and_its_cost_is_wasted(tmp_path: Path, listener: Any) -> None:
    voice = Voice(plan=["bad"])
    made = asyncio.run(caller(tmp_path, voice)(wish()))
    assert made.value.audio.read_text() == "delivered"
    assert [(e.cost_usd, e.wasted) for e in listener.of(events.Spent)] == [(0.5, "discarded"), (0.5, "")]
    assert [(e.check.name, e.check.verdict, e.provider) for e in listener.of(events.Checked)] == [
        ("silence", Verdict.FAIL, "alpha")
    ]
    with pytest.raises(InvalidOutput, match=r"silence is 1\.0, the limit is 0\.6"):
        asyncio.run(caller(tmp_path, Voice(plan=["bad"]), attempts=1)(wish("other")))


def test_a_hang_ends_at_the_time_limit(tmp_path: Path) -> None:
    voice = Voice(plan=[60.0])
    with pytest.raises(ProviderTimeout, match=r"within 0\.01 s"):
        asyncio.run(caller(tmp_path, voice, timeout=0.01, attempts=1)(wish()))


def test_the_next_of_the_chain_helps_out_and_the_reason_is_kept(tmp_path: Path, listener: Any) -> None:
    first, second = Voice(plan=[AuthenticationFailed("bad key")]), Voice("beta")
    made = asyncio.run(caller(tmp_path, first, second)(wish()))
    assert (made.provider, made.missing) == ("beta", ("alpha: authentication_failed: bad key",))
    assert made.fidelity.value == "degraded"
    fallback = listener.of(events.FellBack)[0]
    assert (fallback.from_provider, fallback.to_provider) == ("alpha", "beta")
    assert listener.named("call")[0].fields["result"] == "fallback"


def test_when_all_have_failed_every_reason_is_told(tmp_path: Path) -> None:
    first, second = Voice(plan=[AuthenticationFailed("bad key")]), Voice("beta", plan=[AuthenticationFailed("no key")])
    with pytest.raises(AuthenticationFailed, match="no key") as failure:
        asyncio.run(caller(tmp_path, first, second)(wish()))
    assert failure.value.__notes__ == ["before it, alpha: authentication_failed: bad key"]


def test_those_who_ask_for_the_same_at_once_share_one_flight(tmp_path: Path) -> None:
    voice = Voice(plan=[0.01])

    async def many() -> list[Made[Sound]]:
        call = caller(tmp_path, voice)
        return await asyncio.gather(*(call(wish()) for _ in range(20)))

    made = asyncio.run(many())
    assert voice.asked == 1
    assert sum(not one.cached for one in made) == 1


def test_a_leader_that_is_cancelled_hands_the_lead_on(tmp_path: Path) -> None:
    voice = Voice(plan=[60.0])

    async def both() -> Made[Sound]:
        call = caller(tmp_path, voice)
        leader = asyncio.create_task(call(wish()))
        follower = asyncio.create_task(call(wish()))
        while not voice.asked:
            await asyncio.sleep(0)
        leader.cancel()
        return await follower

    assert asyncio.run(both()).provider == "alpha"
    assert voice.asked == 2


def test_a_damaged_entry_is_made_again(tmp_path: Path, listener: Any) -> None:
    voice = Voice()
    made = asyncio.run(caller(tmp_path, voice)(wish()))
    made.value.audio.write_text("tampered with")
    assert not asyncio.run(caller(tmp_path, voice)(wish())).cached
    assert [event.result for event in listener.of(events.CacheLooked)] == ["miss", "error"]
