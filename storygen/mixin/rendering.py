"""Rules as Prometheus reads them, and what Prometheus will say in its alerts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import yaml

from storygen.mixin.base import Alert, Group, Proof
from storygen.mixin.config import Config

HEAD = "# Built by `storygen mixin build` from storygen/mixin; change it there.\n"
_LABEL = re.compile(r"\{\{ *\$labels\.(\w+) *\}\}")
_VALUE = re.compile(r"\{\{ *\$value[^}]*\}\}")


def as_yaml(document: Any) -> str:
    """Plain values as YAML, in the order that they have, with texts of several lines as blocks."""
    return HEAD + yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=116)


def rule_file(config: Config, groups: tuple[Group, ...]) -> dict[str, Any]:
    """A file of rules as plain values."""
    return {"groups": [_group(config, group) for group in groups]}


def texts(config: Config, alert: Alert) -> dict[str, str]:
    """What an alert carries besides its labels, as templates of Prometheus."""
    said = {
        "summary": alert.summary,
        "description": alert.description,
        "runbook_url": f"{config.links.runbooks}/{alert.full_name}.md",
        "dashboard_url": f"{config.links.grafana}/d/{alert.dashboard}{_variables(alert)}",
    }
    return said | ({"trace_url": _search(config, alert)} if alert.traces else {})


def labels(alert: Alert) -> dict[str, str]:
    """The labels that a rule adds."""
    return {"severity": alert.knobs.severity, "service": "storygen", **alert.labels}


def shown(template: str, proof: Proof) -> str:
    """An annotation as Prometheus will fill it in for a proof."""
    filled = _LABEL.sub(lambda found: proof.labels.get(found[1], ""), template)
    return _VALUE.sub(lambda _: proof.value, filled)


def _group(config: Config, group: Group) -> dict[str, Any]:
    rules: list[Mapping[str, Any]] = [{"record": rule.record, "expr": rule.expr} for rule in group.recordings]
    rules += [_alert(config, alert) for alert in group.alerts if alert.knobs.enabled]
    return {"name": group.name, **({"interval": group.interval} if group.interval else {}), "rules": rules}


def _alert(config: Config, alert: Alert) -> dict[str, Any]:
    hold = config.hold(alert.knobs.hold)
    rule: dict[str, Any] = {"alert": alert.full_name, "expr": alert.expr}
    if hold != "0s":
        rule["for"] = hold
    return {**rule, "labels": labels(alert), "annotations": texts(config, alert)}


def _variables(alert: Alert) -> str:
    pairs = [f"var-{name}={{{{ $labels.{label} }}}}" for name, label in alert.variables.items()]
    return "?" + "&".join(pairs) if pairs else ""


def _search(config: Config, alert: Alert) -> str:
    """Jaeger's search for spans that carry all of `traces`; its tags are a JSON object in the address."""
    tags = ",".join(f'"{attribute}":"{_searched(value)}"' for attribute, value in alert.traces.items())
    whole = re.split(r"(\{\{.*?\}\})", "{" + tags + "}")
    encoded = "".join(part if part.startswith("{{") else quote(part, safe="") for part in whole)
    return f"{config.links.jaeger}/search?service=storygen&tags={encoded}"


def _searched(value: str) -> str:
    return f"{{{{ $labels.{value[1:]} }}}}" if value.startswith("$") else value


class _Dumper(yaml.SafeDumper):
    """Writes long texts so that people can read them."""

    def ignore_aliases(self, _: Any) -> bool:
        """Write what is used twice twice."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
