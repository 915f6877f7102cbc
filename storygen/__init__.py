"""storygen turns a story into a narrated, subtitled video and shows where the time and the money went."""

from __future__ import annotations
