"""An end for attempts that hang."""

from __future__ import annotations

from storygen.errors import ProviderTimeout


def overdue(provider: str, seconds: float) -> ProviderTimeout:
    """The error of an attempt that hung: nobody knows whether an answer that is no longer waited for is billed."""
    setting = "run.call_timeout" if provider == "builtin" else f"vendors.{provider}.timeout"
    return ProviderTimeout(
        f"{provider} did not answer within {seconds:g} s.",
        provider=provider,
        is_uncertain=True,
        hint=f"Try again later, or raise `{setting}`.",
    )
