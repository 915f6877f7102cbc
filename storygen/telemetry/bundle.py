"""The files of the archive that goes to a maintainer: redacted, and without the story unless it is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from storygen.telemetry.context import homeless
from storygen.telemetry.redaction import Redactor
from storygen.telemetry.wordless import Wordless


def files(
    documents: Mapping[str, Any],
    text: str,
    lines: Iterable[Mapping[str, Any]],
    redactor: Redactor,
    wordless: Wordless | None,
) -> dict[str, str]:
    """Each of `documents` as JSON, the `text` of the explanation, and the `lines` of the log where there are any."""

    def clean(document: Any) -> Any:
        return redactor.redact_all(homeless(wordless.strip(document) if wordless else document))

    made = dict(documents)
    if wordless:
        made["recording"] = _without_words(made["recording"], wordless)
        if "manifest" in made:
            made["manifest"] = _nameless(made["manifest"])
        lines = map(wordless.line, lines)
    written = {f"{name}.json": _dump(clean(document), indent=1) for name, document in made.items()}
    written["explanation.txt"] = "".join(f"{clean(line)}\n" for line in text.splitlines())
    if told := "".join(_dump(clean(line)) for line in lines):
        written["log.jsonl"] = told
    return written


def story_texts(title: str, manifest: Mapping[str, Any] | None, script: Any) -> Iterator[str]:
    """What the story says, as far as it is still known: titles, speakers and lines."""
    yield title
    if manifest is None:
        return
    yield str(manifest.get("title", ""))
    yield str(manifest.get("source", {}).get("name", ""))
    yield from (str(scene.get("title", "")) for scene in manifest.get("scenes", ()))
    yield from _strings(script)


def log_lines(folder: Path, run_id: str) -> Iterator[dict[str, Any]]:
    """The lines about a run in the log files, oldest first; what is no line of ours is passed over."""
    for path in sorted(folder.expanduser().glob("storygen-*.log")):
        with path.open(encoding="utf-8", errors="replace") as file:
            for text in file:
                if run_id in text and (line := _line(text)) and line.get("run_id") == run_id:
                    yield line


def _dump(document: Any, indent: int | None = None) -> str:
    return json.dumps(document, indent=indent, sort_keys=True) + "\n"


def _without_words(recording: Mapping[str, Any], wordless: Wordless) -> dict[str, Any]:
    return {**recording, "entries": [wordless.entry(entry) for entry in recording["entries"]]}


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str) and " " in value.strip():
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _strings(inner)


def _nameless(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest whose files are not named by titles: of the folder of a scene only the number stays."""
    files = manifest.get("files", {})
    return {
        **manifest,
        "files": {_numbered(name): known for name, known in files.items()},
        "source": {**manifest.get("source", {}), "name": ""},
    }


def _numbered(name: str) -> str:
    return "/".join(part.split("-")[0] if part[:1].isdigit() else part for part in name.split("/"))


def _line(text: str) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) else None
