"""What a reader of scripts hands back, and the limits of what it accepts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from storygen.errors import InvalidScript
from storygen.story import Brief, Script

MAX_BYTES = 2_000_000
MAX_SCENES = 2_000
MAX_TITLE = 120
UNTITLED = "Untitled"
_MOST_LISTED = 20


class Severity(StrEnum):
    """Whether a film can be made in spite of an issue."""

    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """Something that was guessed, left out or wrong; `line` counts from 1 and is 0 where no line can be named."""

    line: int
    severity: Severity
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """`line 3: warning: what is wrong (what would be right)`."""
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.severity}: {self.message}" + (f" ({self.hint})" if self.hint else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a text with its number in the file; typographic line breaks inside a line share its number."""

    number: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A source as it was understood: a brief when it was a topic, otherwise a script, unless issues are errors.

    `format` is one of topic, prose, markdown, log, json, yaml; `encoding` is how the bytes were read.
    """

    name: str
    format: str
    brief: Brief | None = None
    script: Script | None = None
    issues: tuple[Issue, ...] = ()
    encoding: str = "utf-8"

    @property
    def errors(self) -> tuple[Issue, ...]:
        """The issues that stand in the way of a film."""
        return tuple(issue for issue in self.issues if issue.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Issue, ...]:
        """The issues that do not."""
        return tuple(issue for issue in self.issues if issue.severity is Severity.WARNING)

    def story(self) -> Brief | Script:
        """What the film is made of; raises `InvalidScript` that lists every error."""
        found = self.brief or self.script
        if found is None or self.errors:
            listed = "\n".join(f"  {issue}" for issue in self.errors[:_MOST_LISTED])
            if len(self.errors) > _MOST_LISTED:
                listed += f"\n  and {len(self.errors) - _MOST_LISTED} more"
            raise InvalidScript(
                f"{self.name} cannot be made into a film:\n{listed}",
                hint=f"correct these lines; `storygen check {self.name}` shows them again",
            )
        return found


def warning(line: int, message: str, hint: str = "") -> Issue:
    """An issue that a film can be made in spite of."""
    return Issue(line=line, severity=Severity.WARNING, message=message, hint=hint)


def error(line: int, message: str, hint: str = "") -> Issue:
    """An issue that stands in the way of a film."""
    return Issue(line=line, severity=Severity.ERROR, message=message, hint=hint)
