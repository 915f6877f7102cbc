"""What a browser says of the page that asks, so that no web page can spend the user's money; and what it is told.

A page of somebody else can make a browser send requests to this machine: by a form, an image, a script, or a name that
points to 127.0.0.1 (DNS rebinding). The first three say where they come from (`Sec-Fetch-Site`, `Origin`, `Referer`),
the last has the wrong `Host`. Programs such as curl say nothing of this and are let through.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Message, Send

from storygen.errors import NotAllowed
from storygen.settings import ServiceSettings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES = frozenset({"same-origin", "none"})
_PORTS = {"http": 80, "https": 443}
_FORWARDED = frozenset({b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: dict[bytes, bytes] = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"same-origin",  # with none at all, browsers call the origin of our own forms `null`
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=()",
}


class Headed:
    """Sends with the headers that every answer has; those that the answer has itself stay."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_started = False
        self.cookie = ""

    async def __call__(self, message: Message) -> None:
        """Send one message."""
        if message["type"] == "http.response.start":
            self.has_started = True
            own = list(message.get("headers", ()))
            names = {name.lower() for name, _ in own}
            own += [(name, value) for name, value in HEADERS.items() if name not in names]
            if b"cache-control" not in names:
                own.append((b"cache-control", b"private, no-cache"))
            if self.cookie and b"set-cookie" not in names:
                own.append((b"set-cookie", self.cookie.encode()))
            message = {**message, "headers": own}
        await self._send(message)


@lru_cache(64)
def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine's own, whatever a resolver says."""
    bare = host.strip("[]").lower()
    if bare == "localhost":
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def check_host(headers: Headers, settings: ServiceSettings) -> None:
    """Raise `NotAllowed` where the service was asked for under a name that is not its own."""
    hosts = headers.getlist("host")
    name = _name_of(hosts[0]) if len(hosts) == 1 else ""
    if not name or not (is_loopback(name) or name in _own_names(settings)):
        raise NotAllowed(
            "The service is not known under the name that it was asked for.",
            hint="Add the name to service.allowed_hosts.",
        )


def check_direct(headers: Headers) -> None:
    """Raise `NotAllowed` where a proxy stands between: without tokens it would let everybody in."""
    if any(name in _FORWARDED for name, _ in headers.raw):
        raise NotAllowed("Through a proxy the service needs tokens.", hint="Set service.tokens_file.")


def check_page(method: str, headers: Headers, settings: ServiceSettings) -> None:
    """Raise `NotAllowed` where a page of somebody else makes the browser ask; its links may be followed."""
    site = headers.get("sec-fetch-site")
    if method in SAFE_METHODS:
        if site is None or site in _OWN_SITES or headers.get("sec-fetch-mode") == "navigate":
            return
    elif (site is None or site in _OWN_SITES) and _is_own(headers, settings):
        return
    raise NotAllowed(
        "A page from elsewhere may not do this.", hint="Use the console, or a program that is not a browser."
    )


def is_strange_page(headers: Headers) -> bool:
    """Whether somebody followed a link from elsewhere, in which case the browser holds back our cookie."""
    return headers.get("sec-fetch-site") in {"cross-site", "same-site"}


def _is_own(headers: Headers, settings: ServiceSettings) -> bool:
    said = headers.get("origin") or headers.get("referer")
    if said is None:
        return True
    return _place(said) in {_place(f"http://{headers.get('host', '')}"), _place(settings.public_url)} - {None}


def _place(address: str) -> tuple[str, int | None] | None:
    """Name and port of an address; ports that go without saying are None, since a proxy may have changed the scheme."""
    try:
        parts = urlsplit(address)
        name, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return None
    return (name, None if port in _PORTS.values() else port) if name else None


def _name_of(host: str) -> str:
    place = _place(f"http://{host}")
    return place[0] if place and not set(host) & set("/@?#\\ ") else ""


def _own_names(settings: ServiceSettings) -> set[str]:
    names = {name.strip("[]").rstrip(".").lower() for name in settings.allowed_hosts}
    public = _place(settings.public_url)
    return names | ({public[0]} if public else set())
