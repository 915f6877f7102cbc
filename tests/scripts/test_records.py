from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from storygen.errors import InvalidScript, InvalidSettings
from storygen.scripts import Reading, read_text, to_json, write_script
from storygen.scripts.cleaning import clean, squeeze
from storygen.story import Line, LineKind, Mood, Scene, Script

SCRIPT = Script(
    title="No",
    language="de",
    scenes=(
        Scene(
            title="1984",
            lines=(Line(text="12:30", speaker="Ada", manner="calm", kind=LineKind.DIALOGUE), Line(text="null")),
            on_screen=("$ echo '50%'", "", '  C:\\x: "y" # z', "😀", "- ~"),
            mood=Mood.DARK,
            seconds=4.5,
        ),
        Scene(picture="a door: red"),
    ),
)


def read(text: str, name: str = "story") -> Reading:
    return read_text(text.encode(), name)


def problems(text: str) -> list[tuple[int, str]]:
    return [(issue.line, issue.message) for issue in read(text).errors]


@pytest.mark.parametrize("kind", ["json", "yaml"])
def test_a_script_that_was_written_reads_back_equal(kind: str) -> None:
    reading = read(write_script(SCRIPT, kind))
    assert (reading.format, reading.script, reading.issues) == (kind, SCRIPT, ())


texts = st.text(st.characters(codec="utf-8"), max_size=30).map(squeeze)
spoken = texts.filter(lambda text: any(map(str.isalnum, text)))
lines = st.builds(Line, text=spoken, speaker=texts, manner=texts, kind=st.sampled_from(LineKind))
scenes = st.builds(
    Scene,
    title=texts,
    subtitle=texts,
    lines=st.lists(lines, max_size=3).map(tuple),
    picture=spoken,
    on_screen=st.lists(st.text(st.characters(codec="utf-8"), max_size=20).map(lambda t: clean(t).rstrip())).map(tuple),
    directions=st.lists(texts, max_size=2).map(tuple),
    mood=st.sampled_from(Mood),
    seconds=st.none() | st.floats(0.5, 3600),
)
scripts = st.builds(
    Script,
    title=texts,
    scenes=st.lists(scenes, min_size=1, max_size=3).map(tuple),
    language=st.sampled_from(["en", "pt-BR"]),
    tone=texts,
    logline=texts,
)


@given(scripts, st.sampled_from(["json", "yaml"]))
def test_whatever_a_script_holds_it_reads_back_equal(script: Script, kind: str) -> None:
    stable = replace(script, scenes=tuple(script.scenes))
    assert read(write_script(stable, kind)).script == stable


def test_yaml_for_people_leaves_out_what_is_as_it_would_be_anyway() -> None:
    assert write_script(Script(title="T", scenes=(Scene(picture="a door"),)), "yaml") == (
        "title: T\nscenes:\n- picture: a door\n"
    )


def test_json_names_every_field() -> None:
    assert set(json.loads(to_json(SCRIPT))) == {"title", "scenes", "language", "tone", "logline"}


def test_another_format_is_refused() -> None:
    with pytest.raises(InvalidSettings, match="toml"):
        write_script(SCRIPT, "toml")


def test_words_that_yaml_takes_for_values_stay_words() -> None:
    reading = read(
        "title: No\nscenes:\n  - title: 1984\n    on_screen: [12:30, yes, 50%, 2024-99-99]\n    subtitle: ~\n"
    )
    assert reading.script is not None
    scene = reading.script.scenes[0]
    assert (reading.script.title, scene.title, scene.subtitle) == ("No", "1984", "")
    assert scene.on_screen == ("12:30", "yes", "50%", "2024-99-99")


def test_a_text_may_stand_where_a_list_of_lines_is_wanted() -> None:
    reading = read("title: T\nscenes:\n  - lines: One.\n    on_screen: |\n      $ ls\n        a b\n")
    assert reading.script is not None
    assert reading.script.scenes[0] == Scene(lines=(Line(text="One."),), on_screen=("$ ls", "  a b"))


def test_all_errors_of_a_yaml_record_are_told_at_once_with_their_lines() -> None:
    scenes = "  - titel: A\n    mood: grumpy\n    seconds: soon\n  - lines:\n      - speaker: X\n"
    reading = read(f"title: T\ntonne: dry\nscenes:\n{scenes}")
    assert reading.script is None
    assert [issue.line for issue in reading.errors] == [2, 4, 5, 6, 8]
    assert [issue.hint for issue in reading.errors][:2] == ["did you mean tone?", "did you mean title?"]
    assert reading.errors[2].message.startswith("scene 1, mood: input should be 'neutral'")
    assert reading.errors[4].message == "scene 2, line 1, text: it is missing"


