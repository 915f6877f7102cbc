"""What storygen finds when it examines this machine and its settings: what works, what is missing, how to get it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from storygen.errors import InvalidSettings, StorygenError
from storygen.providers.base import Capability
from storygen.providers.registry import BUILTIN, ROWS, VENDORS, Chains, Vendor, asked
from storygen.readiness import lacks, mistakes
from storygen.settings import Settings, VendorSettings

_LEAST_FREE_BYTES = 2_000_000_000
_REDIS_SECONDS = 2.0
_FFMPEG_SECONDS = 30.0


class State(StrEnum):
    """How something stands."""

    WORKS = "works"  # it was tried
    READY = "ready"  # all that it needs is there; it was not tried
    ABSENT = "absent"  # not set up, and nobody asked for it
    BROKEN = "broken"  # asked for, and it cannot work


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was examined: what was seen, and what to do where that is not all right."""

    group: str
    name: str
    state: State
    seen: str = ""
    hint: str = ""


async def examine(settings: Settings, *, live: bool = False) -> AsyncIterator[Finding]:
    """Examine everything; with `live` each vendor with a key is asked for a list, which costs nothing."""
    for path, said in mistakes(settings):
        yield Finding(group="settings", name=".".join(path), state=State.BROKEN, seen=said)
    yield (found := await _ffmpeg(settings))
    if found.state is State.WORKS:
        yield await _card(settings)
    if settings.ffprobe_path is not None:
        yield _ffprobe(settings.ffprobe_path)
    yield _font()
    yield await _espeak(settings)
    for finding in _folders(settings):
        yield finding
    if settings.redis.url is not None:
        yield await _redis(settings)
    for vendor in VENDORS.values():
        if vendor.name != BUILTIN:
            yield await _vendor(vendor, settings, live=live)


async def _ffmpeg(settings: Settings) -> Finding:
    """Encode a moment of black, which needs all that a film needs."""
    from storygen.media.ffmpeg import Command, find_binary, run

    args = ("-f", "lavfi", "-i", "color=size=64x64:duration=0.2", "-c:v", "libx264", "-f", "null", "-")
    try:
        binary = find_binary(settings.ffmpeg_path)
        await run(Command(step="probe", args=args), binary=binary, timeout=_FFMPEG_SECONDS, stall_after=_FFMPEG_SECONDS)
    except StorygenError as error:
        return _broken("machine", "ffmpeg", error)
    return Finding(group="machine", name="ffmpeg", state=State.WORKS, seen=str(binary))


async def _card(settings: Settings) -> Finding:
    """Let each graphics card that there may be encode a moment; broken only where one is asked for by its name."""
    from storygen.media.encoders import settled, with_encoder
    from storygen.media.ffmpeg import find_binary

    wanted = settings.film.encoder
    asked = settings.film if wanted not in {"software", "auto"} else with_encoder(settings.film, "auto")
    found = await settled(asked, find_binary(settings.ffmpeg_path))
    name, left = "graphics card", "; ".join(found.left)
    if found.film.encoder != "software":
        use = "" if wanted in {"auto", found.film.encoder} else ', used with film.encoder = "auto"'
        return Finding(group="machine", name=name, state=State.WORKS, seen=f"{found.film.encoder} encodes{use}")
    state = State.ABSENT if wanted in {"software", "auto"} else State.BROKEN
    return Finding(group="machine", name=name, state=state, seen="none encodes; x264 does", hint=left)


def _ffprobe(configured: Path) -> Finding:
    found = shutil.which(configured.expanduser())
    if found is None:
        hint = "Set FFPROBE_PATH to an executable, or unset it: ffmpeg alone is enough."
        seen = f"{configured} cannot be run"
        return Finding(group="machine", name="ffprobe", state=State.BROKEN, seen=seen, hint=hint)
    return Finding(group="machine", name="ffprobe", state=State.READY, seen=found)


def _font() -> Finding:
    from storygen.media.fonts import font_file

    file = font_file("Inter")
    if not file.is_file():
        hint = "Reinstall storygen; its typefaces are part of it."
        return Finding(group="machine", name="font", state=State.BROKEN, seen=f"{file.name} is gone", hint=hint)
    return Finding(group="machine", name="font", state=State.READY, seen=file.name)


