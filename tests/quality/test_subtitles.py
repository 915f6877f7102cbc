from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from storygen.quality.subtitles import check_cues, check_subtitles
from storygen.settings import QualitySettings, SubtitleSettings
from storygen.story import Check, Cue, Verdict, Word

GOOD = (
    "1\n00:00:00,500 --> 00:00:02,000\nThe harbour was quiet\n\n"
    "2\n00:00:02,000 --> 00:00:04,000\nwhen Ada found it.\n\n"
)
ASS = (
    "[Script Info]\nScriptType: v4.00+\n\n[Events]\n"
    "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    "Dialogue: 0,0:00:00.50,0:00:04.00,Default,,0,0,0,,{\\kf20}The {\\kf30}harbour was quiet.\n"
)


def verdicts(checks: tuple[Check, ...]) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in checks}


def bad(checks: tuple[Check, ...]) -> set[str]:
    return {check.name for check in checks if check.verdict is not Verdict.PASS}


def srt(tmp_path: Path, text: str, name: str = "a.srt") -> Path:
    (tmp_path / name).write_text(text, "utf-8")
    return tmp_path / name


def cue(start: float, end: float, *lines: str) -> Cue:
    return Cue(start=start, end=end, lines=lines)


@pytest.mark.parametrize(
    ("name", "text"), [("a.srt", GOOD), ("a.vtt", "WEBVTT\n\n" + GOOD.replace(",", ".")), ("a.ass", ASS)]
)
def test_good_files_of_each_format_pass(name: str, text: str, tmp_path: Path) -> None:
    checks = check_subtitles(srt(tmp_path, text, name), audio_seconds=4.5, speech=((0.5, 3.9),))
    assert bad(checks) == set(), checks


@pytest.mark.parametrize("data", [b"", b"\x00\xff" * 500, b"hello", b'{"a": 1}'])
@pytest.mark.parametrize("suffix", ["srt", "vtt", "ass"])
def test_files_that_hold_no_subtitles_fail_to_parse(data: bytes, suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"a.{suffix}").write_bytes(data)
    checks = check_subtitles(tmp_path / f"a.{suffix}")
    assert verdicts(checks) == {"parses": Verdict.FAIL}


def test_a_file_of_another_kind_or_size_is_not_read(tmp_path: Path) -> None:
    assert bad(check_subtitles(srt(tmp_path, GOOD, "a.txt"))) == {"parses"}
    assert bad(check_subtitles(srt(tmp_path, " " * 21 * 1024**2))) == {"parses"}


def test_a_file_in_windows_1252_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_bytes(GOOD.replace("quiet", "café “quiet”").encode("cp1252"))
    assert bad(check_subtitles(tmp_path / "a.srt")) == set()


def test_each_fault_fails_its_own_check() -> None:
    limits = SubtitleSettings()
    good = cue(0, 2, "some words here")
    assert bad(check_cues([good, cue(1.5, 4, "more words")], settings=limits)) == {"overlap"}
    assert "order" in bad(check_cues([cue(3, 4, "later"), cue(0, 1, "sooner")], settings=limits))
    assert bad(check_cues([cue(1, 1, "")], settings=limits)) == {"order"}
    assert bad(check_cues([cue(0, 1, "twenty characters and then some")], settings=limits)) == {"reading_speed"}
    assert bad(check_cues([cue(0, 9, "x" * 43)], settings=limits)) == {"line_length"}
    assert bad(check_cues([cue(0, 9, "a", "b", "c")], settings=limits)) == {"lines"}


def test_coverage_is_the_share_of_speech_with_a_cue_on_the_screen() -> None:
    cues = [cue(0, 2, "half of it"), cue(6, 7, "a bit more")]
    checks = {check.name: check for check in check_cues(cues, speech=((1.0, 3.0), (6.0, 8.0)))}
    assert (checks["coverage"].value, checks["coverage"].verdict) == (50.0, Verdict.WARN)
    none = check_cues([], speech=((0.0, 1.0),))
    assert verdicts(none) == {"coverage": Verdict.FAIL}


def test_coverage_of_a_long_film_is_exact_whatever_the_order_of_the_speech() -> None:
    cues = [cue(at, at + 1, "word") for at in range(0, 1000, 2)]
    speech = [(at + 0.5, at + 1.5) for at in reversed(range(0, 1000, 2))]
    coverage = next(check for check in check_cues(cues, speech=speech) if check.name == "coverage")
    assert coverage.value == 50.0


def test_subtitles_that_end_long_before_or_after_the_sound_drift() -> None:
    cues = [cue(0, 10, "a long cue")]
    assert verdicts(check_cues(cues, audio_seconds=10.2))["drift"] is Verdict.PASS
    assert verdicts(check_cues(cues, audio_seconds=20))["drift"] is Verdict.WARN
    assert verdicts(check_cues(cues, audio_seconds=9.5))["drift"] is Verdict.WARN
    assert verdicts(check_cues(cues, audio_seconds=5))["drift"] is Verdict.FAIL


def heard(start: float, *texts: str) -> Cue:
    """A cue whose words take half a second each, and which stands as long as they do."""
    words = tuple(Word(text=text, start=start + at / 2, end=start + (at + 1) / 2) for at, text in enumerate(texts))
    return Cue(start=start, end=words[-1].end, lines=(" ".join(texts),), words=words)


def test_a_missing_a_late_and_a_hasty_cue_are_each_found_by_their_own_check() -> None:
    cues = [heard(0, "the", "harbour", "was"), heard(2, "quiet", "when", "Ada"), heard(4, "found", "it", "there")]
    speech = tuple((word.start, word.end) for one in cues for word in one.words)
    late = [cues[0], cues[1], replace(cues[2], start=4.8, end=6.3)]
    early = [replace(cues[0], end=0.7), *cues[1:]]
    hasty = [cues[0], heard(2, "extraordinary", "unreachable", "harbours"), cues[2]]
    for given, wanted in (
        (cues, set()),
        (cues[::2], {"coverage"}),
        (late, {"drift", "coverage"}),
        (hasty, {"reading_speed"}),
    ):
        assert bad(check_cues(given, audio_seconds=6, speech=speech)) == wanted
    assert "drift" in bad(check_cues(early, audio_seconds=6, speech=speech))
    drift = next(one for one in check_cues(late, audio_seconds=6, speech=speech) if one.name == "drift")
    assert drift.value == pytest.approx(0.8)


def test_limits_of_subtitles_are_settings() -> None:
    late = [replace(heard(0, "one", "two"), start=0.4)]
    assert bad(check_cues(late, audio_seconds=1)) == set()
    strict = QualitySettings(subtitle_drift_seconds=0.3)
    assert verdicts(check_cues(late, audio_seconds=1, limits=strict))["drift"] is Verdict.FAIL
