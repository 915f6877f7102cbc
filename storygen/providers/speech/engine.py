"""eSpeak NG as a program: where it is, how it is run, and what its refusals mean."""

from __future__ import annotations

import asyncio
import difflib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

from storygen.errors import (
    DiskFull,
    InvalidOutput,
    InvalidSettings,
    ProviderTimeout,
    ProviderUnavailable,
    StorygenError,
)
from storygen.media.environment import for_children

_LONGEST_DATA_PATH = 150  # bytes: eSpeak NG copies the path into 160
_SHORT_FOLDER = Path("/tmp")  # noqa: S108  # what is made in it has a random name and is private
_PROGRAM = Path(__file__).with_name("espeak.py")
_PATIENCE_SECONDS = 20.0
_POLL_SECONDS = 0.005
_NAME = "builtin"
_INSTALL = "pip install espeakng-loader; where that has no wheel, configure another provider for speech."


@cache
def version() -> str:
    """The installed version of the library, empty where there is none."""
    from importlib import metadata

    try:
        return metadata.version("espeakng-loader")
    except metadata.PackageNotFoundError:
        return ""


def locate(stack: ExitStack) -> tuple[str, str]:
    """The library and its data, by a short link that lives as long as `stack` where the path of the data is too long.

    Raises `ProviderUnavailable` where it is not installed or no link can be made.
    """
    try:
        import espeakng_loader

        library, data = espeakng_loader.get_library_path(), espeakng_loader.get_data_path()
    except (ImportError, OSError, RuntimeError) as error:
        raise ProviderUnavailable("eSpeak NG is not installed.", hint=_INSTALL, provider=_NAME) from error
    if len(os.fsencode(data)) <= _LONGEST_DATA_PATH:
        return library, data
    # The configured folder for temporary files may be a long path, too.
    base = _SHORT_FOLDER if _SHORT_FOLDER.is_dir() else None
    link = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sg", dir=base)), "d")
    try:
        link.symlink_to(data, target_is_directory=True)
    except OSError as error:
        raise ProviderUnavailable(
            "The path of eSpeak NG's data is too long, and no link to it can be made.",
            hint="Install storygen into an environment with a shorter path.",
            provider=_NAME,
        ) from error
    return library, str(link)


async def speak(job: Mapping[str, Any]) -> dict[str, Any]:
    """Run the program on a job and return its report; the child is gone when this returns, however it ends.

    Raises `ProviderTimeout`, `InvalidOutput`, `ProviderUnavailable`, `InvalidSettings` or `DiskFull`.
    """
    limit = _PATIENCE_SECONDS + len(job["text"]) / 200
    with ExitStack() as stack:
        # Files, because a pipe that nobody empties would stop the child.
        asked, said, complaint = (
            stack.enter_context(tempfile.TemporaryFile(dir=Path(job["out"]).parent)) for _ in range(3)
        )
        asked.write(json.dumps(job).encode())
        asked.seek(0)
        # asyncio's own subprocesses hang in Python 3.11 when they are cancelled while they start.
        child = subprocess.Popen(  # noqa: S603, ASYNC220  # a list of arguments, and no shell
            (sys.executable, "-I", "-S", str(_PROGRAM), str(os.getpid())),
            stdin=asked,
            stdout=said,
            stderr=complaint,
            env=for_children(),
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(limit):
                while child.poll() is None:  # noqa: ASYNC110  # processes send no events
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError as error:
            raise ProviderTimeout(f"eSpeak NG did not end within {limit:.0f} s.", provider=_NAME) from error
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        said.seek(0)
        complaint.seek(0)
        return _report(said.read(), complaint.read(), child.returncode)


def _report(said: bytes, complaint: bytes, status: int | None) -> dict[str, Any]:
    try:
        report = dict(json.loads(said))
    except ValueError as error:
        raise InvalidOutput(
            f"eSpeak NG broke (status {status}).",
            hint=complaint.decode(errors="replace").strip()[-500:] or "Try other words or another voice.",
            provider=_NAME,
        ) from error
    if "error" in report:
        raise _refusal(report)
    return report


def _nearest(report: Mapping[str, Any], kind: str) -> str:
    """The few that are most like what was asked for, and how many there are: all of them are over a hundred."""
    known = [str(name) for name in report.get("known", ())]
    near = difflib.get_close_matches(str(report.get("detail", "")).lower(), known, n=4, cutoff=0.4)
    some = f"Did you mean {', '.join(near)}? " if near else ""
    place = "https://github.com/espeak-ng/espeak-ng/blob/master/docs/languages.md"
    others = f"such as en, de, cmn; all of them: {place}" if kind == "languages" else "such as f3, m3, Andy."
    return f"{some}There are {len(known)} {kind}, {others}"


def _refusal(report: Mapping[str, Any]) -> StorygenError:
    """The error of our tree for what the program reports."""
    detail = report.get("detail", "")
    match report["error"]:
        case "language":
            return InvalidSettings(f"The built-in voice does not speak {detail!r}.", hint=_nearest(report, "languages"))
        case "variant":
            return InvalidSettings(f"There is no built-in voice named {detail!r}.", hint=_nearest(report, "variants"))
        case "write":
            return DiskFull(f"The voice could not be written: {detail}", hint="Free some space, or move the cache.")
        case "library" | "data":
            return ProviderUnavailable(f"eSpeak NG cannot be loaded: {detail}", hint=_INSTALL, provider=_NAME)
    return InvalidOutput(f"eSpeak NG broke: {detail}", provider=_NAME)
