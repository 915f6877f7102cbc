"""Health: open probes, providers over time, the machine, the runs, and the metrics for Prometheus."""

from __future__ import annotations

import asyncio
import csv
import io
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from storygen import events
from storygen.errors import ContentRejected, ProviderTimeout, ResourceFailure
from storygen.events import Watch, timed, watched
from storygen.jobs.opening import open_jobs
from storygen.service import checks
from storygen.service.app import create_app
from storygen.service.base import House
from storygen.service.checks import Kept
from storygen.service.services import Services
from storygen.settings import ProviderSettings
from storygen.store.films import open_films
from storygen.store.history import History, PastRun
from storygen.telemetry.setup import new_registry, start
from tests.service.door import ANNA, OPERA, SCRAPE, Site, served, settings_in, tokens_file


def report(provider: str = "openai", attempts: int = 4, errors: int = 1) -> dict[str, Any]:
    row = {"provider": provider, "model": "m", "attempts": attempts, "errors": errors, "seconds": 2.0}
    run = {"run_id": "r", "title": "", "seconds": 3.0, "outcome": "success", "fidelity": "full"}
    return {
        "run": run,
        "calls": {"providers": [row]},
        "cache": {"hits": 1, "misses": 1},
        "cost": {"usd": 0.5, "unpriced": 0, "wasted_usd": 0.1},
        "stages": [],
        "durations": {},
    }


def past(run_id: str, **figures: Any) -> PastRun:
    return PastRun(
        run_id=run_id, started=time.time(), seconds=3.0, outcome="success", report=report(**figures), recording={}
    )


class Place:
    """A real app with a real queue, and the parts of it that tests play with."""

    def __init__(self, folder: Any) -> None:
        settings = settings_in(folder, tokens_file=tokens_file(folder))
        chains = ProviderSettings(images=("openai", "builtin"))
        settings = settings.model_copy(update={"providers": chains})
        self.jobs = open_jobs(settings)
        self.history = History(folder / "history.sqlite")
        self.services = Services()
        self.telemetry = start(settings, registry=new_registry())
        self.telemetry.observers = (*self.telemetry.observers, self.services)
        self.house = House(
            settings=lambda: settings,
            jobs=self.jobs,
            history=self.history,
            films=open_films(settings),
            telemetry=self.telemetry,
            worker=None,
        )
        self.app = create_app(self.house)
        self.site: Site

    def get(self, path: str, token: str = OPERA, **headers: str) -> Any:
        return self.site.ask("GET", path, Authorization=f"Bearer {token}", **headers)


@pytest.fixture
def place(tmp_path) -> Iterator[Place]:
    made = Place(tmp_path)
    with served(made.app) as site:
        made.site = site
        yield made
    asyncio.run(made.jobs.close())
    made.telemetry.shutdown()


def test_it_lives_and_is_ready_for_anybody(place: Place) -> None:
    assert place.site.ask("GET", "/health/live", Host="10.0.0.1").json() == {"live": True}
    found = place.site.ask("GET", "/health/ready")
    assert (found.status, found.json()["ready"], found.json()["reasons"]) == (200, True, [])


def test_it_is_not_ready_without_its_database_and_says_so(place: Place) -> None:
    async def broken() -> None:
        raise ResourceFailure("The database cannot be read: OperationalError.")

    place.jobs.counts = broken  # type: ignore[method-assign]
    found = place.site.ask("GET", "/health/ready")
    assert found.status == 503
    assert found.json()["reasons"] == ["The database cannot be read: OperationalError."]


def test_it_is_not_ready_while_it_shuts_down(place: Place) -> None:
    place.app.state.streams.is_closing = True
    assert place.site.ask("GET", "/health/ready").status == 503


