"""`storygen stack` and `storygen inbox` as people run them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.servers import eventually, is_alive, need


@contextmanager
def running(*args: str, until: str = "Ctrl-C ends it.") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A command that goes on, and what it said up to `until`."""
    with subprocess.Popen(
        [sys.executable, "-m", "storygen", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        said = ""
        try:
            while until not in said:
                line = process.stdout.readline()
                assert line, said
                said += line
            yield process, said
        finally:
            process.kill()


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task").glob("*/children") for child in child.read_text().split()]


def run(*args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "storygen", *args],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environ},
    )


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_the_stack_is_ended_none_of_its_servers_stays(number: signal.Signals, tmp_path: Path) -> None:
    need("prometheus", "prometheus-alertmanager")
    with running("stack", "--folder", str(tmp_path / "kept")) as (process, said):
        pids = children(process.pid)
        assert len(pids) == 2
        found = re.search(r"Prometheus +(\S+)", said)
        assert found
        assert httpx.get(f"{found[1]}/-/ready").status_code == 200
        process.send_signal(number)
        assert process.wait(30) == (-9 if number == signal.SIGKILL else 0)
        eventually(lambda: not any(map(is_alive, pids)))
    assert (tmp_path / "kept" / "prometheus.yml").exists()


def test_it_says_what_to_paste_what_is_missing_and_scrapes_what_it_is_told(tmp_path: Path) -> None:
    need("prometheus", "prometheus-alertmanager")
    with running("stack", "--target", "127.0.0.1:9999", "--folder", str(tmp_path), "--scale", "60") as (process, said):
        assert re.search(r"^export OTEL_EXPORTER_OTLP_ENDPOINT=http://127\.0\.0\.1:\d+$", said, re.MULTILINE)
        assert "--metrics-port 9999" in said
        for name in ("jaeger", "grafana"):
            assert len(re.findall(f"^Without {name} .*https://", said, re.MULTILINE)) == 1
        inbox = re.search(r"Alerts +(\S+)", said)
        assert inbox
        assert "Nothing was delivered yet" in httpx.get(inbox[1]).text
        assert "# " in httpx.get(f"{inbox[1]}/runbooks/StorygenTargetDown.md").text
        assert "scrape_interval: 250ms" in (tmp_path / "prometheus.yml").read_text()
        assert "127.0.0.1:9999" in (tmp_path / "targets.json").read_text()
        process.send_signal(signal.SIGINT)


def test_without_a_folder_nothing_stays_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("prometheus")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with running("stack") as (process, _):
        assert [*tmp_path.iterdir()]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert [*tmp_path.iterdir()] == []


def test_a_server_that_ends_by_itself_ends_the_stack_with_the_end_of_its_log(tmp_path: Path) -> None:
    need("prometheus", "prometheus-alertmanager")
    with running("stack", "--folder", str(tmp_path)) as (process, _):
        assert process.stdout
        os.kill(children(process.pid)[0], signal.SIGTERM)
        said = process.stdout.read()
        assert process.wait(30) == 1
    assert "ended by itself" in said


def test_without_prometheus_it_says_what_to_install(tmp_path: Path) -> None:
    done = run("stack", "--folder", str(tmp_path / "x"), PATH=str(tmp_path))
    assert done.returncode == 2
    assert "no prometheus on the PATH" in done.stderr
    assert "apt-get install prometheus" in done.stderr
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("target", ["localhost", ":1", "a:b", "http://a:1/x", "a:99999"])
def test_a_target_that_is_no_address_is_refused(target: str) -> None:
    done = run("stack", "--target", target)
    assert done.returncode == 2
    assert "HOST:PORT" in done.stderr


def test_the_inbox_prints_a_line_per_alert_and_obeys_no_control_character(tmp_path: Path) -> None:
    with running("inbox", "--port", "0") as (process, said):
        assert process.stdout
        found = re.search(r"http://\S+:\d+", said)
        assert found
        alerts = [
            {
                "status": status,
                "labels": {"alertname": "StorygenTargetDown"},
                "annotations": {"summary": "a\nis \x1b[31mdown"},
            }
            for status in ("firing", "resolved")
        ]
        assert httpx.post(f"{found[0]}/pager", json={"alerts": alerts}).status_code == 200
        lines = [process.stdout.readline() for _ in alerts]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert [line.split(" ", 1)[1] for line in lines] == [
        f"pager {status} StorygenTargetDown a is \\x1b[31mdown\n" for status in ("firing", "resolved")
    ]


def test_an_inbox_whose_port_is_taken_says_so() -> None:
    with running("inbox", "--port", "0") as (_, said):
        found = re.search(r":(\d+)", said)
        assert found
        done = run("inbox", "--port", found[1])
    assert done.returncode == 2
    assert f"{found[1]} cannot be used" in done.stderr
