"""Pictures by OpenAI, and by what speaks its protocol."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from storygen.errors import InvalidOutput
from storygen.providers.base import Answer
from storygen.providers.hints import idempotency_key, note_headers
from storygen.providers.images.base import ImageRequest, Picture
from storygen.providers.images.prompts import nearest, picture_of, prompt
from storygen.providers.keys import KeyRing
from storygen.providers.translate import translated
from storygen.settings import OpenAISettings
from storygen.story import Usage

FORMAT = 1  # raise it when the same request is put in other words
_SIZES = ((1024, 1024), (1536, 1024), (1024, 1536))
_DALL_E_SIZES = ((1024, 1024), (1792, 1024), (1024, 1792))
_DALL_E_QUALITY = {"low": "standard", "medium": "standard", "high": "hd"}


class OpenAI:
    """Asks the images endpoint for one picture of the shape nearest to the frame's."""

    name = "openai"
    operation = "generate_content"
    output = "image"

    # Output tokens of a picture by quality: square, upright and wide.
    # Source: https://platform.openai.com/docs/guides/image-generation#cost-and-latency
    TOKENS: ClassVar[Mapping[str, tuple[int, int, int]]] = {
        "low": (272, 408, 400),
        "medium": (1056, 1584, 1568),
        "high": (4160, 6240, 6208),
    }

    def __init__(self, settings: OpenAISettings, keys: KeyRing) -> None:
        self._settings = settings
        self._keys = keys
        self.model = settings.image_model

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """The quality, who is asked, and the version of what is said."""
        return {"format": FORMAT, "quality": self._settings.image_quality, "base_url": self._settings.base_url}

    def expected(self, request: ImageRequest) -> Usage:
        """One picture, and its tokens by quality and shape; a token of the prompt is about four characters."""
        width, height = self._size(request)
        square, upright, wide = self.TOKENS[self._settings.image_quality]
        tokens = square if width == height else upright if height > width else wide
        return Usage(images=1, input_tokens=len(prompt(request)) // 4, output_tokens=tokens)

    async def answer(self, request: ImageRequest, folder: Path) -> Answer[Picture]:
        """Paint `request` into `folder`; the words are not on it."""
        with translated(self.name):
            content, usage = await self._keys.spend(partial(self._ask, request))
        if not content:
            raise InvalidOutput(f"{self.name} delivered no picture.", provider=self.name, usage=usage)
        return Answer(value=picture_of(content, folder, self.name, usage), usage=usage)

    async def _ask(self, request: ImageRequest, key: str) -> tuple[str, Usage]:
        with translated(self.name):
            from openai import AsyncOpenAI

            async with AsyncOpenAI(
                api_key=key, base_url=self._settings.base_url, max_retries=0, timeout=self._settings.timeout
            ) as client:
                raw = await client.images.with_raw_response.generate(**self._asked(request), extra_headers=_same())
                note_headers(raw.headers)
                answer = raw.parse()
                return answer.data[0].b64_json or "", _usage(answer)

    def _asked(self, request: ImageRequest) -> dict[str, Any]:
        width, height = self._size(request)
        asked: dict[str, Any] = {"model": self.model, "prompt": prompt(request), "size": f"{width}x{height}", "n": 1}
        if self.model.startswith("gpt-image"):
            return asked | {"quality": self._settings.image_quality, "output_format": "png"}
        asked["response_format"] = "b64_json"
        if self.model.startswith("dall-e"):
            asked["quality"] = _DALL_E_QUALITY[self._settings.image_quality]
        return asked

    def _size(self, request: ImageRequest) -> tuple[int, int]:
        return nearest(request.frame, _DALL_E_SIZES if self.model.startswith("dall-e") else _SIZES)


def _same() -> dict[str, str]:
    """The header by which a request that is sent again, because its answer was lost, is known."""
    key = idempotency_key()
    return {"Idempotency-Key": key} if key else {}


def _usage(answer: Any) -> Usage:
    """What was used; models that are billed by the picture tell no tokens."""
    told = answer.usage
    images = len(answer.data or ())
    return Usage(
        images=images, input_tokens=told.input_tokens if told else 0, output_tokens=told.output_tokens if told else 0
    )
