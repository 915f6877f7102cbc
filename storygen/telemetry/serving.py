"""A small HTTP server for what others send: bodies have a limit, those who dawdle are hung up on, nothing is logged."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_SOCKET_SECONDS = 10.0
_POLL_SECONDS = 0.05


class Handler(BaseHTTPRequestHandler):
    """What the handlers here share."""

    timeout = _SOCKET_SECONDS

    def body(self, longest: int) -> bytes | None:
        """What was sent, at most `longest` bytes; None where it was refused, and the answer says why."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self.send_error(411)
        elif int(length[:12]) > longest:
            self.send_error(413)
        else:
            return self.rfile.read(int(length))
        return None

    def answer(self, status: int, kind: str, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send a whole answer."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Requests are not worth a line."""


class Server(ThreadingHTTPServer):
    """Serves in a thread from the start; raises `OSError` where the address is taken. `held` is set on its handler."""

    daemon_threads = True

    def __init__(self, host: str, port: int, handler: type[Handler], **held: Any) -> None:
        super().__init__((host, port), type(handler.__name__, (handler,), held))
        self.port: int = self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(_POLL_SECONDS,), name="storygen-serving", daemon=True).start()

    def handle_error(self, *_: object) -> None:
        """Those who hang up are not worth a traceback."""

    def close(self) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()