async def _espeak(settings: Settings) -> Finding:
    """Speak a word; broken only where the built-in voice is asked for or has to stand in."""
    from storygen.providers.speech.base import SpeechRequest
    from storygen.story import NARRATOR, Line

    wanted = BUILTIN in settings.providers.speech or settings.degrade.voice == BUILTIN
    request = SpeechRequest(lines=(Line(text="Hello."),), cast=(NARRATOR,))
    try:
        with tempfile.TemporaryDirectory() as folder:
            await Chains(settings).create(Capability.SPEECH, BUILTIN).answer(request, Path(folder))
    except StorygenError as error:
        return _broken("machine", "built-in voice", error, state=State.BROKEN if wanted else State.ABSENT)
    return Finding(group="machine", name="built-in voice", state=State.WORKS, seen="eSpeak NG")


def _folders(settings: Settings) -> Iterator[Finding]:
    folders = settings.folders
    for name, folder in (("films", folders.films), ("cache", folders.cache), ("state", folders.state)):
        yield _folder(f"folders.{name}", folder.expanduser().absolute())
    if settings.logs.folder is not None:
        yield _folder("logs.folder", settings.logs.folder.expanduser().absolute())


def _folder(name: str, folder: Path) -> Finding:
    """Whether files can be written where the folder is, or where it would be made, and how much fits there."""
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        hint = f"Allow writing there, or set {name} to another folder."
        return Finding(group="machine", name=name, state=State.BROKEN, seen=f"{folder}: {error.strerror}", hint=hint)
    seen = f"{folder}, {free / 1e9:.1f} GB free"
    if free < _LEAST_FREE_BYTES:
        hint = f"A film may need more; free some space, or set {name} to another disk."
        return Finding(group="machine", name=name, state=State.BROKEN, seen=seen, hint=hint)
    return Finding(group="machine", name=name, state=State.WORKS, seen=seen)


async def _redis(settings: Settings) -> Finding:
    """Ping it; without it each worker goes on with its own, but somebody asked for it."""
    hint = "Start it or correct redis.url; until then each worker goes on with its own breakers and cache."
    try:
        from redis.asyncio import Redis
        from redis.exceptions import RedisError
    except ImportError:
        install = "pip install 'storygen[redis]'"
        return Finding(group="machine", name="redis", state=State.BROKEN, seen="its package is missing", hint=install)
    address = settings.redis.url.get_secret_value() if settings.redis.url else ""
    try:
        client = Redis.from_url(address, socket_connect_timeout=_REDIS_SECONDS, socket_timeout=_REDIS_SECONDS)
        async with client:
            await client.ping()
    except (RedisError, OSError, ValueError) as error:
        seen = f"it does not answer ({type(error).__name__})"
        return Finding(group="machine", name="redis", state=State.BROKEN, seen=seen, hint=hint)
    return Finding(group="machine", name="redis", state=State.WORKS, seen="it answers")


async def _vendor(vendor: Vendor, settings: Settings, *, live: bool) -> Finding:
    capabilities = tuple(row.capability for row in ROWS if row.vendor == vendor.name)
    used = [capability.value for capability in capabilities if vendor.name in asked(capability, settings)]
    told = f"for {', '.join(used)}" if used else f"can do {', '.join(capabilities)}; not in a chain"
    wanted: VendorSettings = getattr(settings.vendors, vendor.name)
    lacking = list(lacks(vendor, settings))
    if lacking:
        state = State.BROKEN if used else State.ABSENT
        hint = "; ".join(lacking)
        return Finding(group="providers", name=vendor.name, state=state, seen=told, hint=hint)
    if not (live and vendor.variables):
        return Finding(group="providers", name=vendor.name, state=State.READY, seen=told)
    return await _tried(vendor, wanted, told, is_used=bool(used))


async def _tried(vendor: Vendor, wanted: VendorSettings, told: str, *, is_used: bool) -> Finding:
    from storygen.providers.live import try_out

    try:
        said = await try_out(vendor.name, wanted)
    except StorygenError as error:
        state = State.BROKEN if is_used else State.ABSENT
        return _broken("providers", vendor.name, error, state=state, told=f"{told}: ")
    return Finding(group="providers", name=vendor.name, state=State.WORKS, seen=f"{told}; {said}")


def _broken(group: str, name: str, error: StorygenError, *, state: State = State.BROKEN, told: str = "") -> Finding:
    first = error.hint.splitlines()[0] if error.hint else ""
    kind = "" if isinstance(error, InvalidSettings) else f"{error.kind}: "
    return Finding(group=group, name=name, state=state, seen=f"{told}{kind}{error.message}", hint=first)
