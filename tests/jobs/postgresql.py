"""A real PostgreSQL, which a test may stop, kill and start again; each test gets a database of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
import tempfile
from itertools import count
from pathlib import Path

import psutil

from tests.jobs.brokers import Server, missing
from tests.servers import eventually

_DEBIAN = Path("/usr/lib/postgresql")
_OWNER = "postgres"  # the server refuses to run as root


class PostgreSql(Server):
    """A server that trusts whoever is on this machine; it need not survive a loss of power."""

    def __init__(self) -> None:
        binary = shutil.which("postgres") or next(map(str, sorted(_DEBIAN.glob("*/bin/postgres"), reverse=True)), None)
        if binary is None:
            missing("postgresql")
        self._bin = Path(str(binary)).resolve().parent  # its tools are beside it
        self._numbers = count(1)
        folder = Path(tempfile.mkdtemp(prefix="storygen-postgresql-"))  # pytest's own folders are closed to others
        if self._as_owner:
            shutil.chown(folder, _OWNER, _OWNER)
        self._data = folder / "data"
        self._run("initdb", "-D", str(self._data), "-A", "trust", "-U", _OWNER, "-N", "-E", "UTF8")
        super().__init__(folder)

    def command(self) -> list[str]:
        fast = ["-c", "fsync=off", "-c", "shared_buffers=32MB", "-c", f"unix_socket_directories={self.folder}"]
        at = ["-c", "listen_addresses=127.0.0.1", "-p", str(self.port)]
        return [*self._as_owner, str(self._bin / "postgres"), "-D", str(self._data), *at, *fast]

    def is_up(self) -> bool:
        ready = [str(self._bin / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(ready, capture_output=True, check=False).returncode == 0

    def new_database(self) -> str:
        """The SQLAlchemy address of an empty database."""
        name = f"test{next(self._numbers)}"
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", _OWNER, name)
        return f"postgresql+psycopg://{_OWNER}@127.0.0.1:{self.port}/{name}"

    def stop(self) -> None:
        """End it as an operator does: connections are cut, what is committed is kept."""
        os.kill(self._process.pid, signal.SIGINT)
        self._process.wait(30)
        eventually(lambda: not self.is_up())

    def kill(self) -> None:
        """End it at once; its sessions live on until they notice, and answer till then."""
        sessions = psutil.Process(self._process.pid).children() if self._process.returncode is None else []
        super().kill()
        psutil.wait_procs(sessions, timeout=30)

    def remove(self) -> None:
        """End it, and forget what it kept."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _as_owner(self) -> list[str]:
        if getpass.getuser() != "root" and os.geteuid() != 0:
            return []
        return ["setpriv", f"--reuid={_OWNER}", f"--regid={_OWNER}", "--clear-groups"]

    def _run(self, tool: str, *words: str) -> None:
        subprocess.run([*self._as_owner, str(self._bin / tool), *words], check=True, capture_output=True, cwd="/")
