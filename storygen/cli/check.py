"""`storygen check`: what a source would become, and what is doubtful about it, without making anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storygen.scripts import Issue, Reading
    from storygen.story import Scene, Script

WORDS_PER_MINUTE = 165
_MOST_ISSUES = 200
# A joiner holds emoji and some scripts together; it shows nothing by itself.
_JOINERS = frozenset("\u200c\u200d")


def check(
    source: Annotated[
        str, typer.Argument(help="A topic in quotes, a file, or - for standard input.", show_default=False)
    ],
    language: Annotated[
        str, typer.Option(help="Language of the story, where it names none [en].", show_default=False)
    ] = "en",
) -> None:
    """Read SOURCE and the files that it names, say what is doubtful and what each scene will become, make nothing."""
    from dataclasses import replace

    from storygen.cli.language import with_language
    from storygen.errors import InvalidSettings
    from storygen.scripts import read_source
    from storygen.settings import language_tag

    try:
        tag = language_tag(language)
    except ValueError as error:
        raise InvalidSettings(f"--language {language!r}: {error}.", hint="Leave it away for English.") from error
    reading = with_language(read_source(source, language=tag))
    scenes = reading.script.scenes if reading.script else ()
    if reading.script and not reading.errors and any(scene.given for scene in scenes):
        reading = replace(reading, issues=(*reading.issues, *_wrong_files(reading.script)))
    _say(f"{reading.name}: {reading.format}, {reading.encoding}")
    for text in _issues(reading):
        _say(text)
    if reading.brief:
        _say(f"The scenes will be written from the topic “{reading.brief.topic}”.")
    if reading.script:
        _say(f"“{reading.script.title}” in {reading.script.language}, about {sum(map(_seconds, scenes)):.0f} s")
    for number, scene in enumerate(scenes, 1):
        for text in _scene(number, scene):
            _say(text)
    _say(f"{len(scenes)} scenes, {len(reading.warnings)} warnings, {len(reading.errors)} errors")
    if reading.errors:
        raise typer.Exit(2)


def _wrong_files(script: Script) -> list[Issue]:
    """What is wrong with the pictures, clips and recordings that a script names."""
    import asyncio
    from pathlib import Path
    from tempfile import TemporaryDirectory
    from typing import Any, cast

    from storygen.configuration import load
    from storygen.errors import InvalidScript
    from storygen.media.ffmpeg import find_binary
    from storygen.resilience.cache import Cache
    from storygen.scripts.base import error
    from storygen.stages.given import inspect
    from storygen.store.artifacts import Store
    from storygen.workshop import Pulse, Workshop

    settings = load()
    with TemporaryDirectory(prefix="storygen-") as folder:
        tools = Workshop(
            cast("Any", None),  # nobody is asked
            Cache(Store(Path(folder))),
            binary=find_binary(settings.ffmpeg_path),
            cores=1,
            stall_seconds=settings.run.stall_seconds,
            pulse=Pulse(),
        )
        try:
            asyncio.run(inspect(script, tools))
        except InvalidScript as wrong:
            others = [error(0, note) for note in getattr(wrong, "__notes__", ())]
            return [error(0, wrong.message, wrong.hint), *others]
    return []


def _issues(reading: Reading) -> Iterator[str]:
    for issue in reading.issues[:_MOST_ISSUES]:
        yield f"  {issue}"
    if len(reading.issues) > _MOST_ISSUES:
        yield f"  and {len(reading.issues) - _MOST_ISSUES} more"


def _scene(number: int, scene: Scene) -> Iterator[str]:
    """A scene in a few lines: what is known first, what is empty not at all."""
    from storygen.scripts.cleaning import count_words

    title = scene.title or "(no title)"
    subtitle = f" | {scene.subtitle}" if scene.subtitle else ""
    planned = f", planned {scene.seconds:g} s" if scene.seconds else ""
    spoken = f"about {_seconds(scene):.0f} s" if scene.lines else "nothing spoken"
    yield ""
    yield f"{number:>3}  {title}{subtitle}"
    yield f"     {count_words(scene.spoken)} words, {spoken}{planned}, {scene.mood}"
    speakers = dict.fromkeys(f"{line.speaker} ({line.manner})" if line.manner else line.speaker for line in scene.lines)
    given = scene.given.files if scene.given else ()
    for name, texts in (
        ("speakers", [", ".join(speakers)] if speakers else []),
        ("picture", [scene.picture] if scene.picture else []),
        ("direction", scene.directions),
        ("on screen", scene.on_screen),
        ("yours", [", ".join(file.name for file in given)] if given else []),
        ("spoken", [_shortened(scene.spoken)] if scene.lines else []),
    ):
        for text in texts:
            yield f"     {name:<10} {text}"


def _seconds(scene: Scene) -> float:
    """How long a scene lasts: as long as its words at 165 a minute, or as planned where nothing is spoken."""
    from storygen.scripts.cleaning import count_words

    return count_words(scene.spoken) * 60 / WORDS_PER_MINUTE or scene.seconds or 0.0


def _shortened(text: str) -> str:
    return text if len(text) <= 90 else text[:90].rsplit(" ", 1)[0] + " …"


def _say(text: str) -> None:
    """Print a line in which nothing commands the terminal, whatever a source holds."""
    shown = "".join(
        character
        if character.isprintable() or character in _JOINERS
        else " "
        if character == "\xa0"
        else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in text
    )
    encoding = getattr(typer.get_text_stream("stdout"), "encoding", None) or "utf-8"
    typer.echo(shown.encode(encoding, "backslashreplace").decode(encoding))
