"""What those try who mean no good, over a real socket against the whole service: all of it is refused."""

from __future__ import annotations

import gzip
import io
import json
import re
import socket
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storygen.service import limits
from tests.servers import eventually
from tests.service.door import ANNA, BEN, OPERA, Answer, Site, tokens_file
from tests.service.running import running, settings_below

EVIL = '<script>alert(1)</script>"\r\nSet-Cookie: a=b\r\n\r\n\x1b[31m'
STORY = {"text": "Ada found a box.\n\nNobody had opened it for a hundred years."}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[Site]:
    """A service with tokens that only accepts: nothing is made."""
    service = {"tokens_file": tokens_file(folder, TOKENS), "max_body_mb": 0.3, "max_script_characters": 20_000}
    logs = {"folder": folder / "logs", "level": "debug"}
    with running(settings_below(folder, service=service, queue={"runs_at_once": 0}, logs=logs)) as served:
        yield Site(int(served.url.rpartition(":")[2]))


TOKENS = f"""
[callers.anna]
token = "{ANNA}"
scopes = ["submit", "read"]
[callers.ben]
token = "{BEN}"
scopes = ["submit", "read"]
[callers.opera]
token = "{OPERA}"
scopes = ["submit", "read", "operate"]
"""


def ask(site: Site, method: str, path: str, body: Any = None, token: str = ANNA, **headers: str) -> Answer:
    data = json.dumps(body) if body is not None and not isinstance(body, bytes) else body
    kind = {} if body is None or "Content_Type" in headers else {"Content_Type": "application/json"}
    return site.ask(method, path, data, Authorization=f"Bearer {token}", **kind, **headers)


def submit(site: Site, **more: Any) -> Answer:
    return ask(site, "POST", "/api/v1/runs", {**STORY, **more})


def upload(site: Site, data: bytes, name: str = "story.txt", **headers: str) -> Answer:
    head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    kind = "multipart/form-data; boundary=b"
    return ask(site, "POST", "/api/v1/runs", head + data + b"\r\n--b--\r\n", Content_Type=kind, **headers)


def refused(answer: Answer, *statuses: int) -> dict[str, Any]:
    """A problem document with one of these statuses, which tells nothing of the inside."""
    assert answer.status in statuses, (answer.status, answer.body[:500])
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert b"Traceback" not in answer.body
    assert b"/storygen/" not in answer.body
    found = answer.json()
    assert found["status"] == answer.status
    return found


