"""Takes out of text what must never leave: keys, passwords, the queries and signatures of URLs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

GONE = "[redacted]"
_LEAST_SECRET = 8
# A text without any of these holds nothing to take out; looking for them is all that most log lines cost.
_SIGNS = (
    *("://", "sk-", "pk-", "xi-", "rk-", "AIza", "earer", "EARER"),
    *("oken", "OKEN", "ecret", "ECRET", "assword", "ASSWORD", "uthoriz", "UTHORIZ", "ignature"),
    *("pi_key", "PI_KEY", "pi-key", "pikey", "piKey", "Api-Key", "API-Key"),
)
_URL = re.compile(
    r"""(?P<scheme>[a-z][a-z0-9+.-]*://)(?:[^\s/@"'<>\\]*@)?(?P<place>[^\s?#"'<>\\]*)(?:[?#][^\s"'<>\\]*)?""",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"\b(?:sk|pk|xi|rk)-[\w-]{8,}|\bAIza[\w-]{10,}|(?<=earer )[\w.~+/=-]{6,}")
_NAMED = re.compile(
    r"""((?:[\w-]*(?:api[_-]?key|secret|password|signature)|(?:[\w-]*[_-])?token|authorization)"""
    r"""\\?["']?\s*[:=]\s*\\?["']?)"""
    r"""(?!\[redacted\])((?:basic |bearer )?[^\s"'\\,;&}\])]+)""",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(r"(_|^)(API_?KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS?)$", re.IGNORECASE)


class Redactor:
    """Knows what secrets look like, and those of `secrets` by heart."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {secret for secret in secrets if len(secret) >= _LEAST_SECRET}
        known |= {json.dumps(secret, ensure_ascii=ascii_)[1:-1] for secret in known for ascii_ in (True, False)}
        known |= {coded(secret) for secret in known for coded in (quote, quote_plus, _quote_all)}
        self._secrets = tuple(sorted(known, key=len, reverse=True))
        self._signs = _SIGNS + self._secrets

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], secrets: Iterable[str] = ()) -> Redactor:
        """One that knows `secrets`, and the value of every variable whose name says that it is one."""
        return cls([*secrets, *(value for name, value in environ.items() if _SECRET_NAME.search(name))])

    def redact(self, text: str) -> str:
        """`text` without secrets; a URL keeps its scheme, host and path."""
        for sign in self._signs:
            if sign in text:
                return self._clean(text)
        return text

    def redact_all(self, value: Any) -> Any:
        """A document of plain values without secrets, also without those that only their key tells."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, Mapping):
            return {
                self.redact(str(key)): GONE if inner and _SECRET_NAME.search(str(key)) else self.redact_all(inner)
                for key, inner in value.items()
            }
        return [self.redact_all(inner) for inner in value] if isinstance(value, list | tuple) else value

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, GONE)
        text = _URL.sub(_bare, text)
        text = _NAMED.sub(rf"\1{GONE}", text)
        return _TOKEN.sub(GONE, text)


def _bare(url: re.Match[str]) -> str:
    return f"{url['scheme']}{url['place']}"


def _quote_all(text: str) -> str:
    return quote(text, safe="")
