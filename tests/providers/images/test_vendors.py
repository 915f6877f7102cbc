"""Vendors paint what a scene asks for, in its shape and without words, and every way to fail has a name."""

from __future__ import annotations

import asyncio
import base64
import io
import struct
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pydantic import SecretStr

from storygen.errors import (
    AuthenticationFailed,
    ContentRejected,
    InvalidOutput,
    ProviderFailure,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
)
from storygen.providers.base import Answer
from storygen.providers.hints import hinting
from storygen.providers.images.base import ImageRequest, Picture
from storygen.providers.images.gemini import Gemini
from storygen.providers.images.openai import OpenAI
from storygen.providers.images.prompts import MOST_BYTES, picture_of, prompt
from storygen.providers.keys import KeyRing
from storygen.quality.images import check_image
from storygen.settings import GeminiSettings, OpenAISettings
from storygen.story import Frame, Mood, Usage, Verdict
from storygen.vendors.server import Simulation

REQUEST = ImageRequest(
    picture="a lighthouse by the sea",
    title="The Light",
    subtitle="Part one",
    mood=Mood.CALM,
    frame=Frame(width=180, height=320, fps=30),
    number=1,
    film="Keepers",
)
BOTH = ("openai", "gemini")


def painter(vendors: Simulation, name: str, keys: tuple[str, ...] = ("sk-first",), **settings: Any) -> Any:
    ring = KeyRing([SecretStr(key) for key in keys])
    settings = {"base_url": vendors.url(name), "timeout": 10.0} | settings  # type: ignore[arg-type]
    return OpenAI(OpenAISettings(**settings), ring) if name == "openai" else Gemini(GeminiSettings(**settings), ring)


def painted(one: Any, folder: Path, request: ImageRequest = REQUEST) -> Answer[Picture]:
    return asyncio.run(one.answer(request, folder))  # type: ignore[no-any-return]


def failure(one: Any, folder: Path) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as failed:
        painted(one, folder)
    return failed.value


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("size", [(180, 320), (320, 180), (200, 200)])
def test_a_picture_comes_in_the_shape_of_the_frame_and_passes_its_checks(
    vendors: Simulation, tmp_path: Path, name: str, size: tuple[int, int]
) -> None:
    frame = Frame(width=size[0], height=size[1], fps=30)
    one = painter(vendors, name)
    answer = painted(one, tmp_path, replace(REQUEST, frame=frame))
    assert not answer.value.lettered
    assert answer.value.image.parent == tmp_path
    with Image.open(answer.value.image) as image:
        assert (image.width > image.height) == (size[0] > size[1])
        assert (image.width == image.height) == (size[0] == size[1])
    assert all(check.verdict is Verdict.PASS for check in check_image(answer.value.image, frame))
    assert answer.usage.images == 1
    expected = one.expected(replace(REQUEST, frame=frame)).output_tokens
    assert answer.usage.output_tokens == pytest.approx(expected, rel=0.02)


def test_the_words_of_a_scene_are_left_to_us() -> None:
    said = prompt(REQUEST)
    assert "a lighthouse by the sea" in said
    assert "Keepers" in said
    assert "calm" in said
    assert "No text in the picture" in said
    assert "Part one" not in said
    assert "The Light" in prompt(replace(REQUEST, picture=""))


def test_quality_decides_the_tokens_that_are_expected(vendors: Simulation, tmp_path: Path) -> None:
    usages = []
    for quality in ("low", "high"):
        one = painter(vendors, "openai", image_quality=quality)
        assert painted(one, tmp_path).usage.output_tokens == one.expected(REQUEST).output_tokens
        usages.append(one.expected(REQUEST).output_tokens)
    assert usages == [408, 6240]


