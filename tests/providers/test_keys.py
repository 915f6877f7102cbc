"""Keys are used in turn, rest when they are used up, and are never told."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from storygen.errors import AuthenticationFailed, QuotaExceeded, RateLimited
from storygen.providers.keys import KeyRing, conceal


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def ring(*keys: str, clock: Clock | None = None) -> KeyRing:
    return KeyRing([SecretStr(key) for key in keys], clock or Clock())


@given(st.integers(1, 6), st.integers(1, 20))
def test_every_key_is_used_as_often_as_any_other(count: int, rounds: int) -> None:
    keys = ring(*(f"key-number-{at}" for at in range(count)))
    taken = [keys.take() for _ in range(count * rounds)]
    assert {taken.count(key) for key in taken} == {rounds}


def test_a_key_that_rests_is_passed_over_until_its_time_is_over() -> None:
    clock = Clock()
    keys = ring("first-key", "second-key", clock=clock)
    keys.rest("first-key", 30)
    assert {keys.take() for _ in range(4)} == {"second-key"}
    clock.now = 30
    assert {keys.take() for _ in range(4)} == {"first-key", "second-key"}


def test_when_all_keys_rest_the_error_says_when_the_first_is_back() -> None:
    keys = ring("first-key", "second-key")
    keys.rest("first-key", 30)
    keys.rest("second-key", 20)
    with pytest.raises(QuotaExceeded) as caught:
        keys.take()
    assert caught.value.retry_after == 20


def test_without_any_key_the_call_is_not_made() -> None:
    with pytest.raises(AuthenticationFailed):
        ring().take()


def test_a_used_up_key_rests_and_the_next_one_answers_the_same_call() -> None:
    keys, asked = ring("first-key", "second-key"), []

    async def send(key: str) -> str:
        asked.append(key)
        if key == "first-key":
            raise QuotaExceeded("nothing left")
        return "done"

    assert [asyncio.run(keys.spend(send)) for _ in range(3)] == ["done"] * 3
    assert asked == ["first-key", "second-key", "second-key", "second-key"]


def test_when_every_key_is_used_up_the_vendors_own_error_is_raised_and_then_nobody_is_asked() -> None:
    keys, asked = ring("first-key", "second-key"), []

    async def send(key: str) -> str:
        asked.append(key)
        raise QuotaExceeded("nothing left")

    for _ in range(3):
        with pytest.raises(QuotaExceeded):
            asyncio.run(keys.spend(send))
    assert asked == ["first-key", "second-key"]


def test_a_refused_key_is_stood_in_for_but_an_only_key_is_asked_again() -> None:
    asked = []

    async def send(key: str) -> str:
        asked.append(key)
        raise AuthenticationFailed("refused")

    alone = ring("only-one-key")
    for _ in range(2):
        with pytest.raises(AuthenticationFailed):
            asyncio.run(alone.spend(send))
    assert asked == ["only-one-key"] * 2


@pytest.mark.parametrize(("keys", "wish"), [(("first-key",), 7.0), (("first-key", "second-key"), None)])
def test_the_wish_to_wait_is_passed_on_only_where_no_other_key_could_be_used(
    keys: tuple[str, ...], wish: float | None
) -> None:
    async def send(key: str) -> str:
        raise RateLimited("slow down", retry_after=7.0)

    with pytest.raises(RateLimited) as caught:
        asyncio.run(ring(*keys).spend(send))
    assert caught.value.retry_after == wish


def test_nobody_sees_a_key_in_the_ring() -> None:
    assert "first-key" not in repr(ring("first-key"))


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("the key planted-key-77 is wrong", "the key [redacted] is wrong"),
        ("https://u:p@host/clip.mp4?X-Amz-Signature=abc gone", "https://host/clip.mp4 gone"),
        ("Incorrect API key provided: sk-proj-abc***xyz", "Incorrect API key provided: [redacted]"),
        ("Authorization: Bearer abcdef", "Authorization: Bearer [redacted]"),
        ("a story of keys and a key-holder", "a story of keys and a key-holder"),
    ],
)
def test_what_is_told_holds_no_key_and_no_signature(told: str, kept: str) -> None:
    ring("planted-key-77")
    assert conceal(told) == kept
