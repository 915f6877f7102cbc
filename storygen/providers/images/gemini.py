"""Pictures by Google Gemini's models that paint."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from storygen.errors import ContentRejected, InvalidOutput
from storygen.providers.base import Answer
from storygen.providers.hints import note_headers
from storygen.providers.images.base import ImageRequest, Picture
from storygen.providers.images.prompts import nearest, picture_of, prompt
from storygen.providers.keys import KeyRing
from storygen.providers.translate import translated
from storygen.settings import GeminiSettings
from storygen.story import Usage

FORMAT = 1  # raise it when the same request is put in other words
_SHAPES = ((1, 1), (2, 3), (3, 2), (3, 4), (4, 3), (9, 16), (16, 9), (21, 9))
_TOKENS = 1290  # of one picture: https://ai.google.dev/gemini-api/docs/pricing
_REFUSALS = ("SAFETY", "PROHIBITED", "BLOCKLIST", "RECITATION", "SPII")


class Gemini:
    """Asks a model for content of the kind image."""

    name = "gemini"
    operation = "generate_content"
    output = "image"

    def __init__(self, settings: GeminiSettings, keys: KeyRing) -> None:
        self._settings = settings
        self._keys = keys
        self.model = settings.image_model

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Who is asked, and the version of what is said."""
        return {"format": FORMAT, "base_url": self._settings.base_url}

    def expected(self, request: ImageRequest) -> Usage:
        """One picture, and its tokens; a token of the prompt is about four characters."""
        return Usage(images=1, input_tokens=len(prompt(request)) // 4, output_tokens=_TOKENS)

    async def answer(self, request: ImageRequest, folder: Path) -> Answer[Picture]:
        """Paint `request` into `folder`; the words are not on it."""
        with translated(self.name):
            answer = await self._keys.spend(partial(self._ask, request))
        content = next((part.inline_data.data for part in answer.parts or () if part.inline_data), None)
        told = answer.usage_metadata
        usage = Usage(
            images=int(content is not None),
            input_tokens=(told and told.prompt_token_count) or 0,
            output_tokens=(told and told.candidates_token_count) or 0,
        )
        if content is None:
            raise self._refusal(answer, usage)
        return Answer(value=picture_of(content, folder, self.name, usage), usage=usage)

    async def _ask(self, request: ImageRequest, key: str) -> Any:
        with translated(self.name):
            from google import genai
            from google.genai import types

            across, down = nearest(request.frame, _SHAPES)
            options = types.HttpOptions(
                base_url=self._settings.base_url,
                timeout=round(self._settings.timeout * 1000),
                retry_options=types.HttpRetryOptions(attempts=1),
            )
            config = types.GenerateContentConfig(
                response_modalities=["IMAGE"], image_config=types.ImageConfig(aspect_ratio=f"{across}:{down}")
            )
            async with genai.Client(api_key=key, http_options=options).aio as client:
                answer = await client.models.generate_content(model=self.model, contents=prompt(request), config=config)
            note_headers((answer.sdk_http_response and answer.sdk_http_response.headers) or {})
            return answer

    def _refusal(self, answer: Any, usage: Usage) -> ContentRejected | InvalidOutput:
        blocked = answer.prompt_feedback.block_reason if answer.prompt_feedback else None
        ended = answer.candidates[0].finish_reason if answer.candidates else None
        reason = str(getattr(blocked or ended, "value", blocked or ended or "no reason given"))
        if blocked or any(word in reason for word in _REFUSALS):
            return ContentRejected(
                f"{self.name} will not paint this: {reason}.",
                provider=self.name,
                usage=usage,
                hint="Describe the scene's picture in other words.",
            )
        return InvalidOutput(f"{self.name} delivered no picture: {reason}.", provider=self.name, usage=usage)
