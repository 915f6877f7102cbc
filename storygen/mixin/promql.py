"""Pieces of PromQL that rules and panels share, as text."""

from __future__ import annotations

LABELS = {
    "pipeline": "job, pipeline",
    "stage": "job, stage",
    "provider": "job, provider",
}


def selector(metric: str, **matchers: str) -> str:
    """`metric{label="value"}`; a value that begins with `=~`, `!~` or `!=` brings its own operator."""
    parts = []
    for label, value in matchers.items():
        operator, text = (value[:2], value[2:]) if value[:2] in {"=~", "!~", "!="} else ("=", value)
        parts.append(f'{label}{operator}"{text}"')
    return f"{metric}{{{', '.join(parts)}}}" if parts else metric


def rate(by: str, series: str, window: str) -> str:
    """Sum of rates a second."""
    return f"sum by ({by}) (rate({series}[{window}]))"


def increase(by: str, series: str, window: str) -> str:
    """Sum of increases."""
    return f"sum by ({by}) (increase({series}[{window}]))"
