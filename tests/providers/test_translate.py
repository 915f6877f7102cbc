"""Whatever an SDK raises becomes one of our errors, tells no key, and says whether it may have been billed."""

from __future__ import annotations

import inspect
import io
import pkgutil
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from storygen import errors
from storygen.errors import (
    AuthenticationFailed,
    ContentRejected,
    DiskFull,
    InvalidOutput,
    InvalidSettings,
    ProviderFailure,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    StorygenError,
)
from storygen.providers.hints import hinting
from storygen.providers.keys import KeyRing
from storygen.providers.translate import translated
from storygen.providers.wire import retry_after
from storygen.story import Usage

PACKAGES = ("openai", "anthropic", "google.genai", "elevenlabs", "runwayml", "httpx", "httpx2", "pydantic_ai")
STATUSES = (200, 400, 401, 402, 403, 404, 408, 409, 413, 422, 425, 429, 500, 502, 503, 504, 529)
URL = "https://vendor.test/v1/make"


def public_modules(package: str) -> Iterator[Any]:
    """A package and those modules of it that hold its exceptions."""
    root = import_module(package)
    yield root
    for found in pkgutil.iter_modules(root.__path__):
        if any(word in found.name for word in ("exception", "error")):
            yield import_module(f"{package}.{found.name}")
    if package == "elevenlabs":
        yield import_module("elevenlabs.core")
        yield import_module("elevenlabs.errors")


def classes() -> list[type[Exception]]:
    found = {
        kind
        for package in PACKAGES
        for module in public_modules(package)
        for name, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Exception) and not issubclass(kind, Warning) and not name.startswith("_")
    }
    return sorted(found, key=lambda kind: f"{kind.__module__}.{kind.__qualname__}")


def response(kind: type[Exception], status: int, headers: dict[str, str] | None = None, body: Any = None) -> Any:
    """An answer of the HTTP library that the class's own SDK speaks with."""
    library = import_module("httpx" if kind.__module__.startswith(("runwayml", "httpx.", "elevenlabs")) else "httpx2")
    request = library.Request("POST", URL)
    return library.Response(status, request=request, headers=headers or {}, json=body or {"error": {"message": "no"}})


def instance(kind: type[Exception], status: int, **more: Any) -> Exception:
    """An exception of `kind` as its SDK would make it."""
    answer = response(kind, status, **more)
    known = {
        "message": "it broke",
        "exceptions": [ValueError("it broke")],
        "response": answer,
        "request": answer.request,
        "body": answer.text if "UnexpectedModelBehavior" in str(kind.__mro__) else answer.json(),
        "status_code": status,
        "code": status,
        "response_json": answer.json(),
        "headers": dict(answer.headers),
        "model_name": "a-model",
        "timeout": 3.0,
        "unsent_messages": [],
    }
    if issubclass(kind, ExceptionGroup):
        return kind("it broke", [ValueError("it broke")])
    try:
        wanted = inspect.signature(kind).parameters.values()
    except ValueError:
        return kind("it broke")
    ready = [one for one in wanted if one.name in known]
    ordered = [known[one.name] for one in ready if one.kind is not one.KEYWORD_ONLY]
    named = {one.name: known[one.name] for one in ready if one.kind is one.KEYWORD_ONLY}
    try:
        return kind(*ordered, **named)
    except (TypeError, ValueError, AttributeError):
        made = kind.__new__(kind, "it broke")
        Exception.__init__(made, "it broke")
        return made


def raised(error: BaseException, provider: str = "openai", usage: Usage | None = None) -> StorygenError:
    with pytest.raises(StorygenError) as caught, translated(provider, usage):
        raise error
    return caught.value


def told(error: BaseException) -> str:
    """All that anybody could come to see of an error."""
    shown = io.StringIO()
    traceback.print_exception(error, file=shown)
    behind = [repr(one) + str(one) for one in (error, error.__cause__) if one is not None]
    return "\n".join((shown.getvalue(), *behind, *getattr(error, "__notes__", ()), repr(getattr(error, "hint", ""))))


