"""What the drill breaks, and what has to follow: written down here before anything is broken.

`expected` has to arrive; `allowed` are consequences that may arrive beside it. Everything else is a false alert.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from storygen.drill.base import FILMER, SPEAKER, WRITER, Fault
from storygen.errors import InvalidSettings


def _vendor(fault: str, vendor: str = SPEAKER, **more: Any) -> tuple[Mapping[str, Any], ...]:
    return ({"fault": fault, "vendor": vendor, **more},)


_STAND_INS = ("FallbackInUse", "FilmsDegraded")
_BY_SPEAKER = {"provider": SPEAKER}
# A vendor that fails every time is left alone after five failures: then the open breaker is the alert, and it silences
# the ratio of errors. Faults whose alert is that ratio therefore hit every second request, never five in a row.

FAULTS: tuple[Fault, ...] = (
    Fault(
        name="vendor down",
        says="the voice's vendor answers 503 to everything",
        expected="CircuitBreakerOpen",
        allowed=_STAND_INS,
        labels=_BY_SPEAKER,
        rules=_vendor("unavailable"),
        onset=1.5,
        is_quick=True,
    ),
    Fault(
        name="vendor slow",
        says="the voice's vendor takes seconds longer for each answer",
        expected="StageSlowdown",
        # A stage that takes several times as long becomes the longest part of the way.
        allowed=("StageBottleneck",),
        labels={"stage": "voice"},
        rules=_vendor("slow", seconds=1.2),
        onset=1.2,
    ),
    Fault(
        name="rate limited",
        says="the voice's vendor answers 429 to every third request",
        expected="ProviderRateLimited",
        labels=_BY_SPEAKER,
        rules=_vendor("rate_limit", every=3, retry_after=0.2),
        mix="tales",
        is_quick=True,
    ),
    Fault(
        name="quota gone",
        says="one of the accounts at the voice's vendor has nothing left",
        expected="ProviderErrorRatioHigh",
        allowed=_STAND_INS,
        labels=_BY_SPEAKER,
        rules=_vendor("quota", every=2),
        mix="tales",
    ),
    Fault(
        name="flapping",
        says="the voice's vendor comes and goes every second",
        expected="CircuitBreakerFlapping",
        # Nobody stands in: calls wait for the next probe, and that is slow. What fails may be told before it has
        # flapped enough.
        allowed=("ProviderErrorRatioHigh", "StageSlowdown"),
        labels=_BY_SPEAKER,
        rules=_vendor("unavailable"),
        settings={
            "providers": {"speech": ["elevenlabs"]},
            "vendors": {"elevenlabs": {"breaker": {"seconds": 0.1, "failures": 1}}},
        },
        act="flap",
        mix="many tales",
        onset=1.0,
    ),
    Fault(
        name="hanging",
        says="the voice's vendor takes requests and never answers",
        expected="CircuitBreakerOpen",
        allowed=_STAND_INS,
        labels=_BY_SPEAKER,
        rules=_vendor("hang"),
        settings={"vendors": {"elevenlabs": {"timeout": 0.8}}},
        onset=3.0,
    ),
    Fault(
        name="bad audio",
        says="the voice's vendor delivers sound that is cut off",
        expected="ProviderErrorRatioHigh",
        # Sound that is cut off is found by a check, and it was paid for.
        allowed=("QualityChecksFailing", "WastedSpendHigh"),
        labels=_BY_SPEAKER,
        rules=_vendor("truncated_audio", every=2),
        mix="tales",
        is_quick=True,
    ),
    Fault(
        name="bad json",
        says="the writer's JSON cannot be read",
        expected="ProviderErrorRatioHigh",
        allowed=("WastedSpendHigh",),
        labels={"provider": WRITER},
        rules=_vendor("broken_json", WRITER, every=2),
        mix="topics",
    ),
    Fault(
        name="empty clip",
        says="the filmer's clips have no bytes",
        expected="ProviderErrorRatioHigh",
        # What is ordered twice takes longer.
        allowed=("StageSlowdown",),
        labels={"provider": FILMER},
        rules=_vendor("empty_clip", FILMER, every=2),
        # So many clips more than usual would make films dearer for that alone.
        settings={"prices": {"runway/*": {"video_seconds": 0.001}}},
        onset=2.0,  # a clip is ordered, asked for and fetched before anybody sees that it is empty
        mix="films",
    ),
    Fault(
        name="wrong key",
        says="one of the keys for the voice's vendor is refused",
        expected="ProviderErrorRatioHigh",
        allowed=_STAND_INS,
        labels=_BY_SPEAKER,
        rules=_vendor("unauthorized", every=2),
        mix="tales",
    ),
    Fault(
        name="slower than yesterday",
        says="the voice takes more than twice as long as yesterday and a week ago",
        expected="StageSlowdown",
        allowed=("StageBottleneck",),
        labels={"stage": "voice"},
        slowness=3.0,
        onset=1.0,
    ),
    Fault(
        name="cost doubled",
        says="the voice's vendor charges more than twice of what it did last week",
        expected="CostPerFilmHigh",
        settings={"prices": {"elevenlabs/*": {"characters": 0.015}}},
        onset=1.0,
    ),
    Fault(
        name="budget reached",
        says="the budget of 24 hours is spent",
        expected="BudgetExceeded",
        allowed=_STAND_INS,
        labels={"window": "24h"},
        settings={"budget": {"run_usd": None, "day_usd": 0.01}},
        onset=1.0,
        is_quick=True,
    ),
    Fault(
        name="unknown price",
        says="the voice's model is one whose price nobody knows",
        expected="PriceUnknown",
        labels=_BY_SPEAKER,
        settings={
            "prices": {"elevenlabs/*": None, "elevenlabs/eleven_known": {"characters": 0.005}},
            "vendors": {"elevenlabs": {"speech_model": "eleven_of_tomorrow"}},
        },
        onset=1.5,
    ),
    Fault(
        name="cache broken",
        says="something damages the entries of the cache",
        expected="CacheHitRatioLow",
        # What was there is made again, which keeps the machine busy.
        allowed=("StageSlowdown",),
        act="damage cache",
        mix="again",
        onset=1.0,
    ),
    Fault(
        name="disk nearly full",
        says="the disk of films has hardly any space left",
        expected="DiskNearlyFull",
        labels={"volume": "output"},
        act="fill disk",
        onset=1.0,
        is_quick=True,
    ),
    Fault(
        name="ffmpeg hung",
        says="every three seconds an ffmpeg starts and never gets anywhere",
        expected="RunStalled",
        # What waits for a core behind one that stands still becomes slow; what a failed run had paid was for nothing.
        allowed=("StageSlowdown", "WastedSpendHigh"),
        settings={"run": {"stall_seconds": 2.5}},
        act="hang ffmpeg",
        onset=3.5,
        is_quick=True,
    ),
    Fault(
        name="ffmpeg killed",
        says="something kills ffmpeg whenever it starts",
        expected="StageFailureRatioHigh",
        # What was paid and cannot be brought into a film was for nothing.
        allowed=("RunErrorBudgetBurn", "WastedSpendHigh"),
        act="kill ffmpeg",
        onset=1.0,
    ),
    Fault(
        name="collector gone",
        says="nobody takes the traces",
        expected="TelemetryDropped",
        act="stop collector",
        labels={"signal": "traces"},
        onset=3.0,
    ),
    Fault(
        name="target gone",
        says="one of two processes is dead",
        expected="TargetDown",
        act="stop one",
        is_quick=True,
    ),
    Fault(
        name="all targets gone",
        says="all processes are dead",
        expected="AllTargetsDown",
        # When one is back and the other is not yet.
        allowed=("TargetDown",),
        onset=1.0,  # one ends after the other
        act="stop all",
    ),
    Fault(
        name="stage near its timeout",
        says="the voice takes nearly as long as the stage may",
        expected="StageNearTimeout",
        # What comes near its limit has become slow, and the longest part of the way.
        allowed=("StageSlowdown", "StageBottleneck"),
        labels={"stage": "voice"},
        rules=_vendor("slow", seconds=1.6),
        settings={"run": {"stage_timeout": {"voice": 2.9}}},
        onset=2.5,
    ),
    Fault(
        name="one stage the bottleneck",
        says="nearly all the time to a film goes into one stage",
        expected="StageBottleneck",
        # Nothing becomes nearly all of the time without becoming slow.
        allowed=("StageSlowdown",),
        labels={"stage": "voice"},
        rules=_vendor("slow", seconds=4.0),
        settings={"vendors": {"elevenlabs": {"timeout": 20}}, "run": {"stall_seconds": 30}},
        onset=4.5,
    ),
    Fault(
        name="quality below its limits",
        says="one voice in six is silent",
        expected="QualityChecksFailing",
        # Fewer failures than make the vendor's errors an alert, and each is asked for again.
        allowed=("RetryRatioHigh",),
        labels={"artifact": "audio"},
        rules=_vendor("silent_audio", every=6),
        mix="many tales",
    ),
    Fault(
        name="films degraded",
        says="the voice's vendor refuses the content of every seventh scene",
        expected="FilmsDegraded",
        allowed=("FallbackInUse",),
        rules=_vendor("refusal", every=7),
        mix="tales",
    ),
    Fault(
        name="money thrown away",
        says="the voice's vendor bills for answers that cannot be read",
        expected="WastedSpendHigh",
        allowed=("ProviderErrorRatioHigh",),
        labels=_BY_SPEAKER,
        rules=_vendor("broken_json", every=2),
        mix="tales",
    ),
    Fault(
        name="retries exhausted",
        says="every sixth request fails, and none may be asked again",
        expected="RetriesExhausted",
        allowed=_STAND_INS,
        labels=_BY_SPEAKER,
        rules=_vendor("server_error", every=6),
        settings={"vendors": {"elevenlabs": {"attempts": 1}}},
        onset=1.0,
        mix="tales",
    ),
    Fault(
        name="runs failing",
        says="the voice's vendor refuses the content, and nothing may stand in for it",
        expected="RunErrorBudgetBurn",
        allowed=("StageFailureRatioHigh", "ProviderErrorRatioHigh"),
        rules=_vendor("refusal"),
        settings={"providers": {"speech": ["elevenlabs"]}, "degrade": {"voice": "fail"}},
        onset=1.0,
    ),
    Fault(
        name="queue growing",
        says="one loop asks for ten films a second",
        expected="QueueBacklogGrowing",
        # Who comes behind so many waits.
        allowed=("QueueWaitHigh",),
        labels={"queue": "runs"},
        act="flood queue",
        onset=2.0,  # until there are so many that growth counts
        on_queue=True,
    ),
    Fault(
        name="job stuck",
        says="a program that a run waits for never gets anywhere, and nothing ends it",
        expected="JobsStuck",
        labels={"queue": "runs"},
        act="hold job",
        onset=2.0,  # until the run waits for nothing else
        on_queue=True,
    ),
    Fault(
        name="redis gone",
        says="the Redis that carries the messages, and what workers share, is dead",
        expected="SharingLost",
        # What was accepted meanwhile is begun late.
        allowed=("QueueWaitHigh",),
        act="stop redis",
        onset=2.0,
        on_queue=True,
    ),
    Fault(
        name="worker killed",
        says="something kills one of two workers while it makes films",
        expected="TargetDown",
        # Another worker begins its runs again, after a lease and a look that are too long to be scaled. The one that
        # is started again is slow at first.
        allowed=("JobsStuck", "StageSlowdown"),
        act="kill worker",
        onset=2.0,
        on_queue=True,
    ),
)


def chosen(names: Sequence[str] = (), *, quick: bool = False) -> tuple[Fault, ...]:
    """The faults of these names, in the order of the list; all of them, or the quick ones, without a name.

    Raises `InvalidSettings` with near names for one that there is not.
    """
    if not names:
        return tuple(fault for fault in FAULTS if fault.is_quick or not quick)
    wanted = {_known(name) for name in names}
    return tuple(fault for fault in FAULTS if fault.name in wanted)


def _known(name: str) -> str:
    known = [fault.name for fault in FAULTS]
    plain = " ".join(name.replace("-", " ").replace("_", " ").lower().split())
    if plain in known:
        return plain
    near = difflib.get_close_matches(plain, known, n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"There are {', '.join(known)}."
    raise InvalidSettings(f"There is no fault {name!r}.", hint=hint)
