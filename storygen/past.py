"""Opens the history of runs that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storygen.store.history import History, Runs

if TYPE_CHECKING:
    from storygen.settings import Settings

FILE = "history.sqlite"


def open_history(settings: Settings) -> Runs:
    """That in the database where one is set, else that in the state folder; neither is touched before it is used."""
    secret, keep_days = settings.database.url, settings.report.keep_days
    if secret is None:
        return History(settings.folders.state / FILE, keep_days)
    from storygen.jobs.history import SqlHistory  # half a second, which those without a database do not wait for

    return SqlHistory(secret.get_secret_value(), keep_days=keep_days)
