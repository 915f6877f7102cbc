"""The console: pages made on the server, which htmx keeps up to date; they work without scripts, too."""

from __future__ import annotations

from fastapi import APIRouter

from storygen.service.console import assets, entry, listing, run, submit, system

router = APIRouter(include_in_schema=False)
for _page in (assets, entry, submit, listing, run, system):
    router.include_router(_page.router)
