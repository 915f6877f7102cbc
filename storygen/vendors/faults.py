"""The faults that can be planned, and where each can show."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

Vendor = Literal["openai", "anthropic", "gemini", "elevenlabs", "runway"]
Job = Literal["text", "speech", "images", "video", "transcription", "account"]
VENDORS: tuple[Vendor, ...] = ("openai", "anthropic", "gemini", "elevenlabs", "runway")


class Fault(StrEnum):
    """What can go wrong with an answer."""

    RATE_LIMIT = "rate_limit"
    SERVER_ERROR = "server_error"
    UNAVAILABLE = "unavailable"
    UNAUTHORIZED = "unauthorized"
    QUOTA = "quota"
    SLOW = "slow"
    HANG = "hang"
    DROP = "drop"
    BROKEN_JSON = "broken_json"
    WRONG_SHAPE = "wrong_shape"
    REFUSAL = "refusal"
    TRUNCATED_AUDIO = "truncated_audio"
    SILENT_AUDIO = "silent_audio"
    WRONG_RATE_AUDIO = "wrong_rate_audio"
    EMPTY_CLIP = "empty_clip"
    TASK_FAILS = "task_fails"
    TASK_NEVER_FINISHES = "task_never_finishes"


EVERYWHERE = frozenset(
    {
        Fault.RATE_LIMIT,
        Fault.SERVER_ERROR,
        Fault.UNAVAILABLE,
        Fault.UNAUTHORIZED,
        Fault.QUOTA,
        Fault.SLOW,
        Fault.HANG,
        Fault.DROP,
    }
)
REFUSED = frozenset({Fault.RATE_LIMIT, Fault.SERVER_ERROR, Fault.UNAVAILABLE, Fault.UNAUTHORIZED, Fault.QUOTA})
IN_JSON = frozenset({Fault.BROKEN_JSON, Fault.WRONG_SHAPE})
IN_SOUND = frozenset({Fault.TRUNCATED_AUDIO, Fault.SILENT_AUDIO, Fault.WRONG_RATE_AUDIO})
IN_TASKS = frozenset({Fault.EMPTY_CLIP, Fault.TASK_FAILS, Fault.TASK_NEVER_FINISHES})
SHOWN: dict[Job, frozenset[Fault]] = {
    "text": EVERYWHERE | IN_JSON | {Fault.REFUSAL},
    "speech": EVERYWHERE | IN_JSON | IN_SOUND | {Fault.REFUSAL},
    "images": EVERYWHERE | IN_JSON | {Fault.REFUSAL},
    "video": EVERYWHERE | IN_JSON | IN_TASKS | {Fault.REFUSAL},
    "transcription": EVERYWHERE | IN_JSON,
    "account": EVERYWHERE | IN_JSON,
}
# What passes when the same is asked again.
TRANSIENT = (
    Fault.RATE_LIMIT,
    Fault.SERVER_ERROR,
    Fault.UNAVAILABLE,
    Fault.DROP,
    Fault.BROKEN_JSON,
    Fault.WRONG_SHAPE,
    Fault.TRUNCATED_AUDIO,
    Fault.SILENT_AUDIO,
    Fault.EMPTY_CLIP,
    Fault.TASK_FAILS,
)
