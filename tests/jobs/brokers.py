"""Real brokers and real workers, as processes that a test may kill."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from storygen.stack.web import free_ports
from tests.servers import eventually

RABBIT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
ROOT = Path(__file__).parents[2]
UP_SECONDS = 180.0


def free_port() -> int:
    """A port that nobody listens on now."""
    return free_ports(1)[0]


def missing(package: str) -> None:
    """Skip with one line that says what to install; fail instead where `CI` is set."""
    said = f"{package} missing: apt-get install -y {package}"
    if os.environ.get("CI"):
        pytest.fail(said, pytrace=False)
    pytest.skip(said)


class Server:
    """A process with its children, on a port of loopback; what it keeps lies in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.start()

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        return {}

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            environment = {**os.environ, **self.environment()}
            self._process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, env=environment, start_new_session=True
            )
        eventually(self.is_up, seconds=UP_SECONDS)

    def is_up(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self._process.wait()

    def freeze(self) -> None:
        """Stop it in the middle of what it does: connections stay, and nobody answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        server = psutil.Process(self._process.pid)
        for process in [server, *server.children(recursive=True)]:
            process.send_signal(number)


class Redis(Server):
    """A Redis that keeps what it has when it is killed."""

    def command(self) -> list[str]:
        if (binary := shutil.which("redis-server")) is None:
            missing("redis-server")
        kept = ["--appendonly", "yes", "--appendfsync", "always"]
        return [
            str(binary),
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(self.folder),
            "--save",
            "",
            *kept,
        ]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def flush(self) -> None:
        """Lose everything."""
        from redis import Redis as Client

        with Client.from_url(self.url) as client:
            client.flushall()


class Rabbit(Server):
    """A RabbitMQ with a node, ports, folders and a name service of its own."""

    def __init__(self, folder: Path) -> None:
        if not RABBIT.exists():
            missing("rabbitmq-server")
        self._names, self._between = free_port(), free_port()
        command = ["epmd", "-port", str(self._names), "-address", "127.0.0.1"]
        self._registry = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            super().__init__(folder)
        except BaseException:
            self.close()
            raise

    def command(self) -> list[str]:
        return [str(RABBIT)]

    def environment(self) -> Mapping[str, str]:
        folders = {"MNESIA_BASE": "mnesia", "LOG_BASE": "logs", "ENABLED_PLUGINS_FILE": "plugins"}
        files = {"CONFIG_FILE": "none", "CONF_ENV_FILE": "none"}
        return {
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self._names),
            "RABBITMQ_NODENAME": f"storygen{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._between),
        } | {f"RABBITMQ_{name}": str(self.folder / place) for name, place in (folders | files).items()}

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def is_up(self) -> bool:
        import amqp

        try:
            with amqp.Connection(f"127.0.0.1:{self.port}", connect_timeout=1):
                return True
        except (OSError, amqp.AMQPError):
            return False

    def flush(self) -> None:
        """Lose everything."""
        import amqp

        with amqp.Connection(f"127.0.0.1:{self.port}") as connection:
            for name in ("calls", "renders"):
                connection.channel().queue_purge(name)

    def close(self) -> None:
        """End it and its name service."""
        self.kill()
        self._registry.kill()
        self._registry.wait()


class CeleryWorker:
    """A `storygen worker` in a process, with the settings of `folder`."""

    def __init__(self, folder: Path, *options: str, ready: bool = True) -> None:
        self.log = folder / f"worker-{os.urandom(3).hex()}.log"
        command = [sys.executable, "-W", "ignore", "-m", "storygen", "worker", *options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        if ready:
            eventually(lambda: "follows" in self.said() or self.process.poll() is not None, seconds=60)
            assert self.process.poll() is None, self.said()

    def said(self) -> str:
        """What it printed."""
        return self.log.read_text("utf-8", "replace")

    def kill(self) -> None:
        """End it and its children at once."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.process.wait()
