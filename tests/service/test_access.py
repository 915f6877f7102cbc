"""Whose runs are whose, and what of a run its caller may choose."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.service.door import ANNA, BEN, OPERA, tokens_file
from tests.service.running import STORY, Service, running, settings_below


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One with tokens, which works on nothing and takes little."""
    folder = tmp_path_factory.mktemp("access")
    limits = {"max_script_characters": 500, "max_body_mb": 0.01, "open_runs_per_caller": 4}
    service = {"tokens_file": tokens_file(folder), **limits}
    with running(settings_below(folder, service=service, queue={"runs_at_once": 0})) as found:
        yield found


def as_(service: Service, token: str) -> httpx.Client:
    service.client.headers["Authorization"] = f"Bearer {token}"
    return service.client


@pytest.fixture(scope="module")
def annas(service: Service) -> str:
    """A run of Anna's."""
    return as_(service, ANNA).post("/runs", json={"text": STORY}).json()["id"]


ROUTES = [
    ("GET", ""), ("GET", "/events"), ("GET", "/artifacts"), ("GET", "/artifacts/film.mp4"), ("GET", "/film"),
    ("GET", "/report"), ("GET", "/explanation"),
]  # fmt: skip
CHANGES = [("POST", "/cancel"), ("POST", "/retry"), ("POST", "/remake"), ("DELETE", "")]


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_the_run_of_another_is_none(service: Service, annas: str, method: str, route: str) -> None:
    answer = as_(service, BEN).request(method, f"/runs/{annas}{route}")
    assert (answer.status_code, answer.json()["kind"]) == (404, "not_found")
    unknown = as_(service, BEN).request(method, f"/runs/{annas[:-4]}ffff{route}")
    assert unknown.json()["detail"].replace(f"{annas[:-4]}ffff", annas) == answer.json()["detail"]


@pytest.mark.parametrize(("method", "route"), CHANGES)
def test_who_may_only_read_changes_nothing(service: Service, annas: str, method: str, route: str) -> None:
    answer = as_(service, BEN).request(
        method, f"/runs/{annas}{route}", json={"scene": 1} if route == "/remake" else None
    )
    assert (answer.status_code, answer.json()["kind"]) == (403, "not_allowed")
    assert as_(service, ANNA).get(f"/runs/{annas}").json()["state"] == "queued"


def test_lists_hold_ones_own_runs_and_for_operators_all(service: Service, annas: str) -> None:
    seen = {name: as_(service, token).get("/runs").json()["runs"] for name, token in (("ben", BEN), ("opera", OPERA))}
    assert not seen["ben"]
    assert annas in {run["id"] for run in seen["opera"]}
    assert as_(service, OPERA).get(f"/runs/{annas}").json()["caller"] == "anna"


def test_the_batch_of_another_is_none(service: Service) -> None:
    asked = {"name": "monday", "runs": [{"topic": "a box"}]}
    batch = as_(service, OPERA).post("/batches", json=asked).json()
    assert as_(service, ANNA).get(f"/batches/{batch['id']}").status_code == 404
    assert as_(service, ANNA).get("/runs", params={"batch": batch["id"]}).json()["runs"] == []


def test_keys_of_two_callers_are_two(service: Service) -> None:
    headers = {"Idempotency-Key": "the-same"}
    first, second = (
        as_(service, token).post("/runs", json={"topic": topic}, headers=headers)
        for token, topic in ((ANNA, "a box"), (OPERA, "a lighthouse"))
    )
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] != second.json()["id"]


FORBIDDEN = [
    {"folders": {"films": "/etc"}},
    {"vendors": {"openai": {"api_keys": ["x"]}}},
    {"vendors": {"openai": {"base_url": "http://169.254.169.254/"}}},
    {"service": {"private_webhooks": True}},
    {"ffmpeg_path": "/bin/sh"},
    {"database": {"url": "sqlite:///x"}},
    {"budget": {"day_usd": 1000}},
    {"film": {"height": 7}},
    {"film": {"colour": "red"}},
    {"film": "red"},
    {"providers": {"images": ["openai"]}},
    {"providers": {"images": ["nobody"]}},
]


@pytest.mark.parametrize("settings", FORBIDDEN, ids=str)
@pytest.mark.parametrize("route", ["/runs", "/estimate"])
def test_settings_that_are_not_a_callers_to_choose_are_refused(service: Service, settings: dict, route: str) -> None:
    answer = as_(service, OPERA).post(route, json={"topic": "a lighthouse", "settings": settings})
    assert (answer.status_code, answer.json()["kind"]) == (422, "invalid_settings")
    assert next(iter(settings)) in answer.json()["detail"]


@pytest.mark.parametrize(
    ("asked", "status", "kind"),
    [
        ({"text": "word " * 120}, 413, "too_large"),
        ({"text": "x" * 20_000}, 413, "too_large"),
        ({"text": "..."}, 422, "invalid_script"),
        ({"topic": "!?"}, 422, "invalid_script"),
        ({"topic": "a", "text": "b"}, 422, "caller_mistake"),
        ({}, 422, "caller_mistake"),
        ({"topic": "a box", "key": "x"}, 422, "caller_mistake"),
        ({"topic": "a box", "webhook": "file:///etc/passwd"}, 422, "caller_mistake"),
        ({"topic": "a box", "name": "x" * 121}, 422, "caller_mistake"),
        ({"topic": "a box", "seed": -1}, 422, "caller_mistake"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_made_is_refused_with_the_right_status(
    service: Service, asked: dict, status: int, kind: str
) -> None:
    answer = as_(service, OPERA).post("/runs", json=asked)
    assert (answer.status_code, answer.json()["kind"]) == (status, kind)


def test_other_kinds_of_content_are_refused(service: Service) -> None:
    sent = as_(service, OPERA).post("/runs", content=b"topic: a box", headers={"Content-Type": "application/yaml"})
    assert sent.status_code == 415
    broken = as_(service, OPERA).post("/runs", content=b"{", headers={"Content-Type": "application/json"})
    assert (broken.status_code, broken.json()["kind"]) == (422, "caller_mistake")
    two = as_(service, OPERA).post("/runs", files=[("file", ("a", b"a")), ("file", ("b", b"b"))])
    assert two.status_code in {400, 422}


def test_more_open_runs_than_a_caller_may_have_are_refused_for_now(service: Service) -> None:
    answers = [as_(service, OPERA).post("/runs", json={"topic": f"box {n}"}) for n in range(6)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].json()["kind"] == "too_many"
    assert int(refused[0].headers["retry-after"]) > 0