RUN = "20261120-180312-5f3a9c0b1d2e4f60"
PATHS = (
    *("../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "..%5c..%5cwindows"),
    *("%00", "a%00.mp4", "/etc/passwd", "%2fetc%2fpasswd", "film.mp4/../../tokens.toml", ".", ".."),
    *("%c0%ae%c0%ae/", "film.mp4%0d%0aX-Evil: 1", "C:%5cboot.ini", "%ff", "%F0%9F%92%A9" * 50, "a" * 5000),
    *("....//....//etc/passwd", "~root/.ssh/id_rsa"),
)


@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
def test_no_name_of_a_file_leads_out_of_a_film(site: Site, path: str) -> None:
    run = submit(site).json()["id"]
    found = ask(site, "GET", f"/api/v1/runs/{run}/artifacts/{path.replace(' ', '%20')}")
    refused(found, 400, 403, 404, 414, 422)
    assert b"root:" not in found.body


@pytest.mark.parametrize(
    "id_", ["..", "../..", "%2e%2e", "..%2f..%2fstate", "%00", "' OR 1=1 --", "*", "%25", "a" * 4000, "%0a"]
)
def test_no_id_of_a_run_leads_anywhere(site: Site, id_: str) -> None:
    for path in (f"/api/v1/runs/{id_}", f"/api/v1/runs/{id_}/events", f"/api/v1/runs/{id_}/artifacts/film.mp4"):
        refused(ask(site, "GET", path.replace(" ", "%20")), 400, 403, 404, 422)


def test_runs_of_others_are_as_if_there_were_none(site: Site) -> None:
    run = submit(site).json()["id"]
    for method, path in (
        *(
            ("GET", f"/api/v1/runs/{run}{part}")
            for part in ("", "/events", "/artifacts", "/artifacts/film.mp4", "/film")
        ),
        *(("POST", f"/api/v1/runs/{run}/{what}") for what in ("cancel", "retry")),
        ("DELETE", f"/api/v1/runs/{run}"),
    ):
        stolen, guessed = (ask(site, method, path.replace(run, id_), token=BEN) for id_ in (run, RUN))
        assert stolen.status == guessed.status == 404, path
        assert stolen.body.replace(run.encode(), b"") == guessed.body.replace(RUN.encode(), b"")
    assert run not in ask(site, "GET", "/api/v1/runs", token=BEN).body.decode()
    assert ask(site, "GET", f"/api/v1/runs/{run}").status == 200
    assert ask(site, "GET", f"/api/v1/runs/{run}", token=OPERA).status == 200


def test_a_batch_of_others_is_as_if_there_were_none(site: Site) -> None:
    batch = ask(site, "POST", "/api/v1/batches", {"name": "mine", "runs": [STORY]}).json()["id"]
    refused(ask(site, "GET", f"/api/v1/batches/{batch}", token=BEN), 404)
    found = ask(site, "GET", f"/api/v1/runs?batch={batch}", token=BEN)
    assert found.json()["runs"] == []


def test_somebody_elses_idempotency_key_shows_nothing_of_theirs(site: Site) -> None:
    mine = ask(site, "POST", "/api/v1/runs", STORY, Idempotency_Key="k1").json()["id"]
    theirs = ask(site, "POST", "/api/v1/runs", {"topic": "something else"}, BEN, Idempotency_Key="k1")
    assert theirs.status == 202
    assert theirs.json()["id"] != mine


def bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("story.txt", b"\0" * 50_000_000)
    return packed.getvalue()


SCRIPTS = {
    "zip bomb": bomb(),
    "gzip bomb": gzip.compress(b"a" * 50_000_000),
    "nothing": b"",
    "zeros": b"\0" * 1000,
    "an ELF": b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 20,
    "a PNG": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20,
    "nested YAML": b"title: x\nscenes: " + b"[" * 5000,
    "nested JSON": b'{"scenes": ' + b"[" * 50_000,
    "too long": b"word " * 10_000,
}  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_what_is_no_story_is_refused_and_never_unpacked(site: Site, script: bytes) -> None:
    refused(upload(site, script), 400, 413, 422)


LAYERS = zip("abcdefghijklm", "bcdefghijklmn", strict=True)
GROWING = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in LAYERS)
MAKING = "!!python/object/apply:os.system ['touch OWNED']"
INCLUDING = "{% include '/etc/passwd' %} {{ 7 * 7 }}"


@pytest.mark.parametrize("script", [GROWING, MAKING, INCLUDING], ids=["grows", "makes objects", "includes"])
def test_a_script_is_words_or_refused_but_never_carried_out(site: Site, folder: Path, script: str) -> None:
    found = upload(site, script.replace("OWNED", str(folder / "owned")).encode())
    assert found.status in {202, 400, 422}
    assert not (folder / "owned").exists()
    assert len(found.body) < 5_000


@pytest.mark.parametrize(
    "name", ["../../evil.py", "/etc/cron.d/x", "..\\..\\x.txt", 'x"; filename="y', "a\x00b", "nul"]
)
def test_the_name_of_an_upload_is_never_a_path(site: Site, folder: Path, name: str) -> None:
    found = upload(site, STORY["text"].encode(), name)
    assert found.status in {202, 400, 422}
    if found.status == 202:
        assert not re.search(r"[/\\\x00]", found.json()["title"])
    assert not list(folder.rglob("*evil*"))


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "GZIP"])
def test_packed_requests_are_not_unpacked(site: Site, coding: str) -> None:
    refused(ask(site, "POST", "/api/v1/runs", gzip.compress(b"{}"), Content_Encoding=coding), 415)


def test_a_body_that_says_it_is_large_is_refused_before_it_is_read(site: Site) -> None:
    with site.raw(
        head("POST", "/api/v1/runs", "Content-Type: application/json", "Content-Length: 9999999999999")
    ) as line:
        assert status_of(line.recv(4096)) == 413


def test_a_body_that_does_not_say_so_is_cut_off_while_it_comes(site: Site) -> None:
    with site.raw(head("POST", "/api/v1/runs", "Content-Type: application/json", "Transfer-Encoding: chunked")) as line:
        sent = 0
        try:
            while sent < 50_000_000:
                line.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                sent += 0x10000
        except OSError:
            pass
        assert sent < 20_000_000


def test_a_body_in_pieces_that_is_too_large_is_told_so(site: Site) -> None:
    with site.raw(head("POST", "/api/v1/runs", "Content-Type: application/json", "Transfer-Encoding: chunked")) as line:
        for _ in range(5):
            line.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        assert status_of(line.recv(65536)) == 413


