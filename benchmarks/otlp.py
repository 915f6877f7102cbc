"""An OTLP receiver in a process of its own, so that receiving does not slow what is measured.

As a program (`python -m benchmarks.otlp`) it prints its two ports and, when its standard input ends,
how many spans came.
"""

from __future__ import annotations

import sys
from subprocess import PIPE, Popen

from storygen.telemetry.receiver import Receiver


class Remote:
    """A receiver in a process of its own."""

    def __init__(self) -> None:
        self._process = Popen([sys.executable, "-m", "benchmarks.otlp"], stdin=PIPE, stdout=PIPE, text=True)
        assert self._process.stdout is not None
        self.grpc_port, self.http_port = (int(port) for port in self._process.stdout.readline().split())

    def close(self) -> int:
        """End it; says how many spans came."""
        said, _ = self._process.communicate("", timeout=30)
        return int(said)


def main() -> None:
    """Count spans until standard input ends."""
    receiver = Receiver(keep=False)
    print(receiver.grpc_port, receiver.http_port, flush=True)
    sys.stdin.read()
    receiver.close()
    print(receiver.count)


if __name__ == "__main__":
    main()
