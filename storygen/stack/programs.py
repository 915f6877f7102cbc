"""How each program of the stack is found, configured and started; everything that it writes lies below one folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from storygen.mixin.config import Config, seconds, written
from storygen.mixin.grafana import environment
from storygen.mixin.prometheus import FEATURES
from storygen.stack.servers import Program, find
from storygen.stack.web import HOST

NAMES = {
    "prometheus": ("prometheus",),
    "alertmanager": ("alertmanager", "prometheus-alertmanager"),
    "jaeger": ("jaeger",),
    "grafana": ("grafana",),
}
INSTALL = {
    "prometheus": "apt-get install prometheus, or https://prometheus.io/download",
    "alertmanager": "apt-get install prometheus-alertmanager, or https://prometheus.io/download",
    "jaeger": "https://www.jaegertracing.io/download (2.20.0)",
    "grafana": "https://grafana.com/grafana/download",
}
WITHOUT = {
    "alertmanager": "alerts fire in Prometheus and are delivered nowhere",
    "jaeger": "storygen itself keeps the latest traces in memory",
    "grafana": "there are no dashboards",
}
PROVISIONING = "grafana-provisioning"
BOARDS = "dashboards"
# An alert that fires before Prometheus has found its Alertmanager (5 s) is sent again after a minute; with scaled time
# that is too late. Alertmanager takes it for resolved after four of these without a word.
_SHORTEST_RESEND = 2.0
_GRAFANA_HOMES = ("/usr/share/grafana", "/opt/homebrew/opt/grafana/share/grafana", "/usr/local/share/grafana")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the programs listen on the loopback address."""

    prometheus: int
    alertmanager: int
    grafana: int
    traces: int
    otlp_grpc: int
    otlp_http: int
    jaeger_grpc: int
    jaeger_metrics: int
    jaeger_health: int


def locate(name: str) -> Path | None:
    """Its binary on the PATH."""
    return find(NAMES[name])


def prometheus(folder: Path, binary: Path, ports: Ports, config: Config) -> Program:
    """Prometheus, reloaded over HTTP, with exemplars."""
    url = f"http://{HOST}:{ports.prometheus}"
    return Program(
        name="prometheus",
        binary=binary,
        args=(
            "--config.file=prometheus.yml",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--storage.tsdb.retention.time={config.retention}",
            f"--web.listen-address={HOST}:{ports.prometheus}",
            f"--web.external-url={url}",
            "--web.enable-lifecycle",
            f"--rules.alert.resend-delay={written(max(_SHORTEST_RESEND, seconds(config.hold('1m'))))}",
            f"--enable-feature={','.join(FEATURES)}",
        ),
        ready=f"{url}/-/ready",
        log=folder / "prometheus.log",
    )


def alertmanager(folder: Path, binary: Path, ports: Ports, _: Config) -> Program:
    """Alertmanager, alone: without a cluster address."""
    url = f"http://{HOST}:{ports.alertmanager}"
    return Program(
        name="alertmanager",
        binary=binary,
        args=(
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address={HOST}:{ports.alertmanager}",
            f"--web.external-url={url}",
            "--cluster.listen-address=",
        ),
        ready=f"{url}/-/ready",
        log=folder / "alertmanager.log",
    )


def jaeger(folder: Path, binary: Path, ports: Ports, _: Config) -> Program:
    """Jaeger 2, which keeps its traces below the folder."""
    return Program(
        name="jaeger",
        binary=binary,
        args=(f"--config={folder / 'jaeger.yaml'}",),
        ready=f"http://{HOST}:{ports.jaeger_health}/status",
        log=folder / "jaeger.log",
    )


def grafana(folder: Path, binary: Path, ports: Ports, _: Config) -> Program:
    """Grafana, with the settings that it has in its container."""
    return Program(
        name="grafana",
        binary=binary,
        args=("server", f"--homepath={_grafana_home(binary)}"),
        ready=f"http://{HOST}:{ports.grafana}/api/health",
        log=folder / "grafana.log",
        environ={
            "GF_SERVER_HTTP_ADDR": HOST,
            "GF_SERVER_HTTP_PORT": str(ports.grafana),
            "GF_PATHS_DATA": str(folder / "grafana"),
            "GF_PATHS_LOGS": str(folder / "grafana" / "logs"),
            "GF_PATHS_PLUGINS": str(folder / "grafana" / "plugins"),
            "GF_PATHS_PROVISIONING": str(folder / PROVISIONING),
            **environment(boards=str(folder / BOARDS)),
        },
    )


def _grafana_home(binary: Path) -> Path:
    """The folder with Grafana's pages: above its binary in a release, elsewhere in a package."""
    homes = (binary.resolve().parents[1], *map(Path, _GRAFANA_HOMES))
    return next((home for home in homes if (home / "public").is_dir()), homes[0])


ALL = {"prometheus": prometheus, "alertmanager": alertmanager, "jaeger": jaeger, "grafana": grafana}
