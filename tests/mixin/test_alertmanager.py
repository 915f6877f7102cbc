"""Who is told of what, by a real Alertmanager and a real receiver."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from storygen.mixin import rules
from storygen.mixin.alertmanager import RECEIVERS, document, outputs
from storygen.mixin.base import PREFIX, Alert
from storygen.mixin.config import Config, load, seconds
from storygen.mixin.inhibitions import INHIBITIONS, WATCHDOG, Inhibition
from storygen.mixin.rendering import as_yaml, labels
from storygen.stack.inbox import Inbox
from storygen.stack.programs import Ports, alertmanager, locate
from storygen.stack.servers import Server
from storygen.stack.web import free_ports
from tests.servers import eventually, need

CONFIG = load()
FAST = CONFIG.model_copy(update={"scale": 300})
ALERTS: Mapping[str, Alert] = {alert.name: alert for alert in rules.alerts(CONFIG)}
PAIRS = [(rule, name) for rule in INHIBITIONS for name in rule.over]
SECONDS = 20.0


def said(name: str, **other: str) -> dict[str, str]:
    """The labels that an alert really carries: those of its proof, of its rule, and its name."""
    alert = ALERTS[name]
    proven = alert.proofs[0].labels if alert.proofs else {}
    return {**proven, **labels(alert), "alertname": alert.full_name, **other}


class Desk:
    """An Alertmanager with the routes of the mixin, and where its messages arrive."""

    def __init__(self, url: str, inbox: Inbox) -> None:
        self.inbox = inbox
        self._url = f"{url}/api/v2/alerts"

    def tell(self, *alerts: Mapping[str, str], has_ended: bool = False) -> None:
        """Say that these have just begun to fire, or that they have ended."""
        now = datetime.now(UTC)
        times = {"startsAt": now.isoformat(), "endsAt": (now + timedelta(minutes=0 if has_ended else 5)).isoformat()}
        body = json.dumps([{"labels": dict(one), **times} for one in alerts]).encode()
        urlopen(Request(self._url, body, {"Content-Type": "application/json"})).close()

    def states(self, job: str, label: str = "job") -> dict[str, str]:
        """Whether each alert of a job, or with another label of that value, is `active` or `suppressed`, by name."""
        with urlopen(f"{self._url}?filter={label}%3D%22{job}%22") as answer:
            found: list[dict[str, Any]] = json.load(answer)
        return {one["labels"]["alertname"].removeprefix(PREFIX): one["status"]["state"] for one in found}

    def active(self, job: str) -> set[str]:
        """The names of those that nothing silences."""
        return {name for name, state in self.states(job).items() if state == "active"}

    def arrived(self, alert: Mapping[str, str], status: str = "firing") -> str:
        """The receiver of the first message about an alert."""
        delivery = self.inbox.wait(
            lambda one: any(each.labels == alert and each.status == status for each in one.alerts), SECONDS
        )
        assert delivery is not None, f"nothing came about {alert}"
        return delivery.receiver

    def came(self, job: str) -> set[str]:
        """The names of all alerts of a job that have arrived."""
        alerts = (alert for delivery in self.inbox.deliveries() for alert in delivery.alerts)
        return {alert.name.removeprefix(PREFIX) for alert in alerts if alert.labels.get("job") == job}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    need("prometheus-alertmanager")
    binary = locate("alertmanager")
    assert binary is not None
    folder = tmp_path_factory.mktemp("alertmanager")
    names = list(Ports.__dataclass_fields__)
    ports = Ports(**dict(zip(names, free_ports(len(names)), strict=True)))
    with Inbox() as inbox:
        (folder / "alertmanager.yml").write_text(as_yaml(document(FAST, inbox.url)))
        server = Server(alertmanager(folder, binary, ports, FAST))
        server.start()
        try:
            server.wait_ready()
            yield Desk(f"http://127.0.0.1:{ports.alertmanager}", inbox)
        finally:
            server.stop()


@pytest.mark.parametrize(
    ("name", "receiver"),
    [("BudgetExceeded", "pager"), ("FilmsDegraded", "chat"), ("PriceUnknown", "log"), (WATCHDOG, "heartbeat")],
)
def test_each_severity_arrives_at_its_receiver_and_so_does_its_end(desk: Desk, name: str, receiver: str) -> None:
    alert = said(name, job=f"route-{receiver}")
    desk.tell(alert)
    assert desk.arrived(alert) == receiver
    if name != WATCHDOG:
        desk.tell(alert, has_ended=True)
        assert desk.arrived(alert, "resolved") == receiver


@pytest.mark.parametrize(("rule", "name"), PAIRS, ids=lambda one: one if isinstance(one, str) else one.source)
def test_an_alert_silences_what_it_explains_and_nothing_of_others(desk: Desk, rule: Inhibition, name: str) -> None:
    job = f"{rule.source}-{name}"
    source = said(rule.source, job=job)
    same = {label: source[label] for label in rule.equal}
    desk.tell(source, {**said(name), **same})
    eventually(lambda: desk.states(job) == {rule.source: "active", name: "suppressed"}, seconds=SECONDS)
    for label in rule.equal:
        other = f"{job}-{label}"
        desk.tell({**said(name), **same, label: f"another-{job}", "test": other})
        assert desk.states(other, "test") == {name: "active"}, f"that of another {label} is silenced too"


def test_of_a_vendor_that_is_down_only_the_breaker_and_what_is_felt_arrives(desk: Desk) -> None:
    job, vendor = "down", {"job": "down", "provider": "elevenlabs", "capability": "speech"}
    of_vendor = [name for name in ALERTS if "provider" in said(name) and name != "PriceUnknown"]
    desk.tell(*({**said(name), "job": job, "provider": vendor["provider"]} for name in of_vendor))
    marker = said("PriceUnknown", job=job)
    desk.tell(marker)
    desk.arrived(marker)
    assert {"CircuitBreakerOpen", "FallbackInUse"} <= set(of_vendor)
    assert desk.came(job) - {"PriceUnknown"} <= {"CircuitBreakerOpen", "FallbackInUse"}
    assert desk.active(job) == {"CircuitBreakerOpen", "FallbackInUse", "PriceUnknown"}


def test_with_every_process_gone_only_that_and_the_watchdog_are_told(desk: Desk) -> None:
    job = "gone"
    alerts = [said(name, job=job) for name in ALERTS if name != WATCHDOG]
    desk.tell(*alerts, said(WATCHDOG), said(WATCHDOG, job=job))
    assert desk.arrived(said("AllTargetsDown", job=job)) == "pager"
    assert desk.arrived(said(WATCHDOG)) == "heartbeat"
    assert desk.came(job) <= {"AllTargetsDown", WATCHDOG}
    assert desk.active(job) == {"AllTargetsDown", WATCHDOG}
    assert set(desk.states(job)) == set(ALERTS)


def test_one_process_that_is_gone_silences_nothing_else(desk: Desk) -> None:
    job = "one"
    sources = {rule.source for rule in INHIBITIONS} | {WATCHDOG}
    desk.tell(*(said(name, job=job) for name in ALERTS if name not in sources))
    desk.arrived(said("TargetDown", job=job))
    assert set(desk.states(job).values()) == {"active"}


def test_a_critical_alert_silences_the_milder_one_of_the_same_name_and_thing_only(desk: Desk) -> None:
    burn = said("RunErrorBudgetBurn", job="burn", pipeline="story")
    mild, other = {**burn, "severity": "warning"}, {**burn, "severity": "warning", "pipeline": "another"}
    desk.tell({**burn, "severity": "critical"}, mild)
    desk.arrived({**burn, "severity": "critical"})
    desk.tell(other)
    assert desk.arrived(other) == "chat"
    assert not any(alert.labels == mild for one in desk.inbox.deliveries() for alert in one.alerts)


@pytest.mark.parametrize("name", ALERTS)
def test_the_labels_that_inhibitions_compare_are_on_every_alert_concerned(name: str) -> None:
    for rule in INHIBITIONS:
        everything = not rule.over and name != WATCHDOG
        if name == rule.source or name in rule.over or everything:
            missing = [label for label in rule.equal if not said(name).get(label)]
            assert missing == [], f"Alertmanager would take them for the same in {rule.source}"


@pytest.mark.parametrize("rule", INHIBITIONS, ids=lambda rule: rule.source)
def test_an_alert_fires_no_later_than_what_it_silences(rule: Inhibition) -> None:
    holds = {name: seconds(ALERTS[name].knobs.hold) for name in rule.over}
    assert {name for name, hold in holds.items() if hold < seconds(ALERTS[rule.source].knobs.hold)} == set()


@pytest.mark.parametrize("scale", [1, 60, 300, 100_000])
def test_a_first_message_waits_for_the_alert_that_silences_it_however_fast_time_runs(scale: float) -> None:
    route = document(CONFIG.model_copy(update={"scale": scale}), "http://inbox:9099")["route"]
    assert seconds(route["group_wait"]) >= 0.25


@pytest.mark.parametrize("config", [CONFIG, FAST], ids=["real", "scaled"])
def test_amtool_accepts_what_is_written(config: Config, tmp_path: Path) -> None:
    need("amtool")
    path = _written(config, tmp_path)
    checked = subprocess.run(["amtool", "check-config", str(path)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{1 + len(INHIBITIONS)} inhibit rules" in checked.stdout


def test_amtool_leads_every_alert_to_the_receiver_of_its_severity(tmp_path: Path) -> None:
    need("amtool")
    command = ["amtool", "config", "routes", "test", f"--config.file={_written(CONFIG, tmp_path)}"]
    cases = {alert.knobs.severity: said(alert.name) for alert in ALERTS.values()}
    assert set(cases) == set(RECEIVERS)
    for severity, alert in cases.items():
        pairs = [f"{name}={value}" for name, value in alert.items()]
        found = subprocess.run([*command, *pairs], capture_output=True, text=True, check=True)
        assert found.stdout.strip() == RECEIVERS[severity]


def _written(config: Config, folder: Path) -> Path:
    ((_, text),) = outputs(config)
    path = folder / "alertmanager.yml"
    path.write_text(text)
    return path
