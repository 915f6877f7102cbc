"""The durable queue of a process, as its settings want it."""

from __future__ import annotations

from storygen.errors import InvalidSettings
from storygen.jobs.database import open_database
from storygen.jobs.store import SqlJobs
from storygen.settings import Settings


def open_jobs(settings: Settings) -> SqlJobs:
    """The queue in the database that the settings name; where Celery is the engine, one that tells the broker.

    Raises `InvalidSettings` for addresses that are none or where a library is missing, and `ResourceFailure` where the
    database cannot be reached; a broker that is away is none of these.
    """
    wanted, most = settings.queue, settings.service.open_runs_per_caller
    if wanted.engine == "embedded":
        is_shared = settings.database.url is not None or wanted.runs_at_once == 0
        return SqlJobs(open_database(settings), claims=wanted.claims, most_open=most, is_shared=is_shared)
    try:
        from storygen.jobs.celery import celery_app
        from storygen.jobs.posting import PostedJobs, Poster
    except ImportError as error:
        raise InvalidSettings(
            f"queue.engine is celery, and the package {error.name} is not installed.",
            hint="Install it (pip install 'storygen[celery]'), or set queue.engine to embedded.",
        ) from error
    app = celery_app(settings, posts=True)
    return PostedJobs(open_database(settings), Poster(app), claims=wanted.claims, most_open=most)


async def reconcile(jobs: SqlJobs) -> None:
    """Send again what the broker has lost, until cancelled; nothing to do where workers need no messages."""
    from storygen.jobs.posting import PostedJobs
    from storygen.jobs.reconciling import Reconciler

    if isinstance(jobs, PostedJobs):
        await Reconciler(jobs).run()
