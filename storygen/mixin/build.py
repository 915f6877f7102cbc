"""Writes everything that is built from the mixin, and says what of it is not as it would be written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from storygen.mixin import jaeger, prometheus, rules
from storygen.mixin.config import Config
from storygen.mixin.rendering import rule_file

HEAD = "# Built by `storygen mixin build` from storygen/mixin; change it there.\n"


def outputs(config: Config) -> dict[str, str]:
    """Every file that is built: its path below the project, with slashes, and its text."""
    return dict(_outputs(config))


def write(config: Config, root: Path) -> list[str]:
    """Write what differs below `root`; returns the paths that were written."""
    stale = differences(config, root)
    built = outputs(config)
    for path in stale:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(built[path], "utf-8")
    return stale


def differences(config: Config, root: Path) -> list[str]:
    """The paths whose file is missing or is not what would be built."""
    return [path for path, text in outputs(config).items() if _read(root / path) != text]


def as_yaml(document: Any) -> str:
    """Plain values as YAML, in the order that they have, with texts of several lines as blocks."""
    return HEAD + yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=116)


def _outputs(config: Config) -> Iterator[tuple[str, str]]:
    yield "deploy/prometheus/rules/storygen.yml", as_yaml(rule_file(config, rules.groups(config)))
    for path, document in (*jaeger.outputs(config), *prometheus.outputs(config)):
        yield path, document if isinstance(document, str) else as_yaml(document)


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except OSError:
        return None


class _Dumper(yaml.SafeDumper):
    """Writes long texts so that people can read them."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
