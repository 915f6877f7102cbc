"""A script becomes fit to be spoken, and is reviewed; every difference is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from storygen.quality.review import review
from storygen.quality.spoken import EDITION, fit
from storygen.quality.text import check_script
from storygen.settings import VoiceSettings
from storygen.stages.base import Tools
from storygen.story import Change, Check, Line, Made, Review, Revision, Scene, Script, Verdict


async def revise(script: Script, tools: Tools, settings: VoiceSettings) -> Made[Revision]:
    """Change the lines of a script until they can be spoken, and review it; what is on the screen never changes."""
    bare = replace(script, scenes=tuple(replace(scene, given=None) for scene in script.scenes))

    async def work(folder: Path) -> Revision:  # noqa: ARG001  # a revision leaves no files
        return await tools.compute(_revision, bare, settings.words_per_minute)

    inputs = {"script": bare, "words_per_minute": settings.words_per_minute, "rules": EDITION}
    made = await tools.make("revise", inputs, Revision, work)
    made = replace(made, value=replace(made.value, script=_with_given(made.value.script, script)))
    checks = (*check_script(made.value.script), *_judged(made.value.review, settings.words_per_minute))
    return replace(made, checks=checks)


def _revision(script: Script, words_per_minute: float) -> Revision:
    changes: list[Change] = []
    scenes = []
    for number, scene in enumerate(script.scenes):
        revised, found = _scene(scene, number, script.language)
        scenes.append(revised)
        changes += found
    after = replace(script, scenes=tuple(scenes))
    return Revision(script=after, changes=tuple(changes), review=review(after, words_per_minute))


def _with_given(revised: Script, script: Script) -> Script:
    """The revised scenes with the files that theirs name, which are not stored: they are where the user has them."""
    pairs = zip(revised.scenes, script.scenes, strict=True)
    return replace(revised, scenes=tuple(replace(scene, given=before.given) for scene, before in pairs))


def _scene(scene: Scene, number: int, language: str) -> tuple[Scene, list[Change]]:
    """The scene with each line made fit; a line of which nothing can be spoken is left out."""
    changes: list[Change] = []
    lines: list[Line] = []
    for at, line in enumerate(scene.lines):
        steps = fit(line.text, language)
        changes += [
            Change(scene=number, line=at, rule=rule, before=before, after=after) for rule, before, after in steps
        ]
        text = steps[-1][2] if steps else line.text
        if text:
            lines.append(replace(line, text=text))
    return replace(scene, lines=tuple(lines)), changes


def _judged(found: Review, words_per_minute: float) -> tuple[Check, ...]:
    """The review as checks: a pace that nobody can follow and a missing hook warn, they do not stop a film."""
    fast = found.pace > 1.25 * words_per_minute
    return (
        Check(
            artifact="text",
            name="pace",
            verdict=Verdict.WARN if fast else Verdict.PASS,
            value=found.pace,
            limit=f"at most {1.25 * words_per_minute:.0f}",
            unit="words a minute",
        ),
        Check(
            artifact="text",
            name="hook",
            verdict=Verdict.PASS if found.has_hook or not found.words else Verdict.WARN,
            value=found.hook[:120],
        ),
    )
