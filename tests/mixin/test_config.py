"""The one file of thresholds: what a file of changes does, and what a mistake in it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from storygen.errors import InvalidSettings
from storygen.mixin.config import load, seconds, spoken, written


@pytest.fixture
def changes(tmp_path: Path) -> Path:
    return tmp_path / "mine.toml"


def test_a_file_of_changes_leaves_everything_else_as_it_was(changes: Path) -> None:
    changes.write_text('job = "films"\n[alerts.DiskNearlyFull]\nlimit = 0.25\n[links]\ngrafana = "https://g"\n')
    ours, own = load(changes), load()
    assert (ours.job, ours.of("DiskNearlyFull").limit, ours.links.grafana) == ("films", 0.25, "https://g")
    assert ours.of("DiskNearlyFull").hold == own.of("DiskNearlyFull").hold
    assert ours.of("TargetDown") == own.of("TargetDown")
    assert ours.links.jaeger == own.links.jaeger


def test_what_a_program_changes_comes_on_top_of_the_file(changes: Path) -> None:
    changes.write_text("[alerts.DiskNearlyFull]\nlimit = 0.25\n")
    config = load(changes, {"scale": 60, "alerts": {"DiskNearlyFull": {"hold": "1m"}}})
    assert config.scale == 60
    assert (config.of("DiskNearlyFull").limit, config.of("DiskNearlyFull").hold) == (0.25, "1m")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[alerts.DiskNearlyFull]\nlimt = 1", "alerts.DiskNearlyFull.limt"),
        ('[alerts.DiskNearlyFull]\nhold = "5 minutes"', "alerts.DiskNearlyFull.hold"),
        ("[objectives]\nfast_seconds = 601", "objectives.fast_seconds"),
        ("[objectives]\nsuccess = 2", "objectives.success"),
        ("scale = 0.5", "scale"),
        ("job = 5 5", "line 1"),
    ],
)
def test_a_mistake_names_the_file_and_the_place(changes: Path, text: str, place: str) -> None:
    changes.write_text(text)
    with pytest.raises(InvalidSettings) as caught:
        load(changes)
    assert str(changes) in caught.value.message
    assert place in caught.value.message


def test_an_alert_that_does_not_exist_is_refused_with_the_one_that_was_meant(changes: Path) -> None:
    changes.write_text("[alerts.StorygenDiskNearlyFul]\nlimit = 0.2\n")
    with pytest.raises(InvalidSettings) as caught:
        load(changes)
    assert "alerts.DiskNearlyFull" in caught.value.hint


def test_a_file_that_is_not_there_or_no_file_is_named_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match=r"^There is no file .*nowhere\.toml\.$"):
        load(tmp_path / "nowhere.toml")
    with pytest.raises(InvalidSettings, match=r" cannot be read: Is a directory\.$"):
        load(tmp_path)


def test_windows_shrink_with_the_scale_but_not_below_four_scrapes_and_days_stay() -> None:
    config = load(changes={"scale": 300, "scrape": "250ms", "evaluation": "250ms"})
    assert (config.window("30m"), config.window("1m"), config.window("3d")) == ("6s", "1s", "3d")
    assert (config.hold("5m"), config.hold("0s"), config.hold("1d")) == ("1s", "0s", "1d")


@pytest.mark.parametrize("duration", ["250ms", "1s", "90s", "5m", "1h", "3d"])
def test_a_duration_is_written_as_it_was_read(duration: str) -> None:
    assert seconds(written(seconds(duration))) == seconds(duration)


def test_durations_are_spoken_in_words() -> None:
    assert [spoken(text) for text in ("15m", "1h", "500ms", "30d")] == [
        "15 minutes",
        "1 hour",
        "500 milliseconds",
        "30 days",
    ]
