"""`storygen explain`, as typed, for real runs that went well, badly, slowly, or not as asked."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
import os
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from storygen.cli.app import app
from storygen.errors import InvalidSettings, RateLimited, StorygenError, kinds
from storygen.events import BreakerChanged, BreakerSaw, FellBack, Retried, Shipped
from storygen.media.ffmpeg import find_binary
from storygen.store.history import History, PastRun
from storygen.story import Outcome
from storygen.telemetry.recorder import Recorder, Recording
from storygen.telemetry.report import build
from storygen.telemetry.steps import NEXT_STEPS
from tests.telemetry.runs import Told, simple

STORY = """# The Zanzibar Kettle

## Scene: Quixotic Dawn
Visual: A vermilion samovar.
ON-SCREEN: brew --oolong

WALDEMAR: Who forgot the marmalade jar?

Nobody confessed to the porridge.

## Scene: Gloomy Pantry

The cupboards whistled a tango.
"""
WORDS = (
    *("Zanzibar", "Kettle", "Quixotic", "Gloomy", "Pantry", "vermilion", "oolong", "waldemar"),
    *("marmalade", "porridge", "tango"),
)
DEAD = "http://127.0.0.1:9"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for kind in ("films", "cache", "state"):
        monkeypatch.setenv(f"STORYGEN_FOLDERS__{kind.upper()}", str(tmp_path / kind))
    monkeypatch.setenv("STORYGEN_FILM__HEIGHT", "144")
    monkeypatch.setenv("STORYGEN_FILM__PRESET", "ultrafast")
    monkeypatch.setenv("STORYGEN_LOGS__FOLDER", str(tmp_path / "logs"))
    monkeypatch.setenv("STORYGEN_LOGS__LEVEL", "debug")
    (tmp_path / "story.md").write_text(STORY)
    return tmp_path


def typed(*words: str, env: dict[str, str] | None = None, fails: bool = False) -> str:
    result = CliRunner().invoke(app, list(words), env=env)
    assert fails == isinstance(result.exception, StorygenError), (result.exception, result.stdout)
    if not fails and result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


def refused(*words: str) -> InvalidSettings:
    error = CliRunner().invoke(app, list(words)).exception
    assert isinstance(error, InvalidSettings), error
    return error


def ran(env: dict[str, str] | None = None, *, fails: bool = False) -> Any:
    typed("run", "story.md", "-q", env=env, fails=fails)
    return json.loads(typed("explain", "--json"))


def remember(home: Path, recording: Recording, **changes: Any) -> None:
    document = recording.to_document()
    for key in changes.pop("without", ()):
        del document[key]
    past = PastRun.from_report(build(recording).to_json(), document)
    History(home / "state" / "history.sqlite").record(dataclasses.replace(past, started=time.time(), **changes))


def members(archive: Path) -> dict[str, bytes]:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as packed:
            return {name: packed.read(name) for name in packed.namelist()}
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar.getmembers()}  # type: ignore[union-attr]


def test_of_a_good_run_it_says_that_nothing_is_wrong_and_what_was_slowest(home: Path) -> None:
    found = ran()
    assert (found["outcome"], found["fault"], found["next_step"]) == ("success", None, "Nothing is wrong.")
    text = typed("explain")
    assert "Nothing is wrong; slowest was " in text
    assert "all went well" in text
    assert found["settings"]["film"] == {"height": 144, "preset": "ultrafast"}
    assert found["versions"]["ffmpeg"] == find_binary(None).name
    assert {"storygen", "python", "platform", "openai"} <= set(found["versions"])


def test_a_failed_render_shows_what_ffmpeg_said_last(home: Path) -> None:
    broken = home / "broken-ffmpeg"
    broken.write_text(
        f'#!/bin/sh\ncase "$*" in *libx264*) echo "the codec went away" >&2; exit 3;; esac\n'
        f'exec "{find_binary(None)}" "$@"\n'
    )
    broken.chmod(0o755)
    found = ran({"FFMPEG_PATH": str(broken)}, fails=True)
    assert (found["fault"]["kind"], found["fault"]["stage"]) == ("render_failed", "assembly")
    assert found["fault"]["scene"] in {1, 2}
    assert found["renders"][0]["tail"] == "the codec went away"
    assert found["next_step"] == NEXT_STEPS["render_failed"]
    assert "the codec went away" in typed("explain")


def test_a_vendor_that_is_down_shows_its_attempts_waits_fallbacks_and_breaker(home: Path) -> None:
    vendor = "STORYGEN_VENDORS__OPENAI__"
    env = {
        "STORYGEN_PROVIDERS__SPEECH": "openai,builtin",
        f"{vendor}BASE_URL": DEAD,
        f"{vendor}RETRY_WAIT": "0.01",
        f"{vendor}ATTEMPTS": "3",
        f"{vendor}BREAKER__FAILURES": "2",
        "OPENAI_API_KEY": "sk-planted0123456789",
    }
    found = ran(env)
    assert found["fidelity"] == "degraded"
    assert all("by builtin, because openai" in reason for reason in found["degraded"])
    openai = [attempt for attempt in found["attempts"] if attempt["provider"] == "openai" and attempt["number"]]
    assert {attempt["outcome"] for attempt in openai} == {"unavailable"}
    assert [attempt["started"] for attempt in openai] == sorted(attempt["started"] for attempt in openai)
    assert any(attempt["waited"] > 0 for attempt in openai)
    assert {row["to_provider"] for row in found["fallbacks"]} == {"builtin"}
    (breaker,) = found["breakers"]
    assert (breaker["provider"], breaker["state"], breaker["opened"]) == ("openai", "open", 1)
    assert found["next_step"] in {NEXT_STEPS["unavailable"], NEXT_STEPS["circuit_open"]}
    text = typed("explain")
    assert "openai -> builtin" in text
    assert 'vendors.openai.api_keys = ["**********"]' in text


def test_a_stage_that_ran_out_of_time_is_named_with_the_setting_to_raise(home: Path) -> None:
    found = ran({"STORYGEN_RUN__STAGE_TIMEOUT__ASSEMBLY": "0.001"}, fails=True)
    assert (found["outcome"], found["fault"]["kind"], found["fault"]["stage"]) == (
        "timeout",
        "stage_timeout",
        "assembly",
    )
    assert "run.stage_timeout.assembly" in found["fault"]["hint"]
    assert found["settings"]["run"]["stage_timeout"] == {"assembly": 0.001}


def test_a_run_that_was_stopped_is_no_fault(home: Path) -> None:
    recorder = Recorder("stopped-1")
    told = Told(recorder, run_id="stopped-1")
    run = told.begin("run", "story", 0)
    told.work("stage", "voice", 0, 1, run, Outcome.CANCELLED, asyncio.CancelledError(), scene=1)
    told.end(run, 1, Outcome.CANCELLED, asyncio.CancelledError())
    remember(home, recorder.recording())
    found = json.loads(typed("explain", "stop", "--json"))
    assert (found["outcome"], found["fault"]["kind"]) == ("cancelled", "cancelled")
    assert found["next_step"] == NEXT_STEPS["cancelled"]


def test_each_wait_stands_beside_the_attempt_that_it_followed(home: Path) -> None:
    recorder = Recorder("limited")
    told = Told(recorder, run_id="limited")
    run = told.begin("run", "story", 0)
    stage = told.begin("stage", "voice", 0, run, scene=2)
    call = told.begin("call", "generate_content", 0, stage, capability="speech")
    limited = RateLimited("slow down", provider="openai", attempt=2, hint="Ask less often.")
    for number, start in ((1, 0.5), (2, 2.0)):
        told.work(
            "attempt", "generate_content", start, start + 0.25, call, Outcome.FAILED, limited, provider="openai",
            model="m", number=number,
        )  # fmt: skip
        if number == 1:
            told.note(Retried(provider="openai", reason="rate_limited", attempt=1, wait=1.25), call)
    limited.locate(stage="voice", scene=2)
    for timed in (call, stage, run):
        told.end(timed, 3, Outcome.FAILED, limited)
    remember(home, recorder.recording())
    found = json.loads(typed("explain", "--json"))
    rows = [(a["started"], a["seconds"], a["number"], a["outcome"], a["waited"]) for a in found["attempts"]]
    assert rows == [(0.5, 0.25, 1, "rate_limited", 1.25), (2.0, 0.25, 2, "rate_limited", 0.0)]
    fault = found["fault"]
    assert (fault["stage"], fault["scene"], fault["provider"], fault["attempts"]) == ("voice", 2, "openai", 2)
    assert "voice, scene 2, openai: rate_limited, after 2 attempts" in typed("explain")


def test_what_is_refused_before_it_begins_is_no_run(home: Path) -> None:
    ran()
    (home / "taken").mkdir()
    (home / "taken" / "film.mp4").write_text("somebody's own")
    before = typed("explain")
    typed("run", "story.md", "-q", "--out", "taken", fails=True)
    assert typed("explain") == before


def test_a_breaker_that_was_open_before_the_run_is_told_as_open(home: Path) -> None:
    recorder = Recorder("run")
    told = Told(recorder)
    run = told.begin("run", "story", 0)
    told.note(BreakerSaw(provider="openai", capability="speech", result="rejected"), run)
    told.note(BreakerChanged(provider="gemini", capability="text", to_state="open"), run)
    told.note(BreakerChanged(provider="gemini", capability="text", to_state="closed"), run)
    told.note(FellBack(from_provider="openai", to_provider="builtin", reason="circuit_open"), run)
    told.note(Shipped(fidelity="degraded", seconds=3.0, reasons=("scene 1: voice by builtin",)), run)
    told.end(run, 1)
    remember(home, recorder.recording())
    found = json.loads(typed("explain", "--json"))
    assert [(b["provider"], b["state"], b["opened"]) for b in found["breakers"]] == [
        ("gemini", "closed", 1),
        ("openai", "open", 0),
    ]
    assert found["next_step"] == NEXT_STEPS["circuit_open"]


def test_a_run_that_an_older_storygen_recorded_is_explained_as_far_as_it_goes(home: Path) -> None:
    remember(home, simple(), without=("troubles", "context"))
    assert "not recorded" in typed("explain")


def test_the_trace_is_linked_where_the_settings_say(home: Path) -> None:
    remember(home, dataclasses.replace(simple(), trace_id="ab" * 16))
    assert f"http://localhost:16686/trace/{'ab' * 16}" in typed("explain")
    env = {"STORYGEN_TELEMETRY__TRACE_URL": "https://traces.example/t/{trace_id}?x=1"}
    assert json.loads(typed("explain", "--json", env=env))["trace_url"].startswith("https://traces.example/t/abab")


def test_every_kind_of_error_has_a_next_step() -> None:
    assert set(NEXT_STEPS) == set(kinds())
    assert all(step.endswith((".", "--live")) or ": storygen" in step or "--bundle" in step
               for step in NEXT_STEPS.values())  # fmt: skip


def test_text_of_others_does_not_act_on_the_terminal(home: Path) -> None:
    remember(home, dataclasses.replace(simple(), run_id="evil"))
    recorder = Recorder("evil-2")
    told = Told(recorder, run_id="evil-2")
    run = told.begin("run", "story", 0, title="\x1b[2Jgone")
    told.end(run, 1, Outcome.FAILED, RateLimited("\x1b]0;owned\x07", hint="\x1b[31mred"))
    remember(home, recorder.recording())
    assert "\x1b" not in typed("explain", "evil-2")
    assert "\x07" not in typed("explain", "evil-2")


@pytest.mark.parametrize("name", ["case.tar.gz", "case.zip"])
def test_the_archive_holds_what_a_maintainer_asks_for_and_nothing_of_the_story(home: Path, name: str) -> None:
    found = ran()
    typed("explain", "--bundle", name)
    inside = members(home / name)
    assert sorted(path.removeprefix("storygen-explain/") for path in inside) == [
        *("explanation.json", "explanation.txt", "log.jsonl", "manifest.json", "recording.json"),
        *("report.json", "settings.json", "versions.json"),
    ]
    assert json.loads(inside["storygen-explain/explanation.json"])["run_id"] == found["run_id"]
    lines = [json.loads(line) for line in inside["storygen-explain/log.jsonl"].splitlines()]
    assert {line["run_id"] for line in lines} == {found["run_id"]}
    whole = b"".join([*inside.values(), *(path.encode() for path in inside)]).lower()
    assert [word for word in WORDS if word.lower().encode() in whole] == []
    assert str(Path.home()).encode() not in whole
    assert (home / name).stat().st_mode & 0o077 == 0
    typed("explain", "--bundle", f"full-{name}", "--with-content")
    assert b"Zanzibar" in b"".join(members(home / f"full-{name}").values())


def test_a_failed_run_says_nothing_of_the_story_either(home: Path) -> None:
    env = {"STORYGEN_VOICE__VOICES": '{"WALDEMAR": "en-us+adam"}', "STORYGEN_RUN__STAGE_TIMEOUT__ASSEMBLY": "0.001"}
    ran(env, fails=True)
    typed("explain", "--bundle", "case.tar.gz", env=env)
    whole = b"".join(members(home / "case.tar.gz").values()).lower()
    assert [word for word in WORDS if word.lower().encode() in whole] == []


def test_the_same_run_gives_the_same_archive(home: Path) -> None:
    remember(home, simple())
    for name in ("a.tar.gz", "b.tar.gz", "a.zip", "b.zip"):
        typed("explain", "--bundle", name)
    assert (home / "a.tar.gz").read_bytes() == (home / "b.tar.gz").read_bytes()
    assert (home / "a.zip").read_bytes() == (home / "b.zip").read_bytes()


def test_an_archive_that_exists_is_replaced_only_by_force(home: Path) -> None:
    remember(home, simple())
    (home / "case.zip").write_text("mine")
    assert "exists already" in refused("explain", "--bundle", "case.zip").message
    assert (home / "case.zip").read_text() == "mine"
    typed("explain", "--bundle", "case.zip", "--force")
    assert members(home / "case.zip")
    assert [path.name for path in home.glob(".case*")] == []


@pytest.mark.parametrize(
    "words",
    [("--bundle", "case.rar"), ("--bundle", "no/where/case.zip"), ("--force",), ("--with-content",)],
)
def test_an_archive_that_cannot_be_is_refused_with_what_to_do(home: Path, words: tuple[str, ...]) -> None:
    remember(home, simple())
    assert refused("explain", *words).hint


PLANTED = {
    "file": "plantedFileKey/Q7+w=012345",
    "environment": "plantedEnvironKey0123456789",
    "password": "plantedP4ss%2Fword99",
    "query": "plantedQuerySignature77",
    "header": "plantedHeaderToken55",
    "redis": "plantedredisP4ssw0rd",
    "push": "plantedPushPassword1",
    "stranger": "plantedServiceToken333",
}


@pytest.fixture
def parrot() -> Iterator[str]:
    """A vendor that refuses everything and quotes the whole request."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            said = f"refused {self.path} with {dict(self.headers)} {' '.join(PLANTED.values())}"
            body = json.dumps({"error": {"message": said, "type": said, "code": 401}}).encode()
            self.send_response(401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("content", [(), ("--with-content",)])
def test_no_key_reaches_the_archive_or_the_screen(home: Path, parrot: str, content: tuple[str, ...]) -> None:
    (home / "storygen.toml").write_text(
        f'[vendors.openai]\napi_keys = ["{PLANTED["file"]}"]\nattempts = 1\n'
        f'base_url = "http://someone:{PLANTED["password"]}@{parrot}/v1?sig={PLANTED["query"]}"\n'
        f'[telemetry]\npushgateway = "http://pusher:{PLANTED["push"]}@127.0.0.1:9"\n'
        f'[redis]\nurl = "redis://:{PLANTED["redis"]}@127.0.0.1:1/0"\n'
    )
    telling = home / "telling-ffmpeg"
    telling.write_text(
        f'#!/bin/sh\ncase "$*" in *libx264*) echo "broke: {" ".join(PLANTED.values())}" >&2; exit 3;; esac\n'
        f'exec "{find_binary(None)}" "$@"\n'
    )
    telling.chmod(0o755)
    env = {
        "OPENAI_API_KEY": PLANTED["environment"],
        "SOME_SERVICE_TOKEN": PLANTED["stranger"],
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{PLANTED['header']}",
        "STORYGEN_PROVIDERS__SPEECH": "openai,builtin",
        "FFMPEG_PATH": str(telling),
    }
    found = ran(env, fails=True)
    assert found["fault"]["kind"] == "render_failed"
    typed("explain", "--bundle", "case.tar.gz", *content, env=env)
    shown = typed("explain", env=env) + typed("explain", "--json", env=env)
    inside = members(home / "case.tar.gz")
    places = {**inside, "screen": shown.encode()}
    forms = {name: {key, json.dumps(key)[1:-1], key.replace("/", "%2F")} for name, key in PLANTED.items()}
    leaks = [
        (place, name)
        for place, held in places.items()
        for name, written in forms.items()
        if any(form.encode() in held for form in written)
    ]
    assert leaks == []
    assert b"broke:" in inside["storygen-explain/explanation.txt"]
    assert b"authentication_failed" in inside["storygen-explain/recording.json"]
    assert os.fspath(home).encode() in inside["storygen-explain/settings.json"]
