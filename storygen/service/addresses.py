"""Where the service goes when a caller names an address: to public machines only, and to the one that was checked.

A name is looked up once and every address that it has is judged; the connection then goes to one of these, so that the
name cannot mean something else a moment later. Redirects are not followed, and no proxy is asked.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import h11

from storygen.errors import NotAllowed, ProviderTimeout, ProviderUnavailable

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LONGEST = 2_000
_PORTS = {"http": 80, "https": 443}
_LOWEST_FREE_PORT = 1024
_MOST_ANSWER_BYTES = 64 * 1024
_PLAIN = re.compile(r"[\x21-\x7e]+")
# Cloud machines answer for themselves here, on an address that looks public.
_METADATA = {ipaddress.ip_address("168.63.129.16")}
# Addresses that carry an IPv4 address inside: the network, and how many bits stand behind that one.
_CARRIERS = (
    (ipaddress.ip_network("::ffff:0:0/96"), 0),
    (ipaddress.ip_network("::ffff:0:0:0/96"), 0),
    (ipaddress.ip_network("64:ff9b::/96"), 0),
    (ipaddress.ip_network("2002::/16"), 80),
)
_GLOBAL_V6 = ipaddress.ip_network("2000::/3")
# What older Pythons take for public.
_CLOSED = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "3fff::/20")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An address that may be asked: `address` is where the connection goes, `host` who is meant."""

    scheme: str
    host: str
    port: int
    path: str
    address: str

    @property
    def authority(self) -> str:
        """The `Host` of the request."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _PORTS[self.scheme] else f"{name}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What was answered; the body is cut after 64 kB."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as this machine finds them. Raises `ProviderUnavailable`."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)
    except (OSError, UnicodeError) as error:
        raise ProviderUnavailable(f"The name {host[:100]!r} is not known.", hint="Check the address.") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def check_url(url: str) -> tuple[str, str, int, str]:
    """Scheme, host, port and path of an address that may be named; asks nobody. Raises `NotAllowed`."""
    if len(url) > LONGEST or not _PLAIN.fullmatch(url) or "\\" in url:
        raise NotAllowed("The address is too long, or has characters that no address has.")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise NotAllowed("This is no address.", hint="Write it as https://HOST/PATH.") from None
    if parts.scheme not in _PORTS or not host or parts.username is not None or parts.password is not None:
        raise NotAllowed("Only http and https addresses with a host and without a user may be named.")
    number = _PORTS[parts.scheme] if port is None else port
    if number not in _PORTS.values() and number < _LOWEST_FREE_PORT:
        raise NotAllowed(f"Port {number} may not be asked.", hint="Use 80, 443 or one above 1023.")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, host, number, path


def check_webhook(url: str, *, private: bool) -> None:
    """Raise `NotAllowed` for what could never be told, or plainly names a machine that is not public; asks nobody."""
    host = check_url(url)[1]
    try:
        is_private = not is_public(ipaddress.ip_address(host))
    except ValueError:
        is_private = host == "localhost" or host.endswith(".localhost")
    if is_private and not private:
        raise _not_public(host)


async def public_only(url: str, *, resolve: Resolve = resolve, private: bool = False) -> Target:
    """Where to go for `url`. Raises `NotAllowed` unless all its addresses are public, or `private` ones are allowed."""
    scheme, host, port, path = check_url(url)
    found = await resolve(host, port)
    judged = [ipaddress.ip_address(each.partition("%")[0]) for each in found]
    if not judged or not (private or all(map(is_public, judged))):
        raise _not_public(host)
    return Target(scheme=scheme, host=host, port=port, path=path, address=found[0])


def _not_public(host: str) -> NotAllowed:
    return NotAllowed(
        f"{host[:100]} is not on the public network.", hint="The operator may allow it: service.private_webhooks."
    )


def is_public(address: Address) -> bool:
    """Whether an address is anybody's on the internet: neither this machine's nor its neighbours', also in disguise."""
    if isinstance(address, ipaddress.IPv6Address):
        for network, behind in _CARRIERS:
            if address in network:
                return is_public(ipaddress.IPv4Address((int(address) >> behind) & 0xFFFFFFFF))
        if address not in _GLOBAL_V6:
            return False
    is_odd = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_link_local
    is_closed = address in _METADATA or any(address in network for network in _CLOSED)
    return address.is_global and not is_odd and not is_closed


async def ask(
    target: Target,
    method: str,
    headers: Mapping[str, str],
    body: bytes,
    seconds: float,
    context: ssl.SSLContext | None = None,
) -> Reply:
    """Send one request to a target, whatever it takes no longer than `seconds`.

    Raises `ProviderTimeout` and `ProviderUnavailable`; any status is an answer.
    """
    secure = (context or ssl.create_default_context()) if target.scheme == "https" else None
    try:
        async with asyncio.timeout(seconds):
            name = target.host if secure else None
            reader, writer = await asyncio.open_connection(
                target.address, target.port, ssl=secure, server_hostname=name
            )
            try:
                return await _exchange(target, method, headers, body, reader, writer)
            finally:
                writer.close()
    except TimeoutError as error:
        raise ProviderTimeout(f"{target.host[:100]} did not answer in {seconds:g} s.") from error
    except (OSError, h11.RemoteProtocolError, EOFError) as error:
        raise ProviderUnavailable(f"{target.host[:100]} cannot be asked: {type(error).__name__}.") from error


async def _exchange(
    target: Target,
    method: str,
    headers: Mapping[str, str],
    body: bytes,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> Reply:
    line = h11.Connection(h11.CLIENT, max_incomplete_event_size=16 * 1024)
    said = {"Host": target.authority, "Content-Length": str(len(body)), "Connection": "close", **headers}
    request = h11.Request(method=method, target=target.path, headers=list(said.items()))
    for part in (request, h11.Data(data=body), h11.EndOfMessage()):
        writer.write(line.send(part) or b"")
    await writer.drain()
    status, got = 0, b""
    found: dict[str, str] = {}
    while len(got) < _MOST_ANSWER_BYTES:
        event = line.next_event()
        if event is h11.NEED_DATA:
            line.receive_data(await reader.read(16 * 1024))
        elif isinstance(event, h11.Response):
            status = event.status_code
            found = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        elif isinstance(event, h11.Data):
            got += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            break
    return Reply(status=status, headers=found, body=got[:_MOST_ANSWER_BYTES])
