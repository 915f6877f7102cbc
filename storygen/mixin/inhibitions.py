"""Which alert silences which, and why: one table for Alertmanager, the rules and the runbooks."""

from __future__ import annotations

from dataclasses import dataclass

from storygen.mixin.base import PREFIX

WATCHDOG = "Watchdog"  # proves that alerts are delivered, so nothing may silence it
_ATTEMPTS = ("ProviderErrorRatioHigh", "RetryRatioHigh", "RetriesExhausted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inhibition:
    """While `source` fires, alerts `over` with the same values of `equal` are not sent.

    Names are without the prefix; without `over`, everything of storygen but Watchdog is meant. Where a label of `equal`
    is missing on both sides Alertmanager takes it as the same, so each must be on all alerts concerned.
    """

    source: str
    over: tuple[str, ...] = ()
    equal: tuple[str, ...]
    why: str


# Each source fires before, or together with, what it silences: see the holds in mixin.toml.
INHIBITIONS = (
    Inhibition(
        source="AllTargetsDown",
        equal=("job",),
        why="With every process gone all else is a consequence, or is judged by figures that have stopped.",
    ),
    Inhibition(
        source="CircuitBreakerOpen",
        over=(*_ATTEMPTS, "ProviderRateLimited", "WastedSpendHigh"),
        equal=("job", "provider"),
        why="The vendor is left alone because its attempts failed, whatever they failed of: what is left of attempts "
        "are the five that opened the breaker and a probe a minute.",
    ),
    Inhibition(
        source="CircuitBreakerOpen",
        over=("CircuitBreakerFlapping",),
        equal=("job", "provider", "capability"),
        why="A breaker that is open nearly all the time has stopped coming back; the closings are of before.",
    ),
    Inhibition(
        source="CircuitBreakerFlapping",
        over=(*_ATTEMPTS, "ProviderRateLimited"),
        equal=("job", "provider"),
        why="The failures that open the breaker again and again are the same that raise these ratios.",
    ),
    Inhibition(
        source="ProviderRateLimited",
        over=_ATTEMPTS,
        equal=("job", "provider"),
        why="A 429 is an error that is retried: it counts in each of these, and the remedy is another one.",
    ),
    Inhibition(
        source="ProviderErrorRatioHigh",
        over=("RetryRatioHigh", "RetriesExhausted"),
        equal=("job", "provider"),
        why="Retries, and retries that are used up, are what failing attempts lead to.",
    ),
    Inhibition(
        source="BudgetExceeded",
        over=("BudgetNearlySpent",),
        equal=("job", "window"),
        why="What is spent was nearly spent before.",
    ),
)


def unless_told(alert: str, window: str) -> str:
    """The end of a rule that stays silent while, and for `window` after, an alert fired that silences it.

    Alertmanager inhibits only while the other alert fires; what failed then is still in the window of this rule.
    """
    found = [one for one in INHIBITIONS if alert in one.over]
    names = "|".join(PREFIX + one.source for one in found)
    shared = ", ".join(label for label in found[0].equal if all(label in one.equal for one in found))
    return f'unless on ({shared}) max_over_time(ALERTS{{alertname=~"{names}", alertstate="firing"}}[{window}])'
