"""An idea becomes scenes."""

from __future__ import annotations

from storygen.providers.base import Capability
from storygen.providers.text.base import ScriptRequest
from storygen.quality.text import check_length, check_script
from storygen.stages.base import Tools
from storygen.story import Brief, Check, Idea, Made, Script


async def write(brief: Brief, idea: Idea, tools: Tools) -> Made[Script]:
    """Ask for the idea as scenes of about the brief's seconds. Raises a `ProviderFailure` if nobody has usable ones."""

    async def check(script: Script) -> tuple[Check, ...]:
        return (*check_script(script), check_length(script, brief))

    return await tools.call(Capability.TEXT, ScriptRequest(brief=brief, idea=idea), Script, check)