def test_a_database_that_hangs_does_not_hang_the_probe(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(checks, "READY_SECONDS", 0.05)
    place.jobs.counts = hang  # type: ignore[method-assign]
    found = place.site.ask("GET", "/health/ready")
    assert found.status == 503
    assert "cannot be told within" in found.json()["reasons"][0]


def test_those_who_ask_together_look_once() -> None:
    looks = []

    async def look() -> int:
        looks.append(1)
        await asyncio.sleep(0)
        return len(looks)

    async def many() -> list[int]:
        kept = Kept()
        first = await asyncio.gather(*(kept.get("it", look) for _ in range(20)))
        return [*first, await kept.get("it", look, fresh=60.0), await kept.get("it", look, fresh=-1.0)]

    assert asyncio.run(many()) == [1] * 21 + [2]


def test_what_is_kept_does_not_grow_with_what_is_asked() -> None:
    async def many() -> int:
        kept = Kept()
        for name in range(500):
            await kept.get(str(name), lambda: asyncio.sleep(0))
        return len(kept._looks)

    assert asyncio.run(many()) <= checks.MOST_KEPT + 1


def attempts(place: Place, provider: str, *errors: Exception | None) -> None:
    with watched(Watch((place.services,))):
        for error in errors:
            try:
                with timed("attempt", "chat", provider=provider):
                    if error is not None:
                        raise error
            except type(error or AssertionError):
                pass


def provider_of(place: Place, name: str) -> dict[str, Any]:
    found = {one["provider"]: one for one in place.get("/health/services").json()["services"]}
    return found[name]


def test_a_provider_shows_its_failures_availability_and_response_times(place: Place) -> None:
    attempts(place, "builtin", None, None, None, ProviderTimeout("slow"), ContentRejected("no"))
    shown = provider_of(place, "builtin")
    assert (shown["attempts"], shown["failures"], shown["last_error"]) == (5, 1, "timeout")
    assert shown["availability"] == 0.8
    assert 0 <= shown["response_seconds"]["p50"] <= shown["response_seconds"]["p99"]
    assert shown["last_success"] == pytest.approx(time.time(), abs=60)
    assert sum(minute["attempts"] for minute in shown["recent"]) == 5


def test_a_provider_shows_its_breaker(place: Place) -> None:
    assert provider_of(place, "builtin")["breakers"] == {}
    assert provider_of(place, "openai")["breakers"]["images"] == {"state": "closed", "since": None}
    with watched(Watch((place.services,))):
        events.emit(events.BreakerChanged(provider="openai", capability="images", to_state="open"))
    assert provider_of(place, "openai")["breakers"]["images"]["state"] == "open"


def test_the_runs_that_were_tell_of_providers_by_the_hour_and_can_be_exported(place: Place) -> None:
    place.history.record(past("a"))
    place.history.record(past("b", attempts=6, errors=0))
    rows = provider_of(place, "openai")["history"]
    assert sum(row["attempts"] for row in rows) == 10
    found = place.get("/health/services?format=csv")
    assert found.headers["Content-Type"].startswith("text/csv")
    table = list(csv.DictReader(io.StringIO(found.body.decode())))
    assert sum(int(row["failures"]) for row in table) == 1


def test_the_system_shows_machine_and_process(place: Place) -> None:
    shown = place.get("/health/system").json()
    assert shown["process"]["own_memory_bytes"] > 1e6
    assert shown["process"]["threads"] > 1
    assert shown["process"]["ffmpeg"] == 0
    assert shown["disks"]["state"]["free_bytes"] > 0
    assert shown["worker"] is None


def test_the_figures_of_reports_come_as_json(place: Place) -> None:
    place.history.record(past("a"))
    shown = place.get("/health/metrics?hours=2").json()
    assert (shown["hours"], shown["runs"], shown["cost_usd"], shown["success_rate"]) == (2, 1, 0.5, 1.0)


def test_callers_see_their_own_use_and_operators_everybodys(place: Place) -> None:
    from storygen.jobs.base import Submission

    async def submit() -> None:
        for caller in ("anna", "ben"):
            told = Submission(caller=caller, name="x", text="x", format="topic", content=caller)
            await place.jobs.submit([told])

    asyncio.run(submit())
    assert set(place.get("/health/stats", ANNA).json()["callers"]) == {"anna"}
    everybody = place.get("/health/stats").json()
    assert set(everybody["callers"]) == {"anna", "ben"}
    assert everybody["states"]["queued"] == 2
    assert place.get("/health/stats", ANNA).json()["states"] == {}


@pytest.mark.parametrize("path", ["/health/system", "/health/metrics", "/metrics"])
def test_the_machine_and_the_money_are_for_operators(place: Place, path: str) -> None:
    assert place.get(path, ANNA).status == 403
    assert place.site.ask("GET", path).status == 401


def test_prometheus_has_a_token_of_its_own_and_gets_the_format_that_it_asks_for(place: Place) -> None:
    text = place.get("/metrics", SCRAPE)
    assert text.headers["Content-Type"].startswith("text/plain")
    assert b"storygen_build_info" in text.body
    assert b"storygen_webhook_deliveries_total" in text.body
    modern = place.get("/metrics", SCRAPE, Accept="application/openmetrics-text; version=1.0.0")
    assert modern.headers["Content-Type"].startswith("application/openmetrics-text")
    assert modern.body.endswith(b"# EOF\n")


def counted(place: Place, route: str, status: str, method: str = "GET") -> float | None:
    labels = {"method": method, "route": route, "status": status}
    assert place.telemetry.registry is not None
    return place.telemetry.registry.get_sample_value("http_server_request_duration_seconds_count", labels)


def test_requests_are_measured_by_route_and_never_by_path(place: Place) -> None:
    place.get("/api/v1/runs/20261120-180312-5f3a9c0b1d2e4f60")
    place.get("/health/system")
    for guess in range(5):
        place.get(f"/api/v1/guess-{guess}")
        place.site.ask("GET", f"/nothing/{guess}")
    assert counted(place, "/api/v1/runs/{run}", "404") == 1
    assert counted(place, "/health/system", "200") == 1
    assert counted(place, "other", "404") == 5
    assert counted(place, "other", "401") == 5
    body = place.get("/metrics").body
    assert b"guess" not in body
    assert b"20261120" not in body


def test_a_method_that_nobody_knows_is_other(place: Place) -> None:
    place.get("/health/system")
    place.site.ask("BREW", "/health/system", Authorization=f"Bearer {OPERA}")
    assert counted(place, "/health/system", "405", "other") == 1


def test_where_traces_are_wanted_a_request_is_a_span_named_by_its_route(tmp_path) -> None:
    from fastapi import FastAPI
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from storygen.service import measuring
    from storygen.telemetry.tracing import Tracing

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app = FastAPI()

    @app.get("/runs/{run}")
    async def run(run: str) -> str:
        return run

    telemetry = SimpleNamespace(metrics=None, tracing=Tracing(provider.get_tracer("storygen")))
    measuring.install(app, SimpleNamespace(telemetry=telemetry))  # type: ignore[arg-type]
    with served(app) as site:
        site.ask("GET", "/runs/secret-id")
        site.ask("GET", "/health/live")
    (span,) = exporter.get_finished_spans()
    assert (span.name, span.kind.name) == ("GET /runs/{run}", "SERVER")
    assert span.attributes is not None
    assert span.attributes["http.response.status_code"] == 200
    assert "secret-id" not in str(dict(span.attributes))
