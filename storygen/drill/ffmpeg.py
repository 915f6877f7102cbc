"""An ffmpeg that does what the drill says."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Literal

from storygen.media.ffmpeg import find_binary

Mode = Literal["", "hang", "hold", "die"]
_SCRIPT = """#!/bin/sh
# Runs the real ffmpeg, unless the drill says otherwise in the file beside it.
read -r mode < "$0.mode" || :
case "$mode" in
  hang) ! mkdir "$0.hung-$(($(date +%s) / 3))" 2>/dev/null || exec sleep 600 ;;
  hold) ! mkdir "$0.held" 2>/dev/null || exec sleep 600 ;;
  die) kill -9 $$ ;;
esac
exec '{real}' "$@"
"""


class Ffmpeg:
    """A program in a folder that becomes the real ffmpeg, or breaks."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ffmpeg"
        real = str(find_binary(None)).replace("'", "'\\''")
        self.path.write_text(_SCRIPT.format(real=real), "utf-8")
        self.path.chmod(0o700)
        self.set("")

    def set(self, mode: Mode) -> None:
        """Let one every three seconds `hang` from now on, or only the next (`hold`), let each `die`, or all work."""
        with suppress(FileNotFoundError):
            Path(f"{self.path}.held").rmdir()
        fresh = Path(f"{self.path}.fresh")
        fresh.write_text(f"{mode}\n", "utf-8")
        fresh.replace(f"{self.path}.mode")
