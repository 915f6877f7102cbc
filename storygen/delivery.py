"""What a run leaves behind: the film, its subtitles, its script and its parts in one folder, and their manifest."""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from storygen.media.captions import shift
from storygen.media.editing import Lane, Piece, document
from storygen.media.subtitles import write_sidecars
from storygen.media.timeline import AUDIO_RATE, Span, spans
from storygen.results import Production, SceneResult, Version, translated
from storygen.settings import Settings
from storygen.store import output
from storygen.store.files import link, slug
from storygen.store.records import plain
from storygen.story import (
    Cost,
    Cue,
    Fidelity,
    Film,
    Frame,
    Made,
    Manifest,
    Outcome,
    Rendition,
    ScenePart,
    Source,
    Stage,
)

SHAPING = {"film", "voice", "subtitles", "terminal", "outputs", "providers"}
_NOWHERE = Span(start=0.0, end=0.0)
_VERSIONED = ("storygen", "espeakng-loader", "imageio-ffmpeg", "pillow", "pysubs2")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Showing:
    """The film in one shape: what the names of its files end with, its scenes, and when each of them is seen.

    `sounds` are heard over all of it, by the names that they have among the parts.
    """

    ending: str
    aspect: str
    frame: Frame
    film: Film
    shown: tuple[SceneResult, ...]
    when: tuple[Span, ...]
    sounds: Mapping[str, Path]

    @property
    def cues(self) -> tuple[Cue, ...]:
        """The subtitles of the whole film."""
        return self.timed([one.captions.value.cues if one.captions else () for one in self.shown])

    def timed(self, scenes: Sequence[Sequence[Cue]]) -> tuple[Cue, ...]:
        """The cues of all scenes at their times of the film."""
        told = zip(scenes, self.when, strict=True)
        return tuple(cue for cues, span in told for cue in shift(cues, span.start))


def gather(
    production: Production, source: Source, settings: Settings, seed: int, spent: Cost, folder: Path
) -> Manifest:
    """Put everything into `folder`; the manifest lacks only what is known of the run itself."""
    main = _showing(production.scenes, production.film, settings.film.aspect, settings.film.frame, "")
    others = [_showing_of(version, main) for version in production.versions]
    films: list[Rendition] = []
    for showing in (main, *others):
        films += _copy_films(showing, settings.outputs.formats, folder)
        _write_subtitles(showing, settings, folder)
        for result in showing.shown:
            _link_parts(result, showing.ending, folder / _parts(result))
        _link_sounds(showing, folder / "parts")
        _write_timeline(production.revision.value.script.title, showing, folder)
    _write_script(production, folder)
    made = _all_made(production)
    times = dict(zip((result.number for result in main.shown), main.when, strict=True))
    return Manifest(
        run_id="",
        title=production.revision.value.script.title,
        source=source,
        outcome=Outcome.SUCCESS,
        fidelity=production.fidelity,
        reasons=production.reasons,
        started="",
        seconds=0.0,
        film_seconds=main.film.seconds,
        cost_usd=spent_usd(spent),
        scenes=tuple(_part(result, times.get(result.number, _NOWHERE)) for result in production.scenes),
        checks=tuple(check for one in made for check in one.checks),
        settings=plain(settings.model_dump(mode="json", include=SHAPING)),
        seed=seed,
        files=output.fingerprints(folder),
        versions={"python": platform.python_version()} | {name: version(name) for name in _VERSIONED},
        spent=spent,
        films=tuple(films),
    )


def spent_usd(spent: Cost) -> float | None:
    """What a run cost in US dollars, None where a price is unknown."""
    return None if spent.unpriced else round(float(spent.known_usd), 6)


def _write_subtitles(showing: _Showing, settings: Settings, folder: Path) -> None:
    """The subtitles beside the film, in its own language and in those that they could be translated into."""
    film = f"film{showing.ending}"
    write_sidecars(showing.cues, showing.frame, folder, settings.subtitles, film=film)
    for language, scenes in translated(showing.shown).items():
        write_sidecars(showing.timed(scenes), showing.frame, folder, settings.subtitles, language, film)


def _showing_of(version: Version, main: _Showing) -> _Showing:
    ending = "-" + version.aspect.replace(":", "x")
    return _showing(version.scenes, version.film, version.aspect, version.frame, ending, main.sounds)


def _showing(
    scenes: Sequence[SceneResult],
    film: Made[Film],
    aspect: str,
    frame: Frame,
    ending: str,
    known: Mapping[str, Path] | None = None,
) -> _Showing:
    """`known` are sounds that are there already, which most versions of a film share."""
    shown = tuple(result for result in scenes if result.failure is None)
    pairs = [(result.segment.value if result.segment else None, result.spoken().value) for result in shown]
    names = {path: name for name, path in (known or {}).items()}
    heard = {"music": film.value.music, "sound": film.value.sound}
    return _Showing(
        ending=ending,
        aspect=aspect if film.value.width else "",
        frame=frame,
        film=film.value,
        shown=shown,
        when=spans(pairs, frame.fps),
        sounds={names.get(path, f"{name}{ending}{path.suffix}"): path for name, path in heard.items() if path},
    )


def _copy_films(showing: _Showing, formats: Sequence[str], folder: Path) -> Iterator[Rendition]:
    """Copy the files that are the film, and its thumbnail; the first one is what most people open."""
    film = showing.film
    is_kept = "mp4" in formats or not film.others
    for path in (*[film.video] * is_kept, *film.others):
        name = f"film{showing.ending}{path.suffix}"
        if showing.ending and path.suffix == ".m4a":
            continue  # it sounds like the main one
        shutil.copyfile(path, folder / name)
        seen = path.suffix != ".m4a"
        yield Rendition(
            name=name,
            aspect=showing.aspect if seen else "",
            width=film.width if seen else 0,
            height=film.height if seen else 0,
            seconds=film.seconds,
        )
    if film.thumbnail:
        shutil.copyfile(film.thumbnail, folder / f"thumbnail{showing.ending}.jpg")