def test_the_walk_reaches_every_sdk() -> None:
    assert {kind.__module__.split(".")[0] for kind in classes()} >= {name.split(".")[0] for name in PACKAGES}
    assert len(classes()) > 120


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: f"{kind.__module__}.{kind.__qualname__}")
def test_no_exception_of_an_sdk_is_left_unmapped(kind: type[Exception]) -> None:
    for status in STATUSES:
        error = raised(instance(kind, status))
        assert isinstance(error, ProviderFailure), status
        assert error.provider == "openai"
        assert error.message
        assert error.__cause__ is not None


def status_error(status: int, body: Any = None, headers: dict[str, str] | None = None) -> Exception:
    import openai

    return instance(openai.APIStatusError, status, body=body, headers=headers)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ProviderFailure),
        (401, AuthenticationFailed),
        (402, QuotaExceeded),
        (403, AuthenticationFailed),
        (404, ProviderFailure),
        (408, ProviderTimeout),
        (409, ProviderUnavailable),
        (413, ProviderFailure),
        (429, RateLimited),
        (500, ProviderUnavailable),
        (503, ProviderUnavailable),
        (504, ProviderTimeout),
        (529, ProviderUnavailable),
    ],
)
def test_the_status_decides_what_is_done_next(status: int, kind: type[ProviderFailure]) -> None:
    assert type(raised(status_error(status))) is kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, {"error": {"code": "insufficient_quota", "message": "You exceeded your current quota"}}, QuotaExceeded),
        (401, {"detail": {"status": "quota_exceeded", "message": "0 credits remaining"}}, QuotaExceeded),
        (400, {"error": {"message": "Your credit balance is too low to access the API"}}, QuotaExceeded),
        (400, {"error": "You do not have enough credits to run this task."}, QuotaExceeded),
        (429, {"error": {"status": "RESOURCE_EXHAUSTED", "message": "GenerateRequestsPerDayPerModel"}}, QuotaExceeded),
        (429, {"error": {"status": "RESOURCE_EXHAUSTED", "message": "GenerateRequestsPerMinute"}}, RateLimited),
        (429, {"detail": {"status": "too_many_concurrent_requests", "message": "wait"}}, RateLimited),
        (400, {"error": {"message": "API key not valid. Please pass a valid API key."}}, AuthenticationFailed),
        (400, {"error": {"code": "moderation_blocked", "message": "by our safety system"}}, ContentRejected),
        (
            403,
            {"detail": {"status": "content_against_policy", "message": "The content goes against our policy."}},
            ContentRejected,
        ),
        (400, {"error": {"code": "context_length_exceeded", "message": "too many"}}, ProviderFailure),
    ],
)
def test_the_vendors_own_codes_are_understood(status: int, body: Any, kind: type[ProviderFailure]) -> None:
    assert type(raised(status_error(status, body))) is kind


def test_a_text_that_is_too_long_is_not_sent_again_and_says_what_to_do() -> None:
    error = raised(status_error(400, {"error": {"code": "context_length_exceeded", "message": "too many"}}))
    assert not error.retryable
    assert "shorter" in error.hint


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
@pytest.mark.parametrize(
    ("name", "kind", "is_uncertain"),
    [
        ("ReadTimeout", ProviderTimeout, True),
        ("WriteTimeout", ProviderTimeout, True),
        ("ConnectTimeout", ProviderTimeout, False),
        ("PoolTimeout", ProviderTimeout, False),
        ("ConnectError", ProviderUnavailable, False),
        ("ReadError", ProviderUnavailable, True),
        ("RemoteProtocolError", ProviderUnavailable, True),
        ("DecodingError", InvalidOutput, True),
    ],
)
def test_only_an_answer_that_was_lost_may_have_been_billed(
    library: str, name: str, kind: type[ProviderFailure], is_uncertain: bool
) -> None:
    error = raised(getattr(import_module(library), name)("gone"))
    assert isinstance(error, ProviderFailure)
    assert (type(error), error.is_uncertain) == (kind, is_uncertain)


