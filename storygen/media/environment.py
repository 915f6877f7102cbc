"""What the programs that we start may know of our environment: where things are, and no keys."""

from __future__ import annotations

import os
from collections.abc import Mapping

_KEPT = frozenset(
    {"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}
    | {"SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA"}
)
_FAMILIES = ("LC_", "XDG_", "FONTCONFIG_")


def for_children(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that ffmpeg and a voice need; every other one could hold a key, whatever its name is."""
    return {name: value for name, value in environ.items() if name.upper() in _KEPT or name.startswith(_FAMILIES)}
