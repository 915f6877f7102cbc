"""Provisioning files, held against the fields that Grafana's documentation names; Grafana itself does not run here."""

from __future__ import annotations

import configparser
import json
import re
from pathlib import Path
from typing import Any

import yaml

from storygen.mixin import dashboards, grafana, promql
from storygen.mixin.config import load
from storygen.mixin.rendering import as_yaml
from storygen.telemetry import spans

ROOT = Path(__file__).parents[2]
CONFIG = load()
BUILT = dict(grafana.outputs(CONFIG))
SOURCES = BUILT["deploy/grafana/provisioning/datasources/storygen.yaml"]
PROVIDERS = BUILT["deploy/grafana/provisioning/dashboards/storygen.yaml"]
BY_UID = {source["uid"]: source for source in SOURCES["datasources"]}

# grafana/grafana, docs/sources/administration/provisioning/index.md: "Example data source config file".
SOURCE_FIELDS = {
    *("name", "type", "access", "orgId", "uid", "url", "user", "database", "basicAuth", "basicAuthUser"),
    *("withCredentials", "isDefault", "jsonData", "secureJsonData", "version", "editable"),
}
# The same page: "Dashboards".
PROVIDER_FIELDS = {
    *("name", "orgId", "folder", "folderUid", "type", "disableDeletion", "updateIntervalSeconds"),
    *("allowUiUpdates", "options"),
}
OPTION_FIELDS = {"path", "foldersFromFilesStructure"}
# docs/sources/datasources/{prometheus,jaeger}/configure/index.md, alertmanager/_index.md: "Provision the data source".
DETAILS = {
    "prometheus": {
        *("httpMethod", "manageAlerts", "allowAsRecordingRulesTarget", "prometheusType", "prometheusVersion"),
        *("cacheLevel", "disableRecordingRules", "timeInterval", "queryTimeout", "incrementalQuerying"),
        *("incrementalQueryOverlapWindow", "exemplarTraceIdDestinations", "alertmanagerUid", "customQueryParameters"),
    },
    "jaeger": {"tracesToLogsV2", "tracesToMetrics", "nodeGraph", "spanBar", "traceIdTimeParams"},
    "alertmanager": {"implementation", "handleGrafanaManagedAlerts"},
}
NESTED = {
    "exemplarTraceIdDestinations": {"name", "datasourceUid", "url", "urlDisplayLabel"},
    "tracesToMetrics": {"datasourceUid", "spanStartTimeShift", "spanEndTimeShift", "tags", "queries"},
    "tags": {"key", "value"},
    "queries": {"name", "query"},
    "nodeGraph": {"enabled"},
    "spanBar": {"type", "tag"},
    "traceIdTimeParams": {"enabled"},
}
# docs/sources/setup-grafana/configure-grafana/_index.md, by section.
SETTINGS = {
    "auth": {"disable_login_form"},
    "auth.basic": {"enabled"},
    "auth.anonymous": {"enabled", "org_role", "org_name", "hide_version"},
    "security": {"disable_initial_admin_creation", "disable_gravatar"},
    "users": {"allow_sign_up", "viewers_can_edit"},
    "analytics": {"reporting_enabled", "check_for_updates", "check_for_plugin_updates"},
    "snapshots": {"external_enabled"},
    "news": {"news_feed_enabled"},
    "plugins": {"plugin_admin_enabled", "preinstall_disabled", "public_key_retrieval_disabled"},
    "dashboards": {"default_home_dashboard_path"},
}


def test_the_files_that_are_checked_in_are_what_is_built() -> None:
    for path, document in BUILT.items():
        text = document if isinstance(document, str) else as_yaml(document)
        assert (ROOT / path).read_text("utf-8") == text, "run `storygen mixin build`"


def test_data_sources_have_only_documented_fields() -> None:
    assert set(SOURCES) <= {"apiVersion", "prune", "deleteDatasources", "datasources"}
    assert SOURCES["apiVersion"] == 1
    for source in SOURCES["datasources"]:
        assert set(source) <= SOURCE_FIELDS
        assert source["access"] == "proxy"
        assert source["editable"] is False
        assert set(source["jsonData"]) <= DETAILS[source["type"]]
        _has_known_fields(source["jsonData"])
    assert [source["uid"] for source in SOURCES["datasources"] if source["isDefault"]] == ["prometheus"]


