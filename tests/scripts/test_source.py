from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pytest

from storygen.errors import InvalidScript
from storygen.scripts import read_source
from storygen.scripts.base import MAX_BYTES
from storygen.story import Brief


def refused(source: str | Path) -> InvalidScript:
    with pytest.raises(InvalidScript) as caught:
        read_source(str(source))
    assert caught.value.hint
    return caught.value


def test_words_are_a_topic_with_what_was_asked_for() -> None:
    reading = read_source("a lighthouse\tthat went dark", language="de", seconds=30, seed=4)
    assert reading.format == "topic"
    assert reading.story() == Brief(topic="a lighthouse that went dark", language="de", seconds=30, seed=4)


def test_a_file_named_topic_holds_a_topic(tmp_path: Path) -> None:
    asked = tmp_path / "next.topic"
    asked.write_text("a lighthouse that went dark\n", "utf-8")
    reading = read_source(str(asked), language="de", seconds=30)
    assert reading.story() == Brief(topic="a lighthouse that went dark", language="de", seconds=30)


@pytest.mark.parametrize("source", ["a cat and/or a dog", "who is Dr. Strange?", "version 2.0 of me", "lighthouse"])
def test_a_topic_may_have_slashes_and_dots_between_words(source: str) -> None:
    assert read_source(source).format == "topic"


def test_a_file_is_read_whatever_its_ending(tmp_path: Path) -> None:
    (tmp_path / "story").write_text("The Lamp\n\nIt went dark.")
    script = read_source(str(tmp_path / "story"), language="de").script
    assert script is not None
    assert (script.title, script.language) == ("The Lamp", "de")


def test_a_dash_is_standard_input() -> None:
    script = read_source("-", stdin=io.BytesIO(b"The Lamp\n\nIt went dark.")).script
    assert script is not None
    assert script.title == "The Lamp"


def test_endless_standard_input_is_not_read_to_its_end() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += min(size, 65536)
            return b"word " * 13107 + b"\n" if size >= 65536 else b"w" * size

    endless = Endless()
    with pytest.raises(InvalidScript, match="standard input, line"):
        read_source("-", stdin=endless)  # type: ignore[arg-type]  # it reads
    assert endless.given <= MAX_BYTES + 1


@pytest.mark.parametrize("missing", ["lighthose.txt", "sub/lighthouse", "./lighthouse", "my long story.md"])
def test_a_path_that_is_not_there_is_no_topic(missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "no such file" in refused(missing).message


def test_the_nearest_name_is_suggested(tmp_path: Path) -> None:
    (tmp_path / "lighthouse.txt").write_text("x")
    assert str(tmp_path / "lighthouse.txt") in refused(tmp_path / "lighthose.txt").hint


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "a folder" in refused(tmp_path).message


def test_a_pipe_that_nobody_writes_to_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    assert "a pipe or a device" in refused(tmp_path / "pipe.txt").message


def test_a_device_is_refused() -> None:
    assert "a pipe or a device" in refused("/dev/zero").message


def test_a_link_to_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "story.txt").symlink_to(tmp_path / "gone.txt")
    assert "cannot be read" in refused(tmp_path / "story.txt").message


def test_a_file_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    (tmp_path / "story.txt").write_text("The Lamp")
    # Taking the permission away would not stop root, as whom tests run in many containers.
    monkeypatch.setattr(os, "open", locked)
    assert "permission denied" in refused(tmp_path / "story.txt").message


def test_an_enormous_file_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "story.txt").open("wb") as file:
        file.write(b"word\n")
        file.truncate(10 * MAX_BYTES)
    assert "past 2,000,000 bytes" in refused(tmp_path / "story.txt").message


@pytest.mark.parametrize("source", ["", "  ", "?!", "word " * 200, "a\0.txt", "x" * 5000 + "/y"])
def test_what_is_neither_a_file_nor_a_topic_is_refused(source: str) -> None:
    refused(source)


def test_letters_that_no_typeface_can_draw_are_told_of_where_they_stand() -> None:
    story = "The Tablet\n\nIt was old.\n\nIt said \N{LINEAR A SIGN AB001} and \N{LINEAR A SIGN AB002}, no more.\n"
    reading = read_source("-", stdin=io.BytesIO(story.encode()))
    (told,) = [issue for issue in reading.warnings if "typeface" in issue.message]
    assert told.line == 5
    assert "2 characters" in told.message
