"""What an error of the database means: whether to try again, whether it is there at all, and what people are told."""

from __future__ import annotations

import sqlite3

from sqlalchemy import exc
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from storygen.errors import DiskFull, ResourceFailure

_ROLLED_BACK = "40"  # the class of PostgreSQL's states for deadlocks and the like
_NO_SPACE = "53100"


def is_collision(error: Exception) -> bool:
    """Whether two transactions got in each other's way, so that the same again may go well."""
    return isinstance(error, exc.IntegrityError) or _state(error).startswith(_ROLLED_BACK)


def is_lasting(error: Exception) -> bool:
    """Whether the database itself cannot be used, so that any other change would fail, too."""
    return isinstance(error, exc.OperationalError | exc.InterfaceError | exc.TimeoutError) and not is_collision(error)


def failure(error: SQLAlchemyError, what: str) -> ResourceFailure:
    """The error of our own tree; `what` is what cannot be done with the database: read, opened, written to."""
    if _is_full(error):
        return DiskFull("No space is left for the database.", hint="Make space where it is kept; nothing was lost.")
    cause = type(error.orig if isinstance(error, DBAPIError) else error).__name__
    return ResourceFailure(f"The database cannot be {what}: {cause}.", hint="See that it runs, has space, and is free.")


def silent() -> ResourceFailure:
    """The database is there, and does not answer."""
    return ResourceFailure(
        "The database does not answer.",
        hint="Ask again in a moment, a submission with the same Idempotency-Key: it may have been accepted.",
    )


def _is_full(error: SQLAlchemyError) -> bool:
    cause = error.orig if isinstance(error, DBAPIError) else None
    return _state(error) == _NO_SPACE or getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def _state(error: Exception) -> str:
    """The SQLSTATE, empty where there is none."""
    return str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
