"""Log lines: a fixed dotted event name and fields, as JSON or for the console, and a file a day where asked for."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TextIO

import structlog

from storygen import events
from storygen.events import Event, Timed
from storygen.settings import LogSettings
from storygen.story import Outcome, Verdict
from storygen.telemetry import spans
from storygen.telemetry.redaction import Redactor
from storygen.telemetry.sinks import DailyFile, Flusher, Sink, utc_stamp
from storygen.telemetry.words import error_type

Line = dict[str, Any]
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_BROKEN = frozenset({Outcome.FAILED, Outcome.TIMEOUT})
_ENDED: Mapping[str, tuple[str, str]] = {
    "run": ("run.ended", "pipeline"),
    "stage": ("stage.ended", "stage"),
    "call": ("call.ended", "operation"),
    "attempt": ("attempt.ended", "operation"),
    "operation": ("operation.ended", "operation"),
    "ffmpeg": ("ffmpeg.ended", "step"),
    "send": ("job.sent", "queue"),
    "process": ("job.processed", "queue"),
    "request": ("request.ended", "method"),
}
_LOUD = frozenset({"run", "stage", "call"})


def _level_of(kind: str, *, broken: bool) -> int:
    if not broken:
        return logging.INFO if kind in _LOUD else logging.DEBUG
    return logging.WARNING if kind == "attempt" else logging.ERROR


_LEVEL_OF: Mapping[tuple[str, Outcome | None], int] = {
    (kind, outcome): _level_of(kind, broken=outcome in _BROKEN) for kind in _ENDED for outcome in (None, *Outcome)
}
_LEVEL_NAMES = {level: name for name, level in _LEVELS.items()}


class Logs:
    """The log of a process: `logger` writes to it, `observer` tells it of work, `close` ends it.

    What the standard `logging` is told under "storygen" goes the same way.
    """

    def __init__(
        self,
        settings: LogSettings,
        stream: TextIO,
        redactor: Redactor | None = None,
        on_lost: Callable[[int], None] = lambda _: None,
    ) -> None:
        outputs = []
        if settings.format != "off":
            outputs.append((Sink(stream, on_lost), _for_console(stream) if settings.format == "console" else _as_json))
        if settings.folder is not None:
            outputs.append((Sink(DailyFile(settings.folder, settings.keep_days), on_lost), _as_json))
        self._flusher = Flusher(*(sink for sink, _ in outputs))
        writer = _Writer(outputs, (redactor or Redactor()).redact)
        level = _LEVELS[settings.level]
        self.logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
            writer,
            processors=[structlog.processors.add_log_level, _add_time, _as_argument],
            wrapper_class=structlog.make_filtering_bound_logger(level),
        ).bind()
        self.observer = LogObserver(writer, level)
        self._bridge = _Bridge(self.logger, level)
        if outputs:  # without, the standard library's last resort shows warnings, which must not vanish
            standard = logging.getLogger("storygen")
            standard.addHandler(self._bridge)
            standard.setLevel(level)
            standard.propagate = False

    def close(self) -> None:
        """Write what is left and stop listening."""
        standard = logging.getLogger("storygen")
        standard.removeHandler(self._bridge)
        standard.setLevel(logging.NOTSET)
        standard.propagate = True
        self._flusher.close()


class _Writer:
    """What structlog hands finished lines to; one method for each level."""

    def __init__(self, outputs: list[tuple[Sink, Callable[[Line], str]]], redact: Callable[[str], str]) -> None:
        self._outputs = outputs
        self._redact = redact
        self.is_json = all(render is _as_json for _, render in outputs)

    def written(self, text: str) -> None:
        """Write a line that is JSON already, where everything is to be JSON."""
        for sink, _ in self._outputs:
            sink.line(text)

    def info(self, line: Line) -> None:
        for sink, render in self._outputs:
            sink.line(self._redact(render(line)))

    def error(self, line: Line) -> None:
        self.info(line)
        for sink, _ in self._outputs:
            sink.flush()

    debug = warning = info
    critical = error


class LogObserver:
    """Tells the log how work ended, and what went wrong on the way; never what a story says."""

    hears = frozenset(
        {
            events.BreakerChanged,
            events.BudgetRefused,
            events.CacheLooked,
            events.Checked,
            events.FellBack,
            events.GaveUp,
            events.Halted,
            events.Held,
            events.Retried,
            events.SharingChanged,
            events.Shipped,
        }
    )

    def __init__(self, writer: _Writer, level: int) -> None:
        self._writer = writer
        self._level = level

    def began(self, timed: Timed) -> None:
        """Only runs announce their beginning."""
        if timed.kind == "run" and self._level <= logging.INFO:
            line = {"timestamp": utc_stamp(), "level": "info", "event": "run.began", "pipeline": timed.name}
            self._writer.info(line | _ids(timed))

    def ended(self, timed: Timed) -> None:
        """One line, at a level that follows from what it was and how it ended."""
        kind, outcome = timed.kind, timed.outcome
        level = _LEVEL_OF[kind, outcome]
        if level < self._level:
            return
        if timed.error is None and not timed.fields and self._writer.is_json:
            self._writer.written(_end_as_json(timed, level))
            return
        event, named = _ENDED[kind]
        line: Line = {
            "timestamp": utc_stamp(),
            "level": _LEVEL_NAMES[level],
            "event": event,
            named: timed.name,
            "outcome": outcome,
            "seconds": round(timed.ended_at - timed.started_at, 6),
            "run_id": timed.watch.run_id,
            "trace_id": timed.trace_id,
            "span_id": timed.span_id,
        }
        if timed.stage:
            line["stage"] = timed.stage
        if timed.scene is not None:
            line["scene"] = timed.scene
        _add_fields(line, timed)
        if timed.error is not None and outcome is not Outcome.CANCELLED:
            _add_error(line, timed.error)
        (self._writer.error if level >= logging.ERROR else self._writer.info)(line)

    def noted(self, event: Event, within: Timed | None) -> None:
        """One line for what went wrong on the way."""
        if (note := _NOTES.get(type(event))) is not None and (told := note(event)) is not None:
            level, name, fields = told
            if level >= self._level:
                line: Line = {"timestamp": utc_stamp(), "level": _LEVEL_NAMES[level], "event": name}
                line |= _ids(within) | fields
                if within is not None and within.stage:
                    line["stage"] = within.stage
                if within is not None and within.scene is not None:
                    line["scene"] = within.scene
                self._writer.info(line)


class _Bridge(logging.Handler):
    """Hands lines of the standard `logging` on."""

    def __init__(self, logger: structlog.typing.FilteringBoundLogger, level: int) -> None:
        super().__init__(level)
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        line = _ids(events.current()) | {"logger": record.name}
        if (observer := getattr(record, "observer", None)) is not None:
            line["observer"] = observer
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = _trace(record.exc_info[1])
        self._logger.log(min(record.levelno, logging.ERROR), record.getMessage(), **line)


def _ids(timed: Timed | None) -> Line:
    if timed is None:
        return {"run_id": events.current_watch().run_id, "trace_id": "", "span_id": ""}
    return {"run_id": timed.watch.run_id, "trace_id": timed.trace_id, "span_id": timed.span_id}


def _add_fields(line: Line, timed: Timed) -> None:
    known = spans.SPANS[timed.kind].fields
    for key, value in timed.fields.items():
        shown = key in known or (timed.kind == "operation" and key not in spans.CONTENT)
        if shown and key not in line and isinstance(value, str | bool | int | float):
            line[key] = value


def _add_error(line: Line, error: BaseException) -> None:
    """The error as fields, and where it came from the first time that it is told of."""
    line["error_type"] = error_type(error)
    line["message"] = str(error)
    if hint := getattr(error, "hint", ""):
        line["hint"] = hint
    if not getattr(error, "_storygen_logged", False):
        error._storygen_logged = True  # type: ignore[attr-defined]  # noqa: SLF001 - a mark of ours on it
        line["exception"] = _trace(error)


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)).rstrip()


def _checked(event: events.Checked) -> tuple[int, str, Line] | None:
    check = event.check
    if check.verdict is Verdict.PASS:
        return None
    level = logging.WARNING if check.verdict is Verdict.FAIL else logging.INFO
    said = {"value": check.value, "limit": check.limit, "provider": event.provider}
    return level, f"check.{check.verdict.value}", {"artifact": check.artifact, "check": check.name, **said}


def _cache_looked(event: events.CacheLooked) -> tuple[int, str, Line] | None:
    return (logging.WARNING, "cache.broken", {"cache": event.cache}) if event.result == "error" else None


_NOTES: Mapping[type, Callable[[Any], tuple[int, str, Line] | None]] = {
    events.CacheLooked: _cache_looked,
    events.Checked: _checked,
    events.Retried: lambda e: (
        logging.WARNING,
        "call.retried",
        {"provider": e.provider, "reason": e.reason, "attempt": e.attempt, "wait": round(e.wait, 3)},
    ),
    events.GaveUp: lambda e: (logging.WARNING, "call.gave_up", {"provider": e.provider, "reason": e.reason}),
    events.FellBack: lambda e: (
        logging.WARNING,
        "call.fell_back",
        {"from_provider": e.from_provider, "to_provider": e.to_provider, "reason": e.reason},
    ),
    events.BreakerChanged: lambda e: (
        logging.INFO if e.to_state == "closed" else logging.WARNING,
        f"breaker.{e.to_state}",
        {"provider": e.provider, "capability": e.capability},
    ),
    events.BudgetRefused: lambda e: (
        logging.WARNING,
        "budget.refused",
        {
            "window": e.window,
            "expected_usd": round(e.expected_usd, 6),
            "left_usd": round(e.left_usd, 6),
            "provider": e.provider,
        },
    ),
    events.SharingChanged: lambda e: (
        logging.INFO if e.is_reachable else logging.WARNING,
        "sharing.found" if e.is_reachable else "sharing.lost",
        {"service": e.service, "reason": e.reason},
    ),
    events.Held: lambda e: (
        logging.WARNING if e.reason else logging.INFO,
        "runs.held" if e.reason else "runs.let_go",
        {"reason": e.reason},
    ),
    events.Halted: lambda e: (logging.WARNING, "work.stalled", {"seconds": e.seconds}),
    events.Shipped: lambda e: (logging.INFO, "film.shipped", {"fidelity": e.fidelity, "seconds": round(e.seconds, 3)}),
}


def _add_time(_: object, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {"timestamp": utc_stamp(), **line}


def _as_argument(_: object, __: str, line: structlog.typing.EventDict) -> tuple[tuple[Any, ...], Line]:
    return (line,), {}


_as_json = json.JSONEncoder(ensure_ascii=False, default=str, separators=(",", ":")).encode


_quoted = lru_cache(4096)(_as_json)


def _end_as_json(timed: Timed, level: int) -> str:
    """The line of work that went well and has nothing to add: names, numbers and ids; there are many such lines."""
    event, named = _ENDED[timed.kind]
    place = f',"stage":{_quoted(timed.stage)}' if timed.stage else ""
    if timed.scene is not None:
        place += f',"scene":{timed.scene}'
    return (
        f'{{"timestamp":"{utc_stamp()}","level":"{_LEVEL_NAMES[level]}","event":"{event}",'
        f'"{named}":{_quoted(timed.name)},"outcome":"{timed.outcome}",'
        f'"seconds":{timed.ended_at - timed.started_at:.6f}{place},'
        f'"run_id":{_quoted(timed.watch.run_id)},"trace_id":"{timed.trace_id}","span_id":"{timed.span_id}"}}'
    )


def _for_console(stream: TextIO) -> Callable[[Line], str]:
    colours = stream.isatty()
    render = structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)

    def rendered(line: Line) -> str:
        shown = {key: value for key, value in line.items() if value != ""}
        return render(None, "", shown)

    return rendered
