"""The keys of a vendor, used in turn, and the words that keep them out of whatever is told."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from pydantic import SecretStr

from storygen.errors import AuthenticationFailed, ProviderFailure, QuotaExceeded, RateLimited

R = TypeVar("R")

QUOTA_REST = 600.0
RATE_REST = 20.0
CONCEALED = "[redacted]"
_LEAST_SECRET = 8
_KEYLIKE = re.compile(r"\b(?:sk|pk|xi|rk|key)[-_][\w*-]{8,}|\bAIza[\w-]{10,}|(?<=[Bb]earer )[^\s\"']+")
_QUERY = re.compile(r"(?P<place>[a-z][a-z0-9+.-]*://[^\s?#\"'<>]*)[?#][^\s\"'<>]*", re.IGNORECASE)
_USER = re.compile(r"(?<=://)[^\s/@\"']+@")
_secrets: set[str] = set()


def conceal(text: str) -> str:
    """`text` without the keys that any ring holds, what looks like a key, and the queries that sign addresses."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, CONCEALED)
    return _KEYLIKE.sub(CONCEALED, _QUERY.sub(r"\g<place>", _USER.sub("", text)))


class KeyRing:
    """The keys of one vendor, lent in turn; one that is used up rests until `clock` says that its time is over."""

    def __init__(self, keys: Sequence[SecretStr], clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = tuple(dict.fromkeys(key.get_secret_value().strip() for key in keys))
        self._clock = clock
        self._next = 0
        self._resting: dict[str, float] = {}
        _secrets.update(key for key in self._keys if len(key) >= _LEAST_SECRET)

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"KeyRing({len(self)} keys)"

    def take(self) -> str:
        """The next key that does not rest. Raises `AuthenticationFailed` without any, `QuotaExceeded` if all rest."""
        if not self._keys:
            raise AuthenticationFailed("No key is set.")
        for _ in self._keys:
            key = self._keys[self._next]
            self._next = (self._next + 1) % len(self._keys)
            if self._is_awake(key):
                return key
        soonest = max(0.0, min(self._resting.values()) - self._clock())
        raise QuotaExceeded(
            f"Every key rests; the first is used again in {soonest:.0f} s.",
            retry_after=soonest,
            hint="Raise the account's limit, or add a key of another account.",
        )

    def rest(self, key: str, seconds: float) -> None:
        """Do not lend `key` for so long."""
        self._resting[key] = self._clock() + seconds

    def has_others(self, key: str) -> bool:
        """Whether any key but this one could be lent now."""
        return any(other != key and self._is_awake(other) for other in self._keys)

    async def spend(self, send: Callable[[str], Awaitable[R]]) -> R:
        """What `send(key)` delivers; where a key is used up or refused it rests and the next one is tried at once.

        A key that is asked to slow down rests only while others can stand in for it, so that the wish to wait reaches
        whoever retries. `send` raises errors of our own tree.
        """
        while True:
            key = self.take()
            try:
                return await send(key)
            except (QuotaExceeded, AuthenticationFailed) as error:
                others = self.has_others(key)
                if others or isinstance(error, QuotaExceeded):
                    self.rest(key, _wish(error, QUOTA_REST))
                if not others:
                    raise
            except RateLimited as error:
                if self.has_others(key):
                    self.rest(key, _wish(error, RATE_REST))
                    error.retry_after = None
                raise

    def _is_awake(self, key: str) -> bool:
        until = self._resting.get(key)
        if until is not None and until <= self._clock():
            del self._resting[key]
            until = None
        return until is None


def _wish(error: ProviderFailure, otherwise: float) -> float:
    return otherwise if error.retry_after is None else error.retry_after
