"""A small disk for one worker, which the drill can fill: a file system in memory that nobody else sees."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SIZE = 96 * 1024 * 1024
_LEFT = 0.06
_BALLAST = "ballast"


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """How a process is started so that the folder of its films is a small disk of its own.

    It lives in a mount namespace of that process and ends with it: nothing is mounted for anybody else, and nothing is
    left behind. Root may do that, and most others in a user namespace.
    """

    folder: Path
    unshare: tuple[str, ...]

    @classmethod
    def here(cls, folder: Path) -> SmallDisk | None:
        """The disk for the films of a worker below `folder`; None where this machine does not let one be made."""
        program = shutil.which("unshare")
        if program is None:
            return None
        for options in (("--mount",), ("--user", "--map-root-user", "--mount")):
            tried = [program, *options, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/mnt"]
            if subprocess.run(tried, capture_output=True, check=False).returncode == 0:  # noqa: S603
                return cls(folder / "films" / "films", (program, *options))
        return None

    def wrapped(self, binary: Path, args: list[str]) -> tuple[Path, list[str]]:
        """A command that mounts the disk and then becomes `binary`."""
        mount = f'mount -t tmpfs -o size={SIZE} tmpfs "$1" && shift && exec "$@"'
        program, *options = self.unshare
        return Path(program), [*options, "sh", "-c", mount, "sh", str(self.folder), str(binary), *args]

    def fill(self, pid: int) -> None:
        """Leave hardly any space on the disk of that process."""
        place = self._seen_by(pid)
        free = shutil.disk_usage(place).free
        with (place / _BALLAST).open("wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, max(1, int(free - _LEFT * SIZE)))

    def free(self, pid: int) -> None:
        """Give the space back."""
        (self._seen_by(pid) / _BALLAST).unlink(missing_ok=True)

    def _seen_by(self, pid: int) -> Path:
        return Path(f"/proc/{pid}/root{self.folder}")
