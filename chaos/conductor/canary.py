"""The canary: an untouched client, and a clock that measures how late the harness itself is."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable

from websockets.exceptions import WebSocketException

from chaos.address import Address
from chaos.dialects import WEBSOCKET
from chaos.journal import Beat
from chaos.probes.conversation import Conversation, converse
from chaos.target import Echo, Tls
from chaos.units import format_duration

__all__ = ["BEAT", "Canary"]

BEAT = 0.05
"""Seconds between two beats: an exchange costs the server some 0.1 ms, so the canary is 0.2 % of a core."""


class Canary:
    """Exchanges a message every `BEAT` on a connection no fault touches, and reports its own lateness.

    Lateness is the actual wake-up time minus the planned one on this loop: a measured 0.06 ms at the median and
    0.2 ms at p99 on an idle machine; what exceeds that is the machine's, or ours, and never the server's.
    """

    def __init__(
        self,
        address: Address,
        echo: Echo,
        record: Callable[[Beat], None],
        *,
        patience: float,
        tls: Tls | None = None,
        dialect: str = WEBSOCKET,
    ) -> None:
        self._address = address
        self._echo = echo
        self._record = record
        self._patience = patience
        self._tls = tls
        self._dialect = dialect
        self._clock: asyncio.Task[None] | None = None
        self._talk: asyncio.Task[None] | None = None
        self._lateness = 0.0
        self._beaten = asyncio.Event()

    def start(self) -> None:
        """Begin to beat; the connection is made on the way."""
        self._clock = asyncio.create_task(self._tick(), name="canary clock")
        self._talk = asyncio.create_task(self._converse(), name="canary")

    async def first_beat(self) -> None:
        """Return once it is inside and has had an answer, or has failed to: from then on it takes its place.

        Raises what ended the beating before there was any.
        """
        await self._beaten.wait()
        if self._talk is not None and self._talk.done():
            await self._talk

    async def stop(self) -> None:
        """Stop beating and close the connection. Raises what ended the beating before its time; once."""
        tasks = [task for task in (self._clock, self._talk) if task is not None]
        self._clock = self._talk = None
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                # It has not beaten since then: its lateness is missing, and a breach might be ours.
                raise result

    async def _tick(self) -> None:
        """Measure lateness for itself, also while the conversation waits for an answer."""
        while True:
            planned = time.monotonic() + BEAT
            await asyncio.sleep(BEAT)
            late = max(0.0, time.monotonic() - planned)
            self._lateness = max(self._lateness, late)

    async def _converse(self) -> None:
        try:
            while True:
                try:
                    await self._exchange_until_broken()
                except (OSError, TimeoutError, WebSocketException) as error:
                    self._beat(ok=False, round_trip=0.0, detail=f"{type(error).__name__}: {error}")
                await asyncio.sleep(BEAT)
        finally:
            self._beaten.set()  # whatever ended it: nobody waits for a beat that will not come

    async def _exchange_until_broken(self) -> None:
        conversation = await converse(
            self._address, self._echo, dialect=self._dialect, within=self._patience, tls=self._tls
        )
        try:
            number = 0
            while True:
                number += 1
                sent = time.monotonic()
                await conversation.say(self._echo.send.replace("{n}", str(number)))
                await self._answer(conversation, re.compile(self._echo.expect.replace("{n}", str(number))))
                self._beat(ok=True, round_trip=time.monotonic() - sent)
                await asyncio.sleep(BEAT)
        finally:
            conversation.abort()

    async def _answer(self, conversation: Conversation, expected: re.Pattern[str]) -> None:
        """Wait for the answer. Notices in between are passed over, or each answer would look like the one before.

        Raises TimeoutError with what came instead.
        """
        text = None
        try:
            async with asyncio.timeout(self._patience):
                while text is None or expected.search(text) is None:
                    text = await conversation.hear()
        except TimeoutError as error:
            came = "no answer" if text is None else f"no right answer, but {text[:200]!r},"
            raise TimeoutError(f"{came} within {format_duration(self._patience)}") from error

    def _beat(self, *, ok: bool, round_trip: float, detail: str = "") -> None:
        self._beaten.set()
        lateness, self._lateness = self._lateness, 0.0
        self._record(Beat(at=time.monotonic(), ok=ok, round_trip=round_trip, lateness=lateness, detail=detail))
