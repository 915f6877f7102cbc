"""A real S3 server for tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.jobs.brokers import free_port
from tests.servers import eventually


@contextmanager
def s3_server() -> Iterator[str]:
    """The address of a server without a bucket."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        eventually(lambda: _answers(url))
        yield url
        server.kill()


def bucket(url: str, name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a new bucket, with keys for it in the environment."""
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    for key, value in ({"AWS_ENDPOINT_URL": url} | keys).items():
        monkeypatch.setenv(key, value)
    name = f"bucket-{name.replace('_', '-').lower()}"
    httpx.put(f"{url}/{name}").raise_for_status()
    return f"s3://{name}"


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code < 500
    except httpx.HTTPError:
        return False
