"""What to do next about each kind of error; the table is closed, as the kinds are."""

from __future__ import annotations

from collections.abc import Mapping

ON = "The same command goes on from what is finished."
NEXT_STEPS: Mapping[str, str] = {
    "authentication_failed": "Set a valid key for the provider, then try it: storygen doctor --live",
    "below_limits": "See which checks the film fails: storygen report. Mend that, change the limit in [quality], or "
    'set quality.below to "ship".',
    "budget_exceeded": f"Raise the budget, or wait until its 24 hours are over. {ON}",
    "caller_mistake": "Correct what the message names; trying again alone changes nothing.",
    "cancelled": f"Nothing is wrong: the run was stopped. {ON}",
    "circuit_open": f"Wait until the provider is asked again, or name another one behind it in the chain. {ON}",
    "conflict": "See what has become of the run; the message says what stands against it.",
    "content_rejected": "Put the text in other words, or name another provider behind it in the chain.",
    "control_signal": f"The run was stopped on purpose. {ON}",
    "disk_full": f"Free some space, or lower folders.cache_limit_gb; storygen doctor shows what is free. {ON}",
    "error": "This is a fault of storygen. Report it, with the archive that --bundle writes.",
    "invalid_output": f"Look at what the checks say: storygen report. {ON}",
    "invalid_script": "Correct the story at the line that is named; storygen check reads it without making anything.",
    "invalid_settings": "Correct the settings that are named; storygen doctor examines all of them.",
    "not_allowed": "Ask whoever operates the service for a token that may do this.",
    "not_authenticated": "Send a token of the service; whoever operates it gives them out.",
    "not_found": "Look at the list of runs; one that was deleted, or is another caller's, is not in yours.",
    "provider_failure": f"Name another provider behind it in the chain, or try again later. {ON}",
    "quota_exceeded": f"Top up the account, give it another key, or name another provider behind it. {ON}",
    "rate_limited": f"Lower the provider's per_minute or at_once, or give it another key. {ON}",
    "refused": "Do what the message says, or ask whoever operates the service.",
    "render_failed": "Read the end of what ffmpeg said. If it does not say what is wrong, report it, with --bundle.",
    "resource_failure": f"See that folders exist and can be written to: storygen doctor. {ON}",
    "stage_timeout": f"Raise run.stage_timeout of that stage, or see what it waited for. {ON}",
    "stalled": "Look for a full or slow disk or a starved machine; raise run.stall_seconds if it is only slow.",
    "timeout": f"Raise the provider's timeout, or name another provider behind it in the chain. {ON}",
    "too_large": "Send less at once, or ask whoever operates the service to allow more.",
    "too_many": "Wait as long as the answer says, or let runs end first.",
    "unavailable": f"See what the provider says of its state; storygen doctor --live tries it. {ON}",
    "worker_died": "Look at the memory and the logs of the workers, then retry the run. What is finished is kept.",
}


def next_step(kind: str) -> str:
    """What to do about an error of `kind`; what is not of our tree is a fault of ours."""
    return NEXT_STEPS.get(kind, NEXT_STEPS["error"])
