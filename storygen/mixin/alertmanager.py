"""Alertmanager's configuration: each severity to its own receiver, and which alert silences which.

Only the syntax that 0.22 brought is used, which 0.25 and 0.34 both read. The receivers are webhooks that need no
credentials; an operator puts a pager and a chat in their place.
"""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from storygen.mixin.base import PREFIX
from storygen.mixin.config import Config, Severity, seconds, written
from storygen.mixin.inhibitions import INHIBITIONS, WATCHDOG, Inhibition
from storygen.mixin.rendering import as_yaml

RECEIVERS: dict[Severity, str] = {"critical": "pager", "warning": "chat", "info": "log", "none": "heartbeat"}
INBOX = "http://inbox:9099"
GROUP_BY = ("alertname", "job", "pipeline", "stage", "provider")
# At 0 s, inhibited warnings slip through before the alert that silences them has arrived (measured: 3 of 20).
SHORTEST_WAIT = 0.25
# However fast time runs: more often would only fill whatever keeps messages.
SHORTEST_BEAT = 10.0


def document(config: Config, receiver_url: str) -> dict[str, Any]:
    """What Alertmanager reads; the webhooks go to paths below `receiver_url`."""
    return {
        "route": _route(config),
        "receivers": [_receiver(name, receiver_url) for name in RECEIVERS.values()],
        "inhibit_rules": [_same_kind(), *map(_rule, INHIBITIONS)],
    }


def outputs(config: Config) -> Iterator[tuple[str, Any]]:
    """The file that the compose file and the manifests mount, with the reason beside each inhibition."""
    reasons = iter(
        ("Who is woken need not read the milder message of the same alert.", *(one.why for one in INHIBITIONS))
    )
    lines = [
        f"{_comment(next(reasons))}\n{line}" if line.startswith("- source_matchers:") else line
        for line in as_yaml(document(config, INBOX)).split("\n")
    ]
    yield "deploy/alertmanager/alertmanager.yml", "\n".join(lines)


def _comment(text: str) -> str:
    return "\n".join(f"# {line}" for line in wrap(text, 110))


def _route(config: Config) -> dict[str, Any]:
    said = config.routes
    return {
        "receiver": RECEIVERS["warning"],
        "group_by": [*GROUP_BY],
        "group_wait": written(max(SHORTEST_WAIT, seconds(config.hold(said.group_wait)))),
        "group_interval": config.hold(said.group_interval),
        "repeat_interval": config.hold(said.repeat_interval),
        "routes": [_branch(config, severity, name) for severity, name in RECEIVERS.items()],
    }


def _branch(config: Config, severity: Severity, receiver: str) -> dict[str, Any]:
    branch: dict[str, Any] = {"receiver": receiver, "matchers": [f'severity="{severity}"']}
    if severity == "none":
        # A message is repeated at the first group_interval after repeat_interval: that has to be the shorter one.
        beat = max(SHORTEST_BEAT, seconds(config.hold(config.routes.heartbeat_interval)))
        branch |= {"group_interval": written(beat / 2), "repeat_interval": written(beat)}
    return branch


def _receiver(name: str, url: str) -> dict[str, Any]:
    return {"name": name, "webhook_configs": [{"url": f"{url}/{name}", "send_resolved": True}]}


def _same_kind() -> dict[str, Any]:
    """Critical over the milder ones of the same alert, about the same thing."""
    return {
        "source_matchers": ['severity="critical"'],
        "target_matchers": ['severity=~"warning|info"'],
        "equal": [*GROUP_BY],
    }


def _rule(inhibition: Inhibition) -> dict[str, Any]:
    source = PREFIX + inhibition.source
    if inhibition.over:
        targets = [f'alertname=~"{"|".join(PREFIX + name for name in inhibition.over)}"']
    else:
        targets = ['service="storygen"', f'alertname!~"{source}|{PREFIX}{WATCHDOG}"']
    return {
        "source_matchers": [f'alertname="{source}"'],
        "target_matchers": targets,
        "equal": [*inhibition.equal],
    }
