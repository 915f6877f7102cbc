"""The image: small, without rights, and of the packages that are pinned for everything else."""

from __future__ import annotations

import re
import tomllib

from tests.deploy.conftest import ROOT, read

LOCK = ROOT / "deploy/docker/requirements.lock"
DOCKERFILE = (ROOT / "deploy/docker/Dockerfile").read_text("utf-8")
PIN = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE)


def pins(path) -> dict[str, str]:
    return dict(PIN.findall(path.read_text("utf-8")))


def test_python_is_pinned_and_nobody_is_root():
    assert re.search(r"^ARG PYTHON=3\.11\.\d+-slim-\w+$", DOCKERFILE, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"python:${PYTHON}"}
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE) == ["10001:10001"]


def test_the_image_is_called_by_the_version_of_storygen_and_never_fetched(services):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert services["storygen"]["image"] == services["inbox"]["image"] == f"storygen:{version}"
    assert services["storygen"]["pull_policy"] == "build"
    assert services["inbox"]["pull_policy"] == "never"


def test_packages_are_those_that_are_tested_and_checked_by_hash():
    assert pins(LOCK).items() <= pins(ROOT / "requirements-dev.lock").items()
    assert "--require-hashes" in DOCKERFILE
    assert LOCK.read_text("utf-8").count("--hash=sha256:") >= len(pins(LOCK))


def test_every_vendor_with_a_key_can_be_used_from_the_image():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    wanted = {
        re.match(r"[\w-]+", need)[0]
        for extra in ("openai", "anthropic", "gemini", "elevenlabs", "runway", "redis", "build")
        for need in extras[extra]
    }
    assert wanted <= pins(LOCK).keys()


def test_all_that_is_copied_is_let_through_and_there():
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    let_through = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        path for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) for path in line.split()[:-1]
    }
    assert "*" in ignored
    assert copied == let_through
    assert [path for path in copied if not (ROOT / path).exists()] == []


def test_the_folders_of_the_volumes_belong_to_the_user_of_the_image():
    volumes = read("docker-compose.yml")["services"]["storygen"]["volumes"]
    made = re.search(r"install -d -o storygen -g storygen (.+)$", DOCKERFILE, re.MULTILINE)[1].split()
    assert {volume.rsplit(":", 1)[1] for volume in volumes} == set(made)
