"""Anthropic's models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storygen.providers.text.model import Writer

if TYPE_CHECKING:
    from httpx2 import AsyncClient
    from pydantic_ai.models import Model


class Anthropic(Writer):
    """Writes through messages."""

    name = "anthropic"

    def _speaker(self, key: str, http: AsyncClient) -> Model[Any]:
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        return AnthropicModel(
            self.model, provider=AnthropicProvider(base_url=self._base_url, api_key=key, http_client=http)
        )
