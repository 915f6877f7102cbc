"""Takes the story out of a document about a run: titles, speakers, quotations, and what others said of prompts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from storygen.telemetry import spans
from storygen.telemetry.words import ERROR_TYPES

LEFT_OUT = "[left out]"
_LEAST = 4
# By these keys stand texts of the story, whatever the document.
_KEYS = frozenset({"title", "voices", "sha256", "origin", *spans.CONTENT})
_QUOTED = re.compile(r'"[^"\n]{12,}"|“[^”\n]{12,}”|«[^»\n]{12,}»|„[^“”\n]{12,}[“”]|(?<![\w\'])\'[^\n]{12,}?\'(?!\w)')
# What a check measured: a figure or a fixed word stays, a sentence is the story's own.
_FIGURE = re.compile(r"[-+\d.]+( \S+)?|\S*\d\S*|[a-z0-9_]{2,9}")
_MEASURED = re.compile(r"(?<= is )(?P<value>[^;]+?)(?=, the limit is )")
_FRAME = re.compile(r'\s*(File "|Traceback |During handling|The above exception)')


class Wordless:
    """Knows the texts of a story by heart: its title, the titles of its scenes, its lines."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        known = {form for text in texts for form in _forms(text)}
        self._texts = tuple(sorted(known, key=len, reverse=True))

    def strip(self, value: Any) -> Any:
        """The document without what the story says; names of fields, figures and kinds of errors stay."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {self._text(str(key)): self._field(str(key), inner) for key, inner in value.items()}
        return [self.strip(inner) for inner in value] if isinstance(value, list | tuple) else value

    def entry(self, entry: Sequence[Any]) -> list[Any]:
        """An entry of a recording: the words of errors that are not ours may quote anything."""
        kind, error, message, fields = entry[0], entry[8], entry[9], entry[10]
        known = {*spans.SPANS[kind].fields, "provider", "capability", "link"} if kind in spans.SPANS else set()
        kept = {key: inner for key, inner in fields.items() if key in known or isinstance(inner, int | float)}
        told = message if not message or error in ERROR_TYPES else LEFT_OUT
        return [*entry[:9], self.strip(told), self.strip(kept)]

    def line(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """A line of the log: of a traceback only the places stay."""
        trace = line.get("exception")
        if isinstance(trace, str):
            line = {**line, "exception": "\n".join(part for part in trace.splitlines() if _FRAME.match(part))}
        return dict(self.strip(line))

    def _field(self, key: str, value: Any) -> Any:
        if key == "value" and isinstance(value, str):
            return _measured(value)
        return LEFT_OUT if key in _KEYS and value else self.strip(value)

    def _text(self, text: str) -> str:
        if " " not in text and "/" not in text:
            return text  # a name, a figure or a fixed word, which may be a word of the story as well
        for known in self._texts:
            if known in text:
                text = re.sub(rf"(?<!\w){re.escape(known)}(?!\w)", LEFT_OUT, text)
        text = _MEASURED.sub(lambda found: _measured(found["value"]), text)
        return _QUOTED.sub(LEFT_OUT, text)


def _measured(value: str) -> str:
    return value if _FIGURE.fullmatch(value) else LEFT_OUT


def _forms(text: str) -> Iterator[str]:
    """A text as it stands, and as it is shown within an error or the name of a folder."""
    text = text.strip()
    slug = re.sub(r"[\W_]+", "-", text.casefold()).strip("-")
    for form in (text, repr(text)[1:-1], slug[:60].strip("-")):
        if len(form) >= _LEAST:
            yield form
