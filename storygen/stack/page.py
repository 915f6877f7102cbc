"""The pages that people look at: plain, readable in the dark, with every text of others escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storygen.stack.inbox import Alert, Delivery

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
HTML = "text/html; charset=utf-8"
PLAIN = "text/plain; charset=utf-8"
REFRESH_SECONDS = 5
SHOWN = 200
_LONGEST_TEXT = 1000
_LINKS = {"runbook_url": "Runbook", "dashboard_url": "Dashboard", "trace_url": "Traces"}
_STYLE = """
:root { color-scheme: light dark; --ink: #1c1d21; --paper: #fbfaf7; --faint: #6a6c75; --line: #dcdad3;
  --critical: #b3261e; --warning: #8a5a00; --info: #2f5d8a; --well: #2e6b3f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e6e1; --paper: #17181b; --faint: #9a9ca6; --line: #34363c;
  --critical: #ff8a80; --warning: #f2c063; --info: #8fc1f2; --well: #8fd3a1; } }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1.25rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; } p { margin: .25rem 0; }
article { border-left: .3rem solid var(--tint); padding: .1rem 0 .1rem 1rem; margin: 1.5rem 0; }
article h2 { font-size: 1.05rem; margin: 0; } small, .faint { color: var(--faint); }
.state { color: var(--tint); } .critical { --tint: var(--critical); } .warning { --tint: var(--warning); }
.info, .none { --tint: var(--info); } .resolved { --tint: var(--well); }
code { font-size: .85em; overflow-wrap: anywhere; } a { color: inherit; margin-right: 1rem; }
"""


def alerts(deliveries: Sequence[Delivery]) -> str:
    """The page of what was delivered, newest first."""
    shown = [_article(delivery, alert) for delivery in reversed(deliveries) for alert in delivery.alerts][:SHOWN]
    number = sum(len(delivery.alerts) for delivery in deliveries)
    said = f"{number} delivered, newest first" if number else "Nothing was delivered yet."
    return document("Alerts", [f'<p class="faint">{said}</p>', *shown])


def document(title: str, parts: Iterable[str]) -> str:
    """A page of ready parts that loads itself again, without scripts."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="{REFRESH_SECONDS}">'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{''.join(parts)}</body></html>"
    )


def encoded(shown: str) -> bytes:
    """A page as bytes; half a character, which JSON can hold, is shown as its number."""
    return shown.encode("utf-8", "backslashreplace")


def text(value: str) -> str:
    """A text of others: short enough, and escaped."""
    return escape(value if len(value) <= _LONGEST_TEXT else value[:_LONGEST_TEXT] + "…")


def _article(delivery: Delivery, alert: Alert) -> str:
    severity = alert.labels.get("severity", "")
    tint = alert.status if alert.status == "resolved" else severity
    known = tint if tint in {"critical", "warning", "info", "resolved"} else "none"
    came = datetime.fromtimestamp(delivery.at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    labels = " ".join(f"{name}={value}" for name, value in sorted(alert.labels.items()) if name != "alertname")
    return (
        f'<article class="{known}"><h2>{text(alert.name)} <span class="state">{text(alert.status)}</span></h2>'
        f"<p>{text(alert.annotations.get('summary', ''))}</p>"
        f"<p><small>{came} · {text(delivery.receiver)} · {text(severity)}</small></p>"
        f"<p><code>{text(labels)}</code></p><p>{_links(alert.annotations)}</p></article>"
    )


def _links(annotations: Mapping[str, str]) -> str:
    """Links to pages; an address that is no web address stays text."""
    found = ((label, annotations.get(name, "")) for name, label in _LINKS.items())
    return "".join(
        f'<a href="{escape(url)}" rel="noreferrer">{label}</a>'
        for label, url in found
        if url.startswith(("http://", "https://"))
    )
