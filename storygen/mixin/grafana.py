"""What Grafana is given at its start: data sources, the folder of dashboards, and settings without any password.

Checked against the documented fields of Grafana 12.4; nothing here has been read by a running Grafana.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from storygen.mixin.config import Config
from storygen.telemetry import spans

PROMETHEUS, JAEGER, ALERTMANAGER = "prometheus", "jaeger", "alertmanager"
FOLDER = "Storygen"
BOARDS = "/etc/grafana/dashboards"
HOME = "storygen-overview.json"
_BASE = "deploy/grafana"
# The names of the labels of an exemplar, and of the span attributes that metrics have as labels.
_EXEMPLAR = "trace_id"
_LABELS = {spans.STAGE_NAME: "stage", spans.GENAI_PROVIDER: "provider"}
# `$` is doubled, because Grafana fills variables of the environment into these files.
_METRICS = {
    "Stage: 95 % take less than": "histogram_quantile(0.95, sum by (le) "
    '(rate(storygen_stage_duration_seconds_bucket{outcome="success", $$__tags}[$$__rate_interval])))',
    "Stage: failures in an hour": "sum by (error_type) (increase(storygen_stage_failures_total{$$__tags}[1h]))",
    "Stage and provider: calls in an hour": "sum by (outcome) (increase(storygen_calls_total{$$__tags}[1h]))",
    "Stage and provider: retries in an hour": "sum by (reason) (increase(storygen_retries_total{$$__tags}[1h]))",
    "Stage and provider: dollars in an hour": "sum by (model) (increase(storygen_cost_usd_total{$$__tags}[1h]))",
}
# Looked at without an account, and without one that could be guessed: whoever may open the port may look, and follow an
# exemplar to its trace, for which Grafana asks `viewers_can_edit`; nobody may change or save.
SETTINGS: Mapping[str, Mapping[str, str]] = {
    "auth": {"disable_login_form": "true"},
    "auth.basic": {"enabled": "false"},
    "auth.anonymous": {"enabled": "true", "org_role": "Viewer"},
    "security": {"disable_initial_admin_creation": "true", "disable_gravatar": "true"},
    "users": {"allow_sign_up": "false", "viewers_can_edit": "true"},
    "analytics": {"reporting_enabled": "false", "check_for_updates": "false", "check_for_plugin_updates": "false"},
    "snapshots": {"external_enabled": "false"},
    "news": {"news_feed_enabled": "false"},
    # Grafana 12 fetches plugins from its maker's site at every start unless it is told not to.
    "plugins": {
        "plugin_admin_enabled": "false",
        "preinstall_disabled": "true",
        "public_key_retrieval_disabled": "true",
    },
}


def provisioning(
    config: Config, *, prometheus: str, alertmanager: str = "", jaeger: str = "", boards: str = BOARDS
) -> Iterator[tuple[str, Any]]:
    """The files below Grafana's folder of provisioning: path and document.

    Addresses begin with `http`; what has none is left out. `boards` is the folder of the dashboards' JSON.
    """
    sources = [_prometheus(config, prometheus, traced=bool(jaeger), alerting=bool(alertmanager))]
    sources += [_jaeger(jaeger)] if jaeger else []
    sources += [_alertmanager(alertmanager)] if alertmanager else []
    yield "datasources/storygen.yaml", {"apiVersion": 1, "prune": True, "datasources": sources}
    yield "dashboards/storygen.yaml", {"apiVersion": 1, "providers": [_provider(boards)]}


def settings(boards: str = BOARDS) -> dict[str, dict[str, str]]:
    """Grafana's settings by section; the dashboards in `boards` give the page that it opens with."""
    return {section: {**pairs} for section, pairs in SETTINGS.items()} | {
        "dashboards": {"default_home_dashboard_path": f"{boards}/{HOME}"}
    }


def environment(boards: str = BOARDS) -> dict[str, str]:
    """The same as variables of the environment, as Grafana names them."""
    return {
        f"GF_{section}_{key}".replace(".", "_").upper(): value
        for section, pairs in settings(boards).items()
        for key, value in pairs.items()
    }


def outputs(config: Config) -> Iterator[tuple[str, Any]]:
    """What the container mounts: provisioning with the addresses of the compose file, and `grafana.ini`."""
    files = provisioning(
        config,
        prometheus="http://prometheus:9090",
        alertmanager="http://alertmanager:9093",
        jaeger="http://jaeger:16686",
    )
    for path, document in files:
        yield f"{_BASE}/provisioning/{path}", document
    yield f"{_BASE}/grafana.ini", _ini(settings())


def _ini(sections: Mapping[str, Mapping[str, str]]) -> str:
    head = "; Built by `storygen mixin build` from storygen/mixin/grafana.py; change it there.\n"
    return head + "".join(
        f"\n[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in pairs.items())
        for section, pairs in sections.items()
    )


def _source(name: str, uid: str, url: str, details: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "type": uid,
        "uid": uid,
        "access": "proxy",
        "url": url,
        "isDefault": uid == PROMETHEUS,
        "editable": False,
        "jsonData": {**details},
    }


def _prometheus(config: Config, url: str, *, traced: bool, alerting: bool) -> dict[str, Any]:
    details: dict[str, Any] = {
        "httpMethod": "POST",
        "timeInterval": config.scrape,
        "prometheusType": "Prometheus",
        "manageAlerts": True,
    }
    if traced:
        details["exemplarTraceIdDestinations"] = [{"name": _EXEMPLAR, "datasourceUid": JAEGER}]
    if alerting:
        details["alertmanagerUid"] = ALERTMANAGER
    return _source("Prometheus", PROMETHEUS, url, details)


def _jaeger(url: str) -> dict[str, Any]:
    return _source(
        "Jaeger",
        JAEGER,
        url,
        {
            "tracesToMetrics": {
                "datasourceUid": PROMETHEUS,
                "spanStartTimeShift": "-15m",
                "spanEndTimeShift": "15m",
                "tags": [{"key": attribute, "value": label} for attribute, label in _LABELS.items()],
                "queries": [{"name": name, "query": query} for name, query in _METRICS.items()],
            },
            "nodeGraph": {"enabled": True},
            "spanBar": {"type": "Tag", "tag": spans.STAGE_NAME},
            "traceIdTimeParams": {"enabled": True},
        },
    )


def _alertmanager(url: str) -> dict[str, Any]:
    return _source(
        "Alertmanager", ALERTMANAGER, url, {"implementation": "prometheus", "handleGrafanaManagedAlerts": False}
    )


def _provider(boards: str) -> dict[str, Any]:
    return {
        "name": "storygen",
        "orgId": 1,
        "folder": FOLDER,
        "folderUid": "storygen",
        "type": "file",
        "disableDeletion": True,
        "allowUiUpdates": False,
        "updateIntervalSeconds": 30,
        "options": {"path": boards},
    }