def test_an_sdk_that_wraps_a_refused_connection_is_seen_through() -> None:
    import httpx2
    import openai

    error = openai.APIConnectionError(request=httpx2.Request("POST", URL))
    error.__cause__ = httpx2.ConnectError("refused")
    refused = raised(error)
    error.__cause__ = httpx2.ReadError("reset")
    lost = raised(error)
    assert isinstance(refused, ProviderUnavailable)
    assert isinstance(lost, ProviderUnavailable)
    assert (refused.is_uncertain, lost.is_uncertain) == (False, True)


def test_usage_that_is_known_is_not_uncertain() -> None:
    import openai

    failed = raised(instance(openai.APIResponseValidationError, 200), usage=Usage(input_tokens=7))
    assert isinstance(failed, InvalidOutput)
    assert (failed.usage, failed.is_uncertain) == (Usage(input_tokens=7), False)


@given(st.integers(0, 100_000))
def test_a_wish_to_wait_is_read_as_seconds_or_as_a_date(seconds: int) -> None:
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    date = format_datetime(now + timedelta(seconds=seconds), usegmt=True)
    assert retry_after(str(seconds)) == retry_after(date, now.timestamp()) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-3", "nan", "inf", "Fri, 99 Nov 2026"])
def test_what_is_no_wish_to_wait_is_passed_over(text: str) -> None:
    assert retry_after(text) is None


@pytest.mark.parametrize(
    ("headers", "body", "wish"),
    [
        ({"Retry-After": "7"}, None, 7.0),
        ({"retry-after-ms": "250"}, None, 0.25),
        ({}, {"error": {"details": [{"@type": "google.rpc.RetryInfo", "retryDelay": "27s"}]}}, 27.0),
        ({}, None, None),
    ],
)
def test_the_vendors_wish_to_wait_reaches_whoever_retries(headers: Any, body: Any, wish: float | None) -> None:
    error = raised(status_error(429, body, headers))
    assert isinstance(error, RateLimited)
    assert error.retry_after == wish


def test_limits_in_the_headers_of_a_refusal_reach_the_limiter() -> None:
    with hinting() as noted:
        raised(status_error(429, headers={"X-RateLimit-Remaining-Requests": "0"}))
    assert noted["x-ratelimit-remaining-requests"] == "0"


def test_a_missing_package_says_what_to_install() -> None:
    error = raised(ModuleNotFoundError("No module named 'elevenlabs'"), "elevenlabs")
    assert isinstance(error, InvalidSettings)
    assert "pip install 'storygen[elevenlabs]'" in error.hint


def test_a_missing_key_says_which_variable_to_set() -> None:
    with pytest.raises(AuthenticationFailed) as caught, translated("runway"):
        KeyRing(()).take()
    assert "RUNWAY_API_KEY" in caught.value.hint


def test_errors_of_our_own_and_of_the_disk_pass_as_they_are() -> None:
    assert isinstance(raised(DiskFull("full")), DiskFull)
    with pytest.raises(OSError, match="No space"), translated("openai"):
        raise OSError(28, "No space left on device")


def test_every_kind_of_failure_that_a_vendor_can_cause_is_reached_by_something() -> None:
    reached = {type(raised(instance(kind, status))).kind for kind in classes() for status in (200, 400, 402, 429, 500)}
    own = {"circuit_open", "content_rejected"}
    assert reached | own >= {kind.kind for kind in errors.ProviderFailure.__subclasses__()}


KEYS = st.text("abcdefghijklmnopqrstuvwxyzABCDEF0123456789-_", min_size=12, max_size=60)
PLACES = ("{}", "sent {} to us", '{{"api_key": "{}"}}', "https://host/x?key={}", "Bearer {}", "{0}{0}")


@given(KEYS, st.sampled_from(PLACES), st.sampled_from((0, 200, 400, 401, 404, 429, 500)))
def test_no_key_is_ever_told(key: str, place: str, status: int) -> None:
    import httpx2

    KeyRing([SecretStr(key)])
    words = place.format(key)
    behind = ValueError(words)
    behind.add_note(words)
    error = status_error(status, {"error": {"message": words}}) if status else httpx2.ReadError(words)
    error.__cause__ = behind
    assert key not in told(raised(error))