@pytest.mark.parametrize("loader", [yaml.BaseLoader, getattr(yaml, "CBaseLoader", yaml.BaseLoader)])
def test_all_errors_of_a_json_record_are_told_at_once_with_their_lines(
    loader: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storygen.scripts.yamls._Loader", loader)
    text = '{\n\t"title": 5,\n\t"scenes": [\n\t\t{"tittle": "A",\n\t\t "seconds": -1},\n\t\t7\n\t]\n}'
    assert problems(text) == [
        (2, "title: it should be a text"),
        (4, "unknown key “tittle” in scene 1"),
        (6, "scene 2: it should be a mapping of keys to values"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("title: T\nscenes: []\n", 2, "there are none"),
        ("title: T\nscenes:\n", 2, "scenes: it is missing"),
        ("title: T\nscenes:\n- seconds: .nan\n", 3, "seconds"),
        ("title: T\nscenes:\n- seconds: -4\n", 3, "between 0 and 3600"),
        ("title: T\nlanguage: Klingon!\nscenes:\n- picture: x\n", 2, "language"),
        ("title: T\ntitle: U\nscenes:\n- picture: x\n", 2, "second time"),
        ("title: T\nscenes:\n- {}\n", 1, "nothing is spoken"),
        ("title: T\nscenes: 7\n", 2, "it should be a list"),
        ('["a"]', 1, "should be a mapping"),
        ('{"title": "T", "scenes": [{"seconds": NaN}]}', 1, "between 0 and 3600"),
    ],
)
def test_what_makes_no_film_is_an_error_with_its_line(text: str, line: int, says: str) -> None:
    ((found, message),) = problems(text)
    assert found == line
    assert says in message


def test_a_story_with_errors_is_refused_with_all_of_them() -> None:
    with pytest.raises(InvalidScript, match=r"(?s)line 2: error.*line 4: error"):
        read("title: T\ntonne: dry\nscenes:\n- titel: A\n").story()


BOMB = "title: T\nscenes: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "grows to more than"),
        ("title: T\nscenes: &a\n- *a\n", "line 3: *a stands inside"),
        ("title: T\nscenes: [*nobody]\n", "line 2: "),
        ("title: &t T\nscenes:\n" + "- {picture: *t}\n" * 201, "aliases"),
        ("title: T\nscenes: " + "[" * 500_000, "nested deeper"),
        ("title: T\nscenes:\n" + "- {}\n" * 200_000, "grows to more than"),
        ("title: T\nscenes: !!python/object/apply:os.system [ls]\n", "line 2: the tag"),
        ("title: T\nscenes:\n - picture: a\n  mood: b\n", "line 4: "),
        ("title: T\nscenes:\n- picture: say: it\n", "line 3: "),
        ('{"title": "T",\n "scenes": [,]}', "line 2: not JSON"),
        ('{"title": ' + "[" * 200_000, "nested too deep"),
        ('{"title": "T", "scenes": [{"seconds": ' + "9" * 5000 + "}]}", "too long"),
    ],
)
def test_bombs_and_broken_records_are_refused_with_the_line(text: str, says: str) -> None:
    with pytest.raises(InvalidScript) as caught:
        read(text)
    assert says in caught.value.message
    assert "line " in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("name", ["deep.json", "deep.yaml"])
def test_brackets_without_end_are_nested_too_deep(name: str) -> None:
    with pytest.raises(InvalidScript, match="nested"):
        read_text(b"[" * 20_000, name)


def test_of_many_errors_the_first_are_told_and_the_others_counted() -> None:
    scenes = "".join(f"- titel: A{number}\n" for number in range(200))
    reading = read_text(f"title: T\nscenes:\n{scenes}".encode(), "many.yaml")
    with pytest.raises(InvalidScript) as refusal:
        reading.story()
    lines = refusal.value.message.splitlines()
    assert len(lines) == 22
    assert lines[-1].strip() == f"and {len(reading.errors) - 20} more"


def test_the_language_of_a_script_is_read_however_it_is_written() -> None:
    reading = read_text(b"title: T\nlanguage: EN_us\nscenes:\n- lines: It rained.\n", "a.yaml")
    assert reading.script is not None
    assert reading.script.language == "en-US"
