"""A script names files that lie beside it, in every format and under every name, and none that lie elsewhere."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from storygen.errors import InvalidScript
from storygen.scripts import Reading, read_source, read_text, write_script
from storygen.scripts.given import cut_links
from storygen.story import Given, Scene

HOSTILE = [
    "-y.png",
    "a:b.png",
    "http:x.png",
    "%03d.png",
    "%20.png",
    "my sea.png",
    "a (1).png",
    'it\'s "the" sea.png',
    "[x].png",
    "#1?.png",
    "🌊.png",
    "e\u0301te\u0301.png",
    "..png.png",
    "sub/deep/a.png",
    "sub/../a.png",
    "$(touch x);`id`.png",
    "\\N{\\an8}.png",
]


def read(folder: Path, text: str, name: str = "story.md") -> Reading:
    (folder / name).write_text(text, "utf-8")
    return read_source(str(folder / name))


def scenes(reading: Reading) -> tuple[Scene, ...]:
    assert reading.script is not None
    assert reading.errors == ()
    return reading.script.scenes


def shown(scene: Scene) -> dict[str, str]:
    given = scene.given or Given()
    return {kind: file.name for kind in ("image", "clip", "sound") if (file := getattr(given, kind))}


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def test_an_image_link_gives_its_scene_what_its_ending_says(tmp_path: Path) -> None:
    put(tmp_path, "sea.jpg", "boat.mp4", "harbour.wav")
    text = "# T\n\n## A\n![The sea](sea.jpg)\nCalm.\n\n## B\nVisual: ![](boat.mp4)\n\n![](harbour.wav)\nIt left.\n"
    a, b = scenes(read(tmp_path, text))
    assert (shown(a), a.picture, a.spoken) == ({"image": "sea.jpg"}, "The sea", "Calm.")
    assert (shown(b), b.picture, b.spoken) == ({"clip": "boat.mp4", "sound": "harbour.wav"}, "", "It left.")


def test_a_file_is_known_by_its_content_and_not_by_where_it_lies(tmp_path: Path) -> None:
    put(tmp_path, "sea.jpg")
    (scene,) = scenes(read(tmp_path, "# T\n\n## A\n![](sea.jpg)\nCalm.\n"))
    assert scene.given is not None
    assert scene.given.image is not None
    assert scene.given.image.sha256 == hashlib.sha256(b"sea.jpg").hexdigest()
    assert scene.given.image.path == (tmp_path / "sea.jpg").resolve()


def test_a_link_behind_a_label_of_speech_is_a_recording_whose_words_follow(tmp_path: Path) -> None:
    put(tmp_path, "me.mp4")
    (scene,) = scenes(read(tmp_path, "# T\n\n## A\nNarration: ![](me.mp4)\nThis is what I said.\n"))
    assert (shown(scene), scene.spoken) == ({"sound": "me.mp4"}, "This is what I said.")


def test_a_second_picture_begins_a_scene_of_its_own(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "b.mov", "c.wav")
    text = "# T\n\n## A\n![](a.jpg)\nOne.\n\n![](b.mov)\nTwo.\n![](c.wav)\n"
    first, second = scenes(read(tmp_path, text))
    assert (first.title, shown(first), first.spoken) == ("A", {"image": "a.jpg"}, "One.")
    assert (second.title, shown(second), second.spoken) == ("", {"clip": "b.mov", "sound": "c.wav"}, "Two.")


def test_a_text_with_nothing_but_links_and_paragraphs_has_a_scene_for_each_link(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "b.jpg")
    found = scenes(read(tmp_path, "A day.\n\n![](a.jpg)\n\nIt began.\n\n![](b.jpg)\n\nIt ended.\n", "day.txt"))
    assert [(shown(scene), scene.spoken) for scene in found] == [
        ({}, "A day."),
        ({"image": "a.jpg"}, "It began."),
        ({"image": "b.jpg"}, "It ended."),
    ]


def test_a_log_script_names_files_by_links_or_a_label(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "b.webm")
    text = 'SCRIPT: T\n\n[0:00 – A]\n![](a.png)\nNarration: "One."\n\n[0:05 – B]\nFile: b.webm\nNarration: "Two."\n'
    first, second = scenes(read(tmp_path, text, "x.log"))
    assert (shown(first), shown(second), second.spoken) == ({"image": "a.png"}, {"clip": "b.webm"}, "Two.")


@pytest.mark.parametrize("kind", ["json", "yaml"])
def test_records_name_files_and_read_back_equal(tmp_path: Path, kind: str) -> None:
    put(tmp_path, "a.png", "b.wav")
    record = {"title": "T", "scenes": [{"lines": ["One."], "given": {"image": "a.png", "sound": "b.wav"}}]}
    reading = read(tmp_path, json.dumps(record), "x.json")
    assert shown(scenes(reading)[0]) == {"image": "a.png", "sound": "b.wav"}
    assert reading.script is not None
    again = read(tmp_path, write_script(reading.script, kind), f"again.{kind}")
    assert again.script == reading.script


def test_a_record_cannot_say_where_a_file_lies_or_what_is_in_it(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    file = {"name": "a.png", "path": "/etc/hostname", "sha256": "0" * 64}
    record = {"title": "T", "scenes": [{"lines": ["One."], "given": {"image": file}}]}
    (scene,) = scenes(read(tmp_path, json.dumps(record), "x.json"))
    assert scene.given is not None
    assert scene.given.image is not None
    assert scene.given.image.path == (tmp_path / "a.png").resolve()
    assert scene.given.image.sha256 == hashlib.sha256(b"a.png").hexdigest()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"picture": "a.png"}, "unknown key “picture” in scene 1, given"),
        ({"image": ["a.png"]}, "scene 1, given, image, name: it should be a text"),
        ({"image": "a.png", "clip": "b.mp4"}, "a scene shows a picture or a clip, not both"),
        ({"image": "b.mp4"}, "b.mp4: its ending is not that of a picture"),
        ({"sound": "a.png"}, "a.png: its ending is not that of a sound"),
        ({"image": "a.png\n"}, "a.png: its ending is none that is known"),
        ({"image": "\0.png"}, ".png: it is no name of a file"),
        ({"image": "\ud800.png"}, ".png: there is no such file beside the script"),
        ({"image": ""}, "a file: it is no name of a file"),
        ({"image": "x" * 2000 + ".png"}, f"{'x' * 80}: it is no name of a file"),
    ],
    ids=str,
)
def test_a_record_that_names_files_wrongly_is_told_what_is_right(tmp_path: Path, given: object, said: str) -> None:
    put(tmp_path, "a.png", "b.mp4")
    reading = read(tmp_path, json.dumps({"title": "T", "scenes": [{"lines": ["One."], "given": given}]}), "x.json")
    assert said in [issue.message for issue in reading.errors]


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_is_only_a_name(tmp_path: Path, name: str) -> None:
    put(tmp_path / "s", name, "sub/a.png", "a.png")
    record = {"title": "T", "scenes": [{"lines": ["One."], "given": {"image": name}}]}
    (scene,) = scenes(read(tmp_path / "s", json.dumps(record), "x.json"))
    assert scene.given is not None
    assert scene.given.image is not None
    assert scene.given.image.path == (tmp_path / "s" / name).resolve()


@pytest.mark.parametrize("name", [name for name in HOSTILE if "\\" not in name])
def test_a_link_can_hold_any_name_between_angle_brackets(name: str) -> None:
    assert cut_links(f"see ![x](<{name}>) there") == ("see   there", cut_links(f"![x](<{name}>)")[1])
    assert [link.name for link in cut_links(f"![x](<{name}>)")[1]] == [name]


@pytest.mark.parametrize(
    ("link", "name"),
    [
        ("![](a (1).png)", "a (1).png"),
        ('![](a.png "A title")', "a.png"),
        ("![](  a.png  )", "a.png"),
        ("![](my sea.png)", "my sea.png"),
        ('![](it\'s "the" sea.png)', 'it\'s "the" sea.png'),
    ],
)
def test_a_bare_link_may_hold_spaces_brackets_and_a_title(link: str, name: str) -> None:
    assert [found.name for found in cut_links(link)[1]] == [name]


def test_a_name_may_be_written_as_addresses_write_it_or_with_other_accents(tmp_path: Path) -> None:
    put(tmp_path, "my sea.png", "e\u0301te\u0301.png")
    a, b = scenes(read(tmp_path, "# T\n\n## A\n![](my%20sea.png)\nOne.\n\n## B\n![](\u00e9t\u00e9.png)\nTwo.\n"))
    assert a.given is not None
    assert b.given is not None
    assert [file.path.name for file in a.given.files + b.given.files] == ["my sea.png", "e\u0301te\u0301.png"]


def test_what_lies_outside_of_the_folder_is_never_opened(tmp_path: Path) -> None:
    folder = tmp_path / "story"
    put(tmp_path, "secret.png", "story/a.png")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "away").symlink_to(tmp_path)
    (folder / "near.png").symlink_to(folder / "a.png")
    os.mkfifo(folder / "pipe.png")
    (folder / "dir.png").mkdir()
    (folder / "none.png").touch()
    told = {
        "../secret.png": "it lies outside of the script's folder",
        "link.png": "it lies outside of the script's folder",
        "away/secret.png": "it lies outside of the script's folder",
        str(tmp_path / "secret.png"): "it names a place of the machine",
        "~/secret.png": "it names a place of the machine",
        "https://example.org/a.png": "it is an address, and nothing is fetched",
        "file:///etc/hostname.png": "it is an address, and nothing is fetched",
        "pipe.png": "it is no file but a folder, a pipe or a device",
        "dir.png": "it cannot be read: is a directory",
        "none.png": "it is empty",
        "gone.png": "there is no such file beside the script",
        "story.md": "its ending is none that is known",
    }
    rows = "".join(f"## S\n![](<{name}>)\nWords.\n\n" for name in told)
    reading = read(folder, f"# T\n\n{rows}## Last\n![](near.png)\nGood.\n")
    assert [issue.message.rpartition(": ")[2] if "cannot" not in issue.message else issue.message.partition(": ")[2]
            for issue in reading.errors] == list(told.values())  # fmt: skip
    assert [issue.line for issue in reading.errors] == [4 + 4 * place for place in range(len(told))]
    assert all(issue.hint for issue in reading.errors)
    with pytest.raises(InvalidScript, match="nothing is fetched"):
        reading.story()


def test_a_text_without_a_folder_names_no_file_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "sea.jpg")
    monkeypatch.chdir(tmp_path)
    reading = read_text(b"# T\n\n## A\n![](sea.jpg)\nCalm.\n", "story.md")
    (issue,) = reading.errors
    assert (issue.line, issue.message) == (4, "sea.jpg: files can only be named in a script that is a file itself")
    assert "save it as a file" in issue.hint
    assert reading.script is not None
    assert [file.path for scene in reading.script.scenes for file in (scene.given or Given()).files] == [Path()]


def test_a_missing_file_is_told_with_the_one_that_is_most_like_it(tmp_path: Path) -> None:
    put(tmp_path, "pics/harbour.jpg")
    (issue,) = read(tmp_path, "# T\n\n## A\n![](pics/harbor.jpg)\nCalm.\n").errors
    assert issue.hint == "did you mean pics/harbour.jpg?"


def test_what_stands_between_fences_or_in_a_terminal_names_nothing(tmp_path: Path) -> None:
    text = "# T\n\n## A\nON-SCREEN:\n```\n![](sea.jpg)\nFile: sea.jpg\n```\nCalm.\n\nON-SCREEN:\nFile: C:\\sea.jpg\n"
    (scene,) = scenes(read(tmp_path, text))
    assert scene.on_screen == ("![](sea.jpg)", "File: sea.jpg", "File: C:\\sea.jpg")


def test_a_row_of_many_brackets_is_read_in_a_moment() -> None:
    for row in ("![" * 50_000, "![](" * 50_000, "![](<" * 50_000, "![](" + "(" * 50_000, "![](" + "a" * 100_000):
        assert cut_links(row)[1] == ()
