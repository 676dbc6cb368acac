"""Upstream data behind a circuit breaker, with the last good value to fall back on."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

from reference_server.breaker import Breaker
from reference_server.guard import BreakerOpen, DependencyFailed, call
from reference_server.upstream import Upstream, UpstreamBusy, UpstreamRefused

logger = logging.getLogger(__name__)
PATH = "/data"


@dataclass(frozen=True, slots=True)
class Answer:
    """A value and where it comes from."""

    value: object
    source: str
    """"live" or "cached"."""
    age: float
    """Seconds since the upstream gave it."""


class Unavailable(Exception):
    """No value, neither live nor cached."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"nothing to answer with; ask again in {retry_after:g} s")
        self.retry_after = retry_after


class Source:
    """Answers from the upstream while it works, from memory while it does not."""

    def __init__(
        self,
        upstream: Upstream,
        *,
        breaker: Breaker,
        timeout: float,
        retry_after: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._upstream = upstream
        self._breaker = breaker
        self._timeout = timeout
        self._retry_after = retry_after
        self._monotonic = monotonic
        self._cached: tuple[object, float] | None = None

    async def get(self) -> Answer:
        """The value now, or the last known one. Raises Unavailable when there has never been one."""
        if not self._upstream.configured:
            raise Unavailable(self._retry_after)
        try:
            value = await call(self._breaker, self._ask, timeout=self._timeout)
        except BreakerOpen as rejection:
            return self._fall_back(retry_after=rejection.retry_after)
        except (DependencyFailed, UpstreamRefused, UpstreamBusy) as failure:
            logger.debug("upstream: %s", failure)
            return self._fall_back(retry_after=self._breaker.open_for())
        self._cached = (value, self._monotonic())
        return Answer(value=value, source="live", age=0.0)

    async def _ask(self) -> object:
        return await self._upstream.get(PATH)

    def _fall_back(self, *, retry_after: float) -> Answer:
        if self._cached is None:
            raise Unavailable(retry_after if 0 < retry_after < math.inf else self._retry_after)
        value, since = self._cached
        return Answer(value=value, source="cached", age=self._monotonic() - since)
