"""What an exception of an SDK tells of the answer behind it: status, headers, body, and how long to wait."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any


def status_of(error: Exception) -> int:
    """The HTTP status that an exception tells of; 0 where it tells of none."""
    response = attribute(error, "response")
    for source, name in ((error, "status_code"), (error, "code"), (response, "status_code"), (response, "status")):
        found = attribute(source, name)
        if isinstance(found, int) and not isinstance(found, bool) and 100 <= found < 600:
            return found
    return 0


def headers_of(error: BaseException) -> Mapping[str, str]:
    """The headers of the answer that an exception tells of, or that one of its causes does."""
    for one in chain_of(error):
        for source in (one, attribute(one, "response")):
            found = attribute(source, "headers")
            if isinstance(found, Mapping) and found:
                return {str(name).lower(): str(value) for name, value in found.items()}
    return {}


def wish_of(error: Exception) -> float | None:
    """How many seconds the vendor asks to wait, from its headers (seconds or a date) or Google's `retryDelay`."""
    headers = headers_of(error)
    if (wish := _number(headers.get("retry-after-ms"))) is not None:
        return wish / 1000
    if (wish := retry_after(headers.get("retry-after", ""))) is not None:
        return wish
    delay = re.search(r'"?retryDelay"?\s*:\s*"?([\d.]+)s', json.dumps(body_of(error), default=str))
    return _number(delay[1] if delay else getattr(error, "retry_after", None))


def retry_after(text: str, now: float | None = None) -> float | None:
    """Seconds from a `Retry-After` header (RFC 9110, 10.2.3); None for what is no such thing."""
    if (seconds := _number(text)) is not None:
        return seconds
    try:
        then = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, then - (time.time() if now is None else now))


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if isfinite(number) and number >= 0 else None


def body_of(error: Exception) -> Any:
    """The body of the answer, decoded where the SDK did that; None where there is none."""
    return next((found for name in ("body", "details") if (found := getattr(error, name, None))), None)


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and those behind it, as a traceback would show them."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def attribute(source: object, name: str) -> Any:
    """An attribute, where reading it does not raise: some SDKs make properties of what may be missing."""
    try:
        return getattr(source, name, None)
    except Exception:  # noqa: BLE001 - a property of somebody else's exception
        return None
