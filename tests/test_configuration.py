"""Settings are read from four places, and every mistake is told at once."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

import pytest

from storygen.configuration import known_keys, load
from storygen.errors import InvalidSettings
from storygen.reloading import Reloader


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


KEYS = (
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "ELEVENLABS_API_KEY",
    "RUNWAY_API_KEY",
)


@pytest.fixture
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*KEYS, "RUNWAYML_API_SECRET", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_keys")
def test_the_vendors_own_variables_are_honoured_with_several_keys(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_folder / ".env").write_text("GOOGLE_API_KEY=g-from-dotenv\nRUNWAYML_API_SECRET=r-1\n")
    (own_folder / "storygen.toml").write_text('[vendors.openai]\napi_keys = ["o-3"]\nbase_url = "http://file"\n')
    monkeypatch.setenv("OPENAI_API_KEY", "o-1, o-2")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://variable")
    vendors = load().vendors
    told = {
        name: [key.get_secret_value() for key in getattr(vendors, name).api_keys] for name in type(vendors).model_fields
    }
    assert told["openai"] == ["o-1", "o-2", "o-3"]
    assert told["gemini"] == ["g-from-dotenv"]
    assert told["runway"] == ["r-1"]
    assert vendors.openai.base_url == "http://variable"


def test_a_chain_can_be_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORYGEN_PROVIDERS__SPEECH", "elevenlabs, builtin")
    monkeypatch.setenv("STORYGEN_PROVIDERS__TEXT", '["builtin"]')
    chains = load(ready=False).providers
    assert (chains.speech, chains.text) == (("elevenlabs", "builtin"), ("builtin",))


@pytest.mark.usefixtures("no_keys")
def test_what_does_not_go_together_is_told_beside_single_mistakes(own_folder: Path) -> None:
    (own_folder / "storygen.toml").write_text(
        """
        [film]
        fps = 500
        [providers]
        text = ["antropic", "builtin"]
        speech = ["elevenlabs", "builtin", "builtin"]
        images = []
        [vendors.runway]
        enabled = false
        [budget]
        run_usd = 5
        day_usd = 1
        [redis]
        share_cache = true
        [prices]
        "elevenlabs/*" = { character = 0.1 }
        "elevnlabs/x" = { characters = -1 }
        """
    )
    with pytest.raises(InvalidSettings) as refusal:
        load(flags={"providers": {"video": ["runway"]}})
    said = refusal.value.message.splitlines()
    for start in (
        "storygen.toml: film.fps: ",
        "storygen.toml: providers.text: there is no 'antropic'; did you mean anthropic?",
        "storygen.toml: providers.speech: builtin stands in the chain 2 times",
        "storygen.toml: providers.speech: elevenlabs has no key; set ELEVENLABS_API_KEY",
        "storygen.toml: providers.images: the chain is empty",
        "flag: providers.video: runway is switched off; set vendors.runway.enabled = true",
        "storygen.toml: budget.run_usd: ",
        "storygen.toml: redis.share_cache: ",
        "storygen.toml: prices.elevenlabs/*.character: there is no such unit; did you mean characters?",
        "storygen.toml: prices.elevnlabs/x: there is no provider 'elevnlabs'; did you mean elevenlabs?",
        "storygen.toml: prices.elevnlabs/x.characters: a price cannot be -1",
    ):
        assert [line for line in said if line.startswith(start)], f"{start} is not in {said}"


@pytest.mark.usefixtures("no_keys")
def test_an_address_of_your_own_needs_no_key(own_folder: Path) -> None:
    (own_folder / "storygen.toml").write_text(
        '[providers]\ntext = ["openai"]\n[vendors.openai]\nbase_url = "http://localhost:11434/v1"\n'
    )
    assert load().providers.text == ("openai",)


def test_a_key_is_never_shown(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = "planted-0123456789"
    monkeypatch.setenv("ELEVENLABS_API_KEY", planted)
    assert planted not in repr(load())
    (own_folder / "storygen.toml").write_text(
        f'[vendors.openai]\napi_keys = [{{ x = "{planted}" }}]\napi_key = "{planted}"\n'
        f'[redis]\nurl = [1, "{planted}"]\n'
    )
    with pytest.raises(InvalidSettings) as refusal:
        load()
    told = "".join(traceback.format_exception(refusal.value))
    assert "vendors.openai.api_keys" in refusal.value.message
    assert planted not in told


def test_settings_change_while_a_process_goes_on_and_wrong_ones_are_refused(
    own_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, refused = own_folder / "storygen.toml", []
    file.write_text("[film]\nfps = 24\n")
    reloader = Reloader(on_refused=refused.append)
    assert not reloader.check()
    file.write_text("[film]\nfps = 25\n")
    assert reloader.check()
    assert reloader.settings.film.fps == 25
    file.write_text("[film]\nfps = 1\n")
    assert not reloader.check()
    assert not reloader.check()
    assert reloader.settings.film.fps == 25
    assert ["film.fps" in refusal.message for refusal in refused] == [True]
    assert [record.levelname for record in caplog.records if record.message == "settings.refused"] == ["ERROR"]
    (own_folder / ".env").write_text("STORYGEN_FILM__CRF=30\n")
    file.write_text("[film]\nfps = 30\n")
    assert reloader.check()
    assert (reloader.settings.film.fps, reloader.settings.film.crf) == (30, 30)


def test_a_file_that_is_written_again_with_the_same_words_changes_nothing(own_folder: Path) -> None:
    file = own_folder / "mine.toml"
    file.write_text("[film]\nfps = 24\n")
    reloader = Reloader(Path("mine.toml"), {"film": {"crf": 30}})
    before = reloader.settings
    os.utime(file, (1, 1))
    assert not reloader.check()
    assert reloader.settings is before


def test_a_value_that_is_no_json_is_named_with_its_variable(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORYGEN_VOICE__VOICES", "{bad")
    with pytest.raises(InvalidSettings, match=r"environment STORYGEN_VOICE.*JSON"):
        load()
    monkeypatch.delenv("STORYGEN_VOICE__VOICES")
    (own_folder / ".env").write_text("STORYGEN_PROVIDERS__TEXT=[\n")
    with pytest.raises(InvalidSettings, match=r"\.env: providers\.text: a list is written as JSON"):
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


def test_a_setting_that_moved_says_where_to(own_folder: Path) -> None:
    (own_folder / "old.toml").write_text("[film]\nburn_subtitles = false\n")
    with pytest.raises(InvalidSettings, match=r"film\.burn_subtitles: its name is now subtitles\.mode"):
        load(own_folder / "old.toml")
