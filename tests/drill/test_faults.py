"""What the drill breaks is written down so that it can be judged."""

from __future__ import annotations

import pytest

from storygen.configuration import known_keys
from storygen.drill.base import MOST_CONSEQUENCES, Fault
from storygen.drill.faults import FAULTS, chosen
from storygen.drill.load import MIXES
from storygen.errors import InvalidSettings
from storygen.mixin import rules
from storygen.mixin.config import load
from storygen.vendors.plan import as_plan

EVERY = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
ALERTS = {alert.name: alert for alert in rules.alerts(load())}


@EVERY
def test_the_alerts_of_a_fault_are_shipped(fault: Fault) -> None:
    assert {fault.expected, *fault.allowed} <= ALERTS.keys()


@EVERY
def test_a_fault_has_at_most_two_consequences_and_none_is_the_alert_itself(fault: Fault) -> None:
    assert len(set(fault.allowed)) == len(fault.allowed) <= MOST_CONSEQUENCES
    assert fault.expected not in fault.allowed


@EVERY
def test_the_alert_can_carry_the_labels_that_are_expected(fault: Fault) -> None:
    alert = ALERTS[fault.expected]
    assert fault.labels.keys() <= {*alert.labels, *alert.proofs[0].labels}
    assert "service" not in fault.labels, "every alert has that of storygen"


@EVERY
def test_a_fault_says_what_breaks_and_breaks_something(fault: Fault) -> None:
    assert fault.says
    assert fault.rules or fault.settings or fault.act or fault.slowness
    assert fault.mix in MIXES


@EVERY
def test_the_vendors_take_the_rules_of_a_fault(fault: Fault) -> None:
    assert len(as_plan(list(fault.rules)).rules) == len(fault.rules)


@EVERY
def test_the_settings_of_a_fault_exist(fault: Fault) -> None:
    known = {*known_keys()}
    changed = {".".join(path) for path in _paths(fault.settings) if path[0] != "prices"}
    assert changed <= known


def test_only_faults_of_the_queue_need_its_processes_and_the_quick_part_has_none() -> None:
    alerts = {"worker killed": "TargetDown", "queue growing": "QueueBacklogGrowing"}
    alerts |= {"job stuck": "JobsStuck", "redis gone": "SharingLost"}
    assert {fault.name: fault.expected for fault in FAULTS if fault.on_queue} == alerts
    assert not any(fault.on_queue for fault in chosen(quick=True))


def test_faults_of_the_queue_come_last_so_that_its_processes_start_once() -> None:
    needed = [fault.on_queue for fault in FAULTS]
    assert needed == sorted(needed)


def test_a_fault_is_found_however_its_words_are_joined() -> None:
    assert [fault.name for fault in chosen(["Bad-Audio", "vendor_down"])] == ["vendor down", "bad audio"]


def test_an_unknown_fault_is_refused_with_near_names() -> None:
    with pytest.raises(InvalidSettings, match="vendor don") as caught:
        chosen(["vendor don"])
    assert "vendor down" in caught.value.hint


def test_the_quick_part_is_a_part_with_different_alerts() -> None:
    quick = chosen(quick=True)
    assert 5 <= len(quick) < len(FAULTS)
    assert len({fault.expected for fault in quick}) == len(quick)


def _paths(values: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(values, dict):
        return [path]
    return [found for key, value in values.items() for found in _paths(value, (*path, key))]
