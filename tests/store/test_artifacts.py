"""Entries of the store are whole or not there."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storygen.errors import ResourceFailure
from storygen.store import artifacts, records
from storygen.store.artifacts import BrokenEntry, Store
from storygen.story import Line, LineKind, Made, Mood, Scene, Script, Usage

KEY = "ab" + "0" * 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    audio: Path
    seconds: float


def keep(store: Store, key: str = KEY, content: bytes = b"sound") -> Made[Sound]:
    with store.room() as folder:
        (folder / "a.wav").write_bytes(content)
        made = Made(
            value=Sound(audio=folder / "a.wav", seconds=1.5), key=key, provider="p", attempts=2, cost_usd=0.25,
            usage=Usage(characters=12), missing=("q: timeout",),
        )  # fmt: skip
        return store.keep("speech", made, folder)


def test_what_is_kept_is_found_again_with_where_it_came_from(tmp_path: Path) -> None:
    kept = keep(Store(tmp_path))
    found = Store(tmp_path).find("speech", KEY, Sound)
    assert found is not None
    assert found.cached
    assert found.value.audio.read_bytes() == b"sound"
    assert (found.value, found.provider, found.attempts, found.cost_usd, found.missing, found.usage) == (
        kept.value, "p", 2, 0.25, ("q: timeout",), Usage(characters=12),
    )  # fmt: skip


def test_an_entry_that_was_not_kept_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(RuntimeError), store.room() as folder:
        (folder / "half").write_bytes(b"x")
        raise RuntimeError
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_file_that_was_cut_short_makes_the_entry_unusable_and_gone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    keep(store).value.audio.write_bytes(b"sou")
    with pytest.raises(BrokenEntry):
        store.find("speech", KEY, Sound)
    assert store.find("speech", KEY, Sound) is None


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b'{"files": {}, "value": {"audio": 1}, "made": {}}', b'{"files": 5}', b"[" * 100_000],
)
def test_an_unreadable_entry_is_removed(tmp_path: Path, damage: bytes) -> None:
    store = Store(tmp_path)
    keep(store).value.audio.with_name("entry.json").write_bytes(damage)
    with pytest.raises(BrokenEntry):
        store.find("speech", KEY, Sound)
    assert store.find("speech", KEY, Sound) is None


def test_where_two_make_the_same_the_first_counts(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = keep(store, content=b"first")
    second = keep(store, content=b"later")
    assert second.value.audio == first.value.audio
    assert second.value.audio.read_bytes() == b"first"


def test_what_a_dead_process_left_half_made_is_swept_away(tmp_path: Path) -> None:
    import socket
    import subprocess

    dead = subprocess.Popen(["true"])
    dead.wait()
    making = Store(tmp_path).root / "making"
    mine = making / f"{socket.gethostname()}-{os.getpid()}-aa"
    for folder in (making / f"{socket.gethostname()}-{dead.pid}-aa", making / f"elsewhere-{dead.pid}-aa", mine):
        folder.mkdir()
    Store(tmp_path)
    assert {folder.name for folder in making.iterdir()} == {f"elsewhere-{dead.pid}-aa", mine.name}


def test_trimming_removes_what_was_unused_longest_and_spares_what_is_in_use(tmp_path: Path) -> None:
    store = Store(tmp_path)
    keys = [f"{n:02d}" + "0" * 62 for n in range(4)]
    for age, key in zip((4, 3, 2, 0), keys, strict=True):
        entry = keep(store, key, b"x" * 1000).value.audio.with_name("entry.json")
        then = time.time() - age * 7200
        os.utime(entry, (then, then))
    trimmed = store.trim(2000)
    assert (trimmed.removed, trimmed.size_bytes) == (2, 2000)
    assert [store.find("speech", key, Sound) is not None for key in keys] == [False, False, True, True]
    assert store.trim(0).removed == 0  # both were used within the hour by now


def test_half_an_entry_makes_room_for_a_whole_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    keep(store).value.audio.with_name("entry.json").unlink()
    assert store.find("speech", KEY, Sound) is None
    assert keep(store, content=b"whole").value.audio.read_bytes() == b"whole"
    assert list((store.root / "making").iterdir()) == []


def test_who_loses_a_race_gets_the_record_of_the_winner_and_pays_its_own_price(tmp_path: Path) -> None:
    store = Store(tmp_path)
    keep(store)
    with store.room() as folder:
        (folder / "b.wav").write_bytes(b"later")
        mine = Made(value=Sound(audio=folder / "b.wav", seconds=9.0), key=KEY, provider="mine", cost_usd=0.5)
        made = store.keep("speech", mine, folder)
    assert (made.value.audio.read_bytes(), made.value.seconds, made.provider) == (b"sound", 1.5, "p")
    assert (made.cached, made.cost_usd) == (False, 0.5)


@pytest.mark.parametrize("trouble", [errno.EMFILE, errno.EACCES, errno.EIO])
def test_an_entry_that_cannot_be_read_now_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: int
) -> None:
    store = Store(tmp_path)
    keep(store)

    def refuse(*_: object, **__: object) -> int:
        raise OSError(trouble, os.strerror(trouble))

    with monkeypatch.context() as patched, pytest.raises(ResourceFailure, match="cannot be read"):
        patched.setattr(os, "open", refuse)
        store.find("speech", KEY, Sound)
    assert store.find("speech", KEY, Sound) is not None


def test_an_entry_that_would_never_end_is_removed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    entry = keep(store).value.audio.with_name("entry.json")
    entry.unlink()
    os.mkfifo(entry)
    with pytest.raises(BrokenEntry):
        store.find("speech", KEY, Sound)
    assert keep(store, content=b"again").value.audio.read_bytes() == b"again"


def test_an_entry_leaves_its_place_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    keep(store).value.audio.write_bytes(b"sou")
    monkeypatch.setattr(artifacts, "discard", lambda folder: None)  # as where a kill comes before the files are gone
    with pytest.raises(BrokenEntry):
        store.find("speech", KEY, Sound)
    assert list((store.root / "speech").glob("*/*")) == []
    assert [len(list(folder.iterdir())) for folder in (store.root / "making").iterdir()][-1] == 2


def test_trimming_bears_entries_that_vanish_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    places = [keep(store, f"{n:02d}" + "0" * 62).value.audio.parent for n in range(3)]
    real = artifacts._files

    def vanish(folder: Path) -> list[Path]:
        found = real(folder)
        if folder == places[1]:
            shutil.rmtree(folder)
        return found

    monkeypatch.setattr(artifacts, "_files", vanish)
    assert store.trim(0) == artifacts.Trimmed(0, 10)


def test_a_cache_that_is_removed_during_a_run_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    with pytest.raises(ResourceFailure, match="was removed") as caught, store.room() as folder:
        shutil.rmtree(tmp_path / "cache")
        (folder / "a.wav").write_bytes(b"x")
    assert str(tmp_path / "cache") in caught.value.message
    with pytest.raises(ResourceFailure, match="was removed"), store.room():
        pass


def test_a_missing_file_of_others_is_not_blamed_on_the_cache(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), Store(tmp_path / "cache").room():
        (tmp_path / "none").read_bytes()


TEXT = st.text(max_size=20)
LINES = st.builds(Line, text=TEXT, speaker=TEXT, manner=TEXT, kind=st.sampled_from(LineKind))
SCENES = st.builds(
    Scene,
    title=TEXT,
    lines=st.lists(LINES, max_size=3).map(tuple),
    on_screen=st.lists(TEXT, max_size=2).map(tuple),
    mood=st.sampled_from(Mood),
    seconds=st.none() | st.floats(0, 1e6),
)


@given(st.builds(Script, title=TEXT, scenes=st.lists(SCENES, max_size=3).map(tuple)))
def test_a_record_comes_back_from_json_as_it_was(script: Script) -> None:
    values = json.loads(json.dumps(records.dump(script, Path())))
    assert records.load(Script, values, Path()) == script


@given(st.builds(Script, title=TEXT, scenes=st.lists(SCENES, max_size=2).map(tuple)))
def test_the_hash_of_inputs_depends_on_values_only(script: Script) -> None:
    again = records.load(Script, json.loads(json.dumps(records.plain(script))), Path())
    assert records.digest({"a": script, "b": 1}) == records.digest({"b": 1, "a": again})
    assert records.digest({"a": script}) != records.digest({"a": script, "b": None})


def test_a_path_is_no_input_of_a_stored_result() -> None:
    with pytest.raises(TypeError, match="Path"):
        records.digest({"file": Path("x")})
