"""The server as a process or as a thread of one; it listens on 127.0.0.1 and nowhere else."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Self

from storygen.errors import InvalidSettings
from storygen.vendors.faults import VENDORS, Vendor
from storygen.vendors.plan import as_plan
from storygen.vendors.world import World

HOST = "127.0.0.1"
_INSTALL = "pip install 'storygen[vendors]'"
_GRACE_SECONDS = 1


def server_of(world: World) -> Any:
    """A uvicorn server that has not been started. Raises `InvalidSettings` where the extra is not installed."""
    try:
        import uvicorn

        from storygen.vendors.app import build
    except ImportError as error:
        raise InvalidSettings(f"The simulated vendors need {error.name}.", hint=_INSTALL) from error
    config = uvicorn.Config(
        build(world),
        lifespan="off",
        log_level="critical",
        log_config=None,
        access_log=False,
        http="h11",
        ws="none",
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_keep_alive=60,
    )
    return uvicorn.Server(config)


def listen(port: int) -> socket.socket:
    """A socket on 127.0.0.1; port 0 picks a free one. Raises `InvalidSettings` where the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise InvalidSettings(
            f"Port {port} cannot be used: {error.strerror}.", hint="Choose another --port."
        ) from error
    listener.listen(2048)
    return listener


def base_url(vendor: Vendor, port: int) -> str:
    """What a vendor's SDK takes as its base URL."""
    suffix = "/v1" if vendor == "openai" else ""
    return f"http://{HOST}:{port}/{vendor}{suffix}"


class Simulation:
    """Simulated vendors in a thread of this process, for tests and rehearsals; a context manager."""

    def __init__(self, world: World | None = None) -> None:
        self.world = world or World()
        self._server = server_of(self.world)
        self._listener = listen(0)
        self.port: int = self._listener.getsockname()[1]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="vendors", daemon=True)

    def __enter__(self) -> Self:
        """Start it; calls that come before it is ready wait."""
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *failure: object) -> None:
        """End it, and forget what it made."""
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._listener.close()
        self.world.close()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready.set()
        await self._server.serve(sockets=[self._listener])

    def url(self, vendor: Vendor) -> str:
        """The base URL for a vendor's SDK."""
        if vendor not in VENDORS:
            raise InvalidSettings(f"There is no simulated {vendor}.", hint=f"There are {', '.join(VENDORS)}.")
        return base_url(vendor, self.port)

    def plan(self, rules: Sequence[Mapping[str, Any]] = (), **more: Any) -> None:
        """Put rules in force; `seed`, `keys`, `limits` and `polls` may be named too. Raises `InvalidSettings`."""
        self.world.set_plan(as_plan({"rules": list(rules), **more}))

    def billed(self) -> dict[str, Any]:
        """What was billed so far."""
        return self.world.bill.summary()

    def requests(self, vendor: Vendor | None = None) -> list[dict[str, Any]]:
        """Every request that came in, or those of one vendor."""
        return [entry for entry in [*self.world.requests] if vendor in {None, entry["vendor"]}]

    def reset(self) -> None:
        """Forget the plan, the bill, the requests and the tasks."""
        self.world.reset()
