"""Pages for those who are woken: one for each alert, whose links lead somewhere and whose commands exist."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest
import typer

from storygen.cli.app import app
from storygen.mixin import rules
from storygen.mixin.config import Config, load
from storygen.mixin.inhibitions import INHIBITIONS
from storygen.mixin.rendering import texts
from storygen.mixin.runbooks import FOLDER, outputs
from storygen.settings import Settings
from storygen.telemetry.names import METRICS

CONFIG = load()
PAGES = dict(outputs(CONFIG))
ALERTS = rules.alerts(CONFIG)
# What storygen serves beside the films: boards by their uid.
BOARDS = {
    *("storygen-overview", "storygen-stage", "storygen-providers", "storygen-cost", "storygen-cache"),
    *("storygen-quality", "storygen-queue", "storygen-slo", "storygen-telemetry"),
}
LINK = re.compile(r"\]\(([^)\s]+)\)")
# Attributes of spans and names of files have dots too.
OTHERS = re.compile(r"^(storygen|gen_ai|error)\.|\.(toml|ya?ml|json|md|py|sqlite)$")
CODE = re.compile(r"`([^`\n]+)`")


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_alert_has_a_page_that_its_link_names_and_nothing_else_has() -> None:
    named = {texts(CONFIG, alert)["runbook_url"].removeprefix(f"{CONFIG.links.runbooks}/") for alert in ALERTS}
    assert {PurePosixPath(path).name for path in PAGES} == named | {"README.md"}


def test_the_index_leads_to_every_page() -> None:
    linked = set(LINK.findall(PAGES[f"{FOLDER}/README.md"]))
    assert linked == {PurePosixPath(path).name for path in PAGES} - {"README.md"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: PurePosixPath(path).stem)
def test_no_link_is_dead(path: str) -> None:
    for target in LINK.findall(PAGES[path]):
        if target.startswith(f"{CONFIG.links.grafana}/d/"):
            assert target.removeprefix(f"{CONFIG.links.grafana}/d/").split("?")[0] in BOARDS
        elif target.startswith(("http://", "https://")):
            assert target.startswith(f"{CONFIG.links.jaeger}/search?")
        else:
            file, _, anchor = target.partition("#")
            assert not file or f"{FOLDER}/{file}" in PAGES, target
            assert not anchor or anchor in anchors(PAGES[f"{FOLDER}/{file}" if file else path]), target


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_a_page_shows_the_rule_as_it_stands_and_every_part_of_the_runbook(alert: rules.Alert) -> None:
    page = PAGES[f"{FOLDER}/{alert.full_name}.md"]
    plain = re.sub(r"\[(\w+)\]\(Storygen\w+\.md\)", r"\1", page)
    assert f"```promql\n{alert.expr}\n```" in page
    assert alert.knobs.severity in page
    for part in (alert.runbook.means, alert.runbook.felt, alert.runbook.look, alert.runbook.over, *alert.runbook.do):
        assert part in plain
    for inhibition in INHIBITIONS:
        if alert.name in {inhibition.source, *inhibition.over}:
            assert inhibition.why in plain


def commands(text: str) -> list[str]:
    return [code for code in CODE.findall(text) if code.startswith("storygen ")]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: PurePosixPath(path).stem)
def test_every_command_of_storygen_is_a_real_one_with_real_options(path: str) -> None:
    for line in commands(PAGES[path]):
        command, words = typer.main.get_command(app), line.split()[1:]
        while hasattr(command, "commands"):
            name = words.pop(0)
            assert name in command.commands, f"there is no {line}"
            command = command.commands[name]
        options = {name: one for one in command.params for name in (*one.opts, *one.secondary_opts)}
        arguments = [one for one in command.params if one.param_type_name == "argument"]
        needed = {one.name for one in command.params if one.required}
        given: set[str | None] = set()
        while words:
            word = words.pop(0)
            if word.startswith("-"):
                assert word in options, f"{line}: there is no {word}"
                one = options[word]
                given.add(one.name)
                if not getattr(one, "is_flag", False):
                    del words[: max(1, one.nargs)]
            else:
                assert arguments, f"{line}: {word} is too much"
                given.add(arguments.pop(0).name)
        assert needed <= given, f"{line}: {needed - given} missing"


def settings() -> set[str]:
    """Every setting, by its whole name; the vendors' also as vendors.NAME."""
    found: set[str] = set()

    def walk(model: type, prefix: str) -> None:
        for name, field in model.model_fields.items():  # type: ignore[attr-defined]
            found.add(prefix + name)
            if isinstance(field.annotation, type) and hasattr(field.annotation, "model_fields"):
                walk(field.annotation, f"{prefix}{name}.")

    walk(Settings, "")
    return found | {re.sub(r"^vendors\.\w+", "vendors.NAME", name) for name in found}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: PurePosixPath(path).stem)
def test_every_setting_that_a_page_names_exists(path: str) -> None:
    ours = {f"alerts.{name}" for name in CONFIG.alerts} | {f"objectives.{name}" for name in dict(CONFIG.objectives)}
    known = settings() | ours
    for code in CODE.findall(re.sub(r"```.*?```", "", PAGES[path], flags=re.DOTALL)):
        name = code.split(" ")[0].strip("[]")
        if re.fullmatch(r"[a-z_]+(\.[A-Za-z_]+)+", name) and not OTHERS.search(name):
            assert name in known, f"there is no setting {name}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: PurePosixPath(path).stem)
def test_every_metric_that_a_page_names_exists(path: str) -> None:
    known = {metric.name for metric in METRICS}
    prose = re.sub(r"```.*?```", "", PAGES[path], flags=re.DOTALL)
    named = {code.split("{")[0] for code in CODE.findall(prose) if re.match(r"storygen_[a-z_]+($|\{)", code)}
    assert {name for name in named if re.sub(r"_(bucket|count|sum)$", "", name) not in known} == set()


def test_an_operators_change_of_a_threshold_reaches_the_page() -> None:
    changed: Config = load(changes={"alerts": {"FilmsDegraded": {"limit": 0.5, "hold": "20m"}}})
    page = dict(outputs(changed))[f"{FOLDER}/StorygenFilmsDegraded.md"]
    assert "> 0.5" in page
    assert "20 minutes" in page
