"""The foundation SDK, as far as it is used here; no other file imports it."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # The SDK would rather have its second schema, which only Grafana 13 reads from files; ours are for 12 as well.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.builders import (
        bargauge,
        common,
        dashboard,
        heatmap,
        prometheus,
        stat,
        statetimeline,
        table,
        timeseries,
    )
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models import common as commons
    from grafana_foundation_sdk.models import dashboard as models
    from grafana_foundation_sdk.models import heatmap as heatmaps
    from grafana_foundation_sdk.models import prometheus as questions

__all__ = [
    "JSONEncoder",
    "bargauge",
    "common",
    "commons",
    "dashboard",
    "heatmap",
    "heatmaps",
    "models",
    "prometheus",
    "questions",
    "stat",
    "statetimeline",
    "table",
    "timeseries",
]
