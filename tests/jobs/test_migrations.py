"""Migrations: from nothing and from every revision, with what was in it, to the tables that the code knows."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, Table, insert

import storygen.jobs
from storygen.jobs import database
from storygen.jobs.base import JobState
from storygen.jobs.tables import metadata
from storygen.jobs.writer import writing
from tests.jobs.queues import queue, story

FOLDER = Path(storygen.jobs.__file__).parent / "migrations"


def revisions() -> list[str]:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]


def fill(engine: object, revision: str) -> None:
    """Put a job, its event, its batch and its delivery into tables as they were at a revision."""
    known = MetaData()
    known.reflect(bind=engine)
    asked = {
        "caller": "anna",
        "name": "The storm",
        "format": "text",
        "settings": {"film": {"seconds": 30}},
        "key": "k",
        "batch": "b-1",
        "webhook": "http://x",
        "seed": 3,
        "traceparent": "",
        "content": "c",
    }
    story_ = {"text": "It rained — 雨."}
    is_apart = "texts" in known.tables
    job = {
        "id": "run-1",
        "caller": "anna",
        "key": "k",
        "content": "c",
        "batch": "b-1",
        "submission": json.dumps(asked if is_apart else asked | story_),
        "state": "running",
        "created": 1.0,
        "available": 1.0,
        "worker": "dead",
        "claims": 1,
        "lease_until": 2.0,
        "title": "The storm",
        "changed": 2,
        "events": 2,
    }
    rows: dict[str, list[dict[str, object]]] = {
        "jobs": [job],
        "job_events": [{"job": "run-1", "number": n, "at": 1.0, "kind": k, "data": "{}"}
                       for n, k in enumerate(("queued", "started"), 1)],
        "batches": [{"id": "b-1", "caller": "anna", "name": "Nightly", "created": 1.0}],
        "deliveries": [{"job": "run-1", "number": 1, "url": "http://x", "due": 1.0}],
    }  # fmt: skip
    if is_apart:
        rows["texts"] = [{"job": "run-1", **story_}]
    with writing(engine) as connection:
        for name, some in rows.items():
            connection.execute(insert(Table(name, known)), some)


@pytest.mark.parametrize("revision", revisions())
def test_what_any_revision_holds_is_worked_on_by_this_one(address: str, revision: str) -> None:
    engine = database._engine(address, 2)
    database.migrate(engine, revision)
    fill(engine, revision)
    engine.dispose()

    async def go() -> None:
        async with queue(address) as jobs:
            (due,) = await jobs.due_deliveries(5.0, 10)
            assert (due.job, due.is_delivered) == ("run-1", False)
            assert (await jobs.batch("b-1")).states == {"running": 1}
            (taken,) = await jobs.claim("alive", 1, 30)
            assert taken.submission == story(
                text="It rained — 雨.",
                settings={"film": {"seconds": 30}},
                key="k",
                batch="b-1",
                webhook="http://x",
                seed=3,
            )
            assert await jobs.finish("run-1", "alive", JobState.SUCCESS)
            assert [event.number for event in await jobs.events("run-1")] == [1, 2, 3, 4]
            assert (await jobs.submit([story(key="k")]))[0].id == "run-1"

    asyncio.run(go())


def test_the_migrations_lead_to_the_tables_that_the_code_knows(address: str) -> None:
    engine = database.open_address(address, 2)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_there_is_one_newest_revision_and_opening_again_changes_nothing(address: str) -> None:
    for _ in range(2):
        engine = database.open_address(address, 2)
        with engine.connect() as connection:
            assert MigrationContext.configure(connection).get_current_heads() == (revisions()[-1],)
        engine.dispose()
