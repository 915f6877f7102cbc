"""Measure the figures that the README quotes: `python -m benchmarks [--long] [--json] [SUITE ...]`."""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from dataclasses import asdict

import benchmarks
from benchmarks.harness import suites


def main() -> int:
    """Print one line a figure; exit with 1 when a limit does not hold."""
    for module in pkgutil.iter_modules(benchmarks.__path__):
        if module.name != "__main__":
            importlib.import_module(f"benchmarks.{module.name}")
    known = suites()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suite", nargs="*", help=f"some of {', '.join(sorted(known))}; all if none is named")
    parser.add_argument("--long", action="store_true", help="the suites that take longer, instead of the others")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")
    asked = parser.parse_args()
    if unknown := set(asked.suite) - set(known):
        parser.error(f"no suite {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    chosen = asked.suite or [name for name, suite in known.items() if suite.is_long == asked.long]
    figures = []
    for name in chosen:
        for figure in known[name].measure():
            figures.append(figure)
            if not asked.json:
                print(figure.line(), flush=True)
    if asked.json:
        rows = [asdict(f) | {"median": f.median, "spread": f.spread, "ok": f.holds} for f in figures]
        print(json.dumps(rows, indent=1))
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
