from __future__ import annotations

import io
import unicodedata
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storygen.errors import InvalidScript
from storygen.scripts import read_text
from storygen.scripts.base import MAX_BYTES

STORY = "The Café\n\nZoë said “it’s late” – and the sea, all 40 € of it, answered in a whisper.\n"


@pytest.mark.parametrize(
    ("data", "encoding", "guessed"),
    [
        (STORY.encode("utf-8"), "utf-8", False),
        (STORY.encode("utf-8-sig"), "utf-8", False),
        (STORY.encode("utf-16"), "utf-16-le", False),
        (b"\xfe\xff" + STORY.encode("utf-16-be"), "utf-16-be", False),
        (STORY.encode("utf-16-le"), "utf-16-le", True),
        (STORY.encode("utf-16-be"), "utf-16-be", True),
        (STORY.encode("cp1252"), "windows-1252", True),
        (STORY.replace("\n", "\r\n").encode("cp1252"), "windows-1252", True),
        (unicodedata.normalize("NFD", STORY).encode(), "utf-8", False),
    ],
)
def test_the_same_story_is_read_from_every_encoding(data: bytes, encoding: str, guessed: bool) -> None:
    reading = read_text(data, "cafe.txt")
    assert reading.script is not None
    assert reading.script.title == "The Café"
    assert reading.script.scenes[0].spoken == STORY.split("\n")[2]
    assert (reading.encoding, bool(reading.warnings)) == (encoding, guessed)


def test_utf_8_and_windows_1252_in_one_file_are_both_read() -> None:
    data = "The Café\n\n".encode() + "Zoë’s café.\n".encode("cp1252") + "Zoë’s café again.\n".encode()
    reading = read_text(data, "cafe.txt")
    assert reading.script is not None
    assert reading.script.scenes[0].spoken == "Zoë’s café. Zoë’s café again."
    assert [issue.line for issue in reading.warnings] == [3]


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("word/document.xml", "text")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "line 1: it is empty"),
        (b" \r\n\t\n", "line 1: it is empty"),
        (b"\xef\xbb\xbf", "line 1: there are no words"),
        (b"... --- !\n", "line 1: there are no words"),
        (b"\x89PNG\r\n\x1a\n rest", "line 1: it is a PNG picture"),
        (_zip(), "line 1: it is a ZIP archive"),
        (b"%PDF-1.7\n", "line 1: it is a PDF document"),
        (b"<!DOCTYPE html><p>Once", "line 1: it is a web page"),
        (b"Once upon\na time\x00\x01\x02 there\n", "line 2: it holds binary data"),
        (b"Once\n" + bytes(range(1, 32)) * 20, "line 2: it holds binary data"),
        (b"\xff\xfea\x00\n\x00b", "line 2: it begins as UTF-16"),
        (b"a word\n" * (MAX_BYTES // 7 + 1), "goes on past 2,000,000 bytes"),
        (b"A short one here.\n\n***\n\n" * 2100, "more than 2,000"),
    ],
)
def test_what_is_no_story_is_refused_with_what_and_where(data: bytes, says: str) -> None:
    with pytest.raises(InvalidScript, match=r"x\.txt") as caught:
        read_text(data, "x.txt")
    assert says in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 2


@given(st.binary(max_size=600))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        reading = read_text(data, "x")
    except InvalidScript:
        return
    assert reading.script or reading.errors


SCRAPS = [
    "SCRIPT:",
    "[0:00",
    "–",
    "|",
    "]",
    "##",
    "#",
    "Visual:",
    "Narration",
    "(",
    ")",
    ":",
    '"',
    "“",
    "TEXT:",
    "```",
    "title:",
    "scenes:",
    "-",
    "{",
    "}",
    "[",
    "&a",
    "*a",
    "!!python/object:x",
    "MARA:",
    "---",
    "***",
    "Mood:",
    "Duration:",
    "9:99",
    "word",
    "a:b",
]
scraps = st.sampled_from(
    [*SCRAPS, "ON-SCREEN TEXT:", "a: b", "\n", "\n\n", " ", "\t", "\x0b", "\u2029", "\u202e", "x" * 200]
)


@given(st.lists(scraps, max_size=60).map("".join), st.sampled_from(["utf-8", "utf-16", "cp1252"]))
def test_any_jumble_of_script_parts_is_read_or_refused(text: str, encoding: str) -> None:
    try:
        reading = read_text(text.encode(encoding, "replace"), "x.yaml")
    except InvalidScript:
        return
    assert reading.script or reading.errors


def test_a_heap_of_combining_marks_is_cut_and_not_sorted_for_hours() -> None:
    reading = read_text(("A title\n\nz" + "\u0301\u0316" * 400_000 + " end.").encode(), "x.txt")
    assert reading.script is not None
    assert len(reading.script.scenes[0].spoken) < 50


@pytest.mark.parametrize(
    "text",
    [
        "A. " * 300_000,
        "(" * 900_000,
        "[0:00 " * 200_000,
        "a:" * 900_000,
        "* " * 900_000,
        "## a" + "# " * 900_000 + "a",
        "## scene" + " " * 900_000 + "- " * 400_000 + "a",
        '## Scene 1\nNarration:\n"a\nb\n' + "c\n" * 300_000,
    ],
    ids=["stops", "brackets", "sections", "labels", "rules", "heading", "scene", "quotes"],
)
def test_a_text_made_to_be_slow_is_read_or_refused_like_any_other(text: str) -> None:
    try:
        reading = read_text(b"A title word\n\n" + text.encode(), "x.txt")
    except InvalidScript:
        return
    assert reading.script
