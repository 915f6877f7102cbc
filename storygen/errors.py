"""Everything that storygen raises.

StorygenError
├── CallerMistake                 the input or the settings are wrong; nothing was made, trying again changes nothing
│   ├── InvalidScript
│   ├── InvalidSettings
│   └── Refused                   the service does not do this for this caller
│       ├── NotAuthenticated
│       ├── NotAllowed
│       ├── NotFound
│       ├── Conflict
│       ├── TooLarge
│       └── TooMany
├── ProviderFailure               a provider did not deliver
│   ├── RateLimited               retryable
│   ├── ProviderTimeout           retryable
│   ├── ProviderUnavailable       retryable
│   ├── InvalidOutput             retryable
│   ├── CircuitOpen
│   ├── QuotaExceeded
│   ├── AuthenticationFailed
│   └── ContentRejected
├── ResourceFailure               this machine did not deliver
│   ├── DiskFull
│   ├── RenderFailed
│   ├── Stalled
│   └── WorkerDied
└── ControlSignal                 somebody or something decided to stop
    ├── Cancelled
    ├── StageTimeout
    ├── BudgetExceeded
    └── BelowLimits

Each carries the same fields, which appear in the report, the log and the span, and the closed ones as labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from storygen.story import Usage


class StorygenError(Exception):
    """The root of the tree.

    `kind` is a fixed word per class, safe as a label. `stage`, `scene` and `provider` say where it happened and are
    filled in on the way up by `locate`; `attempt` is the number of the attempt that failed; `hint` says what to do.
    """

    kind: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        stage: str = "",
        scene: int | None = None,
        provider: str = "",
        attempt: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.stage = stage
        self.scene = scene
        self.provider = provider
        self.attempt = attempt

    def locate(self, *, stage: str = "", scene: int | None = None, provider: str = "", attempt: int = 0) -> None:
        """Fill in what is not known yet; what is known stays."""
        self.stage = self.stage or stage
        self.scene = scene if self.scene is None else self.scene
        self.provider = self.provider or provider
        self.attempt = self.attempt or attempt

    def fields(self) -> dict[str, object]:
        """The error as plain values, for reports, logs and manifests."""
        return {
            "kind": self.kind,
            "message": self.message,
            "hint": self.hint,
            "stage": self.stage,
            "scene": self.scene,
            "provider": self.provider,
            "attempt": self.attempt,
            "retryable": self.retryable,
        }


class CallerMistake(StorygenError):
    """The input or the settings are wrong."""

    kind = "caller_mistake"
    exit_code = 2


class InvalidScript(CallerMistake):
    """A source that cannot be read as a story; the message names the line."""

    kind = "invalid_script"


class InvalidSettings(CallerMistake):
    """Settings that cannot be used; the message lists all of them, each with its file and key."""

    kind = "invalid_settings"


class Refused(CallerMistake):
    """The service does not do this for this caller; `retry_after` says when to try again, in seconds, if that helps."""

    kind = "refused"

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class NotAuthenticated(Refused):
    """No token, or one that nobody has."""

    kind = "not_authenticated"


class NotAllowed(Refused):
    """The token is good, but not for this."""

    kind = "not_allowed"


class NotFound(Refused):
    """There is no such thing, or none that this caller may see."""

    kind = "not_found"


class Conflict(Refused):
    """What is asked for does not go with how things are."""

    kind = "conflict"


class TooLarge(Refused):
    """More than the operator allows at once."""

    kind = "too_large"


class TooMany(Refused):
    """Too many requests, or too many open runs."""

    kind = "too_many"


class ProviderFailure(StorygenError):
    """A provider did not deliver.

    `retry_after` is its wish in seconds, where it named one. `usage` is what the failed attempt is known to have used;
    where the answer was lost on the way, so that nobody knows whether it was billed, `is_uncertain` says so. Where no
    hint is given, `advice` is what usually helps.
    """

    kind = "provider_failure"
    advice: ClassVar[str] = "Try again later, or put another provider behind it in the chain."

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        usage: Usage | None = None,
        is_uncertain: bool = False,
        hint: str = "",
        provider: str = "",
        attempt: int = 0,
    ) -> None:
        super().__init__(message, hint=hint or self.advice, provider=provider, attempt=attempt)
        self.retry_after = retry_after
        self.usage = usage
        self.is_uncertain = is_uncertain


class RateLimited(ProviderFailure):
    """The provider asks to slow down."""

    kind = "rate_limited"
    retryable = True
    advice = "Lower its `per_minute` or `at_once`, give it another key, or wait."


class ProviderTimeout(ProviderFailure):
    """The provider did not answer in time."""

    kind = "timeout"
    retryable = True
    advice = "Raise its `timeout`, or put another provider behind it in the chain."


class ProviderUnavailable(ProviderFailure):
    """The provider could not be reached or broke."""

    kind = "unavailable"
    retryable = True


class InvalidOutput(ProviderFailure):
    """What the provider delivered does not pass its checks."""

    kind = "invalid_output"
    retryable = True


class CircuitOpen(ProviderFailure):
    """The provider failed so often that it is not asked for a while; it was not asked this time."""

    kind = "circuit_open"
    advice = "Wait until its breaker lets a call through, or put another provider behind it in the chain."


class QuotaExceeded(ProviderFailure):
    """The account has nothing left."""

    kind = "quota_exceeded"
    advice = "Top up the account, give it another key, or put another provider behind it in the chain."


class AuthenticationFailed(ProviderFailure):
    """The key is missing or refused."""

    kind = "authentication_failed"
    advice = "Check its key; `storygen doctor --live` tries it."


class ContentRejected(ProviderFailure):
    """The provider will not make this."""

    kind = "content_rejected"
    advice = "Put the text in other words, or put another provider behind it in the chain."


class ResourceFailure(StorygenError):
    """This machine did not deliver."""

    kind = "resource_failure"


class DiskFull(ResourceFailure):
    """No space is left where something was to be written."""

    kind = "disk_full"


class RenderFailed(ResourceFailure):
    """ffmpeg ended with an error; the hint holds the end of what it said.

    `status` is what the process ended with, a signal as its negative number; None where the file itself was wrong.
    `said` is all that is kept of what it said.
    """

    kind = "render_failed"
    status: int | None = None
    said: str = ""

    @property
    def was_killed(self) -> bool:
        """Whether something ended ffmpeg, which says nothing of the file that it read."""
        return self.status is not None and self.status < 0


class Stalled(ResourceFailure):
    """Nothing moved for too long."""

    kind = "stalled"


class WorkerDied(ResourceFailure):
    """Every worker that took the job died with it."""

    kind = "worker_died"


class ControlSignal(StorygenError):
    """Somebody or something decided to stop."""

    kind = "control_signal"


class Cancelled(ControlSignal):
    """The user stopped the run."""

    kind = "cancelled"
    exit_code = 130


class StageTimeout(ControlSignal):
    """A stage took longer than its setting allows."""

    kind = "stage_timeout"
    exit_code = 124


class BudgetExceeded(ControlSignal):
    """The next call would have cost more than the budget allows."""

    kind = "budget_exceeded"


class BelowLimits(ControlSignal):
    """The film is beyond limits of the settings, which say that it is not to be shipped then."""

    kind = "below_limits"


def kinds(root: type[StorygenError] = StorygenError) -> tuple[str, ...]:
    """Every kind of error from `root` down, sorted: the closed set of the label `error_type`."""
    found = {root.kind}
    for child in root.__subclasses__():
        found.update(kinds(child))
    return tuple(sorted(found))
