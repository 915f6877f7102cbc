from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storygen.errors import InvalidOutput, InvalidScript, InvalidSettings, ProviderTimeout, ProviderUnavailable
from storygen.providers.speech import engine
from storygen.providers.speech.base import SpeechRequest, Take
from storygen.providers.speech.builtin import Builtin
from storygen.settings import VoiceSettings
from storygen.story import Line
from tests.providers.speech.sound_tools import read_wav, rms, spoken

STORY = "The harbour was quiet when Ada found the letter, and nobody in the old town said a word."
HOSTILE = (
    "In 1984, Dr. Smith didn't go — he stayed. 😀 'Quoted' ... & more",
    "— ... one",
    "<speak><break time='9s'/>x</speak> <!-- c --> &amp; [[h@l'oU]]",
    "\0 a\0b \0 c",
    "\U0001d49c 😀😀 שלום עולם 你好 http://x.y/z?q=1 3.5% $20 ~ * end",
    "\ud800 lone surrogate",
    "x" * 3000,
    "  leading\u2028and\u3000odd\x85spaces  ",
    "word " * 600,
)


def one(text: str, language: str = "en", speaker: str = "narrator", manner: str = "") -> SpeechRequest:
    return SpeechRequest(lines=(Line(text=text, speaker=speaker, manner=manner),), cast=(speaker,), language=language)


def assert_words(take: Take, lines: tuple[str, ...]) -> None:
    written = [(index, word) for index, line in enumerate(lines) for word in line.split()]
    assert [(word.line, word.text) for word in take.words] == written
    samples, rate = read_wav(take.audio)
    before = 0.0
    for word in take.words:
        assert before - 1e-9 <= word.start < word.end <= len(samples) / rate + 1e-9
        before = word.end


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_every_written_word_has_its_time_whatever_the_text_tries(text: str, tmp_path: Path) -> None:
    assert_words(spoken(one(text), tmp_path), (text,))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=2))
def test_any_text_is_spoken_or_has_silent_places(tmp_path: Path, texts: list[str]) -> None:
    lines = tuple(Line(text=text) for text in texts)
    if any(text.split() for text in texts):
        assert_words(spoken(SpeechRequest(lines=lines, cast=()), tmp_path), tuple(texts))


def test_words_stand_where_they_are_heard(tmp_path: Path) -> None:
    take = spoken(one("Stop. Listen. Nobody. 1984. Dr. Smith, didn't! Run."), tmp_path)
    samples, rate = read_wav(take.audio)
    for word in take.words:
        assert rms(samples, rate, word.start, word.end) > 0.01, word
    gaps = [(a.end, b.start) for a, b in pairwise(take.words) if b.start - a.end > 0.15]
    assert len(gaps) >= 4
    for start, end in gaps:
        assert rms(samples, rate, start + 0.01, end - 0.01) < 0.003


def test_a_number_is_one_word_as_long_as_all_that_is_said_for_it(tmp_path: Path) -> None:
    words = spoken(one("the year 1984 ended"), tmp_path).words
    assert words[2].text == "1984"
    assert words[2].end - words[2].start > 2 * (words[1].end - words[1].start)


def test_the_same_request_gives_the_same_bytes_at_another_time(tmp_path: Path) -> None:
    cast = ("narrator", "a", "b", "c", "d", "e", "f", "g", "h")
    request = SpeechRequest(lines=tuple(Line(text=STORY, speaker=who) for who in cast), cast=cast)
    first = spoken(request, tmp_path / "a")
    second = int(time.time())
    while int(time.time()) == second:  # the engine's own chance comes from the clock, in seconds
        pass
    again = spoken(request, tmp_path / "b")
    assert first.audio.read_bytes() == again.audio.read_bytes()
    assert first.words == again.words


def test_each_speaker_has_a_voice_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    cast = ("narrator", "Ada", "Ben", "Cleo", "Dan", "Eve", "Fay", "Gus", "Hal", "Ida")
    takes = {
        who: spoken(SpeechRequest(lines=(Line(text="Good evening.", speaker=who),), cast=cast), tmp_path / who)
        for who in cast
    }
    assert len({take.audio.read_bytes() for take in takes.values()}) == len(cast)
    again = spoken(SpeechRequest(lines=(Line(text="Good evening.", speaker="ben"),), cast=cast), tmp_path / "again")
    assert again.audio.read_bytes() == takes["Ben"].audio.read_bytes()


