"""`storygen validate` measures any file and says so by its exit code."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from storygen.cli.app import main
from storygen.media.ffmpeg import Command
from tests.media.films import run, sound, still

GOOD = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "15", "-c:a", "aac", "-f", "mp4")


@pytest.fixture
def validate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the command; what it printed, what it complained of, and its exit code."""

    def work(*args: object) -> tuple[str, str, int]:
        monkeypatch.setattr(sys, "argv", ["storygen", "validate", *map(str, args)])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capsys.readouterr()
        return printed.out, printed.err, int(left.value.code or 0)

    return work


def film(path: Path, picture: str = "testsrc=s=180x320:r=30:d=2") -> Path:
    source = ("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=d=2:r=48000")
    run(Command(step="make", args=(*source, *GOOD, f"file:{path}")))
    return path


def test_a_good_film_is_measured_in_picture_and_sound(tmp_path: Path, validate) -> None:
    out, _, code = validate(film(tmp_path / "a film.mp4"))
    assert code == 0
    assert out.splitlines()[0].split() == ["artifact", "check", "result", "value", "limit"]
    assert {line.split()[0] for line in out.splitlines()[1:]} == {"video", "audio"}
    assert "end_offset" in out
    assert "loudness" in out


def test_a_black_film_ends_with_one(tmp_path: Path, validate) -> None:
    out, _, code = validate(film(tmp_path / "a.mp4", "color=black:s=180x320:r=30:d=4"))
    assert code == 1
    assert next(line for line in out.splitlines() if "black_stretch" in line).split()[2] == "fail"


def test_json_says_the_same(tmp_path: Path, validate) -> None:
    out, _, code = validate(film(tmp_path / "a.mp4"), "--json")
    told = json.loads(out)
    assert told["ok"]
    assert code == 0
    by_name = {(check["artifact"], check["check"]): check for check in told["checks"]}
    assert by_name["video", "video_codec"]["value"] == "h264 High"
    assert by_name["video", "decodes"]["result"] == "pass"


def test_sounds_pictures_subtitles_and_texts_are_measured_too(tmp_path: Path, validate) -> None:
    subtitles = tmp_path / "a.srt"
    subtitles.write_text("1\n00:00:00,000 --> 00:00:02,000\nHello there, you\n")
    text = tmp_path / "a.txt"
    text.write_text("The lamp went out again tonight. The keeper climbed the stairs and lit it.\n")
    voice = sound(tmp_path / "a.wav", 2)
    assert validate(voice)[0].splitlines()[1].startswith("audio")
    assert validate(still(tmp_path / "a.png"))[0].splitlines()[1].startswith("image")
    assert validate(subtitles, "--sound", voice)[0].splitlines()[1].startswith("subtitles")
    assert validate(text)[0].splitlines()[1].startswith("text")


@pytest.mark.parametrize(
    "content", [b"#EXTM3U\nfile:///etc/passwd\x00", b"\x7fELF\x02\x01\x01\x00\x00\x00", b"\x00" * 100]
)
def test_what_is_none_of_these_is_the_callers_mistake(tmp_path: Path, validate, content: bytes) -> None:
    strange = tmp_path / "clip.mp4"
    strange.write_bytes(content)
    out, err, code = validate(strange)
    assert (out, code) == ("", 2)
    assert "root:" not in err


def test_a_damaged_film_and_a_missing_one_are_the_callers_mistakes(tmp_path: Path, validate) -> None:
    cut = film(tmp_path / "a.mp4")
    cut.write_bytes(cut.read_bytes()[:3000])
    assert validate(cut)[2] == 2
    _, err, code = validate(tmp_path / "none.mp4")
    assert code == 2
    assert "not a file" in err


@pytest.mark.parametrize(
    "name", ["film.mp4", "film.MOV", "a.webm", "a.mkv", "a.m4a", "a.wav", "a.mp3", "a.png", "a.jpg"]
)
@pytest.mark.parametrize("content", ["", "The lamp went out again tonight."])
def test_a_text_under_the_name_of_a_film_or_picture_is_not_taken_for_a_story(
    tmp_path: Path, validate, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    out, err, code = validate(tmp_path / name)
    assert (out, code) == ("", 2)
    assert f"{name!r} is not a" in err


def test_limits_of_a_film_are_those_of_the_settings(tmp_path: Path, validate, monkeypatch: pytest.MonkeyPatch) -> None:
    moving = film(tmp_path / "a.mp4")
    monkeypatch.setenv("STORYGEN_QUALITY__BITRATE_KBPS", "1")
    out, _, code = validate(moving, "--json")
    found = next(check for check in json.loads(out)["checks"] if check["check"] == "bitrate")
    assert (found["result"], found["limit"], code) == ("warn", "at most 1", 0)
