"""A Redis of the drill's own, which keeps nothing."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

from storygen.drill.waiting import wait_until
from storygen.stack.servers import READY_SECONDS, Program, Server
from storygen.stack.web import HOST

PROGRAM = "redis-server"
_SECONDS = 1.0


class Redis(Server):
    """A Redis on a port of the loopback address, in memory alone."""

    def __init__(self, port: int, folder: Path) -> None:
        self._address = (HOST, port)
        args = ("--port", str(port), "--bind", HOST, "--save", "", "--appendonly", "no", "--dir", str(folder))
        log = folder / "redis.log"
        binary = Path(shutil.which(PROGRAM) or PROGRAM)
        super().__init__(Program(name=PROGRAM, binary=binary, args=args, ready=f"redis://{HOST}:{port}", log=log))

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait until it answers. Raises `ResourceFailure` where that takes longer."""
        wait_until(self._answers, f"{PROGRAM} answers", seconds)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(self._address, _SECONDS) as asked:
                asked.settimeout(_SECONDS)
                asked.sendall(b"PING\r\n")
                return asked.recv(16).startswith(b"+PONG")
        except OSError:
            return False
