"""Callers choose what the operator lets them choose, and never keys, addresses or paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from storygen.choices import choosable, with_choices
from storygen.errors import InvalidSettings
from storygen.settings import BudgetSettings, FilmSettings, OpenAISettings, ServiceSettings, Settings, VendorsSettings

OPERATORS = Settings(
    film=FilmSettings(height=144, fps=10),
    budget=BudgetSettings(run_usd=1.0, day_usd=5.0),
    vendors=VendorsSettings(openai=OpenAISettings(api_keys=(SecretStr("sk-1"),))),
)


def test_what_a_caller_chose_is_taken_and_the_rest_stays_the_operators() -> None:
    chosen = {"film": {"aspect": "16:9"}, "voice": {"voices": {"Ada": "en-us+f3"}}, "budget": {"run_usd": 0.5}}

    settings = with_choices(OPERATORS, chosen)

    assert (settings.film.aspect, settings.film.height, settings.film.fps) == ("16:9", 144, 10)
    assert settings.voice.voices == {"Ada": "en-us+f3"}
    assert (settings.budget.run_usd, settings.budget.day_usd) == (0.5, 5.0)
    assert settings.vendors is OPERATORS.vendors
    assert with_choices(OPERATORS, {}) is OPERATORS
    assert with_choices(OPERATORS, {"film": {}}) == OPERATORS


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"folders": {"films": "/etc"}}, "folders.films: the operator does not let callers choose this"),
        ({"budget": {"day_usd": 100}}, "budget.day_usd: the operator does not let callers choose this"),
        ({"vendors": {"openai": {"api_keys": ["x"]}}}, "vendors.openai.api_keys: the operator does not let"),
        ({"vendors": {"openai": {"base_url": "http://x"}}}, "vendors.openai.base_url: the operator does not let"),
        ({"ffmpeg_path": "/bin/sh"}, "ffmpeg_path: the operator does not let callers choose this"),
        ({"film": {"aspekt": "16:9"}}, "film.aspekt: there is no such setting; did you mean film.aspect?"),
        ({"film": {"aspect": "1:2"}}, "film.aspect: Input should be"),
        ({"film": 5}, "film: it is a group of settings and not one value"),
        ({"providers": {"speech": ["nobody"]}}, "providers.speech: there is no 'nobody'"),
        ({"providers": {"speech": ["elevenlabs"]}}, "providers.speech: elevenlabs has no key"),
        ({"budget": {"run_usd": 9}}, "budget.run_usd: one run may cost more (9) than all runs of a day"),
    ],
)
def test_what_no_caller_may_choose_is_refused_with_its_name(chosen: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidSettings) as refused:
        with_choices(OPERATORS, chosen)
    assert said in refused.value.message


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(InvalidSettings) as refused:
        with_choices(OPERATORS, {"film": {"fps": 1}, "voice": {"words_per_minute": 1}})
    assert [line.partition(":")[0] for line in refused.value.message.splitlines()] == [
        "film.fps",
        "voice.words_per_minute",
    ]


def test_keys_addresses_and_paths_stay_the_operators_even_where_everything_is_allowed() -> None:
    everything = tuple(Settings.model_fields)

    keys = choosable(everything)

    assert "film.aspect" in keys
    assert not [key for key in keys if key.startswith(("vendors.", "folders."))]
    assert not {"ffmpeg_path", "database.url", "redis.url", "queue.broker", "service.tokens_file"} & set(keys)
    with pytest.raises(InvalidSettings):
        with_choices(OPERATORS, {"folders": {"films": str(Path.home())}}, everything)


def test_the_operator_may_allow_less() -> None:
    narrow = OPERATORS.model_copy(update={"service": ServiceSettings(per_run=("film.aspect",))})

    assert choosable(narrow.service.per_run) == ("film.aspect",)
    with pytest.raises(InvalidSettings, match=r"film\.fps: the operator"):
        with_choices(narrow, {"film": {"fps": 30}})