def head(method: str, path: str, *headers: str) -> bytes:
    lines = (f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {ANNA}", *headers, "", "")
    return "\r\n".join(lines).encode("latin-1")


def until(line: socket.socket, end: bytes) -> bytes:
    """What comes, up to an end; an answer may come in parts."""
    told = b""
    while not told.endswith(end) and (more := line.recv(4096)):
        told += more
    return told


def status_of(answer: bytes) -> int:
    return int(answer.split()[1])


@pytest.mark.parametrize(
    "headers",
    [
        ["X-Big: " + "a" * 40_000],
        ["X-Big: " + "a" * 100_000],
        [f"X-{n}: 1" for n in range(150)],
        [f"X-{n}: {'a' * 500}" for n in range(95)],
    ],
    ids=["one", "one very large", "many", "many large"],
)
def test_huge_headers_are_refused(site: Site, headers: list[str]) -> None:
    with site.raw(head("GET", "/api/v1/runs", *headers)) as line:
        assert status_of(line.recv(4096)) in {400, 431}


@pytest.mark.parametrize(
    "data",
    [
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/v1/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST /api/v1/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/v1/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: +5\r\n\r\nhello",
        b"POST /api/v1/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"GET /api/v1/runs HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /api/v1/runs HTTP/1.1\r\n\r\n",
        b"GET /api/v1/runs HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200,
        b"GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
    ],
    ids=range(11),
)
def test_requests_that_mean_two_things_are_refused(site: Site, data: bytes) -> None:
    with site.raw(data) as line:
        answer = line.recv(4096)
        assert not answer or status_of(answer) in {400, 401, 403, 404, 405, 501}


def test_one_who_never_ends_a_head_is_hung_up_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HEAD_SECONDS", 0.2)
    for begun in (b"", b"GET / HTTP/1.1\r\nHost: "):
        with site.raw(begun) as line:
            assert line.recv(100) == b""


def test_one_who_never_ends_a_second_head_is_hung_up_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HEAD_SECONDS", 0.2)
    with site.raw(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n") as line:
        assert status_of(until(line, b"}")) == 200
        line.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert line.recv(100) == b""


def test_one_who_never_ends_a_body_is_told_so_and_hung_up_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PAUSE_SECONDS", 0.2)
    with site.raw(
        head("POST", "/api/v1/runs", "Content-Type: application/json", "Content-Length: 100") + b'{"topic"'
    ) as line:
        assert status_of(line.recv(4096)) == 408


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "169.254.169.254", "x" * 300])
def test_a_forged_host_is_of_no_use_to_a_session_or_a_guess(site: Site, host: str) -> None:
    refused(site.ask("GET", "/api/v1/runs", Host=host), 400, 401, 403)


TARGETS = (
    *("http://127.0.0.1/", "http://localhost:8080/", "http://[::1]:8080/", "http://169.254.169.254/latest/meta-data/"),
    *("http://10.0.0.1/", "http://192.168.1.1:8080/", "http://[::ffff:127.0.0.1]/", "http://[fd00:ec2::254]/"),
    *("http://0.0.0.0/", "file:///etc/passwd", "gopher://127.0.0.1:6379/_x", "http://user:pw@example.com/"),
    *("http://example.com:6379/x\r\nSET a b", "http://example.com:25/", "http://a.localhost/"),
    *("http://100.100.100.200/", "https://[64:ff9b::7f00:1]/"),
)


@pytest.mark.parametrize("url", TARGETS)
def test_a_webhook_to_a_machine_that_is_not_public_is_refused_when_it_is_named(site: Site, url: str) -> None:
    refused(submit(site, webhook=url), 400, 403, 422)


@pytest.mark.parametrize(
    "settings",
    [
        {"vendors": {"openai": {"base_url": "http://169.254.169.254/"}}},
        {"vendors": {"openai": {"api_keys": ["x"]}}},
        {"folders": {"films": "/etc"}},
        {"database": {"url": "sqlite:////etc/passwd"}},
        {"service": {"tokens_file": "/etc/passwd"}},
        {"ffmpeg_path": "/bin/sh"},
        {"vendors": {"piper": {"voice_file": "/etc/passwd"}}},
        {"telemetry": {"pushgateway": "http://169.254.169.254/"}},
        {"__class__": {"x": 1}},
    ],
    ids=str,
)
def test_keys_addresses_and_paths_are_never_settings_of_a_run(site: Site, settings: dict[str, Any]) -> None:
    refused(submit(site, settings=settings), 400, 403, 422)


