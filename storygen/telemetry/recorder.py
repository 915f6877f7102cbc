"""Keeps what happened in one run or session, as plain records that a report is built from.

While the work goes on a record is one tuple in a list; everything else is done when somebody asks. One recorder belongs
to one run: give each its own, and two at once never mix.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from storygen.errors import CallerMistake, StorygenError
from storygen.events import Event, Progressed, Timed

FORMAT = "storygen-recording"
VERSION = 1
DETAIL_LIMIT = 50_000
TEXT_LIMIT = 500
HINT_LIMIT = 2_000


class Entry(NamedTuple):
    """One piece of timed work; times are seconds since the recording began.

    `within` is the kind of the work around it, empty at the top; `error` is the kind of the error that ended it.
    """

    kind: str
    name: str
    stage: str
    scene: int | None
    started: float
    ended: float
    outcome: str
    within: str
    error: str
    message: str
    fields: dict[str, Any]

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.started


class Note(NamedTuple):
    """One event: its class name and fields, and in which stage and scene it happened."""

    event: str
    stage: str
    scene: int | None
    data: dict[str, Any]


class Folded(NamedTuple):
    """Operations of one name beyond those that are kept in detail, summed up."""

    times: int
    failures: int
    seconds: float
    longest: float


class Trouble(NamedTuple):
    """What an error of ours said beside its message, and where it says that it happened.

    `entry` is the place, among the entries, of the work that it ended.
    """

    entry: int
    hint: str
    provider: str
    attempt: int
    stage: str = ""
    scene: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """All that was recorded; `began_at` is the clock time (Unix) of second 0.

    `context` is what was known when the recording began, such as settings and versions; older ones have none.
    """

    run_id: str
    began_at: float
    entries: tuple[Entry, ...]
    notes: tuple[Note, ...]
    folded: Mapping[str, Folded] = dataclasses.field(default_factory=dict)
    trace_id: str = ""
    troubles: tuple[Trouble, ...] = ()
    context: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def run(self) -> Entry | None:
        """The run itself, where it was recorded to its end."""
        return next((entry for entry in reversed(self.entries) if entry.kind == "run"), None)

    def of_kind(self, *kinds: str) -> Iterator[Entry]:
        """The entries of these kinds, in the order in which they ended."""
        return (entry for entry in self.entries if entry.kind in kinds)

    def events(self, name: str) -> Iterator[Note]:
        """The notes of one event."""
        return (note for note in self.notes if note.event == name)

    def trouble(self, entry: Entry) -> Trouble | None:
        """What the error that ended `entry` said beside its message."""
        return next((found for found in self.troubles if self.entries[found.entry] is entry), None)

    def to_document(self) -> dict[str, Any]:
        """As plain values for JSON, with the version of the format."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "run_id": self.run_id,
            "trace_id": self.trace_id,
            "began_at": self.began_at,
            "entries": [list(entry) for entry in self.entries],
            "notes": [list(note) for note in self.notes],
            "folded": {name: list(sums) for name, sums in self.folded.items()},
            "troubles": [list(trouble) for trouble in self.troubles],
            "context": dict(self.context),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Recording:
        """Read back what `to_document` gave. Raises `CallerMistake` for anything else."""
        if not isinstance(document, Mapping) or document.get("format") != FORMAT:
            raise CallerMistake("this is no recording of a run", hint="pass a file that storygen wrote")
        if document.get("version") != VERSION:
            raise CallerMistake(
                f"the recording has format version {document.get('version')}, this storygen reads version {VERSION}",
                hint="read it with the storygen that wrote it, or a newer one",
            )
        try:
            return cls(
                run_id=str(document["run_id"]),
                trace_id=str(document.get("trace_id", "")),
                began_at=float(document["began_at"]),
                entries=tuple(Entry(*entry) for entry in document["entries"]),
                notes=tuple(Note(*note) for note in document["notes"]),
                folded={name: Folded(*sums) for name, sums in document["folded"].items()},
                troubles=tuple(Trouble(*trouble) for trouble in document.get("troubles", ())),
                context=dict(document.get("context", {})),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CallerMistake(
                "the recording is damaged", hint="make the film again; what is stored is reused"
            ) from error


class Recorder:
    """The observer that records.

    Beyond `detail_limit` records only sums per name of operation are kept, so that an endless session fits in memory.
    """

    def __init__(
        self, run_id: str = "", detail_limit: int = DETAIL_LIMIT, context: Mapping[str, Any] | None = None
    ) -> None:
        self.run_id = run_id
        self._context = context or {}
        self._troubles: list[Trouble] = []
        self._detail_limit = detail_limit
        self._began_at = time.time()
        self._zero = time.perf_counter()
        self._entries: list[tuple[Any, ...]] = []
        self._notes: list[tuple[Any, ...]] = []
        self._folded: dict[str, list[float]] = {}
        self._trace_id = ""

    def began(self, timed: Timed) -> None:
        """Nothing is recorded before it has ended."""

    def ended(self, timed: Timed) -> None:
        """Put down one record."""
        if len(self._entries) >= self._detail_limit and timed.kind == "operation":
            self._fold(timed)
            return
        parent, error = timed.parent, timed.error
        if isinstance(error, StorygenError):
            said = (str(error.hint)[:HINT_LIMIT], error.provider, error.attempt, error.stage, error.scene)
            self._troubles.append(Trouble(len(self._entries), *said))
        self._entries.append(
            (
                timed.kind,
                timed.name,
                timed.stage,
                timed.scene,
                timed.started_at,
                timed.ended_at,
                timed.outcome,
                parent.kind if parent is not None else "",
                _kind_of(error) if error is not None else "",
                str(error) if error is not None else "",
                timed.fields,
            )
        )
        if timed.kind == "run":
            self._trace_id = timed.trace_id
            self.run_id = self.run_id or timed.watch.run_id or str(timed.fields.get("run_id", ""))

    def noted(self, event: Event, within: Timed | None) -> None:
        """Put down one event; progress is left out, there is too much of it."""
        if isinstance(event, Progressed):
            return
        stage, scene = (within.stage, within.scene) if within is not None else ("", None)
        self._notes.append((event, stage, scene))

    def recording(self) -> Recording:
        """What was recorded up to now; second 0 is when the first work began."""
        entries, notes = list(self._entries), list(self._notes)
        zero = min((entry[4] for entry in entries), default=self._zero)
        return Recording(
            run_id=self.run_id,
            trace_id=self._trace_id,
            began_at=self._began_at + (zero - self._zero),
            entries=tuple(_entry(raw, zero) for raw in entries),
            notes=tuple(_note(*raw) for raw in notes),
            folded={name: Folded(int(f[0]), int(f[1]), f[2], f[3]) for name, f in list(self._folded.items())},
            troubles=tuple(trouble for trouble in self._troubles if trouble.entry < len(entries)),
            context=self._context,
        )

    def _fold(self, timed: Timed) -> None:
        sums = self._folded.setdefault(timed.name, [0, 0, 0.0, 0.0])
        sums[0] += 1
        sums[1] += timed.error is not None
        sums[2] += timed.seconds
        sums[3] = max(sums[3], timed.seconds)


def _kind_of(error: BaseException) -> str:
    return str(getattr(error, "kind", "")) or type(error).__name__


def _entry(raw: Sequence[Any], zero: float) -> Entry:
    kind, name, stage, scene, started, ended, outcome, within, error, message, fields = raw
    return Entry(
        kind=kind,
        name=name,
        stage=stage,
        scene=scene,
        started=started - zero,
        ended=ended - zero,
        outcome=str(outcome or ""),
        within=within,
        error=error,
        message=message[:TEXT_LIMIT],
        fields={str(key): _plain(value) for key, value in fields.items()},
    )


def _note(event: Event, stage: str, scene: int | None) -> Note:
    data = {key: _plain(value) for key, value in dataclasses.asdict(event).items()}
    return Note(event=type(event).__name__, stage=stage, scene=scene, data=data)


def _plain(value: Any) -> Any:
    """`value` as JSON knows it: text is cut, what has no plain form is named by its type."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return str(value)[:TEXT_LIMIT]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes | bytearray):
        return [_plain(inner) for inner in value]
    return f"<{type(value).__name__}>"
