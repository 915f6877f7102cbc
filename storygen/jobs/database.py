"""The database of the queue: opened, and brought to the newest form of its tables."""

from __future__ import annotations

import math
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from storygen.errors import InvalidSettings
from storygen.jobs.failures import failure
from storygen.jobs.writer import writing
from storygen.settings import Settings

FILE = "queue.sqlite"
LOCK_SECONDS = 10.0
CONNECT_SECONDS = 10
# A machine that is gone says nothing: after 20 s without a sign its connections count as broken.
_ALIVE = {"keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}


def open_database(settings: Settings) -> Engine:
    """The database that the settings name, with its tables as this storygen knows them.

    Raises `InvalidSettings` for an address that is none, `ResourceFailure` where the database cannot be reached.
    """
    secret = settings.database.url
    return open_address(secret.get_secret_value() if secret else f"sqlite:///{_file(settings)}", settings.database.pool)


def open_address(url: str, pool: int) -> Engine:
    """The database at an SQLAlchemy address, with at most so many connections; 0 keeps none. As `open_database`."""
    try:
        engine = _engine(url, pool)
        try:
            migrate(engine)
        except BaseException:
            engine.dispose()
            raise
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise InvalidSettings(
            "database.url: this is no address of a database, or its driver is not installed.",
            hint="For PostgreSQL: postgresql+psycopg://USER:PASSWORD@HOST/NAME and pip install 'storygen[postgresql]'.",
        ) from error
    except SQLAlchemyError as error:
        raise failure(error, "opened") from error
    return engine


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the tables to a revision; several processes may begin at once."""
    with as_file(files("storygen.jobs").joinpath("migrations")) as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        with writing(engine) as connection:
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7061727)")
            config.attributes["connection"] = connection
            command.upgrade(config, revision)


def _file(settings: Settings) -> Path:
    settings.folders.state.mkdir(parents=True, exist_ok=True)
    return settings.folders.state / FILE


def _engine(url: str, pool: int) -> Engine:
    backend = make_url(url).get_backend_name()
    kept: dict[str, Any] = {} if pool else {"poolclass": NullPool}
    if backend != "sqlite":
        within = {"connect_timeout": CONNECT_SECONDS, **_ALIVE} if backend == "postgresql" else {}
        kept = kept or {"pool_size": pool, "max_overflow": 0, "pool_pre_ping": True}
        return create_engine(url, connect_args=within, **kept)
    engine = create_engine(url, connect_args={"timeout": LOCK_SECONDS}, **kept)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _: Any) -> None:
    """Readers do not wait for writers, and what is committed survives a loss of power."""
    connection.isolation_level = None  # the driver's own transactions begin too late
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.create_function("floor", 1, math.floor, deterministic=True)  # not every build has it


def _begin(connection: Connection) -> None:
    """Who means to write waits for its turn here, not in the middle, where nothing but failing would be left."""
    means_to = connection.get_execution_options().get("storygen_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if means_to else "BEGIN")
