"""Google's Gemini models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storygen.providers.text.model import Writer

if TYPE_CHECKING:
    from httpx2 import AsyncClient
    from pydantic_ai.models import Model


class Gemini(Writer):
    """Writes through generateContent."""

    name = "gemini"
    operation = "generate_content"

    def _speaker(self, key: str, http: AsyncClient) -> Model[Any]:
        from pydantic_ai.models.google import GoogleModel
        from pydantic_ai.providers.google import GoogleProvider

        return GoogleModel(self.model, provider=GoogleProvider(base_url=self._base_url, api_key=key, http_client=http))
