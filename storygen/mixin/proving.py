"""Proofs of alerts as promtool reads them: silent just below a threshold, firing just above, to the last word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from storygen.mixin.base import Alert, Group, Proof
from storygen.mixin.config import Config
from storygen.mixin.promql import mentioned
from storygen.mixin.rendering import labels, shown, texts

_RULES = "deploy/prometheus/rules"


def rules_path(group: Group) -> str:
    """Where the rules of a group are written, below the project."""
    return f"{_RULES}/{group.name}.yml"


def outputs(config: Config, groups: tuple[Group, ...]) -> Iterator[tuple[str, Any]]:
    """One file for each group, and for each pace that its proofs are evaluated at."""
    for group in groups:
        proven = [(alert, proof) for alert in group.alerts if alert.knobs.enabled for proof in alert.proofs]
        for pace in sorted({proof.pace for _, proof in proven}):
            name = group.name if pace == "1m" else f"{group.name}-every-{pace}"
            tests = [test for alert, proof in proven if proof.pace == pace for test in _tests(config, alert, proof)]
            yield f"tests/alerts/{name}.yml", _document(_needed(group, groups), pace, tests)


def _document(groups: list[Group], pace: str, tests: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "rule_files": [f"../../{rules_path(group)}" for group in groups],
        "group_eval_order": [group.name for group in groups],
        "evaluation_interval": pace,
        "tests": tests,
    }


def _needed(group: Group, groups: tuple[Group, ...]) -> list[Group]:
    """The group, after those that its rules read, directly or through others, from or listen to."""
    makers = {rule.record: one for one in groups for rule in one.recordings}
    listened = {alert.full_name: one for one in groups for alert in one.alerts}
    found: dict[str, Group] = {}

    def visit(one: Group) -> None:
        if one.name in found:
            return
        found[one.name] = one
        for expr in (*(rule.expr for rule in one.recordings), *(alert.expr for alert in one.alerts)):
            for mention in mentioned(expr):
                if mention.metric in makers:
                    visit(makers[mention.metric])
                names = {matcher.value for matcher in mention.matchers if matcher.label == "alertname"}
                for name in (part for value in names for part in value.split("|") if part in listened):
                    visit(listened[name])

    visit(group)
    return [one for one in groups if one.name in found]


def _tests(config: Config, alert: Alert, proof: Proof) -> Iterator[dict[str, Any]]:
    named = " ".join([alert.full_name, *alert.labels.values()])
    if proof.below:
        yield _test(f"{named} is silent", alert, proof, proof.below, [])
    said = {key: shown(text, proof) for key, text in texts(config, alert).items()}
    expected = {"exp_labels": {**proof.labels, **labels(alert)}, "exp_annotations": said}
    yield _test(f"{named} fires", alert, proof, proof.above, [expected])


def _test(
    name: str, alert: Alert, proof: Proof, series: Mapping[str, str], expected: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "name": name,
        "interval": proof.interval,
        "input_series": [{"series": key, "values": values} for key, values in series.items()],
        "alert_rule_test": [{"eval_time": proof.at, "alertname": alert.full_name, "exp_alerts": expected}],
    }
