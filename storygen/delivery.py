"""What a run leaves behind: the film, its subtitles, its script and its parts in one folder, and their manifest."""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Sequence
from importlib.metadata import version
from itertools import accumulate
from pathlib import Path
from typing import Any

from storygen.media.captions import shift
from storygen.media.subtitles import write_sidecars
from storygen.results import Production, SceneResult
from storygen.settings import Settings
from storygen.store import output
from storygen.store.files import link, slug
from storygen.store.records import plain
from storygen.story import Cost, Fidelity, Made, Manifest, Outcome, ScenePart, Source

SHAPING = {"film", "voice", "subtitles", "terminal", "providers"}
_VERSIONED = ("storygen", "espeakng-loader", "imageio-ffmpeg", "pillow", "pysubs2")


def gather(
    production: Production, source: Source, settings: Settings, seed: int, spent: Cost, folder: Path
) -> Manifest:
    """Put everything into `folder`; the manifest lacks only what is known of the run itself."""
    film = production.film.value
    shutil.copyfile(film.video, folder / f"film{film.video.suffix}")
    shown = [result for result in production.scenes if result.failure is None]
    times = dict(zip((result.number for result in shown), _times(shown, settings.film.fps), strict=True))
    _write_subtitles(shown, times, settings, folder)
    for result in shown:
        _link_parts(result, folder / "parts" / f"{result.number:02d}-{slug(result.scene.title, fallback='scene')}")
    _write_script(production, folder)
    made = _all_made(production)
    return Manifest(
        run_id="",
        title=production.revision.value.script.title,
        source=source,
        outcome=Outcome.SUCCESS,
        fidelity=production.fidelity,
        reasons=production.reasons,
        started="",
        seconds=0.0,
        film_seconds=film.seconds,
        cost_usd=spent_usd(spent),
        scenes=tuple(_part(result, *times.get(result.number, (0.0, 0.0))) for result in production.scenes),
        checks=tuple(check for one in made for check in one.checks),
        settings=plain(settings.model_dump(mode="json", include=SHAPING)),
        seed=seed,
        files=output.fingerprints(folder),
        versions={"python": platform.python_version()} | {name: version(name) for name in _VERSIONED},
        spent=spent,
    )


def spent_usd(spent: Cost) -> float | None:
    """What a run cost in US dollars, None where a price is unknown."""
    return None if spent.unpriced else round(float(spent.known_usd), 6)


def _times(shown: Sequence[SceneResult], fps: int) -> list[tuple[float, float]]:
    """When each scene is seen, in seconds of the film; a picture lasts whole frames."""
    lengths = [
        result.segment.value.frames / fps
        if result.segment
        else result.narration.value.seconds
        if result.narration
        else 0
        for result in shown
    ]
    ends = list(accumulate(lengths))
    return list(zip([0.0, *ends], ends, strict=False))


def _write_subtitles(
    shown: Sequence[SceneResult], times: dict[int, tuple[float, float]], settings: Settings, folder: Path
) -> None:
    cues = [
        cue for result in shown if result.captions for cue in shift(result.captions.value.cues, times[result.number][0])
    ]
    write_sidecars(tuple(cues), settings.film.frame, folder, settings.subtitles)


def _link_parts(result: SceneResult, folder: Path) -> None:
    folder.mkdir(parents=True)
    files: dict[str, Path] = {}
    if result.narration:
        files["voice"] = result.narration.value.audio
    if result.shot:
        files["picture"] = result.shot.value.image
    if result.overlay:
        files["terminal"] = result.overlay.value.panel
    if result.segment:
        files["scene"] = result.segment.value.video
    for name, path in files.items():
        link(path, folder / f"{name}{path.suffix}")


def _write_script(production: Production, folder: Path) -> None:
    revision = production.revision.value
    for name, record in {"script": revision.script, "revision": (revision.changes, revision.review)}.items():
        values = plain(record)
        if name == "revision":
            values = dict(zip(("changes", "review"), values, strict=True))
        text = json.dumps(values, ensure_ascii=False, indent=1) + "\n"
        (folder / f"{name}.json").write_text(text, "utf-8", "surrogatepass")


def _part(result: SceneResult, start: float, end: float) -> ScenePart:
    parts = result.parts()
    return ScenePart(
        number=result.number,
        title=result.scene.title,
        start=round(start, 3),
        end=round(end, 3),
        fidelity=Fidelity.DEGRADED if result.reasons() else Fidelity.FULL,
        made_by={stage.value: _maker(made) for stage, made in parts.items()},
        keys={stage.value: made.key for stage, made in parts.items()},
        cached=tuple(stage.value for stage, made in parts.items() if made.cached),
        failure=result.failure.message if result.failure else "",
    )


def _maker(made: Made[Any]) -> str:
    return f"{made.provider}/{made.model}" if made.model else made.provider


def _all_made(production: Production) -> list[Made[Any]]:
    parts = [part for result in production.scenes for part in result.parts().values()]
    return [*production.writing, production.revision, *parts, production.film]
