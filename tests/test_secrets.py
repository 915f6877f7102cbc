"""Keys are planted and vendors echo them; then everything that was written, sent or shown is searched for them."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import stat
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from storygen.media.ffmpeg import Command, find_binary, run
from storygen.providers.speech import engine
from storygen.store.history import History
from storygen.telemetry.receiver import receiving
from tests.vendors.fixture import simulation, vendors

__all__ = ["simulation", "vendors"]
VENDORS = {
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "elevenlabs": "ELEVENLABS_API_KEY",
    "runway": "RUNWAYML_API_SECRET",
}
# Unlike any vendor's pattern, and written otherwise in an address than in a text.
PLANTED = {name: f"planted{name}Q7+/w=0123456789" for name in VENDORS} | {"redis": "plantedredisP4ssw0rd"}
STORY = "# The Jar\n\n## Scene: Light\n\nIt glowed at three, as it always did.\n\n## Scene: Dark\n\nNobody answered.\n"
CHAINS = {
    "TEXT": "openai,anthropic,gemini,builtin",
    "SPEECH": "elevenlabs,openai,gemini,builtin",
    "IMAGES": "openai,gemini,builtin",
    "VIDEO": "runway",
}


def forms(secret: str) -> Iterator[bytes]:
    """A secret as it could stand in a text, an address, JSON, or within anything in base64."""
    yield from (text.encode() for text in (secret, quote(secret), quote(secret, safe=""), quote_plus(secret)))
    yield json.dumps(secret)[1:-1].replace("/", "\\/").encode()
    for shift in range(3):
        whole = base64.b64encode(b"x" * shift + secret.encode()).rstrip(b"=")
        yield whole[4:-4]
        yield whole[4:-4].replace(b"+", b"-").replace(b"/", b"_")


FORMS = {name: {*forms(secret)} for name, secret in PLANTED.items()}


def leaks(content: bytes | str) -> list[str]:
    found = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    return [name for name, written in FORMS.items() if any(form in found for form in written)]


@pytest.fixture
def parrot() -> Iterator[str]:
    """A vendor of the worst kind: refuses everything and quotes the whole request, with its headers."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            said = f"refused {self.path} with {dict(self.headers)}"
            body = json.dumps({"error": {"message": said, "type": said, "code": 401, "status": said}, "detail": said})
            self.send_response(401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Echo", str(self.headers.get("Authorization")))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


class House:
    """A folder in which storygen runs with planted keys, and all that it says to anybody."""

    def __init__(self, home: Path, otlp: Any) -> None:
        self.home, self.otlp = home, otlp
        self._heard: list[bytes] = []
        self.children = home.parent / f"{home.name}-children"
        self.children.mkdir()
        (home / "story.md").write_text(STORY)
        wrapper = home.parent / f"{home.name}-ffmpeg"
        wrapper.write_text(
            f'#!/bin/sh\n(env; echo "$@") > "{self.children}/$$"\nexec "{find_binary(None)}" "$@"\n', "utf-8"
        )
        wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
        self.environ = os.environ | {variable: PLANTED[name] for name, variable in VENDORS.items()}
        self.environ |= {f"STORYGEN_FOLDERS__{kind.upper()}": str(home / kind) for kind in ("films", "cache", "state")}
        self.environ |= {
            "FFMPEG_PATH": str(wrapper),
            "STORYGEN_FILM__HEIGHT": "144",
            "STORYGEN_FILM__PRESET": "ultrafast",
            "STORYGEN_LOGS__LEVEL": "debug",
            "STORYGEN_LOGS__FORMAT": "json",
            "STORYGEN_LOGS__FOLDER": str(home / "logs"),
            "STORYGEN_REDIS__URL": f"redis://:{PLANTED['redis']}@127.0.0.1:1/0",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{otlp.http_port}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        }
        self.environ |= {f"STORYGEN_VENDORS__{name.upper()}__ATTEMPTS": "1" for name in VENDORS}

    def at(self, addresses: dict[str, str]) -> House:
        self.environ |= {f"STORYGEN_VENDORS__{name.upper()}__BASE_URL": url for name, url in addresses.items()}
        return self

    def chains(self, **chains: str) -> House:
        self.environ |= {f"STORYGEN_PROVIDERS__{name}": chain for name, chain in chains.items()}
        return self

    def run(self, *arguments: str, **more: str) -> int:
        with subprocess.Popen(
            [sys.executable, "-m", "storygen", *arguments],
            env=self.environ | more,
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as child:
            assert child.stdout
            told = threading.Thread(target=self._scrape, args=(child.stderr,))
            told.start()
            self._heard.append(child.stdout.read())
            told.join()
            return child.wait(timeout=200)

    @property
    def end(self) -> str:
        return self.said.decode("utf-8", "replace")[-2000:]

    @property
    def said(self) -> bytes:
        return b"".join(self._heard)

    def _scrape(self, stream: Any) -> None:
        """Read what is shown, and the metrics until their endpoint closes."""
        for line in stream:
            self._heard.append(line)
            if address := re.search(rb"Metrics: (http://\S+)", line):
                threading.Thread(target=self._scrape_all, args=(address[1].decode(),), daemon=True).start()

    def _scrape_all(self, address: str) -> None:
        with suppress(urllib.error.URLError, ConnectionError):
            for _ in range(300):
                with urllib.request.urlopen(address, timeout=5) as answer:
                    self._heard.append(answer.read())
                threading.Event().wait(0.2)

    def everything(self) -> Iterator[tuple[str, bytes | str]]:
        yield "shown or scraped", self.said
        for path in (path for path in self.home.rglob("*") if path.is_file()):
            yield str(path), path.read_bytes()
        for path in self.children.iterdir():
            yield f"what ffmpeg was started with: {path}", path.read_bytes()
        for part in self.otlp.received:
            yield "sent to the collector", part.SerializeToString()
        for past in History(self.home / "state" / "history.sqlite").since(0):
            whole = History(self.home / "state" / "history.sqlite").find(past.run_id)
            yield "the recording of a run", json.dumps(whole.recording) + json.dumps(whole.report)

    def search(self) -> None:
        searched = list(self.everything())
        assert {name: found for name, content in searched if (found := leaks(content))} == {}
        places = [name for name, _ in searched]
        for wanted in ("history.sqlite", "logs", "manifest.json", "ffmpeg", "collector", "recording"):
            assert any(wanted in place for place in places), wanted


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    home = tmp_path / "home"
    home.mkdir()
    with receiving() as otlp:
        yield House(home, otlp)


def test_the_search_finds_a_key_in_every_form() -> None:
    key = PLANTED["openai"]
    for text in (key, quote(key, safe=""), json.dumps({"k": key}), base64.b64encode(f"user:{key}:".encode()).decode()):
        assert leaks(f"before {text} after") == ["openai"]


def test_no_key_is_shown_written_or_sent_where_all_goes_well(house: House, vendors: Any) -> None:
    house.at({name: vendors.url(name) for name in VENDORS})
    house.chains(TEXT="openai", SPEECH="elevenlabs,builtin", IMAGES="openai,builtin")
    assert house.run("run", "a jar that glows", "--seconds", "30", "--metrics-port", "0") == 0, house.end
    assert house.run("doctor", "--live") == 1  # nobody answers at the address of Redis
    assert house.run("estimate", "story.md", "--json") == 0
    assert house.run("report", "--json") == 0
    assert len(vendors.requests("elevenlabs")) >= 1
    house.search()


def test_no_key_is_shown_written_or_sent_where_vendors_echo_it(house: House, parrot: str) -> None:
    house.at(dict.fromkeys(VENDORS, parrot)).chains(**CHAINS)
    assert house.run("run", "a jar that glows", "--seconds", "30", "--metrics-port", "0") == 0, house.end
    assert b"authentication_failed" in house.said
    assert house.run("run", "story.md", STORYGEN_DEGRADE__VOICE="fail", STORYGEN_PROVIDERS__SPEECH="elevenlabs") == 1
    assert house.run("doctor", "--live", "--json") == 1
    assert house.run("report", "--html", "-") == 0
    house.search()


def test_the_voice_is_started_without_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "telltale.py"
    program.write_text("import json, os, sys\nprint(json.dumps({'environ': dict(os.environ), 'argv': sys.argv}))\n")
    monkeypatch.setattr(engine, "_PROGRAM", program)
    for name, variable in VENDORS.items():
        monkeypatch.setenv(variable, PLANTED[name])
    monkeypatch.setenv("A_NAME_NOBODY_THOUGHT_OF", PLANTED["openai"])
    report = asyncio.run(engine.speak({"text": "Hello.", "out": str(tmp_path / "voice.wav")}))
    assert "PATH" in report["environ"]
    assert leaks(json.dumps(report)) == []


def test_the_list_of_processes_shows_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, variable in VENDORS.items():
        monkeypatch.setenv(variable, PLANTED[name])
    shown: list[bytes] = []

    def look(_done: float, _speed: float) -> None:
        here = str(os.getpid())
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                status = (process / "stat").read_text().rpartition(")")[2].split()
                if status[1] == here:
                    shown.append((process / "environ").read_bytes() + (process / "cmdline").read_bytes())

    args = ("-re", "-f", "lavfi", "-i", "color=size=64x64:duration=1.5", "-c:v", "libx264", "-f", "null", "-")
    if not Path("/proc").is_dir():
        pytest.skip("there is no list of processes to look at")
    asyncio.run(
        run(
            Command(step="probe", args=args),
            binary=find_binary(None),
            timeout=60,
            stall_after=60,
            on_progress=look,
        )
    )
    assert any(b"libx264" in content for content in shown)
    assert [leaks(content) for content in shown if leaks(content)] == []