def test_neighbours_in_the_cast_differ_in_pitch_but_not_in_level(tmp_path: Path) -> None:
    import numpy as np

    cast = ("narrator", "a", "b", "c", "d", "e", "f", "g", "h")
    pitches, levels = [], []
    for who in cast:
        take = spoken(SpeechRequest(lines=(Line(text=STORY, speaker=who),), cast=cast), tmp_path / who)
        samples, rate = read_wav(take.audio)
        signal = np.array(samples, dtype=float) / 32_768
        found, loud = [], []
        for at in range(0, len(signal) - 2048, 1024):
            part = signal[at : at + 2048]
            if np.sqrt((part**2).mean()) < 0.02:
                continue
            loud.append((part**2).mean())
            echo = np.correlate(part, part, "full")[2047:]
            found.append(rate / (rate // 400 + echo[rate // 400 : rate // 60].argmax()))
        pitches.append(float(np.median(found)))
        levels.append(10 * np.log10(np.mean(loud)))
    assert max(levels) - min(levels) < 3.0
    assert all(max(a, b) / min(a, b) > 1.12 for a, b in pairwise(pitches)), pitches


def test_manner_changes_pace_and_level(tmp_path: Path) -> None:
    plain, slow, loud, soft = (
        read_wav(spoken(one(STORY, manner=manner), tmp_path / (manner or "plain")).audio)
        for manner in ("", "slowly", "shouting", "whispering")
    )
    assert len(slow[0]) > 1.08 * len(plain[0])
    levels = [rms(samples, rate, 0, 4) for samples, rate in (soft, plain, loud)]
    assert levels == sorted(levels)
    assert levels[2] / levels[0] < 4


def test_the_pace_is_about_what_the_setting_says(tmp_path: Path) -> None:
    text = (
        f"{STORY} It had been lying under the door for three days, folded twice, with no name on it. She read it once, "
        "then again, slower this time, because the words did not want to stay still. Somebody had crossed out the last "
        "line. Outside, the gulls were already awake and complaining about the rain."
    )
    for wanted in (120, 165, 220):
        take = spoken(one(text), tmp_path / str(wanted), VoiceSettings(words_per_minute=wanted))
        assert len(take.words) / take.words[-1].end * 60 == pytest.approx(wanted, rel=0.1)


def test_what_follows_a_nul_is_heard(tmp_path: Path) -> None:
    words = spoken(one("one\0 \0 two three"), tmp_path).words
    assert [word.end - word.start > 0.1 for word in words] == [True, False, True, True]


def test_lines_are_parted_by_a_pause_which_is_longer_where_the_speaker_changes(tmp_path: Path) -> None:
    lines = (Line(text="One."), Line(text="Two."), Line(text="Three.", speaker="Ada"))
    take = spoken(SpeechRequest(lines=lines, cast=("narrator", "Ada")), tmp_path, VoiceSettings(pause_seconds=1.0))
    same, other = (b.start - a.end for a, b in pairwise(take.words))
    assert 0.55 < same < 0.8 < 0.95 < other < 1.3


def test_a_voice_can_be_chosen_for_a_speaker(tmp_path: Path) -> None:
    chosen = VoiceSettings(voices={"ADA": "de+f2"})
    request = one("Guten Morgen", speaker="Ada")
    assert (
        spoken(request, tmp_path / "a", chosen).audio.read_bytes() != spoken(request, tmp_path / "b").audio.read_bytes()
    )


@pytest.mark.parametrize("voice", ["nobody", "../../etc/passwd", "en+", "x" * 300])
def test_a_voice_that_does_not_exist_is_named_in_the_error(voice: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings) as caught:
        spoken(one("hi"), tmp_path, VoiceSettings(voices={"narrator": voice}))
    assert voice in caught.value.message
    assert "f3" in caught.value.hint


@pytest.mark.parametrize("language", ["en", "en-GB", "en-us", "de", "fr", "zh", "pt-BR", "no", "es-MX"])
def test_common_languages_are_spoken(language: str, tmp_path: Path) -> None:
    assert_words(spoken(one("radio 12", language), tmp_path), ("radio 12",))


def test_an_unknown_language_is_refused_with_the_nearest_and_where_all_are(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings) as caught:
        spoken(one("hi", "enn"), tmp_path)
    assert "'enn'" in caught.value.message
    assert "Did you mean en" in caught.value.hint
    assert "all of them: https://" in caught.value.hint
    assert len(caught.value.hint) < 250


def test_a_data_folder_with_a_long_path_is_reached_by_a_short_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import espeakng_loader

    deep = tmp_path / ("deep" * 20) / ("deeper" * 20) / "with space é"
    deep.mkdir(parents=True)
    (deep / "espeak-ng-data").symlink_to(espeakng_loader.get_data_path(), target_is_directory=True)
    plain = spoken(one(STORY), tmp_path / "plain")
    monkeypatch.setattr(espeakng_loader, "get_data_path", lambda: str(deep / "espeak-ng-data"))
    monkeypatch.setenv("TMPDIR", str(deep))
    before = set(engine._SHORT_FOLDER.glob("sg*"))
    assert spoken(one(STORY), tmp_path / "linked").audio.read_bytes() == plain.audio.read_bytes()
    assert set(engine._SHORT_FOLDER.glob("sg*")) <= before


def test_a_missing_package_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(ProviderUnavailable, match="not installed") as caught:
        spoken(one("hi"), tmp_path)
    assert "espeakng-loader" in caught.value.hint


@pytest.mark.parametrize(("which", "value"), [("get_library_path", "/dev/null"), ("get_data_path", "/nowhere")])
def test_a_library_that_cannot_be_loaded_is_reported(
    which: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import espeakng_loader

    monkeypatch.setattr(espeakng_loader, which, lambda: value)
    with pytest.raises(ProviderUnavailable, match="cannot be loaded"):
        spoken(one("hi"), tmp_path)


def test_an_engine_that_crashes_is_invalid_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "crash.py"
    program.write_text("import os; os.abort()")
    monkeypatch.setattr(engine, "_PROGRAM", program)
    with pytest.raises(InvalidOutput, match="broke"):
        spoken(one("hi"), tmp_path)


def _sleeper(tmp_path: Path) -> Path:
    program = tmp_path / "sleep.py"
    program.write_text(
        f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    )
    return program


def _is_alive(status: Path) -> bool:
    try:
        return "State:\tZ" not in status.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def _is_gone(tmp_path: Path) -> bool:
    try:
        os.kill(int((tmp_path / "pid").read_text()), 0)
    except ProcessLookupError:
        return True
    return False


def test_a_cancelled_call_leaves_no_process_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_PROGRAM", _sleeper(tmp_path))

    async def cancel_when_running() -> None:
        task = asyncio.create_task(Builtin(VoiceSettings()).answer(one("hi"), tmp_path))
        limit = time.monotonic() + 20
        while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()):
            assert time.monotonic() < limit
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 20)

    asyncio.run(cancel_when_running())
    assert _is_gone(tmp_path)


@pytest.mark.parametrize("turns", range(6))
def test_a_loop_that_closes_while_the_engine_starts_leaves_nothing_behind_and_does_not_hang(
    turns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_PROGRAM", _sleeper(tmp_path))

    async def leave_early() -> None:
        stray = asyncio.ensure_future(engine.speak({"text": "hi", "out": str(tmp_path / "a.wav")}))
        for _ in range(turns):
            await asyncio.sleep(0)
        assert not stray.done()

    asyncio.run(asyncio.wait_for(leave_early(), 30))
    assert not (tmp_path / "pid").exists() or _is_gone(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child's life to its parent's")
def test_killing_python_outright_leaves_no_engine_behind(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "never.wav")
    code = f"""
import asyncio, os
from pathlib import Path
from storygen.providers.speech import engine
async def main():
    work = asyncio.ensure_future(engine.speak({{"text": "hi", "out": {str(tmp_path / "never.wav")!r}}}))
    while not (found := Path(f"/proc/self/task/{{os.getpid()}}/children").read_text().split()):
        await asyncio.sleep(0)
    print(found[0], flush=True)
    await work
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=Path.cwd()) as python:
        assert python.stdout is not None
        status = Path(f"/proc/{int(python.stdout.readline())}/status")
        python.kill()
    patience = time.monotonic() + 10
    while _is_alive(status) and time.monotonic() < patience:
        os.sched_yield()
    assert not _is_alive(status)


def test_an_engine_that_hangs_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_PROGRAM", _sleeper(tmp_path))
    monkeypatch.setattr(engine, "_PATIENCE_SECONDS", 0.5)
    with pytest.raises(ProviderTimeout):
        spoken(one("hi"), tmp_path)
    assert not (tmp_path / "pid").exists() or _is_gone(tmp_path)


def test_a_line_of_an_hour_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidScript, match="too long"):
        spoken(one("word " * 20_000), tmp_path)


def test_settings_that_change_the_sound_change_the_fingerprint() -> None:
    plain = dict(Builtin(VoiceSettings()).fingerprint)
    for changed in ({"pause_seconds": 1.0}, {"words_per_minute": 100}, {"voices": {"Ada": "f3"}}):
        assert dict(Builtin(VoiceSettings(**changed)).fingerprint) != plain
    assert dict(Builtin(VoiceSettings(loudness_lufs=-20)).fingerprint) == plain
