"""ElevenLabs: speech with the time of every character, voices, and the account."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from storygen.story import Line
from storygen.vendors.faults import SHOWN, Fault
from storygen.vendors.sound import Spoken, in_chunks
from storygen.vendors.wire import Call, Dialect, Endpoint, Reply, Used, as_json, dumps
from storygen.vendors.world import World

_VOICES = {
    "JBFqnCBsd6RMkjVDRZzb": "George",
    "21m00Tcm4TlvDq8ikWAM": "Rachel",
    "EXAVITQu4vr4xnSDxMaL": "Sarah",
    "pNInz6obpgDQGcFmaJgB": "Adam",
    "XB0fDUnXU5powFXDhCwa": "Charlotte",
}
_LIMIT = 500_000  # characters of the account

_REFUSALS: Mapping[str, tuple[int, str, str]] = {
    "missing_key": (
        401,
        "needs_authorization",
        "Neither authorization header nor xi-api-key received, please provide one.",
    ),
    "invalid_key": (401, "invalid_api_key", "Invalid API key"),
    "unauthorized": (401, "invalid_api_key", "Invalid API key"),
    "quota": (401, "quota_exceeded", "This request exceeds your quota. You have 0 credits remaining."),
    "rate_limit": (429, "too_many_concurrent_requests", "Too many concurrent requests."),
    "server_error": (500, "internal_server_error", "Internal Server Error"),
    "unavailable": (503, "system_busy", "The system is experiencing heavy traffic, please try again."),
    "not_found": (404, "not_found", "Not Found"),
    "content": (403, "content_against_policy", "The content goes against our policy."),
    "invalid": (422, "invalid_request", "The request is invalid."),
}


def refuse(word: str, detail: str) -> Reply:
    """An error as ElevenLabs writes it."""
    status, name, message = _REFUSALS[word]
    message = detail if detail and word in {"invalid", "not_found"} else message
    return as_json({"detail": {"status": name, "message": message}}, status=status)


def _key(headers: Mapping[str, str], query: Mapping[str, str]) -> str:  # noqa: ARG001  # the dialect's shape
    return headers.get("xi-api-key", "")


def _limits(most: int, left: int, now: float) -> Mapping[str, str]:  # noqa: ARG001  # the dialect's shape
    return {"current-concurrent-requests": str(min(10, most - left)), "maximum-concurrent-requests": str(min(10, most))}


async def _speak(call: Call, world: World) -> tuple[Spoken, bytes, Used] | Reply:
    """What all four ways to speak have in common."""
    text = str(call.body["text"])
    if call.meets(Fault.REFUSAL):
        return refuse("content", "")
    form, _, rest = call.query.get("output_format", "mp3_44100_128").partition("_")
    rate = int(rest.partition("_")[0] or 44_100)
    if form not in {"mp3", "pcm", "wav", "opus"}:
        return refuse("invalid", f"Output format {form!r} is not supported.")
    language = str(call.body.get("language_code") or "en")
    line = Line(text=text)
    spoken = await world.speaker.speak((line,), {"narrator": call.params["voice"]}, language)
    data, _ = await world.speaker.encode(spoken, form, rate, call)
    used = Used(model=str(call.body.get("model_id") or "eleven_multilingual_v2"), units={"characters": len(text)})
    return spoken, data, used


async def whole(call: Call, world: World) -> Reply:
    """POST /v1/text-to-speech/{voice} and .../stream: the sound itself."""
    made = await _speak(call, world)
    if isinstance(made, Reply):
        return made
    _, data, used = made
    kind = "audio/mpeg" if call.query.get("output_format", "mp3").startswith("mp3") else "audio/pcm"
    return Reply(parts=in_chunks(data), media_type=kind, used=used, is_stream=True, headers=_billing(used, call))


async def timed(call: Call, world: World) -> Reply:
    """POST /v1/text-to-speech/{voice}/with-timestamps."""
    made = await _speak(call, world)
    if isinstance(made, Reply):
        return made
    spoken, data, used = made
    alignment = _alignment(str(call.body["text"]), spoken)
    body = {"audio_base64": base64.b64encode(data).decode(), "alignment": alignment, "normalized_alignment": alignment}
    return Reply(parts=(dumps(body),), used=used, headers=_billing(used, call))


async def timed_stream(call: Call, world: World) -> Reply:
    """POST /v1/text-to-speech/{voice}/stream/with-timestamps: lines of JSON, each with a piece of both."""
    made = await _speak(call, world)
    if isinstance(made, Reply):
        return made
    spoken, data, used = made
    pieces = in_chunks(data)
    alignment = _alignment(str(call.body["text"]), spoken)
    parts = []
    for number, piece in enumerate(pieces):
        part = _between(alignment, spoken.seconds * number / len(pieces), spoken.seconds * (number + 1) / len(pieces))
        last = number == len(pieces) - 1
        part = _between(alignment, spoken.seconds * number / len(pieces), float("inf")) if last else part
        timing = part if part["characters"] else None
        sound = base64.b64encode(piece).decode()
        parts.append(dumps({"audio_base64": sound, "alignment": timing, "normalized_alignment": timing}) + b"\n")
    return Reply(parts=parts, used=used, is_stream=True, headers=_billing(used, call))


def _billing(used: Used, call: Call) -> Mapping[str, str]:
    return {"character-cost": str(int(used.units["characters"])), "request-id": call.id, "history-item-id": call.id}


def _alignment(text: str, spoken: Spoken) -> dict[str, list[Any]]:
    """When each character is heard: those of a word share its time evenly, spaces take what lies between words."""
    starts: list[float] = []
    ends: list[float] = []
    words = iter(spoken.words)
    now = 0.0
    for piece in _runs(text):
        if piece.isspace():
            begin, end = now, now
        else:
            word = next(words)
            begin, end = word.start, word.end
            _stretch(ends, piece_end=begin)
        each = (end - begin) / len(piece)
        starts += [round(begin + each * at, 3) for at in range(len(piece))]
        ends += [round(begin + each * (at + 1), 3) for at in range(len(piece))]
        now = end
    return {
        "characters": list(text),
        "character_start_times_seconds": starts,
        "character_end_times_seconds": ends,
    }


def _stretch(ends: list[float], *, piece_end: float) -> None:
    """Let the space before a word last until it begins."""
    if ends:
        ends[-1] = max(ends[-1], round(piece_end, 3))


def _runs(text: str) -> list[str]:
    """The text cut where spaces begin and end."""
    pieces: list[str] = []
    for letter in text:
        if pieces and pieces[-1][-1].isspace() == letter.isspace():
            pieces[-1] += letter
        else:
            pieces.append(letter)
    return pieces


def _between(alignment: Mapping[str, Sequence[Any]], begin: float, end: float) -> dict[str, list[Any]]:
    kept = [at for at, start in enumerate(alignment["character_start_times_seconds"]) if begin <= start < end]
    return {name: [values[at] for at in kept] for name, values in alignment.items()}


async def voices(call: Call, world: World) -> Reply:  # noqa: ARG001  # the handlers' shape
    """GET /v1/voices and /v2/voices."""
    listed = [
        {
            "voice_id": identity,
            "name": name,
            "category": "premade",
            "labels": {"language": "en", "accent": "american", "use_case": "narration"},
            "description": f"{name}, a simulated voice",
            "preview_url": None,
            "settings": None,
        }
        for identity, name in _VOICES.items()
    ]
    return as_json({"voices": listed, "has_more": False, "total_count": len(listed), "next_page_token": None})


async def subscription(call: Call, world: World) -> Reply:  # noqa: ARG001  # the handlers' shape
    """GET /v1/user/subscription: how many characters were used."""
    return as_json(_subscription(world))


async def user(call: Call, world: World) -> Reply:  # noqa: ARG001  # the handlers' shape
    """GET /v1/user."""
    return as_json(
        {
            "user_id": "simulated",
            "subscription": _subscription(world),
            "is_new_user": False,
            "xi_api_key": None,
            "can_use_delayed_payment_methods": False,
            "is_onboarding_completed": True,
            "is_onboarding_checklist_completed": True,
            "created_at": 1_700_000_000,
            "seat_type": "workspace_admin",
        }
    )


def _subscription(world: World) -> dict[str, Any]:
    used = sum(int(c.units.get("characters", 0)) for c in world.bill.charges if c.vendor == "elevenlabs")
    return {
        "tier": "creator",
        "character_count": used,
        "character_limit": _LIMIT,
        "max_character_limit_extension": 0,
        "max_credit_limit_extension": 0,
        "can_extend_character_limit": False,
        "allowed_to_extend_character_limit": False,
        "next_character_count_reset_unix": 1_800_000_000,
        "voice_slots_used": 1,
        "professional_voice_slots_used": 0,
        "professional_voice_slots_used_in_workspace": 0,
        "voice_limit": 30,
        "voice_add_edit_counter": 0,
        "professional_voice_limit": 1,
        "can_extend_voice_limit": False,
        "can_use_instant_voice_cloning": True,
        "can_use_professional_voice_cloning": True,
        "currency": "usd",
        "current_overage": {"amount": "0", "currency": "usd"},
        "status": "active",
        "billing_period": "monthly_period",
        "character_refresh_period": "monthly_period",
        "next_invoice": None,
        "open_invoices": [],
        "has_open_invoices": False,
    }


_BASE = "/v1/text-to-speech/{voice}"
_SOUND = SHOWN["speech"] - {Fault.BROKEN_JSON, Fault.WRONG_SHAPE}
_SPEECH, _ACCOUNT = SHOWN["speech"], SHOWN["account"]
DIALECT = Dialect(
    name="elevenlabs",
    key=_key,
    refuse=refuse,
    limits=_limits,
    endpoints=(
        Endpoint(method="POST", path=_BASE, capability="speech", handler=whole, shows=_SOUND),
        Endpoint(method="POST", path=f"{_BASE}/stream", capability="speech", handler=whole, shows=_SOUND),
        Endpoint(method="POST", path=f"{_BASE}/with-timestamps", capability="speech", handler=timed, shows=_SPEECH),
        Endpoint(
            method="POST",
            path=f"{_BASE}/stream/with-timestamps",
            capability="speech",
            handler=timed_stream,
            shows=_SPEECH,
        ),
        Endpoint(method="GET", path="/v1/voices", capability="account", handler=voices, shows=_ACCOUNT),
        Endpoint(method="GET", path="/v2/voices", capability="account", handler=voices, shows=_ACCOUNT),
        Endpoint(method="GET", path="/v1/user", capability="account", handler=user, shows=_ACCOUNT),
        Endpoint(
            method="GET", path="/v1/user/subscription", capability="account", handler=subscription, shows=_ACCOUNT
        ),
    ),
)
