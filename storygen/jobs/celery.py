"""Celery as the carrier of the queue: its app, its two queues, and the messages that go through them.

The durable store is the truth. A message only says that there may be something to do about a run: one that is lost is
sent again, and one too many changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from celery import Celery
from celery.exceptions import Reject
from kombu.entity import Queue

from storygen.errors import InvalidSettings
from storygen.settings import Settings

CALLS, RENDERS = "calls", "renders"
QUEUES = (CALLS, RENDERS)
SPARE_SECONDS = 3600.0
_PATIENT_SECONDS = 4.0
_POSTING = {"max_retries": 1, "interval_start": 0.0, "interval_step": 0.1, "interval_max": 0.1}


def celery_app(settings: Settings, *, posts: bool = False) -> Celery:
    """The app of a worker, or of a process that only `posts` messages and gives up soon where the broker is away.

    Raises `InvalidSettings` where `queue.broker` is not set or is no address.
    """
    url = _broker(settings)
    is_redis = urlsplit(url).scheme in {"redis", "rediss", "sentinel"}
    app = Celery("storygen", broker=url, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        event_serializer="json",
        task_ignore_result=True,
        task_queues=[_queue(name, settings, is_redis) for name in QUEUES],
        task_default_queue=CALLS,
        task_create_missing_queues=False,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_enable_prefetch_count_reduction=False,  # what it withholds after an outage it does not always give back
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=True,
        task_send_sent_event=True,
        broker_connection_timeout=_PATIENT_SECONDS,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options=_transport(settings, is_redis) | (_POSTING if posts else {}),
    )
    return app


def add_tasks(app: Celery, follow: Callable[[str, str], bool]) -> None:
    """Let `follow(run, queue)` see to each message; where it says False the message goes back to the broker."""

    def add(queue: str) -> None:
        @app.task(name=task_name(queue))  # type: ignore[untyped-decorator]
        def carry_out(run: str) -> None:
            if not follow(run, queue):
                raise Reject("The worker shuts down.", requeue=True)

    for queue in QUEUES:
        add(queue)


def task_name(queue: str) -> str:
    """What the task behind a queue is called."""
    return f"storygen.{queue}"


def _broker(settings: Settings) -> str:
    secret = settings.queue.broker
    url = secret.get_secret_value() if secret else ""
    if not urlsplit(url).scheme:
        raise InvalidSettings(
            "queue.broker: the queue goes through Celery, and this is no address of its broker.",
            hint="It looks like redis://localhost:6379/0 or amqp://USER:PASSWORD@localhost//.",
        )
    return url


def _transport(settings: Settings, is_redis: bool) -> dict[str, Any]:
    """Redis gives a message to another worker when it was not acknowledged for longer than any run may take."""
    if not is_redis:
        return {"confirm_publish": True}
    longest = settings.queue.run_timeout + settings.queue.grace_seconds + SPARE_SECONDS
    return {"visibility_timeout": longest, "socket_keepalive": True}


def _queue(name: str, settings: Settings, is_redis: bool) -> Queue:
    arguments = _arguments(settings, is_redis)
    return Queue(name, routing_key=name, queue_arguments=arguments)  # type: ignore[no-untyped-call]  # as kombu has it


def _arguments(settings: Settings, is_redis: bool) -> dict[str, Any] | None:
    """RabbitMQ would otherwise close the channel of a worker that is half an hour at one message (from 3.12 on)."""
    if is_redis:
        return None
    longest = settings.queue.run_timeout + settings.queue.grace_seconds + SPARE_SECONDS
    return {"x-consumer-timeout": int(longest * 1000)}
