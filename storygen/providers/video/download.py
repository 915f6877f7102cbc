"""Fetch what a vendor has made: from a secure address or the vendor's own host, never too much of it, never told of.

Such an address is signed: whoever has it has the file. It appears in no error and no log.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from storygen.errors import InvalidOutput, ProviderUnavailable

MOST_BYTES = 300_000_000
if TYPE_CHECKING:
    import httpx

_TIMEOUT_SECONDS = 60.0


class _Discreet(logging.Filter):
    """Drops what the library says of a download, because it names the whole address."""

    def __init__(self) -> None:
        super().__init__()
        self.secret: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line names none of the addresses."""
        return not self.secret or not any(address in record.getMessage() for address in self.secret)


_discreet = _Discreet()


async def download(address: str, path: Path, *, provider: str, base_url: str | None) -> None:
    """Write what lies at `address` to `path`.

    Raises `InvalidOutput` for an address that is not to be asked, an empty file and one that is too large, and
    `ProviderUnavailable` where the file cannot be had.
    """
    import httpx

    if not _is_allowed(address, base_url):
        raise InvalidOutput(f"{provider} names an address for its clip that is neither HTTPS nor its own.")
    logging.getLogger("httpx").addFilter(_discreet)
    _discreet.secret.add(address)
    try:
        async with (
            httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, follow_redirects=False) as client,
            client.stream("GET", address, headers={"Accept-Encoding": "identity"}) as answer,
        ):
            if answer.status_code != 200:
                raise ProviderUnavailable(
                    f"{provider}'s clip cannot be fetched: status {answer.status_code}.", provider=provider
                )
            await _write(answer, path, provider)
    finally:
        _discreet.secret.discard(address)


async def _write(answer: httpx.Response, path: Path, provider: str) -> None:
    size = 0
    with path.open("wb") as file:
        async for chunk in answer.aiter_raw():
            size += len(chunk)
            if size > MOST_BYTES:
                raise InvalidOutput(f"{provider}'s clip is larger than {MOST_BYTES // 1_000_000} MB.")
            file.write(chunk)
    if not size:
        raise InvalidOutput(f"{provider}'s clip is empty.", hint="A new one is made when this is tried again.")


def _is_allowed(address: str, base_url: str | None) -> bool:
    """Whether an address is secure, or lies on the configured server itself."""
    try:
        asked, own = urlsplit(address), urlsplit(base_url or "")
        place = (asked.scheme, asked.hostname, asked.port)
        return bool(asked.hostname) and (asked.scheme == "https" or place == (own.scheme, own.hostname, own.port))
    except ValueError:
        return False