def test_the_provider_has_only_documented_fields_and_keeps_the_boards_as_they_are() -> None:
    assert set(PROVIDERS) <= {"apiVersion", "providers"}
    (provider,) = PROVIDERS["providers"]

    assert set(provider) <= PROVIDER_FIELDS
    assert set(provider["options"]) <= OPTION_FIELDS
    assert provider["allowUiUpdates"] is False
    assert provider["disableDeletion"] is True
    assert provider["type"] == "file"


def test_an_exemplar_leads_to_its_trace() -> None:
    (destination,) = BY_UID["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]

    assert destination["name"] == "trace_id", "the name of the exemplar's label"
    assert destination["datasourceUid"] in BY_UID


def test_a_trace_leads_to_the_metrics_of_its_stage_and_provider() -> None:
    metrics = BY_UID["jaeger"]["jsonData"]["tracesToMetrics"]
    labels = {tag["key"]: tag["value"] for tag in metrics["tags"]}

    assert metrics["datasourceUid"] in BY_UID
    assert labels == {spans.STAGE_NAME: "stage", spans.GENAI_PROVIDER: "provider"}
    for query in metrics["queries"]:
        filled = re.sub(r"\$\$__tags", 'stage="voice"', query["query"]).replace("$$__rate_interval", "1m")
        assert promql.strangers(filled) == []
        assert "$" not in filled


def test_spans_show_their_stage() -> None:
    assert BY_UID["jaeger"]["jsonData"]["spanBar"] == {"type": "Tag", "tag": spans.STAGE_NAME}


def test_prometheus_is_asked_as_often_as_it_scrapes() -> None:
    (source,) = _sources(prometheus="http://127.0.0.1:9090", changes={"scrape": "250ms"})

    assert source["jsonData"]["timeInterval"] == "250ms"


def test_what_is_not_there_is_left_out_and_nothing_leads_to_it() -> None:
    (source,) = _sources(prometheus="http://127.0.0.1:9090")

    assert source["url"] == "http://127.0.0.1:9090"
    assert not {"exemplarTraceIdDestinations", "alertmanagerUid"} & set(source["jsonData"])


def test_a_dollar_of_a_variable_is_doubled_where_grafana_fills_in_the_environment() -> None:
    for document in (SOURCES, PROVIDERS):
        assert not re.search(r"(?<!\$)\$(?!\$)", re.sub(r"\$\$", "", json.dumps(document)))


def test_settings_are_documented_ones_and_hold_no_password() -> None:
    parser = configparser.ConfigParser()
    parser.read_string(BUILT["deploy/grafana/grafana.ini"])

    assert {section: set(parser[section]) - SETTINGS[section] for section in parser.sections()} == {
        section: set() for section in parser.sections()
    }
    assert not [key for section in parser.sections() for key in parser[section] if re.search("password|secret", key)]
    assert parser["security"]["disable_initial_admin_creation"] == "true"
    assert parser["auth.anonymous"]["org_role"] == "Viewer"
    assert "secureJsonData" not in json.dumps(SOURCES)


def test_grafana_opens_with_the_overview() -> None:
    home = grafana.settings("/boards")["dashboards"]["default_home_dashboard_path"]

    assert home == "/boards/storygen-overview.json"
    assert f"dashboards/{Path(home).name}" in dict(dashboards.outputs(CONFIG))


def test_the_environment_says_the_same_as_the_file() -> None:
    assert grafana.environment()["GF_AUTH_ANONYMOUS_ENABLED"] == "true"
    assert len(grafana.environment()) == sum(map(len, grafana.settings().values()))


def _sources(changes: dict[str, Any] | None = None, **addresses: str) -> list[dict[str, Any]]:
    files = dict(grafana.provisioning(load(changes=changes), **addresses))
    return list(yaml.safe_load(as_yaml(files["datasources/storygen.yaml"]))["datasources"])


def _has_known_fields(value: Any, name: str = "") -> None:
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, dict):
            continue
        assert not name or set(item) <= NESTED[name], name
        for inner, below in item.items():
            _has_known_fields(below, inner)
