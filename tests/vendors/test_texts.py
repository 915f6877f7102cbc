"""Texts through the vendors' SDKs and through pydantic-ai."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import httpx2
import pytest
from pydantic import BaseModel, Field

from storygen.vendors.server import Simulation
from tests.vendors import clients


class Line(BaseModel):
    text: str = Field(min_length=1)
    speaker: str = "narrator"


class Scene(BaseModel):
    title: str
    lines: list[Line] = Field(min_length=1)
    mood: Literal["neutral", "calm", "joyful", "wonder", "mysterious", "tense", "dark", "melancholy"]
    seconds: float | None = None


class Script(BaseModel):
    title: str
    scenes: list[Scene] = Field(min_length=3)


PROMPT = "Write the script of a film of about 40 seconds.\n<topic>\na night librarian who hears a clock\n</topic>"


def model_of(name: str, vendors: Simulation, http: Any) -> Any:
    if name == "anthropic":
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        provider = AnthropicProvider(base_url=vendors.url("anthropic"), api_key="k", http_client=http)
        return AnthropicModel("claude-haiku-4-5", provider=provider)
    if name == "gemini":
        from pydantic_ai.models.google import GoogleModel
        from pydantic_ai.providers.google import GoogleProvider

        google = GoogleProvider(base_url=vendors.url("gemini"), api_key="k", http_client=http)
        return GoogleModel("gemini-2.5-flash", provider=google)
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    kind = OpenAIChatModel if name == "chat" else OpenAIResponsesModel
    return kind("gpt-5-mini", provider=OpenAIProvider(base_url=vendors.url("openai"), api_key="k", http_client=http))


@pytest.mark.parametrize("form", ["ToolOutput", "NativeOutput", "PromptedOutput"])
@pytest.mark.parametrize("name", ["chat", "responses", "anthropic", "gemini"])
def test_a_script_comes_in_the_shape_that_was_asked_for(name: str, form: str, vendors: Simulation) -> None:
    import pydantic_ai

    wrap = getattr(pydantic_ai, form)

    async def ask() -> Any:
        async with httpx2.AsyncClient(timeout=30) as http:
            agent = pydantic_ai.Agent(model_of(name, vendors, http), output_type=wrap(Script))
            whole = await agent.run(PROMPT)
            async with agent.run_stream(PROMPT) as streamed:
                return whole, await streamed.get_output(), streamed.usage

    whole, streamed, usage = asyncio.run(ask())
    assert len(whole.output.scenes) >= 3
    assert "clock" in " ".join(line.text for scene in whole.output.scenes for line in scene.lines)
    assert streamed == whole.output
    charges = vendors.billed()["charges"]
    assert [charge["units"]["output_tokens"] for charge in charges] == [whole.usage.output_tokens, usage.output_tokens]
    assert [charge["units"]["input_tokens"] for charge in charges] == [whole.usage.input_tokens, usage.input_tokens]


def test_openai_chats_whole_and_streamed_with_the_same_words(vendors: Simulation) -> None:
    whole = clients.chat(vendors)
    parts = list(clients.chat(vendors, stream=True, stream_options={"include_usage": True}))
    assert "".join(part.choices[0].delta.content or "" for part in parts if part.choices)
    assert parts[-1].usage == whole.usage
    assert whole.choices[0].finish_reason == "stop"


def test_openai_answers_in_responses_with_events_in_order(vendors: Simulation) -> None:
    client = clients.openai(vendors)
    with client.responses.stream(model="gpt-5-mini", input="The topic: a fox") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert final.output_text
    assert client.responses.create(model="gpt-5-mini", input="The topic: a fox").output_text


def test_anthropic_streams_and_counts(vendors: Simulation) -> None:
    client = clients.anthropic(vendors)
    asked: dict[str, Any] = {"model": "claude-haiku-4-5", "max_tokens": 500, "messages": clients.HELLO}
    with client.messages.stream(**asked) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == final.content[0].text
    assert client.messages.create(**asked).usage.output_tokens == final.usage.output_tokens
    assert client.messages.count_tokens(model="claude-haiku-4-5", messages=clients.HELLO).input_tokens > 0


def test_gemini_streams_its_text_in_pieces(vendors: Simulation) -> None:
    client = clients.gemini(vendors)
    pieces = list(client.models.generate_content_stream(model="gemini-2.5-flash", contents="The topic: a fox"))
    assert len(pieces) > 1
    assert pieces[-1].candidates[0].finish_reason == "STOP"
    assert client.models.generate_content(model="gemini-2.5-flash", contents="The topic: a fox").text


def test_each_vendor_lists_models(vendors: Simulation) -> None:
    assert "gpt-4o-mini" in [model.id for model in clients.openai(vendors).models.list()]
    assert "claude-haiku-4-5" in [model.id for model in clients.anthropic(vendors).models.list()]
    assert "models/gemini-2.5-flash" in [model.name for model in clients.gemini(vendors).models.list()]
    assert clients.gemini(vendors).models.get(model="gemini-2.5-flash").name == "models/gemini-2.5-flash"


def test_a_schema_that_is_no_story_is_filled_with_what_satisfies_it(vendors: Simulation) -> None:
    from pydantic_ai import Agent

    class Report(BaseModel):
        name: str = Field(min_length=20, max_length=30)
        grade: int = Field(ge=3, le=4)
        share: float = Field(gt=0, lt=1)
        tags: list[Literal["b", "c"]] = Field(min_length=2, max_length=3)
        inner: dict[str, str] | None = None
        is_ready: bool

    async def ask() -> Any:
        async with httpx2.AsyncClient(timeout=30) as http:
            return await Agent(model_of("chat", vendors, http), output_type=Report).run("Report.")

    made = asyncio.run(ask())
    assert 3 <= made.output.grade <= 4
    assert len(made.output.tags) >= 2
