"""What a call to one provider goes through on its way, layer by layer, from the outside in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storygen import events
from storygen.errors import InvalidOutput, RateLimited, StorygenError
from storygen.providers.base import Answer
from storygen.providers.hints import hinting
from storygen.resilience.breaker import result_of
from storygen.resilience.errand import Errand, Onward
from storygen.resilience.limits import Limit
from storygen.resilience.retry import with_retry
from storygen.resilience.shared import FRESH_SECONDS
from storygen.resilience.timeout import overdue
from storygen.store.artifacts import entry_name
from storygen.store.files import discard
from storygen.story import Check, Made, Verdict

Accepted = tuple[Answer[Any], tuple[Check, ...]]


async def permitted(errand: Errand) -> None:
    """Raise `CircuitOpen` where the breaker would reject the call now, by what it found out or was told."""
    breaker, shared = errand.lane.breaker, errand.lane.shared
    if breaker is not None:
        if shared is not None:
            await shared.follow(breaker)
        breaker.ask()


async def retried(errand: Errand, onward: Onward) -> Made[Any]:
    """Try as often as the policy allows; an open breaker rejects here already, before anything is queued for."""
    started, lane = time.perf_counter(), errand.lane

    async def attempt(_: int) -> Any:
        if lane.shared is not None:
            await permitted(errand)
        elif lane.breaker is not None:
            lane.breaker.ask()
        return await onward(errand)

    answer, checks = await with_retry(
        attempt,
        lane.policy.retry,
        errand.provider.name,
        sleep=errand.sleep,
        clock=errand.clock,
        left=lambda: errand.left,
    )
    return Made(
        value=answer.value,
        key=errand.key,
        provider=errand.provider.name,
        model=errand.provider.model,
        attempts=errand.attempts,
        seconds=time.perf_counter() - started,
        cost_usd=errand.cost_usd,
        usage=answer.usage,
        missing=errand.missing,
        checks=checks,
    )


async def budgeted(errand: Errand, onward: Onward) -> Accepted:
    """Set aside what the attempt is expected to cost, and settle what it did cost; who keeps the answer closes that."""
    errand.cost_usd = 0.0
    expected = errand.expected() or 0.0
    reserved = errand.purse.reserve(errand.provider.name, expected, errand.lane.budget_usd)
    try:
        accepted: Accepted = await onward(errand)
    except BaseException:
        if expected or errand.cost_usd:
            reserved.settle(errand.cost_usd or 0.0)
        raise
    if expected or errand.cost_usd:
        reserved.settle(errand.cost_usd or 0.0, answer=entry_name(errand.call.capability.value, errand.key))
        errand.reserved = reserved
    return accepted


async def limited(errand: Errand, onward: Onward) -> Accepted:
    """Wait for a place and a turn, and learn from the answer how many there are."""
    limit = errand.lane.limit
    if limit is None:
        accepted: Accepted = await onward(errand)
        return accepted
    entered = limit.enter_now() or await _waited(errand, limit)
    try:
        with hinting(errand.idempotency_key) as headers:
            try:
                accepted = await onward(errand)
            finally:
                if headers:
                    limit.heard(headers)
        limit.went_well()
    except RateLimited as error:
        limit.slowed(entered, error.retry_after)
        raise
    finally:
        limit.leave()
    return accepted


async def _waited(errand: Errand, limit: Limit) -> float:
    """Wait for a place; that time is not counted as spent on trying."""
    asked = errand.clock()
    entered = await limit.enter(errand.left)
    errand.began += entered - asked
    return entered


async def guarded(errand: Errand, onward: Onward) -> Accepted:
    """Ask the breaker, and tell it what became of the attempt; of many workers one probes."""
    breaker, shared = errand.lane.breaker, errand.lane.shared
    if breaker is None:
        accepted: Accepted = await onward(errand)
        return accepted
    ticket = breaker.admit()
    is_claimed = False
    try:
        if shared is not None and ticket.is_probe:
            is_claimed = await shared.may_probe(breaker)
            if not is_claimed:
                breaker.yield_probe(ticket, FRESH_SECONDS)
                raise breaker.rejection()
        accepted = await onward(errand)
    except BaseException as error:
        breaker.settle(ticket, result_of(error), error.kind if isinstance(error, StorygenError) else "")
        raise
    else:
        breaker.settle(ticket, "success")
    finally:
        if shared is not None:
            await shared.tell(breaker)
            if is_claimed:
                await shared.end_probe(breaker)
    return accepted


async def attempted(errand: Errand, onward: Onward) -> Accepted:
    """Observe an attempt that reaches the provider, and what it costs, whatever becomes of it."""
    provider = errand.provider
    errand.attempts += 1
    errand.answer = None
    with events.timed(
        "attempt",
        provider.operation,
        provider=provider.name,
        model=provider.model,
        output=provider.output,
        capability=errand.call.capability.value,
        number=errand.attempts,
    ) as timed:
        try:
            accepted: Accepted = await onward(errand)
        except BaseException as error:
            if isinstance(error, StorygenError):
                error.locate(provider=provider.name, attempt=errand.attempts)
            errand.pay_failed(error)
            raise
        errand.pay()
        answer = accepted[0]
        if answer.response_model or answer.response_id:
            timed.add(response_model=answer.response_model, response_id=answer.response_id)
        return accepted


async def timed_out(errand: Errand, onward: Onward) -> Accepted:
    """End an attempt that hangs."""
    seconds = errand.lane.policy.timeout
    try:
        async with asyncio.timeout(seconds) as clock:
            errand.limit_clock = clock
            accepted: Accepted = await onward(errand)
            return accepted
    except TimeoutError as error:
        if not clock.expired():
            raise
        raise overdue(errand.provider.name, seconds) from error


async def validated(errand: Errand, onward: Onward) -> Accepted:
    """Look at what came before anybody hears of it: what does not pass its checks is a failure.

    The provider's clock stops here: how long this machine takes to look is not the provider's fault.
    """
    try:
        answer: Answer[Any] = await onward(errand)
    except InvalidOutput:
        errand.answers += 1  # it came, though nobody can read it: asked again with the same key it would come again
        raise
    if errand.limit_clock is not None:
        errand.limit_clock.reschedule(None)
    errand.answer = answer
    errand.answers += 1
    checks = await errand.call.check(answer.value)
    failed = [check for check in checks if check.verdict is Verdict.FAIL]
    if failed:
        for check in failed:  # of an answer that is taken the stage tells
            events.emit(events.Checked(check=check, provider=errand.provider.name))
        raise InvalidOutput(_explain(errand.provider.name, failed), provider=errand.provider.name)
    return answer, checks


async def provided(errand: Errand) -> Answer[Any]:
    """Ask the provider, whose folder is empty each time."""
    if errand.attempts > 1:
        _empty(errand.folder)
    answer: Answer[Any] = await errand.provider.answer(errand.call.request, errand.folder)
    return answer


def _explain(provider: str, failed: Sequence[Check]) -> str:
    reasons = "; ".join(f"{c.artifact} {c.name} is {c.value}, the limit is {c.limit}" for c in failed)
    return f"What {provider} delivered does not pass its checks: {reasons}."


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        discard(path) if path.is_dir() else path.unlink()
