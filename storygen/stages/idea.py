"""A topic becomes several scored candidates."""

from __future__ import annotations

from storygen.providers.base import Capability
from storygen.providers.text.base import IdeasRequest
from storygen.quality.text import check_ideas
from storygen.stages.base import Tools
from storygen.story import Brief, Check, Ideas, Made


async def choose(brief: Brief, tools: Tools, *, count: int = 4) -> Made[Ideas]:
    """Ask for `count` ways to tell the topic, best first. Raises a `ProviderFailure` if nobody has usable ones."""

    async def check(ideas: Ideas) -> tuple[Check, ...]:
        return check_ideas(ideas, count)

    return await tools.call(Capability.TEXT, IdeasRequest(brief=brief, count=count), Ideas, check)