FAULTS: Mapping[str, type[ProviderFailure]] = {
    "rate_limit": RateLimited,
    "server_error": ProviderUnavailable,
    "unavailable": ProviderUnavailable,
    "unauthorized": AuthenticationFailed,
    "quota": QuotaExceeded,
    "drop": ProviderUnavailable,
    "broken_json": InvalidOutput,
    "wrong_shape": InvalidOutput,
    "refusal": ContentRejected,
}


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_one_of_our_errors_and_is_asked_only_once(
    vendors: Simulation, tmp_path: Path, name: str, fault: str
) -> None:
    vendors.plan([{"fault": fault, "vendor": name}])
    error = failure(painter(vendors, name), tmp_path)
    assert type(error) is FAULTS[fault]
    assert error.provider == name
    assert "sk-first" not in f"{error} {error.hint} {error.__cause__}"
    assert len(vendors.requests(name)) == 1  # type: ignore[arg-type]
    assert error.is_uncertain == (fault in {"drop", "broken_json", "wrong_shape"}) or error.usage is not None


@pytest.mark.parametrize("name", BOTH)
def test_a_vendor_that_hangs_is_left_after_its_time(vendors: Simulation, tmp_path: Path, name: str) -> None:
    vendors.plan([{"fault": "hang", "vendor": name}])
    error = failure(painter(vendors, name, timeout=0.2), tmp_path)
    assert isinstance(error, ProviderTimeout)
    assert error.is_uncertain


@pytest.mark.parametrize("name", BOTH)
def test_the_wish_of_a_vendor_to_wait_is_handed_on(vendors: Simulation, tmp_path: Path, name: str) -> None:
    vendors.plan([{"fault": "rate_limit", "vendor": name, "retry_after": 7}])
    assert failure(painter(vendors, name), tmp_path).retry_after == 7


def test_a_key_without_quota_rests_and_the_next_one_paints(vendors: Simulation, tmp_path: Path) -> None:
    vendors.plan(keys={"openai": {"sk-empty-00": "quota", "sk-good-000": "ok"}})
    one = painter(vendors, "openai", ("sk-empty-00", "sk-good-000"))
    for _ in range(2):
        painted(one, tmp_path)
    assert [entry["status"] for entry in vendors.requests("openai")] == [429, 200, 200]


def test_without_a_key_it_says_which_variable_to_set(vendors: Simulation, tmp_path: Path) -> None:
    error = failure(painter(vendors, "openai", ()), tmp_path)
    assert isinstance(error, AuthenticationFailed)
    assert "OPENAI_API_KEY" in error.hint


def test_a_request_sent_again_because_its_answer_was_lost_is_billed_once(vendors: Simulation, tmp_path: Path) -> None:
    vendors.plan([{"fault": "drop", "vendor": "openai", "first": 1}])
    one = painter(vendors, "openai")
    with hinting("the-same-request"):
        assert failure(one, tmp_path).is_uncertain
        painted(one, tmp_path)
    assert len(vendors.world.bill.charges) == 1


def bomb(width: int, height: int) -> bytes:
    """A PNG file that says it has so many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        b"GIF89a" + bytes(40),
        b"\0" * (MOST_BYTES + 1),
    ],
    ids=["nothing", "playlist", "drawing", "gif", "too much"],
)
def test_an_answer_that_is_no_picture_is_refused_by_what_it_holds(tmp_path: Path, content: bytes) -> None:
    for sent in (content, base64.b64encode(content).decode()):
        with pytest.raises(InvalidOutput) as refused:
            picture_of(sent, tmp_path, "somebody", Usage(images=1))
        assert refused.value.usage == Usage(images=1)


def test_what_is_not_base64_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOutput):
        picture_of("%%%%", tmp_path, "somebody", Usage(images=1))


def test_a_picture_of_a_billion_pixels_fails_its_checks_undecoded(tmp_path: Path) -> None:
    picture = picture_of(bomb(40_000, 40_000), tmp_path, "somebody", Usage(images=1))
    assert [check.verdict for check in check_image(picture.image, REQUEST.frame)] == [Verdict.FAIL]


def test_a_picture_that_ends_early_fails_its_checks(tmp_path: Path) -> None:
    written = io.BytesIO()
    Image.effect_noise((200, 320), 60).convert("RGB").save(written, "PNG")
    picture = picture_of(written.getvalue()[:-4000], tmp_path, "somebody", Usage(images=1))
    assert any(check.verdict is Verdict.FAIL for check in check_image(picture.image, REQUEST.frame))
