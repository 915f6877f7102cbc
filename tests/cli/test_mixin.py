"""`storygen mixin build`: writes, checks, and takes a file of changes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from storygen.cli.app import app, main

RULES = "deploy/prometheus/rules/storygen-health.yml"


def build(*arguments: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["mixin", "build", *map(str, arguments)])
    return done.exit_code, done.output


def test_it_names_what_it_wrote_and_then_has_nothing_to_do(tmp_path: Path) -> None:
    code, said = build("--out", tmp_path)
    assert code == 0
    assert RULES in said.splitlines()
    assert build("--out", tmp_path) == (0, "")
    assert build("--out", tmp_path, "--check") == (0, "")


def test_a_check_writes_nothing_and_fails_where_something_differs(tmp_path: Path) -> None:
    build("--out", tmp_path)
    (tmp_path / RULES).write_text("by hand")
    code, said = build("--out", tmp_path, "--check")
    assert code == 1
    assert RULES in said
    assert (tmp_path / RULES).read_text() == "by hand"


def test_a_threshold_is_changed_by_a_file_that_holds_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[alerts.DiskNearlyFull]\nlimit = 0.33\n")
    assert build("--out", tmp_path, "--config", tmp_path / "mine.toml")[0] == 0
    [group] = yaml.safe_load((tmp_path / RULES).read_text())["groups"]
    [disk] = [rule for rule in group["rules"] if rule.get("alert") == "StorygenDiskNearlyFull"]
    assert disk["expr"].endswith("< 0.33")


def test_a_mistake_is_told_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[alerts.DiskNearlyFul]\nlimit = 0.33\n")
    code, said = build("--out", tmp_path, "--config", tmp_path / "mine.toml")
    assert code != 0
    assert "Traceback" not in said
    assert not (tmp_path / RULES).exists()


def test_without_the_dashboards_package_one_line_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def missing(*_: object) -> None:
        raise ModuleNotFoundError("No module named 'grafana_foundation_sdk'", name="grafana_foundation_sdk")

    monkeypatch.setattr("storygen.mixin.build.write", missing)
    monkeypatch.setattr("sys.argv", ["storygen", "mixin", "build", "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "storygen[mixin]" in capsys.readouterr().err
