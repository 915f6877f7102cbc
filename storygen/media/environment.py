"""What the programs that we start may know of our environment (where things are, and no keys), and when they end."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

_KEPT = frozenset(
    {"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}
    | {"SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA"}
)
_FAMILIES = ("LC_", "XDG_", "FONTCONFIG_")

# Asks the kernel to kill this process with its parent, then becomes the program. `preexec_fn` would save 10 ms,
# but it forks a process that has threads, and runs the fork hooks of telemetry libraries in the child.
_TETHER = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9)\n"
    "os.getppid() == int(sys.argv[1]) or sys.exit(1)\n"
    "os.execv(sys.argv[2], sys.argv[2:])"
)


def tether() -> tuple[str, ...]:
    """What to put before a command so that the kernel (Linux) kills it when the thread that started it ends."""
    return (sys.executable, "-I", "-S", "-c", _TETHER, str(os.getpid())) if sys.platform == "linux" else ()


def for_children(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that ffmpeg and a voice need; every other one could hold a key, whatever its name is."""
    return {name: value for name, value in environ.items() if name.upper() in _KEPT or name.startswith(_FAMILIES)}
