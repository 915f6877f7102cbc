"""Speak one text with eSpeak NG: a program of its own, run once per line as `python -I -S espeak.py PARENT`.

It is a process, not a module, because the library is under the GPL, aborts when two threads share it, and says the same
text differently the second time. It reads a JSON object from standard input (`library`, `data`, `languages`, `variant`,
`rate`, `pitch`, `range`, `volume`, `text`, `out`), writes a mono 16-bit WAV file to `out`, and prints a JSON object:
`rate` in Hz, `samples`, and `words` as [first character, sample]; or `error`, a fixed word, with details. Nothing of
storygen is imported here.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import wave
from pathlib import Path
from typing import Any

SYNCHRONOUS = 2
DONT_EXIT = 0x8000
SEED = 1
WORD = 1
CHARS_UTF8 = 1
POSITION_CHARACTER = 1
PARAMETERS = {"rate": 1, "volume": 2, "pitch": 3, "range": 4}


class Event(ctypes.Structure):
    """`espeak_EVENT` of speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique", ctypes.c_uint),
        ("position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


class Voice(ctypes.Structure):
    """`espeak_VOICE` of speak_lib.h."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(Event))


class Refused(Exception):
    """What is reported as `error`."""

    def __init__(self, error: str, **details: object) -> None:
        super().__init__(error)
        self.report = {"error": error, **details}


def load(library: str, data: str) -> tuple[ctypes.CDLL, int]:
    """The library, initialised, and its sample rate."""
    try:
        speak = ctypes.CDLL(library)
    except OSError as error:
        raise Refused("library", detail=str(error)) from error
    speak.espeak_Synth.argtypes = (
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_uint,
        ctypes.c_void_p,
        ctypes.c_void_p,
    )
    speak.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(Voice))
    rate = speak.espeak_Initialize(SYNCHRONOUS, 0, os.fsencode(data), DONT_EXIT)
    if rate <= 0:
        raise Refused("data", detail=data)
    # Breath and roughness are random, and the library seeds itself with the time of day.
    speak.espeak_ng_SetRandSeed(ctypes.c_long(SEED))
    return speak, rate


def choose(speak: ctypes.CDLL, data: str, languages: list[str], variant: str) -> None:
    """Set the first of the languages that exists, with the variant."""
    folder = Path(data, "voices", "!v")
    variants = sorted(file.name for file in folder.iterdir()) if folder.is_dir() else []
    if variant and variant not in variants:
        raise Refused("variant", detail=variant, known=variants)
    for language in languages:
        name = f"{language}+{variant}" if variant else language
        if speak.espeak_SetVoiceByName(name.encode()) == 0:
            return
    raise Refused("language", detail=languages[0], known=known_languages(speak))


def known_languages(speak: ctypes.CDLL) -> list[str]:
    """The code of every language that has a voice, sorted."""
    voices = speak.espeak_ListVoices(None)
    found = set()
    index = 0
    while voices[index]:
        found.add(voices[index].contents.languages[1:].decode("utf-8", "replace"))
        index += 1
    return sorted(found)


def speak_to(job: dict[str, Any], out: wave.Wave_write) -> dict[str, Any]:
    """Speak the job's text into `out`, and return what is to be reported."""
    speak, rate = load(job["library"], job["data"])
    choose(speak, job["data"], job["languages"], job["variant"])
    for name, number in PARAMETERS.items():
        speak.espeak_SetParameter(number, job[name], 0)
    out.setparams((1, 2, rate, 0, "NONE", ""))
    words: list[list[int]] = []
    failures: list[BaseException] = []

    def heard(samples: int | None, count: int, events: ctypes._Pointer[Event]) -> int:
        try:
            if samples and count > 0:
                out.writeframesraw(ctypes.string_at(samples, count * 2))
            index = 0
            while events[index].type:
                if events[index].type == WORD:
                    words.append([events[index].position - 1, events[index].sample])
                index += 1
        except Exception as error:  # noqa: BLE001  # it cannot pass through C: it is raised again below
            failures.append(error)
            return 1
        return 0

    callback = Callback(heard)
    speak.espeak_SetSynthCallback(callback)
    text = job["text"].encode()
    status = speak.espeak_Synth(text, len(text) + 1, 0, POSITION_CHARACTER, 0, CHARS_UTF8, None, None)
    if failures:
        raise failures[0]
    if status != 0:
        raise Refused("synthesis", detail=str(status))
    return {"rate": rate, "samples": out.getnframes(), "words": words}


def tether(parent: int) -> None:
    """Have the kernel (Linux) end this process with its parent, which may be killed before it can do so."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, 9)
        if os.getppid() != parent:
            sys.exit(1)


def main() -> None:
    """Read the job, do it, report."""
    tether(int(sys.argv[1]))
    job = json.load(sys.stdin.buffer)
    try:
        with Path(job["out"]).open("wb") as file, wave.open(file, "wb") as out:
            out.setparams((1, 2, 22050, 0, "NONE", ""))
            report = speak_to(job, out)
    except Refused as refused:
        report = refused.report
    except OSError as error:
        report = {"error": "write", "detail": str(error), "errno": error.errno}
    sys.stdout.buffer.write(json.dumps(report).encode())


if __name__ == "__main__":
    main()
