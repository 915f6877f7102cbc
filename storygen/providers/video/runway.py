"""Clips by Runway: submit, ask until it is done, download.

A task is noted on the disk before it is asked for, so that a run that dies, or gives up waiting, finds it again: a clip
that was paid for is fetched, not paid twice.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storygen import events
from storygen.errors import (
    ContentRejected,
    InvalidOutput,
    ProviderFailure,
    ProviderTimeout,
    ProviderUnavailable,
    StorygenError,
)
from storygen.media.stills import cut_to
from storygen.providers.base import Answer
from storygen.providers.hints import note_headers
from storygen.providers.images.prompts import mood_words, nearest
from storygen.providers.keys import KeyRing
from storygen.providers.translate import translated
from storygen.providers.video.base import Clip, ClipRequest
from storygen.providers.video.download import download
from storygen.settings import RunwaySettings
from storygen.store.jobs import Job, Jobs
from storygen.story import Usage

if TYPE_CHECKING:
    from runwayml import AsyncRunwayML

FORMAT = 1  # raise it when the same request is put in other words
ADDRESS = "https://api.dev.runwayml.com"
_SHORT, _LONGEST_PROMPT = 5.0, 1000
_SHAPES = ((1280, 720), (720, 1280))
_SQUARE = (960, 960)
_NEED_A_PICTURE = ("gen4_turbo",)
_OWN_SHARE = 0.97  # of the time limit: gives up just before the call does, because it knows what is still to come
_MOST_LOST = 5
_ONE_ANSWER_SECONDS = 60.0


class Runway:
    """Makes a clip of a scene: from its first picture, or from words alone."""

    name = "runway"
    operation = "generate_content"
    output = "video"

    def __init__(self, settings: RunwaySettings, keys: KeyRing, jobs: Jobs) -> None:
        self._settings = settings
        self._keys = keys
        self._jobs = jobs
        self._handed_over: set[str] = set()
        self._spoilt: Counter[str] = Counter()
        self.model = settings.video_model

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """The longest clip, whether it starts from a picture, who is asked, and the version of what is said."""
        asked = self._settings
        return {
            "format": FORMAT,
            "seconds": asked.seconds,
            "from_picture": asked.from_picture,
            "base_url": asked.base_url,
        }

    def expected(self, request: ClipRequest) -> Usage:
        """The seconds of the clip, which are what is billed."""
        return Usage(video_seconds=self._seconds(request))

    async def answer(self, request: ClipRequest, folder: Path) -> Answer[Clip]:
        """Film `request` into `folder`, or fetch what an earlier run has submitted for the same request."""
        allowed = self._settings.timeout * _OWN_SHARE
        try:
            async with asyncio.timeout(allowed) as limit:
                return await self._film(request, folder)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise ProviderTimeout(
                f"{self.name} was not done with a clip after {allowed:.0f} s.",
                provider=self.name,
                is_uncertain=True,
                hint="Its task is kept: run again to fetch it without paying again, or raise `vendors.runway.timeout`.",
            ) from error

    def settle(self, request: ClipRequest) -> None:
        """The clip for `request` is stored: forget its task."""
        key = self._key(request)
        self._handed_over.discard(key)
        self._jobs.end(key)

    async def _film(self, request: ClipRequest, folder: Path) -> Answer[Clip]:
        key, used = self._key(request), self.expected(request)
        with translated(self.name):
            if (earlier := self._earlier(key)) is not None:
                job, secret = earlier, self._secret_of(earlier)
            else:
                asked = await asyncio.to_thread(self._asked, request)
                job, secret = await self._ordered(asked, key)
            async with self._client(secret) as client:
                address = await self._finished(client, job, key, used)
        clip = folder / "clip.mp4"
        await self._fetch(address, clip, key, used)
        self._handed_over.add(key)
        return Answer(value=Clip(video=clip, seconds=used.video_seconds), usage=used)

    def _earlier(self, key: str) -> Job | None:
        """The task that was submitted for this. One that was handed over, and is asked for again, was no good."""
        if key in self._handed_over:
            self._handed_over.discard(key)
            self._spoil(key)
        return self._jobs.find(key)

    def _spoil(self, key: str) -> None:
        """Forget a task that came to nothing, so that the next one is a new one for the vendor, too."""
        self._jobs.end(key)
        self._spoilt[key] += 1

    def _client(self, secret: str) -> AsyncRunwayML:
        from runwayml import AsyncRunwayML

        return AsyncRunwayML(
            api_key=secret,
            base_url=self._settings.base_url or ADDRESS,
            max_retries=0,
            timeout=min(_ONE_ANSWER_SECONDS, self._settings.timeout),
        )

    def _secret_of(self, job: Job) -> str:
        """The key of the account that a task belongs to; another one where that is not among the keys any more."""
        secrets = [self._keys.take() for _ in range(len(self._keys))]
        return next((secret for secret in secrets if _mark(secret) == job.account), self._keys.take())

    async def _ordered(self, asked: dict[str, Any], key: str) -> tuple[Job, str]:
        """Submit a task; where the answer says nothing, it is not asked for again by the same key."""
        try:
            return await self._keys.spend(partial(self._submit, asked, key))
        except InvalidOutput:
            self._spoil(key)
            raise

    async def _submit(self, asked: dict[str, Any], key: str, secret: str) -> tuple[Job, str]:
        same = {"Idempotency-Key": f"{key[:32]}-{self._spoilt[key]}"}
        with translated(self.name):
            async with self._client(secret) as client:
                endpoint: Any = client.image_to_video if "prompt_image" in asked else client.text_to_video
                raw = await endpoint.with_raw_response.create(**asked, extra_headers=same)
                note_headers(raw.headers)
                submitted = await raw.parse()
            job = self._jobs.begin(key, id=_word(submitted.id), provider=self.name, account=_mark(secret))
        events.emit(events.Polled(provider=self.name, state="SUBMITTED"))
        return job, secret

    async def _finished(self, client: AsyncRunwayML, job: Job, key: str, used: Usage) -> str:
        """Ask until the clip is there, and return its address; a few answers may be lost on the way."""
        lost = 0
        while True:
            try:
                with translated(self.name):
                    task: Any = await client.tasks.retrieve(job.id)
                    state = _word(task.status)
            except StorygenError as error:
                lost += 1
                await self._bear(error, key, lost)
                continue
            lost = 0
            progress = float(getattr(task, "progress", None) or state == "SUCCEEDED")
            events.emit(events.Polled(provider=self.name, state=state, progress=progress))
            if state == "SUCCEEDED":
                return self._address(task, key, used)
            if state in {"FAILED", "CANCELLED"}:
                self._spoil(key)
                raise self._failure(task, used)
            await asyncio.sleep(self._settings.poll_seconds)

    async def _bear(self, error: StorygenError, key: str, lost: int) -> None:
        """Wait after an answer that was lost; give up where the vendor does not know the task, or too many were."""
        if type(error) is ProviderFailure:  # the request itself was refused, and all it holds is the task's id
            self._spoil(key)
            raise ProviderUnavailable(
                f"{self.name} no longer knows the task that was submitted for this clip.",
                provider=self.name,
                is_uncertain=True,
                hint="A new one is submitted when this is tried again.",
            ) from error
        if not isinstance(error, ProviderFailure) or not error.retryable or lost > _MOST_LOST:
            if isinstance(error, ProviderFailure):
                error.is_uncertain = True
            raise error
        await asyncio.sleep(max(self._settings.poll_seconds, error.retry_after or 0.0))

    def _address(self, task: Any, key: str, used: Usage) -> str:
        if task.output and isinstance(task.output[0], str):
            return task.output[0]
        self._spoil(key)
        raise InvalidOutput(f"{self.name} delivered no clip.", provider=self.name, usage=used)

    async def _fetch(self, address: str, clip: Path, key: str, used: Usage) -> None:
        """Download the clip; when that breaks, its task stays, and the next attempt fetches it again."""
        try:
            with translated(self.name):
                await download(address, clip, provider=self.name, base_url=self._settings.base_url)
        except InvalidOutput as error:
            self._spoil(key)
            error.usage = used
            raise
        except ProviderFailure as error:
            error.is_uncertain = True
            raise

    def _asked(self, request: ClipRequest) -> dict[str, Any]:
        still = request.still if self._settings.from_picture else b""
        is_square = bool(still) and self.model.startswith("gen4") and request.frame.width == request.frame.height
        width, height = _SQUARE if is_square else nearest(request.frame, _SHAPES)
        asked: dict[str, Any] = {
            "model": self.model,
            "prompt_text": _prompt(request),
            "ratio": f"{width}:{height}",
            "duration": int(self._seconds(request)),
        }
        if request.seed:
            asked["seed"] = request.seed % 2**32
        if not still and self.model in _NEED_A_PICTURE:
            raise ProviderFailure(
                f"{self.name}'s {self.model} makes clips from pictures only.",
                provider=self.name,
                hint="Set `vendors.runway.video_model` to gen4.5, or `vendors.runway.from_picture` to true.",
            )
        if still:
            picture = base64.b64encode(cut_to(still, width, height)).decode()
            asked["prompt_image"] = f"data:image/jpeg;base64,{picture}"
        return asked

    def _seconds(self, request: ClipRequest) -> float:
        """Five seconds where that is enough, else what the settings allow."""
        return _SHORT if request.seconds <= _SHORT else float(self._settings.seconds)

    def _key(self, request: ClipRequest) -> str:
        known = {"provider": self.name, "model": self.model, "settings": self.fingerprint, "request": request}
        return self._jobs.key(known)

    def _failure(self, task: Any, used: Usage) -> ProviderFailure:
        """What a task that ended badly means; one that was refunded has used nothing."""
        code = str(getattr(task, "failure_code", None) or task.status)
        paid = used if getattr(task.cost, "credits", 0) else Usage()
        if "SAFETY" in code or "MODERATION" in code:
            return ContentRejected(
                f"{self.name} will not film this: {code}.",
                provider=self.name,
                usage=paid,
                hint="Describe the scene's picture in other words.",
            )
        if code.startswith(("INPUT", "ASSET")):
            return ProviderFailure(f"{self.name} cannot film this: {code}.", provider=self.name, usage=paid)
        return ProviderUnavailable(
            f"{self.name}'s task failed: {code}.", provider=self.name, usage=paid, hint="Try again."
        )


def _prompt(request: ClipRequest) -> str:
    """At most 1000 UTF-16 units, which is what the vendor counts."""
    closing = f" Mood: {mood_words(request.mood)}. Slow, steady camera. No text."
    room = _LONGEST_PROMPT - len(closing)
    shown = (request.picture.strip() or "A quiet scene.").encode("utf-16-le")[: room * 2].decode("utf-16-le", "ignore")
    return shown + closing


def _mark(secret: str) -> str:
    """A word that tells one account's key from another's, and nothing else of it."""
    return hashlib.sha256(f"storygen {secret}".encode()).hexdigest()[:12]


def _word(value: object) -> str:
    """A word of an answer. Raises `InvalidOutput` where there is something else."""
    if isinstance(value, str) and value:
        return value
    raise InvalidOutput("The answer lacks what it should say.", is_uncertain=True)
