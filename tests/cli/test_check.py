from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from storygen.cli.check import check
from storygen.errors import InvalidScript, InvalidSettings

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(*arguments: str, text: bytes | None = None) -> Any:
    app = typer.Typer()
    app.command()(check)
    return CliRunner().invoke(app, arguments, input=text)


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.iterdir()))
def test_every_example_is_a_film_of_about_a_minute_without_a_warning(example: str) -> None:
    result = run(str(EXAMPLES / example))
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].endswith("scenes, 0 warnings, 0 errors")
    seconds = float(result.stdout.split(" in en, about ")[1].split(" s")[0])
    assert 40 <= seconds <= 65


def test_a_scene_is_told_with_all_that_it_will_have() -> None:
    scene = b'Visual: a door\nMood: dark\nNarration (Ada, calm): "One two."\nOn-screen: $ ls\n'
    lines = run("-", text=b"SCRIPT: X\n[0:00 - Door | late]\n" + scene + b"[0:09 - END]").stdout.splitlines()
    assert lines[1] == "“X” in en, about 1 s"
    assert [line.strip() for line in lines[3:]] == [
        "1  Door | late",
        "2 words, about 1 s, planned 9 s, dark",
        "speakers   Ada (calm)",
        "picture    a door",
        "on screen  $ ls",
        "spoken     One two.",
        "1 scenes, 0 warnings, 0 errors",
    ]


def test_a_warning_names_its_line_and_leaves_the_exit_code_at_0() -> None:
    result = run("-", text=b"# T\n## Scene 1\nVisaul: a door\n\nIt opened.")
    assert result.exit_code == 0
    assert "line 3: warning: unknown label “Visaul”" in result.stdout
    assert result.stdout.endswith("1 scenes, 1 warnings, 0 errors\n")


def test_errors_name_their_lines_and_end_with_exit_code_2() -> None:
    result = run("-", text=b"title: T\nscenes:\n- titel: A\n- mood: odd\n")
    assert result.exit_code == 2
    assert "line 3: error: unknown key “titel” in scene 1 (did you mean title?)" in result.stdout
    assert result.stdout.endswith("0 scenes, 0 warnings, 2 errors\n")


def test_a_topic_is_told_to_become_scenes_later() -> None:
    result = run("a lighthouse that went dark")
    assert result.exit_code == 0
    assert "written from the topic “a lighthouse that went dark”" in result.stdout
    assert result.stdout.endswith("0 scenes, 0 warnings, 0 errors\n")


def test_what_cannot_be_read_is_raised_for_the_program_to_tell(tmp_path: Path) -> None:
    result = run(str(tmp_path / "none.txt"))
    assert isinstance(result.exception, InvalidScript)
    assert result.stdout == ""


def test_nothing_in_a_source_commands_the_terminal(tmp_path: Path) -> None:
    name = tmp_path / "a\x1b[31m.md"
    name.write_text("# T\x1b]0;owned\x07\n\n## Scene 1\nVisual: \u202eevil \U0001f600\n\nHello\x9b31m.\x07")
    result = run(str(name))
    assert result.exit_code == 0
    assert not any(character in result.stdout for character in "\x1b\x07\x9b\u202e\x00")
    assert "😀" in result.stdout


def test_checking_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(str(EXAMPLES / "lighthouse.txt"))
    assert not list(tmp_path.iterdir())


GERMAN = "Der Hund und die Katze sind nicht auf dem Sofa. Sie war mit der Maus im Garten, und es ist auch kalt."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GERMAN, "looks like de"),
        ("في البدء كان النور", "arabic letters"),
        ("夜里下雪了。", "cjk letters"),
        ("Жила-была лиса", "cyrillic"),
    ],
)
def test_a_text_of_another_language_is_warned_of(text: str, said: str) -> None:
    result = run("-", text=text.encode())
    assert result.exit_code == 0
    (line,) = [line for line in result.stdout.splitlines() if "--language" in line]
    assert "warning: " in line
    assert said in line


def test_a_text_in_the_language_that_is_asked_for_is_not_warned_of() -> None:
    result = run("-", "--language", "DE", text=f"# Kalt\n\n{GERMAN}".encode())
    assert "in de, about" in result.stdout
    assert result.stdout.endswith(" 0 warnings, 0 errors\n")


def test_a_language_that_is_none_is_refused() -> None:
    assert isinstance(run("x", "--language", "German!").exception, InvalidSettings)
