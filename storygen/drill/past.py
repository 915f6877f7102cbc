"""A healthy past of eight days, from what this machine showed just now: baselines of yesterday and last week.

Windows and offsets of a day or more are never scaled, so they need a past. It holds the recorded series that rules
compare with; counters of processes that never were are not needed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from storygen.errors import InvalidSettings, ResourceFailure
from storygen.mixin import rules
from storygen.mixin.config import Config
from storygen.stack.programs import INSTALL

DAYS = 8
_COMPARED = re.compile(r"([a-z]\w*:[\w:]+)(?:\{[^}]*\})?(?:\[[^\]]*\])? offset \d+[dw]")
_STEP = 300
_DAY = 86_400
# Blocks that end before anything was scraped cannot be in the way of what was.
_GAP = 600


def compared(config: Config) -> tuple[str, ...]:
    """The recorded series that rules compare with a day or a week ago."""
    groups = rules.groups(config)
    exprs = [recording.expr for group in groups for recording in group.recordings]
    exprs += [alert.expr for group in groups for alert in group.alerts]
    return tuple(sorted({name for expr in exprs for name in _COMPARED.findall(expr)}))


def lines(series: Iterable[Mapping[str, Any]], now: float) -> Iterator[str]:
    """OpenMetrics text: each series of an answer of Prometheus stays, for eight days, at the value that it has."""
    by_name: dict[str, list[tuple[str, str]]] = {}
    for one in series:
        labels = {key: value for key, value in one["metric"].items() if key != "__name__"}
        written = ",".join(f'{key}="{_escaped(value)}"' for key, value in sorted(labels.items()))
        by_name.setdefault(one["metric"]["__name__"], []).append((written, one["value"][1]))
    last = int(now) - _GAP
    for name, found in by_name.items():
        yield f"# TYPE {name} gauge"
        for labels_of_it, value in found:
            for moment in range(last - DAYS * _DAY, last + 1, _STEP):
                yield f"{name}{{{labels_of_it}}} {value} {moment}"
    yield "# EOF"


def backfill(series: Iterable[Mapping[str, Any]], now: float, data: Path, scratch: Path) -> None:
    """Give a folder of Prometheus that is not running this past, instead of one that it was given before.

    Raises `InvalidSettings` where there is no promtool, `ResourceFailure` where it refuses the text.
    """
    promtool = shutil.which("promtool")
    if promtool is None:
        raise InvalidSettings("There is no promtool on the PATH.", hint=INSTALL["prometheus"])
    for block in data.glob("*/meta.json"):  # what was scraped is too young to be in a block
        shutil.rmtree(block.parent)
    text = scratch / "past.txt"
    text.write_text("\n".join(lines(series, now)) + "\n", "utf-8")
    command = [promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(text), str(data)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise ResourceFailure("promtool cannot make a past.", hint=(done.stderr or done.stdout)[-400:])


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
