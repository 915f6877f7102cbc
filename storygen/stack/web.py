"""Asks servers of this machine over HTTP, past any proxy."""

from __future__ import annotations

import json
import random
import socket
from contextlib import ExitStack, suppress
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from storygen.errors import ResourceFailure

HOST = "127.0.0.1"
_PORTS = (20_000, 32_768)
_SECONDS = 10.0
_SAID_CHARACTERS = 400
_opener = build_opener(ProxyHandler({}))


def ask(url: str, /, **parameters: str) -> Any:
    """The JSON answer to a GET. Raises `ResourceFailure` where the server refuses or cannot be reached."""
    return json.loads(_answer(Request(f"{url}?{urlencode(parameters)}" if parameters else url)))  # noqa: S310


def post(url: str, body: Any = None) -> None:
    """A POST of JSON, or an empty one. Raises `ResourceFailure` as `ask` does."""
    data, headers = (b"", {}) if body is None else (json.dumps(body).encode(), {"Content-Type": "application/json"})
    _answer(Request(url, data=data, headers=headers, method="POST"))  # noqa: S310  # built from our own addresses


def is_ready(url: str) -> bool:
    """Whether a GET is answered with success."""
    try:
        with _opener.open(url, timeout=1.0):
            return True
    except (OSError, HTTPException):
        return False


def free_ports(number: int) -> list[int]:
    """Different ports on the loopback address that nobody listens on.

    They lie below those that systems give to connections, one of which might take a port before its server does.
    """
    chance, found = random.SystemRandom(), set[int]()
    with ExitStack() as held:
        while len(found) < number:
            port = chance.randrange(*_PORTS)
            with suppress(OSError):
                held.enter_context(socket.create_server((HOST, port)))
                found.add(port)
    return list(found)


def _answer(request: Request) -> bytes:
    try:
        with _opener.open(request, timeout=_SECONDS) as answer:
            body: bytes = answer.read()
            return body
    except HTTPError as error:
        said = error.read().decode("utf-8", "replace")[:_SAID_CHARACTERS]
        raise ResourceFailure(f"{request.full_url} answered {error.code}.", hint=said) from error
    except (OSError, HTTPException) as error:
        raise ResourceFailure(f"{request.full_url} cannot be reached: {error}.") from error
