"""OpenAI's models, and whatever speaks their protocol at another address: Ollama, vLLM, LiteLLM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storygen.providers.keys import KeyRing
from storygen.providers.text.model import Writer
from storygen.settings import OpenAISettings

if TYPE_CHECKING:
    from httpx2 import AsyncClient
    from pydantic_ai.models import Model


class OpenAI(Writer):
    """Writes through chat completions, which every server of this protocol has."""

    name = "openai"

    def __init__(self, settings: OpenAISettings, keys: KeyRing) -> None:
        super().__init__(settings, keys)
        self.form = settings.text_output

    def _speaker(self, key: str, http: AsyncClient) -> Model[Any]:
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.openai import OpenAIProvider

        return OpenAIChatModel(
            self.model, provider=OpenAIProvider(base_url=self._base_url, api_key=key, http_client=http)
        )
