"""YAML read with limits: plain values only, every scalar a text, no bombs, and the line of every node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from storygen.errors import InvalidScript

MAX_NODES = 150_000
MAX_ALIASES = 200
MAX_DEPTH = 20
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_PLAIN_TAGS = frozenset({"str", "int", "float", "null", "bool", "map", "seq"})
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class _Meter:
    """Counts what the events of a document would grow to once its aliases are followed."""

    def __init__(self) -> None:
        self.aliases = 0
        self.sizes: dict[str, int] = {}
        self.open: list[tuple[str | None, int]] = []
        self.nodes = 0

    def take(self, event: yaml.Event) -> str:
        """Count an event; the answer is what is wrong with it, or nothing."""
        anchor = getattr(event, "anchor", None)
        if isinstance(event, yaml.AliasEvent):
            self.aliases += 1
            if anchor not in self.sizes:
                return f"*{anchor} stands inside what it names or names nothing"
            self.nodes += self.sizes[anchor]
        elif isinstance(event, yaml.NodeEvent):
            if tag := _strange_tag(event):
                return f"the tag {tag} is not read"
            self.nodes += 1
            if isinstance(event, yaml.CollectionStartEvent):
                self.open.append((anchor, self.nodes - 1))
            elif anchor:
                self.sizes[anchor] = 1
        elif isinstance(event, yaml.CollectionEndEvent):
            name, before = self.open.pop()
            if name:
                self.sizes[name] = self.nodes - before
        if self.aliases > MAX_ALIASES:
            return f"there are more than {MAX_ALIASES} aliases"
        if self.nodes > MAX_NODES:
            return f"it grows to more than {MAX_NODES:,} values"
        return f"it is nested deeper than {MAX_DEPTH}" if len(self.open) > MAX_DEPTH else ""


def compose(text: str, name: str) -> yaml.Node:
    """The nodes of a YAML document; raises `InvalidScript` with the line of what is wrong or too much."""
    meter = _Meter()
    try:
        for event in yaml.parse(text, Loader=_Loader):
            if wrong := meter.take(event):
                line = _line(event.start_mark)
                raise InvalidScript(f"{name}, line {line}: {wrong}", hint="write plain keys, lists and texts")
        node: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as cause:
        mark = getattr(cause, "problem_mark", None) or getattr(cause, "context_mark", None)
        line = mark.line + 1 if mark else text.count("\n", 0, getattr(cause, "position", 0) or 0) + 1
        problem = getattr(cause, "problem", None) or getattr(cause, "reason", None) or "it is not YAML"
        hint = "check the indentation and quotes; a text with `: ` or ` #` in it needs quotes"
        raise InvalidScript(f"{name}, line {line}: {problem}", hint=hint) from cause
    if node is None:
        raise InvalidScript(f"{name}, line 1: there is no document in it", hint="begin with `title:` and `scenes:`")
    return node


def plain(node: yaml.Node) -> Any:
    """The node as mappings, lists, texts and None; a number stays the text that it was written as."""
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [plain(item) for item in node.value]
    return None if not getattr(node, "style", None) and node.value in _NOTHING else node.value


def twice(node: yaml.Node) -> list[tuple[int, str]]:
    """Line and key of every key that its mapping has already."""
    found: list[tuple[int, str]] = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if str(key.value) in seen:
                found.append((_line(key.start_mark), str(key.value)))
            seen.add(str(key.value))
            found.extend(twice(value))
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            found.extend(twice(item))
    return found


def line_of(node: yaml.Node, path: Sequence[str | int], *, key: bool = False) -> int:
    """The line on which the value at a path begins, or its key; of the nearest that exists where it does not."""
    line = _line(node.start_mark)
    for step in path:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        matching = [(head, value) for head, value in pairs if head.value == step]
        if matching:
            head, node = matching[0]
            line = _line((head if key or not isinstance(node, yaml.ScalarNode) else node).start_mark)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = _line(node.start_mark)
        else:
            break
    return line


def _line(mark: Any) -> int:
    return int(mark.line) + 1 if mark else 1


def _strange_tag(event: yaml.NodeEvent) -> str:
    tag = getattr(event, "tag", None)
    if not tag or tag == "!":
        return ""
    name = str(tag).removeprefix("tag:yaml.org,2002:")
    return "" if name in _PLAIN_TAGS else str(tag)
