"""The folder that a run leaves behind."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storygen.errors import DiskFull, InvalidSettings, ResourceFailure
from storygen.store.files import slug, writing
from storygen.store.output import choose_folder, fingerprints, publish, refuse_strangers, staging
from storygen.story import Fidelity, Manifest, Outcome, Source


def manifest(title: str = "The Tide", origin: str = "here", files: dict[str, str] | None = None) -> Manifest:
    return Manifest(
        run_id="r1",
        title=title,
        source=Source(name="tide.txt", format="prose", sha256="0", origin=origin),
        outcome=Outcome.SUCCESS,
        fidelity=Fidelity.FULL,
        reasons=(),
        started="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        film_seconds=5.0,
        cost_usd=0.0,
        scenes=(),
        checks=(),
        settings={"film": {"aspect": "9:16", "strategy": "overlay"}},
        seed=0,
        files=files or {},
        versions={},
    )


def make(films: Path, content: dict[str, str], described: Manifest) -> Path:
    folder = choose_folder(films, described)
    with staging(films) as gathered:
        for name, text in content.items():
            (gathered / name).parent.mkdir(parents=True, exist_ok=True)
            (gathered / name).write_text(text)
        publish(gathered, folder, replace(described, files=fingerprints(gathered)))
    return folder


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_film_made_again_replaces_its_files_and_spares_those_of_the_user(tmp_path: Path) -> None:
    folder = make(tmp_path, {"film.mp4": "one", "parts/01-a/voice.wav": "x"}, manifest())
    (folder / "notes.txt").write_text("mine")
    assert make(tmp_path, {"film.mp4": "two", "parts/02-b/voice.wav": "y"}, manifest()) == folder
    assert names(folder) == {"film.mp4", "parts/02-b/voice.wav", "notes.txt", "manifest.json"}
    assert (folder / "film.mp4").read_text() == "two"
    assert json.loads((folder / "manifest.json").read_text())["title"] == "The Tide"


def test_another_story_of_the_same_title_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    first = make(tmp_path, {"film.mp4": "one"}, manifest())
    second = make(tmp_path, {"film.mp4": "two"}, manifest(origin="elsewhere"))
    assert (first.name, second.name) == ("the-tide", "the-tide-2")


def test_a_run_that_fails_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    folder = make(tmp_path, {"film.mp4": "one"}, manifest())
    with pytest.raises(RuntimeError), staging(tmp_path) as gathered:
        (gathered / "film.mp4").write_text("half")
        raise RuntimeError
    assert names(tmp_path) == {"the-tide/film.mp4", "the-tide/manifest.json"}
    assert (folder / "film.mp4").read_text() == "one"


def test_a_run_that_fails_leaves_no_new_folder(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), staging(tmp_path / "films"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_manifest_that_points_elsewhere_removes_nothing_there(tmp_path: Path) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("keep me")
    folder = make(tmp_path / "films", {"film.mp4": "one"}, manifest())
    described = json.loads((folder / "manifest.json").read_text())
    described["files"] |= {"../../precious.txt": "", str(precious): ""}
    (folder / "manifest.json").write_text(json.dumps(described))
    make(tmp_path / "films", {"film.mp4": "two"}, manifest())
    assert precious.read_text() == "keep me"


def test_where_nothing_can_be_written_it_is_said_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidSettings, match="Cannot write into") as refusal, staging(tmp_path / "file" / "films"):
        raise AssertionError("not reached")
    assert "--out" in refusal.value.hint


def test_a_full_disk_has_a_name(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match="No space is left"), writing(tmp_path), Path("/dev/full").open("w") as full:
        full.write("x" * 10_000_000)


@given(st.text())
def test_any_title_becomes_one_harmless_name(title: str) -> None:
    name = slug(title)
    assert name == Path(name).name
    assert name not in {"", ".", ".."}
    assert not name.startswith((".", "-"))
    assert len(name.encode()) <= 80
    assert name.isprintable()


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("../../etc/passwd", "etc-passwd"),
        ("CON", "con-story"),
        ("Don\N{RIGHT SINGLE QUOTATION MARK}t!", "dont"),
        ("  ", "story"),
        ("Öl & Čas", "öl-čas"),
    ],
)
def test_titles_and_their_names(title: str, name: str) -> None:
    assert slug(title) == name


def test_a_run_that_was_killed_while_it_published_is_known_again(tmp_path: Path) -> None:
    described = manifest()
    folder = make(tmp_path, {"film.mp4": "one", "film.srt": "one"}, described)
    (folder / "manifest.json").rename(folder / ".manifest.json")
    (folder / "film.srt").unlink()
    assert make(tmp_path, {"film.mp4": "two"}, described) == folder
    assert names(folder) == {"film.mp4", "manifest.json"}


def test_a_film_of_ones_own_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_text("my wedding")
    with pytest.raises(InvalidSettings, match=r"already holds film\.mp4"):
        refuse_strangers(tmp_path)


def test_a_folder_of_an_earlier_run_is_no_stranger(tmp_path: Path) -> None:
    refuse_strangers(make(tmp_path, {"film.mp4": "one"}, manifest()))
    refuse_strangers(tmp_path / "new")


def test_gathered_files_that_somebody_removes_are_named_and_leave_the_earlier_film(tmp_path: Path) -> None:
    folder = make(tmp_path, {"film.mp4": "one"}, manifest())
    with pytest.raises(ResourceFailure, match="was removed"), staging(tmp_path) as gathered:
        (gathered / "film.mp4").write_text("two")
        described = manifest(files=fingerprints(gathered))
        shutil.rmtree(gathered)
        publish(gathered, folder, described)
    assert (folder / "film.mp4").read_text() == "one"


def test_a_title_that_the_file_system_cannot_name_becomes_one_that_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsencode", lambda name: name.encode("ascii"))
    assert slug("في البدء") == "story"
    assert slug("Das Café am Meer") == "das-cafe-am-meer"