def _parts(result: SceneResult) -> str:
    """The folder of a scene's parts."""
    return f"parts/{result.number:02d}-{slug(result.scene.title, fallback='scene')}"


def _link_parts(result: SceneResult, ending: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Path] = {}
    if result.narration and not ending:
        files["voice"] = result.narration.value.audio
    if result.shot:
        files[f"picture{ending}"] = result.shot.value.image
    if result.overlay:
        files[f"terminal{ending}"] = result.overlay.value.panel
    if result.segment:
        files[f"scene{ending}"] = result.segment.value.video
    for name, path in files.items():
        link(path, folder / f"{name}{path.suffix}")


def _link_sounds(showing: _Showing, folder: Path) -> None:
    for name, path in showing.sounds.items():
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / name).exists():
            link(path, folder / name)


def _write_timeline(title: str, showing: _Showing, folder: Path) -> None:
    """Write the film's parts as tracks of an editing program."""
    if showing.shown:
        text = document(title, list(_lanes(showing)), showing.cues)
        (folder / f"film{showing.ending}.otio").write_text(text, "utf-8")


def _lanes(showing: _Showing) -> Iterator[Lane]:
    """The rendered scenes and all their sound; the stills, the voices and the music are there to be switched on."""
    scenes, stills, voices = [], [], []
    for result, span in zip(showing.shown, showing.when, strict=True):
        parts, name = _parts(result), result.scene.title or f"Scene {result.number}"
        first, last = (round(time * showing.frame.fps) for time in (span.start, span.end))
        if result.segment:
            segment = result.segment.value
            file = f"{parts}/scene{showing.ending}{segment.video.suffix}"
            scenes.append(Piece(name=name, file=file, at=first + segment.before, length=segment.frames))
        if result.shot:
            file = f"{parts}/picture{showing.ending}{result.shot.value.image.suffix}"
            stills.append(Piece(name=name, file=file, at=first, length=last - first))
        voice, start = result.spoken().value, round(span.start * AUDIO_RATE)
        length = min(round(voice.seconds * AUDIO_RATE), round(span.end * AUDIO_RATE) - start)
        voices.append(Piece(name=name, file=f"{parts}/voice{voice.audio.suffix}", at=start, length=length))
    yield Lane(name="Scenes", is_sound=False, rate=showing.frame.fps, pieces=_with_seams(scenes, showing))
    yield Lane(name="Pictures", is_sound=False, rate=showing.frame.fps, pieces=tuple(stills), is_off=True)
    sounds = {name.partition(".")[0].partition("-")[0]: name for name in showing.sounds}
    yield Lane(name="Voice", is_sound=True, rate=AUDIO_RATE, pieces=tuple(voices), is_off="sound" in sounds)
    whole = round(showing.when[-1].end * AUDIO_RATE)
    for kind, name in (("music", "Music"), ("sound", "All sound")):
        if kind in sounds:
            piece = Piece(name=name, file=f"parts/{sounds[kind]}", at=0, length=whole)
            yield Lane(name=name, is_sound=True, rate=AUDIO_RATE, pieces=(piece,), is_off=kind == "music")


def _with_seams(scenes: Sequence[Piece], showing: _Showing) -> tuple[Piece, ...]:
    """The scenes, and between them what of the finished film lies there: the seams."""
    film, pieces, end = f"film{showing.ending}{showing.film.video.suffix}", [], 0
    for scene in scenes:
        if scene.at > end:
            pieces.append(Piece(name="Seam", file=film, at=end, length=scene.at - end, begin=end))
        pieces.append(scene)
        end = scene.at + scene.length
    last = round(showing.when[-1].end * showing.frame.fps)
    if scenes and last > end:
        pieces.append(Piece(name="Seam", file=film, at=end, length=last - end, begin=end))
    return tuple(pieces)


def _write_script(production: Production, folder: Path) -> None:
    revision = production.revision.value
    for name, record in {"script": revision.script, "revision": (revision.changes, revision.review)}.items():
        values = plain(record)
        if name == "revision":
            values = dict(zip(("changes", "review"), values, strict=True))
        text = json.dumps(values, ensure_ascii=False, indent=1) + "\n"
        (folder / f"{name}.json").write_text(text, "utf-8", "surrogatepass")


def _part(result: SceneResult, when: Span) -> ScenePart:
    parts = result.parts()
    return ScenePart(
        number=result.number,
        title=result.scene.title,
        start=round(when.start, 3),
        end=round(when.end, 3),
        fidelity=Fidelity.DEGRADED if result.reasons() else Fidelity.FULL,
        made_by={stage.value: _maker(made) for stage, made in parts.items()},
        keys={stage.value: made.key for stage, made in parts.items()},
        cached=tuple(stage.value for stage, made in parts.items() if made.cached),
        failure=result.failure.message if result.failure else "",
    )


def _maker(made: Made[Any]) -> str:
    return f"{made.provider}/{made.model}" if made.model else made.provider


def _all_made(production: Production) -> list[Made[Any]]:
    parts = [part for result in production.scenes for part in (*result.parts().values(), *result.translations)]
    again = [made for version in production.versions for made in _made_for(version)]
    return [*production.writing, production.revision, *parts, production.film, *again]


def _made_for(version: Version) -> Iterator[Made[Any]]:
    """What was made for another shape alone."""
    for result in version.scenes:
        yield from (part for stage, part in result.parts().items() if stage is not Stage.VOICE)
    yield version.film
