"""One page per alert, for whoever is woken by it, and an index of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote

from storygen.mixin import rules
from storygen.mixin.alertmanager import RECEIVERS
from storygen.mixin.base import PREFIX, Alert
from storygen.mixin.config import Config, spoken
from storygen.mixin.inhibitions import INHIBITIONS, WATCHDOG, Inhibition

FOLDER = "deploy/runbooks"
_HEAD = "<!-- Built by `storygen mixin build` from storygen/mixin/rules; change it there. -->\n\n"
_CODE = re.compile(r"(`[^`]*`)")


def outputs(config: Config) -> Iterator[tuple[str, str]]:
    """The index and the pages, by path."""
    kinds: dict[str, list[Alert]] = {}
    for alert in rules.alerts(config):
        kinds.setdefault(alert.name, []).append(alert)
    yield f"{FOLDER}/README.md", _HEAD + _linked(_index(kinds.values()), kinds)
    for name, variants in kinds.items():
        yield f"{FOLDER}/{PREFIX}{name}.md", _HEAD + _linked(_page(config, variants), set(kinds) - {name})


def _index(kinds: Iterable[Sequence[Alert]]) -> str:
    rows = "\n".join(f"| {same[0].name} | {_severities(same)} | {same[0].runbook.means} |" for same in kinds)
    return f"""# Runbooks

One page per alert: what it means, what is felt, where to look, what to do, and how to tell that it is over. In
Prometheus each name begins with `{PREFIX}`. Critical alerts go to the receiver `{RECEIVERS["critical"]}`, warnings to
`{RECEIVERS["warning"]}`, the rest to `{RECEIVERS["info"]}`; `deploy/alertmanager/alertmanager.yml` says where these
lead.

Thresholds, windows and severities stand in `storygen/mixin/mixin.toml`. To change some, put only those into a file of
your own and run `storygen mixin build --config FILE`.

| alert | severity | what it means |
|---|---|---|
{rows}
"""


def _page(config: Config, variants: Sequence[Alert]) -> str:
    alert = variants[0]
    book = alert.runbook
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate(book.do, 1))
    parts = {
        "What it means": book.means,
        "What is felt": book.felt,
        "Where to look": f"{book.look}\n\n{_places(config, alert)}",
        "What to do": steps,
        "How to tell that it is over": book.over,
        "The rule": "\n\n".join(_rule(config, variant) for variant in variants) + "\n\n" + _turned(alert),
        "Silenced and silencing": _silences(alert),
    }
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in parts.items() if text)
    return f"# {alert.full_name}\n\nSeverity: {_severities(variants)}.\n\n{body}\n"


def _severities(variants: Sequence[Alert]) -> str:
    return " and ".join(dict.fromkeys(alert.knobs.severity for alert in variants))


def _places(config: Config, alert: Alert) -> str:
    lines = [f"- Board: [{alert.dashboard}]({config.links.grafana}/d/{alert.dashboard})"]
    if alert.traces:
        tags = {attribute: value for attribute, value in alert.traces.items() if not value.startswith("$")}
        asked = ",".join(f'"{attribute}":"{value}"' for attribute, value in tags.items())
        link = f"{config.links.jaeger}/search?service=storygen&tags={quote('{' + asked + '}', safe='')}"
        said = " ".join(f"`{attribute}={_filled(value)}`" for attribute, value in alert.traces.items())
        lines.append(f"- Traces: [search]({link}) for spans with {said}")
    lines.append("- The alert's own links have its labels filled in.")
    return "\n".join(lines)


def _filled(value: str) -> str:
    return value[1:].upper() if value.startswith("$") else value


def _rule(config: Config, alert: Alert) -> str:
    hold = config.hold(alert.knobs.hold)
    lasting = "fires at once" if hold == "0s" else f"fires when it has been so for {spoken(hold)}"
    narrower = "".join(f", {name} {value}" for name, value in alert.labels.items())
    return f"```promql\n{alert.expr}\n```\n\nThis {lasting} ({alert.knobs.severity}{narrower})."


def _turned(alert: Alert) -> str:
    return f"What can be turned stands under `[alerts.{alert.name}]` in `storygen/mixin/mixin.toml`."


def _silences(alert: Alert) -> str:
    lines = [f"- While {one.source} fires, this is not sent. {one.why}" for one in INHIBITIONS if _is_over(one, alert)]
    for one in INHIBITIONS:
        if one.source == alert.name:
            whom = ", ".join(one.over) or f"everything but {WATCHDOG}"
            lines.append(f"- While this fires, {whom} of the same {' and '.join(one.equal)} is not sent. {one.why}")
    return "\n".join(lines)


def _is_over(inhibition: Inhibition, alert: Alert) -> bool:
    if inhibition.over:
        return alert.name in inhibition.over
    return alert.name not in {inhibition.source, WATCHDOG}


def _linked(text: str, names: Iterable[str]) -> str:
    """The text with each mention of another alert leading to its page; what is code stays as it is."""
    mention = re.compile(rf"\b({'|'.join(names)})\b")
    blocks = re.split(r"(```.*?```)", text, flags=re.DOTALL)
    return "".join(block if block.startswith("```") else _linked_words(block, mention) for block in blocks)


def _linked_words(text: str, mention: re.Pattern[str]) -> str:
    parts = _CODE.split(text)
    return "".join(p if p.startswith("`") else mention.sub(rf"[\1]({PREFIX}\1.md)", p) for p in parts)
