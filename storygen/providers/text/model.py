"""What all writers that are models share: asking through pydantic-ai, which speaks their protocols."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, overload

from storygen.providers.base import Answer
from storygen.providers.hints import idempotency_key, note_headers
from storygen.providers.keys import KeyRing
from storygen.providers.text import prompts
from storygen.providers.text.base import IdeasRequest, ScriptRequest, TranslationRequest, WritingRequest
from storygen.providers.text.shapes import as_record, shape_of
from storygen.providers.translate import translated
from storygen.settings import AnthropicSettings, GeminiSettings, OpenAISettings
from storygen.story import Ideas, Script, Translation, Usage

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response
    from pydantic_ai import Agent
    from pydantic_ai.models import Model
    from pydantic_ai.run import AgentRunResult
    from pydantic_ai.settings import ModelSettings
    from pydantic_ai.usage import RunUsage

Output = Literal["auto", "schema", "tool", "prompt"]
_LONGER_SECONDS = 10.0
# Counted rather too many: a token is about four letters, or one character of three bytes.
_BYTES_A_TOKEN = 3
_TOKENS_AN_IDEA = 250
_TOKENS_A_WORD = 4
_TOKENS_OF_THOUGHT = 2_000


class Writer(ABC):
    """Writes ideas and scripts, and translates subtitles, with a model.

    The SDK's own retries are off, because ours know the run's limits. Each request has a connection of its own: a run
    makes two of them, and no connection outlives the event loop that it belongs to.
    """

    name: ClassVar[str]
    operation: ClassVar[str] = "chat"
    output = "json"
    form: Output = "auto"

    def __init__(self, settings: OpenAISettings | AnthropicSettings | GeminiSettings, keys: KeyRing) -> None:
        self.model = settings.text_model
        self._base_url = settings.base_url
        self._timeout = settings.timeout
        self._keys = keys

    @abstractmethod
    def _speaker(self, key: str, http: AsyncClient) -> Model[Any]:
        """The vendor's model as pydantic-ai knows it."""

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """The edition of the prompts, the form of the answer, and whose server it is: a model is known by its name."""
        return {"edition": prompts.EDITION, "form": self.form, "base_url": self._base_url or ""}

    def expected(self, request: WritingRequest) -> Usage:
        """Tokens, counted so that they are rather too many than too few."""
        schema = json.dumps(shape_of(request).model_json_schema())
        given = len((prompts.instructions(request) + schema + prompts.material(request)).encode())
        if isinstance(request, IdeasRequest):
            written = request.count * _TOKENS_AN_IDEA
        elif isinstance(request, TranslationRequest):
            written = 2 * len("".join(request.lines).encode()) // _BYTES_A_TOKEN
        else:
            written = prompts.words(request.brief) * _TOKENS_A_WORD + prompts.scenes(request.brief) * 120
        return Usage(input_tokens=given // _BYTES_A_TOKEN, output_tokens=written + _TOKENS_OF_THOUGHT)

    @overload
    async def answer(self, request: IdeasRequest, folder: Path) -> Answer[Ideas]: ...
    @overload
    async def answer(self, request: ScriptRequest, folder: Path) -> Answer[Script]: ...
    @overload
    async def answer(self, request: TranslationRequest, folder: Path) -> Answer[Translation]: ...
    async def answer(
        self,
        request: WritingRequest,
        folder: Path,  # noqa: ARG002  # the protocol's shape; a writer leaves no files
    ) -> Answer[Ideas] | Answer[Script] | Answer[Translation]:
        """Write what is asked for. Raises a `ProviderFailure`, with the tokens that were used where they are known."""

        async def send(key: str) -> Answer[Any]:
            return await self._ask(request, key)

        with translated(self.name):
            return await self._keys.spend(send)

    async def _ask(self, request: WritingRequest, key: str) -> Answer[Any]:
        with translated(self.name):
            from pydantic_ai.usage import RunUsage

            used = RunUsage()
        with translated(self.name, lambda: _usage(used)):
            async with self._line() as http:
                agent = self._agent(request, self._speaker(key, http))
                result = await _run(agent, prompts.material(request), used)
            return Answer(
                value=as_record(result.output, request),
                usage=_usage(used),
                response_model=result.response.model_name or "",
                response_id=result.response.provider_response_id or "",
            )

    def _agent(self, request: WritingRequest, speaker: Model[Any]) -> Agent[None, Any]:
        from pydantic_ai import Agent, NativeOutput, PromptedOutput, ToolOutput

        shape = shape_of(request)
        form = self.form
        if form == "auto":
            form = "schema" if speaker.profile.get("supports_json_schema_output") else "tool"
        outputs = {"schema": NativeOutput, "tool": ToolOutput, "prompt": PromptedOutput}
        wanted: Any = outputs[form](shape)
        return Agent(
            speaker,
            output_type=wanted,
            instructions=prompts.instructions(request),
            model_settings=self._model_settings(),
            retries=0,
        )

    def _model_settings(self) -> ModelSettings:
        from pydantic_ai.settings import ModelSettings

        key = idempotency_key()
        settings = ModelSettings(timeout=self._timeout, max_retries=0)
        if key:
            settings["extra_headers"] = {"Idempotency-Key": key}
        return settings

    @asynccontextmanager
    async def _line(self) -> AsyncIterator[AsyncClient]:
        from httpx2 import AsyncClient

        # Each request names its own limit; this one only has to be longer.
        limit = self._timeout + _LONGER_SECONDS
        async with AsyncClient(timeout=limit, follow_redirects=True, event_hooks={"response": [_noted]}) as http:
            yield http


async def _run(agent: Agent[None, Any], material: str, used: RunUsage) -> AgentRunResult[Any]:
    """One request. A refusal stays one, though its words have not the form that was asked for."""
    from pydantic_ai import capture_run_messages
    from pydantic_ai.exceptions import ContentFilterError, UnexpectedModelBehavior

    with capture_run_messages() as messages:
        try:
            return await agent.run(material, usage=used)
        except UnexpectedModelBehavior as error:
            if any(getattr(message, "finish_reason", None) == "content_filter" for message in messages):
                raise ContentFilterError("The model stopped, because of what it was asked for.") from error
            raise


async def _noted(response: Response) -> None:
    note_headers(response.headers)


def _usage(used: RunUsage) -> Usage:
    return Usage(input_tokens=used.input_tokens, output_tokens=used.output_tokens)
