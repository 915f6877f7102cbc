"""`storygen vendors`: the simulated vendors, for rehearsals without keys, money or a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storygen.vendors.world import World

_KEYS = {
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "elevenlabs": "ELEVENLABS_API_KEY",
    "runway": "RUNWAY_API_KEY",
}


def vendors(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 picks a free one.")] = 8765,
    plan: Annotated[
        Path | None, typer.Option(help="A TOML or JSON file of faults.", exists=True, dir_okay=False)
    ] = None,
    prices: Annotated[
        Path | None, typer.Option(help="A TOML file of prices instead of the own ones.", exists=True, dir_okay=False)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed for faults that come by rate.")] = None,
) -> None:
    """Run simulated vendors on 127.0.0.1 that real SDKs can talk to, until Ctrl-C; then say what they billed."""
    from storygen.vendors.server import listen, server_of
    from storygen.vendors.world import World

    world = World(plan=_plan(plan, seed), prices=_prices(prices))
    try:
        server = server_of(world)
        listener = listen(port)
        _say_addresses(listener.getsockname()[1])
        with listener:
            _serve(server, listener)
        _say_bill(world)
    finally:
        world.close()


def _plan(path: Path | None, seed: int | None) -> Any:
    from storygen.vendors.plan import Plan, read_plan

    chosen = read_plan(path) if path else Plan()
    return chosen if seed is None else chosen.model_copy(update={"seed": seed})


def _prices(path: Path | None) -> Any:
    from storygen.vendors.bill import read_prices

    return read_prices(path)


def _serve(server: Any, listener: Any) -> None:
    """Serve until Ctrl-C, which uvicorn takes for its own end and raises again behind it."""
    import asyncio
    from contextlib import suppress

    with suppress(KeyboardInterrupt):
        asyncio.run(server.serve(sockets=[listener]))


def _say_addresses(port: int) -> None:
    from storygen.vendors.faults import VENDORS
    from storygen.vendors.server import base_url

    print(f"Simulated vendors listen on 127.0.0.1:{port}. Paste these lines to use them; any key will do.\n")
    for vendor in VENDORS:
        print(f"export STORYGEN_VENDORS__{vendor.upper()}__BASE_URL={base_url(vendor, port)}")
        print(f"export {_KEYS[vendor]}=simulated")
    print(f"\nSDKs that are used by themselves: OPENAI_BASE_URL={base_url('openai', port)}")
    print(f"ANTHROPIC_BASE_URL={base_url('anthropic', port)}  GOOGLE_GEMINI_BASE_URL={base_url('gemini', port)}")
    print(f"RUNWAYML_BASE_URL={base_url('runway', port)}")
    print(f'\nFaults: curl -X PUT http://127.0.0.1:{port}/_plan -d \'[{{"fault": "rate_limit", "rate": 0.3}}]\'')
    print(f"Bill:   curl http://127.0.0.1:{port}/_billed      Ctrl-C ends it.", flush=True)


def _say_bill(world: World) -> None:
    summary = world.bill.summary()
    print(f"\n{'billed':<28}{'requests':>9}{'US dollars':>13}  units")
    for name, row in sorted(summary["by"].items()):
        print(f"{name:<28}{row['requests']:>9}{row['usd']:>13.4f}  {_units(row['units'])}")
    print(f"{'all':<28}{sum(row['requests'] for row in summary['by'].values()):>9}{summary['usd']:>13.4f}")
    if summary["lost_usd"]:
        print(f"{'of it, answers that were lost':<37}{summary['lost_usd']:>13.4f}")
    if summary["unpriced"]:
        print(f"No price is known for {', '.join(summary['unpriced'])}.")
    print(f"{len(world.requests)} requests came in.", flush=True)


def _units(units: Mapping[str, float]) -> str:
    return ", ".join(f"{number:g} {name.replace('_', ' ')}" for name, number in units.items())
