"""`storygen inbox`: a receiver of Alertmanager's webhooks that one can look at."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from storygen.stack.inbox import Delivery


def inbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free one.")] = 9099,
    host: Annotated[str, typer.Option(help="The address to listen on; others than this machine's are open to all.")] = (
        "127.0.0.1"
    ),
) -> None:
    """Take alerts from Alertmanager at /pager, /chat, /log and /heartbeat, print them, and show them as a page."""
    from storygen.stack.inbox import Inbox

    ended = [signal.SIGINT, signal.SIGTERM]
    signal.pthread_sigmask(signal.SIG_BLOCK, ended)
    with Inbox(port, host=host, told=_say) as running:
        print(f"Alerts arrive at http://{host}:{running.port}. Ctrl-C ends it.", flush=True)
        signal.sigwait(ended)


def _say(delivery: Delivery) -> None:
    from storygen.cli.streams import printable

    came = time.strftime("%H:%M:%S", time.localtime(delivery.at))
    for alert in delivery.alerts:
        words = (came, delivery.receiver, alert.status, alert.name, alert.annotations.get("summary", ""))
        print(printable(" ".join(word for word in words if word)).replace("\n", " "), flush=True)