SCRIPTED = (
    "![x](http://169.254.169.254/x.png)",
    "![x](file:///etc/passwd)",
    "![x](/etc/passwd)",
    "![x](../../etc/passwd)",
)


@pytest.mark.parametrize("picture", SCRIPTED)
def test_a_script_fetches_nothing_and_reads_no_file_of_the_server(site: Site, picture: str) -> None:
    text = f"# T\n\n## Scene 1: A\nNarration: Ada found a box.\nVisual: {picture}\n{picture}\n"
    found = ask(site, "POST", "/api/v1/check", {"text": text})
    assert found.status in {200, 400, 422}
    assert b"root:" not in found.body


def test_a_title_can_put_nothing_into_a_header(site: Site) -> None:
    found = submit(site, name=EVIL[:100])
    assert found.status in {202, 400, 422}
    assert found.headers["Set-Cookie"] is None
    if found.status == 202:
        assert re.fullmatch(r"/api/v1/runs/[\w-]+", found.headers["Location"])


@pytest.mark.parametrize(
    "header", ["Idempotency_Key", "Last_Event_ID", "If_None_Match", "Range", "traceparent", "Accept"]
)
def test_strange_headers_are_refused_or_ignored(site: Site, header: str) -> None:
    run = submit(site).json()["id"]
    for value in ("\x7f" * 10, "a" * 5000, "-1", "\xff\xfe", "bytes=9999999999999999999-", "00-0-0-0"):
        for method, path, body in (("GET", f"/api/v1/runs/{run}", None), ("POST", "/api/v1/runs", STORY)):
            found = ask(site, method, path, body, **{header: value})
            assert found.status < 500, (header, value, found.body)


def test_a_title_with_html_stays_text_in_the_console(site: Site) -> None:
    run = ask(site, "POST", "/api/v1/runs", {**STORY, "name": "<img src=x onerror=alert(1)>"}).json()["id"]
    for path in ("/", f"/runs/{run}"):
        page = ask(site, "GET", path, Accept="text/html")
        assert b"<img src=x" not in page.body, path
        assert "script-src 'self'" in page.headers["Content-Security-Policy"], path


def test_what_is_asked_cannot_forge_a_line_of_the_log(site: Site, folder: Path) -> None:
    forged = "x%0a2026-11-20 level=error event=forged%1b[31m"
    for path in (f"/api/v1/runs/{forged}", f"/{forged}"):
        ask(site, "GET", path.replace(" ", "%20"))
    submit(site, name="a\n2026-11-20 event=forged")
    ask(site, "GET", "/api/v1/runs", User_Agent="x event=forged")
    for path in (folder / "logs").glob("*"):
        for line in path.read_text().splitlines():
            assert not line.startswith("2026-11-20 "), line
            assert "\x1b" not in line
            assert ANNA not in line


def test_those_who_guess_tokens_are_told_to_wait(site: Site) -> None:
    def guess() -> bool:
        found = site.ask("GET", "/api/v1/runs", Authorization=f"Bearer guess-{'x' * 30}")
        assert found.status in {401, 429}
        return found.status == 429 and int(found.headers["Retry-After"]) >= 1

    eventually(guess)
    assert ask(site, "GET", "/api/v1/runs").status == 200


def test_one_caller_who_asks_too_often_waits_and_others_do_not(tmp_path: Path) -> None:
    service = {"tokens_file": tokens_file(tmp_path, TOKENS), "requests_per_minute": 5}
    with running(settings_below(tmp_path, service=service, queue={"runs_at_once": 0})) as served:
        site = Site(int(served.url.rpartition(":")[2]))
        statuses = [ask(site, "GET", "/api/v1/runs").status for _ in range(7)]
        assert statuses == [200] * 5 + [429] * 2
        assert int(ask(site, "GET", "/api/v1/runs").headers["Retry-After"]) >= 1
        assert ask(site, "GET", "/api/v1/runs", token=BEN).status == 200


def test_every_route_asks_who_is_there(site: Site) -> None:
    document = ask(site, "GET", "/api/v1/openapi.json").json()
    for path, methods in document["paths"].items():
        for method in methods.keys() & {"get", "post", "put", "patch", "delete"}:
            found = site.ask(method.upper(), re.sub(r"\{[^}]+\}", "x", path))
            assert found.status == (200 if path in {"/health/live", "/health/ready"} else 401), path
