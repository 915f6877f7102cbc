"""Who may ask: the callers of the tokens file, which is read again when it changes."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storygen.errors import InvalidSettings
from storygen.service.base import LOCAL, SCOPES, Caller

_LOG = logging.getLogger("storygen.service")
SCRAPER = "metrics"
SHORTEST = 24
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
HOW = (
    "Write `[callers.NAME]` with `token` (at least 24 characters: python -c 'import secrets; "
    "print(secrets.token_urlsafe(32))') or `token_sha256`, and `scopes` of submit, read, operate."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A caller and the SHA-256 of the token."""

    caller: Caller
    digest: bytes


class Tokens:
    """The callers of a file. One that cannot be used is logged once; its last right content stays, at first nobody."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = (0, 0, 0)
        self._known: tuple[Known, ...] = ()
        self._refresh()

    def find(self, token: str) -> Known | None:
        """Whose token it is; takes as long for a wrong one as for a right one."""
        self._refresh()
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        found = None
        for known in self._known:
            if hmac.compare_digest(known.digest, digest):
                found = known
        return found

    def named(self, name: str) -> Known | None:
        """The caller of that name."""
        self._refresh()
        return next((known for known in self._known if known.caller.name == name), None)

    def _refresh(self) -> None:
        seen = _look(self._path)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._known = read_tokens(self._path)
        except InvalidSettings as refusal:
            _LOG.error("tokens.refused", extra={"reason": refusal.message})
        else:
            _LOG.info("tokens.reloaded", extra={"callers": len(self._known)})


def read_tokens(path: Path) -> tuple[Known, ...]:
    """The callers of a file. Raises `InvalidSettings` where it is not right or others may read it; shows no token."""
    try:
        if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise InvalidSettings(
                f"service.tokens_file: {path} can be read by others than its owner.", hint=f"chmod 600 {path}"
            )
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InvalidSettings(f"service.tokens_file: {path} cannot be read: {error.strerror}.", hint=HOW) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise InvalidSettings(f"service.tokens_file: {path} is not TOML.", hint=HOW) from None  # it may quote a token
    callers = document.get("callers", {})
    strangers = set(document) - {"callers", SCRAPER}
    if strangers or not isinstance(callers, dict) or not callers:
        raise InvalidSettings(f"service.tokens_file: {path} names no callers, or something else.", hint=HOW)
    known = [_known(name, entry, set(SCOPES)) for name, entry in callers.items()]
    if SCRAPER in document:
        known.append(_known(SCRAPER, document[SCRAPER], set()))
    if len({one.digest for one in known}) < len(known):
        raise InvalidSettings(f"service.tokens_file: two callers of {path} have the same token.", hint=HOW)
    return tuple(known)


def _known(name: str, entry: Any, scopes: set[str]) -> Known:
    where = f"service.tokens_file: [{name}]"
    if not _NAME.fullmatch(name) or name == LOCAL or (name == SCRAPER and scopes):
        raise InvalidSettings(f"{where} is no name for a caller.", hint="Use letters, digits and . _ @ -")
    if not isinstance(entry, dict) or set(entry) - {"token", "token_sha256", "scopes"}:
        raise InvalidSettings(f"{where} has something else than token, token_sha256 and scopes.", hint=HOW)
    wanted = entry.get("scopes", [])
    if not isinstance(wanted, list) or (scopes and not wanted) or not all(scope in scopes for scope in wanted):
        raise InvalidSettings(f"{where} has scopes that there are not, or none.", hint=HOW)
    return Known(caller=Caller(name=name, scopes=frozenset(wanted)), digest=_digest(entry, where))


def _digest(entry: Mapping[str, Any], where: str) -> bytes:
    token, digest = entry.get("token"), entry.get("token_sha256")
    if isinstance(token, str) and digest is None and len(token) >= SHORTEST:
        return hashlib.sha256(token.encode()).digest()
    if isinstance(digest, str) and token is None and _DIGEST.fullmatch(digest):
        return bytes.fromhex(digest)
    raise InvalidSettings(f"{where} needs either a token of {SHORTEST} characters or more, or its SHA-256.", hint=HOW)


def _look(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
