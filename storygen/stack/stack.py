"""The native stack: the same rules, routes and boards as in containers, run by whichever programs are on the PATH."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

from storygen.errors import InvalidSettings
from storygen.mixin.config import Config, seconds, written
from storygen.mixin.prometheus import target_list
from storygen.stack import programs
from storygen.stack.files import TARGETS, Addresses, render
from storygen.stack.inbox import Inbox
from storygen.stack.programs import Ports
from storygen.stack.query import TraceServer
from storygen.stack.servers import Server
from storygen.stack.web import ask, free_ports, post
from storygen.store.files import make_folder

FASTEST_SCRAPE = 0.25


def scaled(config: Config, scale: float) -> Config:
    """The configuration with time running `scale` times as fast; scrapes and evaluations come at most every 250 ms."""

    def faster(interval: str) -> str:
        return written(max(seconds(interval) / scale, min(FASTEST_SCRAPE, seconds(interval))))

    return config.model_copy(
        update={"scale": scale, "scrape": faster(config.scrape), "evaluation": faster(config.evaluation)}
    )


class Stack:
    """Prometheus, Alertmanager, a trace store, an inbox for alerts and, where it is there, Grafana; a context manager.

    All listen on free ports of the loopback address, and write below `folder` only. `targets` (host:port) are
    storygen's processes; `data` is a folder of Prometheus whose blocks it begins with, as a copy. The links of `config`
    are replaced by the addresses here, so that those in alerts lead somewhere. On the way in it raises
    `InvalidSettings` where there is no Prometheus or the folder cannot be written, and `ResourceFailure` where a server
    does not start.
    """

    def __init__(self, folder: Path, config: Config, *, targets: Sequence[str] = (), data: Path | None = None) -> None:
        self.folder = folder.absolute()
        self._given = config
        self._targets = tuple(targets)
        self._data = data
        self._open = ExitStack()
        self._servers: dict[str, Server | TraceServer] = {}
        self.missing: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        binaries = {name: path for name in programs.NAMES if (path := programs.locate(name))}
        self.missing = tuple(name for name in programs.NAMES if name not in binaries)
        if "prometheus" in self.missing:
            raise InvalidSettings("There is no prometheus on the PATH.", hint=programs.INSTALL["prometheus"])
        with ExitStack() as opened:
            self._prepare(opened, binaries)
            for server in self._servers.values():
                opened.callback(server.stop)
                server.start()
            for server in self._servers.values():
                server.wait_ready()
            self._open = opened.pop_all()
        return self

    def __exit__(self, *failure: object) -> None:
        """End everything; what was written stays in the folder."""
        self._open.close()

    def set_targets(self, targets: Sequence[str]) -> None:
        """Scrape these processes (host:port) from now on; Prometheus takes up to 10 s to begin."""
        self._targets = tuple(targets)
        path = self.folder / TARGETS
        fresh = path.with_suffix(".fresh")
        fresh.write_text(json.dumps(target_list(targets)), "utf-8")
        fresh.replace(path)

    def reload(self, config: Config | None = None) -> None:
        """Write all files again, for another configuration if one is given, and have them read.

        Raises `ResourceFailure` with what the server says where it refuses them.
        """
        self._given = config or self._given
        render(self.folder, self.config, self._addresses)
        for name in ("prometheus", "alertmanager"):
            if name in self._servers:
                post(f"{self._addresses.of(name)}/-/reload")

    def stop(self, name: str) -> None:
        """End one of prometheus, alertmanager, jaeger (also where it is the built-in store) and grafana."""
        self._servers[name].stop()

    def restart(self, name: str) -> None:
        """End it if it runs, start it on the same ports, and wait until it is ready."""
        self.stop(name)
        self._servers[name].start()
        self._servers[name].wait_ready()

    def check(self) -> None:
        """Raises `ResourceFailure` with the end of its log where a server has ended by itself."""
        for server in self._servers.values():
            if isinstance(server, Server) and server.pid is None:
                raise server.failure("ended by itself")

    def query(self, promql: str) -> list[dict[str, Any]]:
        """The result of an instant query. Raises `ResourceFailure` where Prometheus refuses it."""
        found: list[dict[str, Any]] = self._asked("query", query=promql)["result"]
        return found

    def query_exemplars(self, promql: str, start: float, end: float) -> list[dict[str, Any]]:
        """Exemplars of the series of an expression between two times (Unix seconds)."""
        found: list[dict[str, Any]] = self._asked("query_exemplars", query=promql, start=f"{start}", end=f"{end}")
        return found

    def firing(self) -> list[dict[str, str]]:
        """The labels of every alert that fires in Prometheus, delivered or not."""
        return [alert["labels"] for alert in self._asked("alerts")["alerts"] if alert["state"] == "firing"]

    @property
    def config(self) -> Config:
        """The configuration with the addresses of this stack as its links."""
        links = self._given.links.model_copy(update=self._addresses.links(self.missing))
        return self._given.model_copy(update={"links": links})

    @property
    def servers(self) -> dict[str, int | None]:
        """The process ids of the servers that are processes, by name; None for one that does not run."""
        return {name: server.pid for name, server in self._servers.items() if isinstance(server, Server)}

    @property
    def prometheus_url(self) -> str:
        """Prometheus's address."""
        return self._addresses.of("prometheus")

    @property
    def alertmanager_url(self) -> str:
        """Alertmanager's address."""
        return self._addresses.of("alertmanager")

    @property
    def grafana_url(self) -> str:
        """Grafana's address."""
        return self._addresses.of("grafana")

    @property
    def traces_url(self) -> str:
        """The address of Jaeger's query API and pages, or of the built-in store that answers alike."""
        return self._addresses.of("traces")

    @property
    def otlp_endpoint(self) -> str:
        """Where spans go over gRPC, as `OTEL_EXPORTER_OTLP_ENDPOINT` takes it."""
        return self._addresses.of("otlp_grpc")

    @property
    def otlp_http_endpoint(self) -> str:
        """Where spans go over HTTP with protobuf."""
        return self._addresses.of("otlp_http")

    def _prepare(self, opened: ExitStack, binaries: dict[str, Path]) -> None:
        """Folder, files, the inbox, and the servers, which are not started yet."""
        make_folder(self.folder)
        ports = Ports(**dict(zip((port.name for port in fields(Ports)), free_ports(len(fields(Ports))), strict=True)))
        self.inbox = opened.enter_context(Inbox(runbooks=self.folder / "runbooks"))
        self._addresses = Addresses(ports=ports, inbox=self.inbox.url, running=frozenset(binaries))
        if self._data:
            shutil.copytree(self._data, self.folder / "prometheus", dirs_exist_ok=True)
        self.set_targets(self._targets)
        render(self.folder, self.config, self._addresses)
        self._servers = {
            name: Server(programs.ALL[name](self.folder, binary, ports, self.config))
            for name, binary in binaries.items()
        }
        if "jaeger" in self.missing:
            self._servers["jaeger"] = TraceServer(
                port=ports.traces, grpc_port=ports.otlp_grpc, http_port=ports.otlp_http
            )

    def _asked(self, what: str, **parameters: str) -> Any:
        return ask(f"{self.prometheus_url}/api/v1/{what}", **parameters)["data"]
