"""What the vendors' SDKs raise, in our own words.

No SDK is imported for it: their errors are known by the names of their classes, the HTTP status, and the vendors' own
codes. An SDK's exception stays attached as the cause, unless it would tell a key or the story.
"""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from storygen.errors import (
    AuthenticationFailed,
    ContentRejected,
    InvalidOutput,
    InvalidSettings,
    ProviderFailure,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    StorygenError,
)
from storygen.providers.hints import note_headers
from storygen.providers.keys import conceal
from storygen.providers.wire import attribute, body_of, chain_of, headers_of, status_of, wish_of
from storygen.story import Usage

_LONGEST_WORDS = 300
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.EMFILE, errno.ENFILE}

# What vendors call these, in codes and in words.
_NO_QUOTA = re.compile(
    r"insufficient_quota|quota_exceeded|billing_hard_limit|billing_not_active|billing_error|insufficient_credits"
    r"|credit balance is too low|not have enough credits|out of credits|daily task limit|enable billing"
    r"|limit: 0\b|per_?day|spend_limit",
    re.IGNORECASE,
)
_NO_ACCESS = re.compile(
    r"invalid_api_key|missing_api_key|api_key_invalid|api key not valid|incorrect api key|api_key client option"
    r"|could not resolve authentication",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"content_?policy|content_?filter|moderation_blocked|content_moderation|safety system|safety\.|usage polic"
    r"|content_against_policy|prohibited_content|\bSAFETY\b|image_safety|responsible ai",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(
    r"context_length_exceeded|context window|maximum context|prompt is too long|string_above_max|max_character_limit"
    r"|input token count|too many tokens",
    re.IGNORECASE,
)

# Classes by what they say; the first that an exception is an instance of counts.
_QUOTA_CLASSES = ("ModelQuotaExceededError", "ContractSpendLimitReachedError", "EnforcedSpendLimitReachedError")
_RATE_CLASSES = ("RateLimitError", "ModelRateLimitError", "ConcurrencyLimitExceeded")
_AUTH_CLASSES = (
    *("AuthenticationError", "PermissionDeniedError", "ModelAuthenticationError", "CredentialsError"),
    *("WorkloadIdentityError", "SubjectTokenProviderError", "GoogleAuthError", "OAuthError"),
)
_CONTENT_CLASSES = ("ContentFilterError", "ContentFilterFinishReasonError")
_TIMEOUT_CLASSES = (
    *("TimeoutException", "APITimeoutError", "ModelTimeoutError", "ModelRequestTimeout", "TimeoutError"),
    *("DeadlineExceededError", "RequestTimeoutError", "GatewayTimeoutError"),
)
_CONNECTION_CLASSES = (
    *("APIConnectionError", "ModelConnectionError", "TransportError", "StreamError", "NetworkError"),
    *("WebSocketConnectionClosedError", "WebSocketQueueFullError", "ContinuationInterruptedError", "RetryableError"),
    *("ConnectionError", "gaierror", "SSLError", "IncompleteRead", "TooManyRedirects"),
    # aiohttp's, which google-genai uses where it is installed.
    *("ClientConnectionError", "ClientPayloadError"),
)
_SERVER_CLASSES = ("InternalServerError", "ServerError", "ModelServerError", "ModelUnavailableError", "TooEarlyError")
_OUTPUT_CLASSES = (
    *("APIResponseValidationError", "ParsingError", "DecodingError", "LengthFinishReasonError", "JSONDecodeError"),
    *("UnexpectedModelBehavior", "UnknownApiResponseError", "ValidationError", "ToolRetryError", "ModelRetry"),
    *("ToolFailed", "ToolFailedError", "UsageLimitExceeded", "APIWebhookValidationError"),
)
_REFUSED_CLASSES = (
    *("ModelRequestRejectedError", "BadRequestError", "NotFoundError", "UnprocessableEntityError"),
    *("InvalidURL", "UnsupportedProtocol", "LocalProtocolError", "UserError", "CookieConflict"),
)
# The request had not been sent yet, so nothing can have been billed.
_UNSENT = {
    *("ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "LocalProtocolError", "InvalidURL"),
    *(
        "ProxyError",
        "ClientConnectorError",
        "ConnectionRefusedError",
        "gaierror",
        "ConcurrencyLimitExceeded",
        "WebSocketQueueFullError",
    ),
}
_EARLY = {"pool", "connect"}
# These quote what a model wrote, which may be somebody's story.
_QUOTING = {"UnexpectedModelBehavior", "ToolRetryError", "ValidationError", "JSONDecodeError", "ModelRetry"}


class VendorError(Exception):
    """Stands in for an SDK's exception that holds what must not be told."""


@contextmanager
def translated(provider: str, usage: Usage | Callable[[], Usage] | None = None) -> Iterator[None]:
    """Raise what an SDK raises within the block as an error of our own tree, located at `provider`.

    Errors of our own pass, located too. `usage` is what is known to be used, should the block fail; it is asked for
    then. Full disks and files that cannot be written pass as they are.
    """
    try:
        yield
    except StorygenError as error:
        error.locate(provider=provider)
        if isinstance(error, AuthenticationFailed) and error.hint in {"", error.advice}:
            error.hint = _hint_for_key(provider)
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _FULL and not _is(error, *_CONNECTION_CLASSES):
            raise
        failure = as_failure(error, provider, usage() if callable(usage) else usage)
        raise failure from _shown(error)


def as_failure(error: Exception, provider: str, usage: Usage | None = None) -> StorygenError:
    """The error of our tree for whatever an SDK raised; an unknown one counts as an answer that nobody understands."""
    if isinstance(error, ImportError):
        return _missing(provider)
    note_headers(headers_of(error))
    status = status_of(error)
    kind, is_uncertain, hint = _kind(error, status, provider)
    known = usage if usage != Usage() else None
    return kind(
        f"{provider} {_sentence(error, kind, status)}",
        provider=provider,
        retry_after=wish_of(error),
        usage=known,
        is_uncertain=is_uncertain and known is None,
        hint=hint,
    )


def _kind(error: Exception, status: int, provider: str) -> tuple[type[ProviderFailure], bool, str]:
    """The class of our error, whether the answer may have been billed, and what to do."""
    said = _said(error)
    if _is(error, *_QUOTA_CLASSES) or status == 402 or (400 <= status < 500 and _NO_QUOTA.search(said)):
        return QuotaExceeded, False, "Raise the account's limit, or set another key in `vendors`."
    if _is(error, *_CONTENT_CLASSES) or (status in {0, 400, 403, 422} and _REFUSED.search(said)):
        return ContentRejected, False, "Change the words that the vendor will not work on, or put another in the chain."
    if _is(error, *_AUTH_CLASSES) or status in {401, 403} or (status in {0, 400} and _NO_ACCESS.search(said)):
        return AuthenticationFailed, False, _hint_for_key(provider)
    if _is(error, *_RATE_CLASSES) or status == 429:
        return RateLimited, False, "Lower `per_minute` or `at_once` of the vendor, or wait."
    if status:
        return _by_status(error, status, said, provider)
    if _is(error, *_TIMEOUT_CLASSES):
        return ProviderTimeout, _may_be_sent(error), f"Try again later, or raise `vendors.{provider}.timeout`."
    if _names(error) & _UNSENT or _is(error, *_CONNECTION_CLASSES):
        return ProviderUnavailable, _may_be_sent(error), "Check the network and the vendor's status page."
    if _is(error, *_SERVER_CLASSES):
        return ProviderUnavailable, False, "Try again later; see the vendor's status page."
    if _is(error, *_REFUSED_CLASSES):
        return ProviderFailure, False, _hint_for_request(error, said, provider)
    return InvalidOutput, True, "Try again; if it stays, try another model."


def _by_status(error: Exception, status: int, said: str, provider: str) -> tuple[type[ProviderFailure], bool, str]:
    if status in {408, 504, 524} or _is(error, *_TIMEOUT_CLASSES):
        return ProviderTimeout, True, f"Try again later, or raise `vendors.{provider}.timeout`."
    if status >= 500 or status in {409, 425}:
        return ProviderUnavailable, False, "Try again later; see the vendor's status page."
    if status < 400:
        is_cut = not _is(error, *_OUTPUT_CLASSES) and _is(error, *_CONNECTION_CLASSES)
        kind: type[ProviderFailure] = ProviderUnavailable if is_cut else InvalidOutput
        return kind, True, "Try again; if it stays, try another model."
    return ProviderFailure, False, _hint_for_request(error, said, provider)


def _hint_for_request(error: Exception, said: str, provider: str) -> str:
    if _TOO_LONG.search(said):
        return "Give a shorter text, or choose a model that takes longer ones."
    if _is(error, "NotFoundError", "ModelNotFoundError") or status_of(error) == 404:
        return f"Check the model and `vendors.{provider}.base_url`."
    return f"Check the settings of `vendors.{provider}`: the request itself was refused."


def _hint_for_key(provider: str) -> str:
    from storygen.providers.registry import VENDORS

    vendor = VENDORS.get(provider)
    if vendor is None or not vendor.variables:
        return f"Check `vendors.{provider}.api_keys`."
    return f"Set {vendor.variables[0]}, or `vendors.{provider}.api_keys`; keys are made at {vendor.page}."


def _missing(provider: str) -> InvalidSettings:
    from storygen.providers.registry import VENDORS

    vendor = VENDORS.get(provider)
    extra = vendor.extra if vendor and vendor.extra else provider
    return InvalidSettings(
        f"{provider} needs a package that is not installed.",
        hint=f"Run pip install 'storygen[{extra}]', or take {provider} out of the chain.",
        provider=provider,
    )


def _sentence(error: Exception, kind: type[ProviderFailure], status: int) -> str:
    """What happened; the vendor's own words follow where they tell no secret and no story."""
    what = {
        RateLimited: "asks to slow down",
        ProviderTimeout: "did not answer in time",
        ProviderUnavailable: "could not be reached or broke",
        InvalidOutput: "gave an answer that cannot be used",
        QuotaExceeded: "has nothing left for this account",
        AuthenticationFailed: "did not accept the key",
        ContentRejected: "will not make this",
    }.get(kind, "refused the request")
    where = f" (HTTP {status})" if status >= 400 else ""
    if kind is AuthenticationFailed or _names(error) & _QUOTING:
        why = _mistakes(error) if kind is InvalidOutput else ""
        return f"{what}{where}: {why}." if why else f"{what}{where}."
    words = " ".join(conceal(_words(error)).split())
    shortened = words if len(words) <= _LONGEST_WORDS else f"{words[:_LONGEST_WORDS]}…"
    return f"{what}{where}: {shortened or type(error).__name__}"


def _mistakes(error: Exception) -> str:
    """Where an answer has another shape than was asked for, without what it said there."""
    for one in chain_of(error):
        if _is(one, "ValidationError") and (errors := attribute(one, "errors")):
            found = errors(include_input=False, include_url=False, include_context=False)
            return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'all'} is {each['type']}" for each in found[:3])
    return ""


def _words(error: Exception) -> str:
    """The vendor's sentence, as deep in its body as it may lie."""
    body: Any = body_of(error)
    for name in ("error", "detail", "message"):
        if isinstance(body, Mapping) and name in body:
            body = body[name]
    if isinstance(body, Mapping):
        body = body.get("message") or body.get("status")
    return body if isinstance(body, str) and body else str(getattr(error, "message", "") or error)


def _said(error: Exception) -> str:
    """All that an answer says of an error, to look for codes in."""
    body = body_of(error)
    text = body if isinstance(body, str) else json.dumps(body, default=str) if body else ""
    own = "" if _names(error) & _QUOTING else str(getattr(error, "message", "") or error)
    return f"{text} {own}"


def _may_be_sent(error: BaseException) -> bool:
    """Whether the request may have reached the vendor before the connection was lost."""
    return not any(_names(one) & _UNSENT or attribute(one, "phase") in _EARLY for one in chain_of(error))


def _names(error: BaseException) -> set[str]:
    return {kind.__name__.lstrip("_") for kind in type(error).__mro__}


def _is(error: BaseException, *names: str) -> bool:
    return not _names(error).isdisjoint(names)


def _shown(error: Exception) -> Exception:
    """The exception itself as a cause, or a stand-in where its words or those behind it must not be told."""
    for one in chain_of(error):
        told = "\n".join((str(one), repr(one), *getattr(one, "__notes__", ())))
        if _names(one) & _QUOTING or conceal(told) != told:
            return VendorError(f"{type(error).__module__.split('.')[0]}.{type(error).__name__}")
    return error
