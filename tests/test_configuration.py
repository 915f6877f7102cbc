"""Settings are read from four places, and every mistake is told at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from storygen.configuration import known_keys, load
from storygen.errors import InvalidSettings


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FFMPEG_PATH", raising=False)
    return tmp_path


def test_flags_win_over_environment_over_dotenv_over_file(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own_folder / "storygen.toml").write_text("[film]\nfps = 24\ncrf = 20\nheight = 640\naspect = '1:1'\n")
    (own_folder / ".env").write_text("STORYGEN_FILM__CRF=21\nSTORYGEN_FILM__HEIGHT=720\nSTORYGEN_FILM__ASPECT=16:9\n")
    monkeypatch.setenv("STORYGEN_FILM__HEIGHT", "800")
    monkeypatch.setenv("STORYGEN_FILM__ASPECT", "9:16")
    film = load(flags={"film": {"aspect": "16:9"}}).film
    assert (film.fps, film.crf, film.height, film.aspect) == (24, 21, 800, "16:9")


def test_all_mistakes_are_told_at_once_each_with_its_place(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own_folder / "mine.toml").write_text('[film]\naspct = "16:9"\nfps = 500\n')
    monkeypatch.setenv("STORYGEN_VOICE__LOUDNESS_LUFS", "loud")
    with pytest.raises(InvalidSettings) as refusal:
        load(Path("mine.toml"), {"run": {"attempts": 0}})
    said = str(refusal.value)
    assert "mine.toml: film.aspct: there is no such setting; did you mean film.aspect?" in said
    assert "mine.toml: film.fps: " in said
    assert "environment STORYGEN_VOICE__LOUDNESS_LUFS: voice.loudness_lufs: " in said
    assert "flag: run.attempts: " in said
    assert refusal.value.exit_code == 2


def test_a_misspelt_variable_of_ours_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORYGEN_FLIM__FPS", "25")
    with pytest.raises(InvalidSettings, match=r"STORYGEN_FLIM__FPS.*did you mean film\.fps"):
        load()


def test_lines_of_other_programs_in_dotenv_are_left_alone(own_folder: Path) -> None:
    (own_folder / ".env").write_text("DATABASE_URL=x\nFFMPEG_PATH=/opt/ffmpeg\n")
    assert load().ffmpeg_path == Path("/opt/ffmpeg")


def test_an_empty_variable_is_as_if_it_were_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FFMPEG_PATH", "")
    assert load().ffmpeg_path is None


@pytest.mark.parametrize("content", [b"film = [", b"\xff\xfe\x00"])
def test_a_file_that_is_no_toml_is_named(own_folder: Path, content: bytes) -> None:
    (own_folder / "storygen.toml").write_bytes(content)
    with pytest.raises(InvalidSettings, match=r"storygen\.toml cannot be read"):
        load()


def test_a_file_that_is_asked_for_has_to_exist() -> None:
    with pytest.raises(InvalidSettings, match=r"no file other\.toml"):
        load(Path("other.toml"))


def test_every_setting_is_described() -> None:
    described = (Path(__file__).parents[1] / "docs" / "settings.md").read_text("utf-8")
    assert [key for key in known_keys() if f"`{key}`" not in described] == []


def test_a_value_that_is_no_json_is_named_with_its_variable(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORYGEN_VOICE__VOICES", "{bad")
    with pytest.raises(InvalidSettings, match=r"environment STORYGEN_VOICE.*JSON"):
        load()
    monkeypatch.delenv("STORYGEN_VOICE__VOICES")
    (own_folder / ".env").write_text("STORYGEN_PROVIDERS__TEXT=[\n")
    with pytest.raises(InvalidSettings, match=r"STORYGEN_PROVIDERS.*JSON"):
        load()


def test_a_dotenv_that_is_not_utf8_is_named(own_folder: Path) -> None:
    (own_folder / ".env").write_bytes(b"STORYGEN_FILM__FPS=\xff\xfe\n")
    with pytest.raises(InvalidSettings, match=r"\.env cannot be read"):
        load()


def test_a_file_from_an_editor_that_writes_a_byte_order_mark_is_read(own_folder: Path) -> None:
    (own_folder / "storygen.toml").write_bytes(b"\xef\xbb\xbf[film]\nfps = 24\n")
    assert load().film.fps == 24


def test_a_group_with_a_plain_value_is_refused(own_folder: Path) -> None:
    (own_folder / "storygen.toml").write_text("film = 5\n")
    with pytest.raises(InvalidSettings, match=r"storygen\.toml: film: .*write \[film\]"):
        load()


def test_a_misspelt_group_is_told_the_name_of_the_group(own_folder: Path) -> None:
    (own_folder / "storygen.toml").write_text("[flim]\nfps = 24\n")
    with pytest.raises(InvalidSettings, match=r"did you mean film\?"):
        load()


def test_only_files_of_a_sane_size_are_read(own_folder: Path) -> None:
    with pytest.raises(InvalidSettings, match="not a file"):
        load(Path("/dev/zero"))
    with pytest.raises(InvalidSettings, match="not a file"):
        load(own_folder)
    os.mkfifo(own_folder / "storygen.toml")
    with pytest.raises(InvalidSettings, match="not a file"):
        load()
    (own_folder / "large.toml").write_bytes(b"#" * 2_000_000)
    with pytest.raises(InvalidSettings, match="larger than"):
        load(Path("large.toml"))


@pytest.mark.parametrize(
    ("written", "read"),
    [("DE", "de"), ("en_US", "en-US"), ("es-419", "es-419"), ("zh-hans-cn", "zh-Hans-CN"), ("pt-br", "pt-BR")],
)
def test_a_language_is_read_however_it_is_written(written: str, read: str) -> None:
    assert load(flags={"film": {"language": written}}).film.language == read


def test_a_language_that_is_none_is_told_what_would_be_right() -> None:
    with pytest.raises(InvalidSettings, match=r"film\.language: a language is written as a code.*it is 'German!'"):
        load(flags={"film": {"language": "German!"}})
