"""storygen inside of other programs: a story in, a film out, with parts of their own where they have some."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from storygen.configuration import load
from storygen.errors import InvalidSettings
from storygen.events import Observer
from storygen.production import Order, Parts, Performance, order_of, perform
from storygen.providers.base import Capability, Provider
from storygen.resilience.gears import Gears
from storygen.scripts import read_text, read_topic
from storygen.scripts.source import MAX_TOPIC
from storygen.settings import Settings
from storygen.store.artifacts import Store
from storygen.store.history import Runs
from storygen.store.records import digest
from storygen.story import Brief, Script, Source

if TYPE_CHECKING:
    from storygen.jobs.base import Job, Jobs

T = TypeVar("T")
Story = str | Path | Brief | Script
Chosen = Settings | Mapping[str, Any] | None
Brought = Mapping[str, Provider[Any, Any] | Sequence[Provider[Any, Any]]]
_LOOK_SECONDS = 30.0


async def run_story(
    story: Story,
    settings: Chosen = None,
    *,
    folder: Path | None = None,
    seed: int = 0,
    providers: Brought | None = None,
    store: Store | None = None,
    history: Runs | None = None,
    gears: Gears | None = None,
    observers: Sequence[Observer] = (),
) -> Performance:
    """Make a film of a topic (one short line), a text, a file (a `Path`), a brief or a script.

    `settings` are those of `storygen.toml` and the environment; a mapping, nested like them, wins over these. What is
    brought along stands for what they would choose: `providers` by capability (`{"speech": mine}`), each a chain or one
    that is alone; the `store` of what was made; the `history` of runs; `gears`, which have clock, sleep, breakers and
    limits, and are shared by runs that pass the same. `observers` are told of everything. Raises `StorygenError`s.
    """
    chosen = _settings(settings)
    order = replace(await asyncio.to_thread(_order, story, chosen, seed), folder=folder)
    parts = Parts(providers=_chains(providers or {}), store=store, history=history)
    return await perform(order, chosen, observers, gears, parts=parts)


def run_story_sync(
    story: Story,
    settings: Chosen = None,
    *,
    folder: Path | None = None,
    seed: int = 0,
    providers: Brought | None = None,
    store: Store | None = None,
    history: Runs | None = None,
    gears: Gears | None = None,
    observers: Sequence[Observer] = (),
) -> Performance:
    """`run_story` for programs without an event loop. Raises `InvalidSettings` where one is running."""
    return _outside_of_loops(
        run_story(
            story,
            settings,
            folder=folder,
            seed=seed,
            providers=providers,
            store=store,
            history=history,
            gears=gears,
            observers=observers,
        )
    )


async def submit_story(
    story: str, settings: Mapping[str, Any] | None = None, *, queue: Jobs, caller: str = "local", seed: int = 0
) -> Job:
    """Put a topic or a text into a durable queue, and wait until whoever works on it has seen it to its end.

    The story is kept before this waits: where the program dies, the film is made all the same. `settings` are those of
    `service.per_run`. The job says how it ended; nothing is raised for a film that failed.
    """
    from storygen.jobs.base import Submission

    asked = Submission(
        caller=caller,
        name="",
        text=story,
        format="topic" if _is_topic(story) else "text",
        settings=settings or {},
        seed=seed,
    )
    (job,) = await queue.submit([asked])
    seen = 0
    while not job.state.is_over:
        await queue.changed(job.id, seen, _LOOK_SECONDS)
        if told := await queue.events(job.id, seen):
            seen = told[-1].number
        job = await queue.get(job.id)
    return job


def _settings(chosen: Chosen) -> Settings:
    return chosen if isinstance(chosen, Settings) else load(None, chosen)


def _order(story: Story, settings: Settings, seed: int) -> Order:
    if isinstance(story, Path):
        return order_of(str(story), settings, seed)[0]
    if isinstance(story, str):
        return _order_of_words(story, settings, seed)
    name = story.title if isinstance(story, Script) else "topic"
    return _order_of(story, name, type(story).__name__.lower())


def _order_of_words(words: str, settings: Settings, seed: int) -> Order:
    """Words are never the name of a file: they may come from anybody."""
    film = settings.film
    if _is_topic(words):
        reading = read_topic(words, film.language, film.seconds, seed)
    else:
        reading = read_text(words.encode("utf-8", "surrogatepass"), "story", language=film.language)
    return _order_of(reading.story(), reading.name, reading.format)


def _order_of(story: Brief | Script, name: str, form: str) -> Order:
    content = digest(story)
    return Order(story=story, source=Source(name=name, format=form, sha256=content, origin=content))


def _is_topic(words: str) -> bool:
    return "\n" not in words.strip() and len(words) <= MAX_TOPIC


def _chains(brought: Brought) -> dict[Capability, tuple[Provider[Any, Any], ...]]:
    """Chains by capability. Raises `InvalidSettings` for one that there is not."""
    known = [capability.value for capability in Capability]
    if strangers := sorted(set(map(str, brought)) - set(known)):
        raise InvalidSettings(f"providers: there is no {', '.join(strangers)}.", hint=f"There are: {', '.join(known)}.")
    return {
        Capability(name): tuple(given) if isinstance(given, Sequence) else (given,) for name, given in brought.items()
    }


def _outside_of_loops(work: Coroutine[Any, Any, T]) -> T:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    work.close()
    raise InvalidSettings("An event loop is running here.", hint="Await storygen.run_story instead.")
